// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one device moved, and where it is.

use core::time::Duration;

use super::Witness;
use super::amount::Amount;
use crate::limits::{ONE_WAY_SILENCE_MIN, ROW_SILENCE_MIN};
use crate::model::addr::Mac;
use crate::model::usage::Flow;
use crate::time::Mono;

/// Interfaces of a device on which it sent, that are kept: a phone between three access points.
const INTERFACES_MAX: usize = 3;

/// For how long a device is also where it sent before: as long as a bridge remembers it (BR_DEFAULT
/// ageing time, net/bridge/br_device.c), for only what a bridge does not know it floods.
const SENT_BEFORE_MAX: Duration = Duration::from_secs(300);

/// A device.
#[derive(Clone, Debug)]
pub struct Row {
    pub(super) mac: Mac,
    /// The interface where it was seen first, while it did not send; 0 is none.
    seen_on: u16,
    pub(super) witness: Option<Witness>,
    /// Where it sent, newest first.
    sent_on: heapless::Vec<Sending, INTERFACES_MAX, u8>,
    pub(super) since_start: Amount,
    pub(super) at_window: Amount,
    first_traffic: Mono,
    last_traffic: Mono,
}

#[derive(Clone, Copy, Debug)]
struct Sending {
    interface: u16,
    last: Mono,
}

impl Row {
    pub(super) fn new(mac: Mac, now: Mono) -> Self {
        Self {
            mac,
            seen_on: 0,
            witness: None,
            sent_on: heapless::Vec::new(),
            since_start: Amount::default(),
            at_window: Amount::default(),
            first_traffic: now,
            last_traffic: now,
        }
    }

    /// Its MAC address.
    pub fn mac(&self) -> Mac {
        self.mac
    }

    /// What it moved since it has a row; only grows.
    pub fn since_start(&self) -> &Amount {
        &self.since_start
    }

    /// What it moved in this window.
    pub fn window(&self) -> Amount {
        self.since_start.since(&self.at_window)
    }

    /// The interface, by the low 16 bits of its index, on which it sent last, else was seen first;
    /// `None` when that is gone.
    pub fn interface(&self) -> Option<u16> {
        let sent = self.sent_on.first().map(|sent| sent.interface);
        sent.or((self.seen_on != 0).then_some(self.seen_on))
    }

    /// When it was given its row.
    pub fn first_traffic(&self) -> Mono {
        self.first_traffic
    }

    /// When it sent or received last, as far as readings tell.
    pub fn last_traffic(&self) -> Mono {
        self.last_traffic
    }

    /// Who saw its traffic of this window; `None` when there was none.
    pub fn witness(&self) -> Option<Witness> {
        self.witness
    }

    /// Notes that it sent on an interface; 0 is not known.
    pub(super) fn sent(&mut self, interface: u16, now: Mono) {
        if interface == 0 {
            return;
        }
        if let Some(newest) = self.sent_on.first_mut()
            && newest.interface == interface
        {
            newest.last = now;
            return;
        }
        let known = self.sent_on.iter().position(|s| s.interface == interface);
        let at = known.unwrap_or_else(|| {
            if self.sent_on.is_full() {
                self.sent_on.pop();
            }
            let _ = self.sent_on.push(Sending {
                interface,
                last: now,
            });
            self.sent_on.len() - 1
        });
        self.sent_on[at].last = now;
        self.sent_on[..=at].rotate_right(1);
    }

    /// Whether what goes to it on an interface reaches it, and is no flooded copy.
    pub(super) fn receives_on(&mut self, interface: u16, now: Mono) -> bool {
        if interface == 0 {
            return true;
        }
        let Some(newest) = self.sent_on.first() else {
            if self.seen_on == 0 {
                self.seen_on = interface;
            }
            return self.seen_on == interface;
        };
        newest.interface == interface
            || self
                .sent_on
                .iter()
                .any(|sent| sent.interface == interface && now.since(sent.last) <= SENT_BEFORE_MAX)
    }

    /// Adds what it moved.
    pub(super) fn add(&mut self, moved: &Amount, witness: Witness, now: Mono) {
        self.since_start.add(moved);
        self.witness = self.witness.max(Some(witness));
        self.last_traffic = now;
    }

    /// Forgets an interface that is gone.
    pub(super) fn forget_interface(&mut self, interface: u16) {
        self.sent_on.retain(|sent| sent.interface != interface);
        if self.seen_on == interface {
            self.seen_on = 0;
        }
    }

    /// Whether it both sent and received.
    pub(super) fn is_two_way(&self) -> bool {
        self.since_start.rx_frames > 0 && self.since_start.tx_frames > 0
    }

    /// Whether another device may have its place.
    pub(super) fn is_expired(&self, now: Mono) -> bool {
        let silence_min = match self.is_two_way() {
            false => ONE_WAY_SILENCE_MIN,
            true => ROW_SILENCE_MIN,
        };
        self.mac.is_null() || now.since(self.last_traffic) >= silence_min
    }
}

/// The part of a flow that a device sent.
pub(super) fn sent(flow: &Flow, wan: bool) -> Amount {
    Amount {
        tx_bytes: flow.tx_bytes,
        tx_frames: flow.tx_frames,
        wan_tx_bytes: if wan { flow.routed_tx_bytes } else { 0 },
        ..Amount::default()
    }
}

/// The part of a flow that a device received.
pub(super) fn received(flow: &Flow, wan: bool) -> Amount {
    Amount {
        rx_bytes: flow.rx_bytes,
        rx_frames: flow.rx_frames,
        wan_rx_bytes: if wan { flow.routed_rx_bytes } else { 0 },
        ..Amount::default()
    }
}
