// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known of the way to one host.

use core::net::IpAddr;
use core::time::Duration;

use crate::model::probe::Hop;
use crate::time::Mono;

#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) at: Mono,
    pub(super) hop: Option<Hop>,
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) address: IpAddr,
    pub(super) hops_max: usize,
    /// At distance 1, 2 and so on; as many as were sent. Never more than `hops_max`.
    pub(super) sent: Vec<Sent>,
    /// Where the target itself answered.
    pub(super) distance: Option<usize>,
    pub(super) timeout: Duration,
    pub(super) running: bool,
    /// Tells the packets of this round from those of earlier ones.
    pub(super) round: u8,
    /// The number of its next event; others do not hold any more.
    pub(super) turn: u32,
    /// When a packet of its own found no room here first; none has left since.
    pub(super) blocked: Option<Mono>,
    /// It waits at a gate, perhaps that of a distance where it was in an earlier round.
    pub(super) queued: bool,
    /// Who waits behind it.
    pub(super) behind: u32,
}

impl Host {
    pub(super) fn wants_more(&self) -> bool {
        self.distance.is_none() && self.sent.len() < self.hops_max
    }

    /// The distance of its next packet.
    pub(super) fn next_ttl(&self) -> usize {
        self.sent.len() + 1
    }

    /// When the last silent hop before the target is given up; `None` when there is none.
    pub(super) fn deadline(&self) -> Option<Mono> {
        let len = self.distance.unwrap_or(self.sent.len());
        let silent = self.sent[..len].iter().filter(|sent| sent.hop.is_none());
        silent.map(|sent| sent.at.after(self.timeout)).max()
    }
}
