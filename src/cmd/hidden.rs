// SPDX-License-Identifier: MIT OR Apache-2.0
//! What hardware forwards past the taps: whether it does, and what the kernel knows of it.

use core::net::IpAddr;
use core::time::Duration;

use super::claims::Claims;
use crate::collect::lan::Lan;
use crate::collect::offload::{self, Conntrack, Moved};
use crate::model::addr::Mac;
use crate::model::device::Devices;
use crate::model::flows::Offload;
use crate::model::traffic::{Heard, Traffic, Witness};
use crate::model::usage::{Flow, Lane};
use crate::sys::files::Root;
use crate::sys::random;
use crate::time::Mono;

/// Pieces of the table, of some 20 flows each, that are read at once, and what lies between: a
/// table of 16 384 flows takes two seconds, and never much of the CPU.
const PIECES_MAX: usize = 8;
const PAUSE: Duration = Duration::from_millis(20);

/// The offloading, and the table of connections if it is to be read.
pub(super) struct Hidden {
    configured: Offload,
    conntrack: Option<Conntrack>,
    /// Who forwards, as the flows show it.
    seen: Offload,
    /// Flows in hardware that nobody counts.
    uncounted: bool,
    /// A fault was said.
    failing: bool,
    /// When the next piece of the table is to be read; `None` when all was.
    due: Option<Mono>,
}

impl Hidden {
    /// Looks at the configuration; with `conntrack` opens the table.
    pub(super) fn open(root: &Root, conntrack: bool) -> Self {
        let opened = conntrack.then(|| Conntrack::open(root, random::bits()));
        let opened = opened.and_then(|opened| {
            opened
                .inspect_err(|error| log::warn!("conntrack: {error}"))
                .ok()
        });
        if opened.is_some() && offload::accounting(root) == Some(false) {
            log::warn!(
                "conntrack: the kernel does not count; sysctl net.netfilter.nf_conntrack_acct=1"
            );
        }
        Self {
            configured: offload::configured(root),
            conntrack: opened,
            seen: Offload::None,
            uncounted: false,
            failing: false,
            due: None,
        }
    }

    /// Looks at the configuration again.
    pub(super) fn look(&mut self, root: &Root) {
        self.configured = offload::configured(root);
    }

    /// Who forwards beside the kernel's ordinary path.
    pub(super) fn offload(&self) -> Offload {
        self.configured.max(self.seen)
    }

    /// Whether traffic is hidden that nobody counts.
    pub(super) fn hides(&self) -> bool {
        let witness = self.conntrack.is_some() && !self.uncounted && !self.failing;
        self.offload() == Offload::Hardware && !witness
    }

    /// The table is to be read once more, piece by piece, unless it is still being read.
    pub(super) fn begin(&mut self, now: Mono) {
        if self.conntrack.is_some() {
            self.due.get_or_insert(now);
        }
    }

    /// When [`Self::turn`] is due; `None` when nothing is to be read.
    pub(super) fn next_due(&self) -> Option<Mono> {
        self.due
    }

    /// Reads the next piece of the table, and adds what the hardware forwarded since it was read
    /// before.
    pub(super) fn turn(&mut self, lan: &Lan, claims: &Claims, traffic: &mut Traffic, now: Mono) {
        let Some(conntrack) = &mut self.conntrack else {
            return;
        };
        let devices = &lan.listener.devices;
        let read = conntrack.step(PIECES_MAX, |address, moved| {
            if let Some(mac) = owner(address, claims, devices) {
                traffic.add(&heard(mac, moved), now);
            }
        });
        match read {
            Ok(None) => {
                self.due = Some(now.after(PAUSE));
                return;
            }
            Ok(Some(reading)) => {
                self.seen = reading.offload();
                self.uncounted = reading.uncounted + reading.left_out + reading.malformed > 0;
                self.failing = false;
            }
            Err(error) if !core::mem::replace(&mut self.failing, true) => {
                log::warn!("conntrack: {error}");
            }
            Err(_) => {}
        }
        self.due = None;
    }
}

/// The device that has the address.
fn owner(address: IpAddr, claims: &Claims, devices: &Devices) -> Option<Mac> {
    match address {
        IpAddr::V4(address) => {
            let newest = claims
                .of(address, devices)
                .max_by_key(|claim| claim.last_seen);
            newest.map(|claim| devices.device(claim.device).mac)
        }
        IpAddr::V6(address) => {
            let mut all = devices.devices().iter();
            let owner = all.find(|device| device.ipv6.contains(&address));
            owner.map(|device| device.mac)
        }
    }
}

/// What hardware forwards is routed.
fn heard(mac: Mac, moved: Moved) -> Heard {
    Heard {
        lane: Lane { mac, interface: 0 },
        flow: Flow {
            tx_bytes: moved.tx_bytes,
            tx_frames: moved.tx_frames,
            rx_bytes: moved.rx_bytes,
            rx_frames: moved.rx_frames,
            routed_tx_bytes: moved.tx_bytes,
            routed_rx_bytes: moved.rx_bytes,
        },
        wan: true,
        witness: Witness::Conntrack,
    }
}
