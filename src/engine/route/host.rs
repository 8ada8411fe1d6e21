// SPDX-License-Identifier: MIT OR Apache-2.0
//! One host of a trace: what was sent, who answered, and how far packets have to go.
//!
//! The first round looks for the target as far as it may. After that packets go as far as the
//! target was the last time. When it does not answer from there, they go [`BEYOND`] farther, and as
//! far beyond each router that still answers: so a way that became longer is found. While the
//! target is silent, they go as far as it was once, or [`BEYOND`] behind the last router that
//! answered; and each [`FULL_EVERY`]th such round goes all the way, for routers may be silent too.

use core::net::IpAddr;
use core::time::Duration;

use super::{Fate, Target};
use crate::model::probe::Hop;
use crate::time::Mono;

/// So far packets go beyond what is known.
const BEYOND: usize = 3;

/// Of the rounds in which the target is silent, each of this number goes all the way.
const FULL_EVERY: u8 = 10;

/// Packets of one host that are waited for at once.
pub(super) const IN_FLIGHT_MAX: usize = 64;

#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) at: Mono,
    pub(super) hop: Option<Hop>,
    /// Whoever answered does not send such packets farther.
    pub(super) ended: bool,
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) address: IpAddr,
    pub(super) hops_max: usize,
    /// At distance 1, 2 and so on; as many as were sent. Never more than `hops_max`.
    pub(super) sent: Vec<Sent>,
    /// In which place the target itself answered.
    pub(super) distance: Option<usize>,
    /// Packets that are sent in this round at least, unless the target answers.
    reach: usize,
    /// It was not shortened, or the target did not answer where it was.
    beyond: bool,
    /// Where the target answered last, counted from 1.
    known: Option<usize>,
    /// Rounds since it answered; the first one is such, too.
    silent: u8,
    pub(super) timeout: Duration,
    pub(super) running: bool,
    /// Begins when the trace of another host of the same address is over.
    pub(super) waits: bool,
    /// It stands in the index: what comes from its address is about its packets.
    pub(super) owns: bool,
    /// Tells the packets of this round from those of earlier ones.
    pub(super) round: u8,
    /// The number of its next event; others do not hold any more.
    pub(super) turn: u32,
    /// When a packet of its own found no room here first; none has left since.
    pub(super) blocked: Option<Mono>,
    /// It stands at a gate, perhaps that of a distance where it was in an earlier round.
    pub(super) queued: bool,
    /// Who stands behind it.
    pub(super) behind: u32,
    /// When that event is due.
    pub(super) due: Mono,
}

impl Host {
    pub(super) fn new(target: Target, round: u8) -> Self {
        let hops_max = target.hops_max.into();
        Self {
            address: target.address,
            hops_max,
            sent: Vec::with_capacity(hops_max),
            distance: None,
            reach: hops_max,
            beyond: true,
            known: None,
            silent: 0,
            timeout: Duration::ZERO,
            running: false,
            waits: false,
            owns: false,
            round,
            turn: 0,
            blocked: None,
            queued: false,
            behind: 0,
            due: Mono::from_ns(0),
        }
    }

    /// Is another target from now on, of which nothing is known; its place at a gate stays.
    pub(super) fn replace(&mut self, target: Target) {
        *self = Self {
            turn: self.turn.wrapping_add(1),
            queued: self.queued,
            behind: self.behind,
            ..Self::new(target, self.round)
        };
    }

    /// Begins a round.
    pub(super) fn begin(&mut self, timeout: Duration) {
        let farthest = self.farthest();
        let reach = match self.known {
            Some(known) if self.silent == 0 => known,
            _ if self.silent.is_multiple_of(FULL_EVERY) => self.hops_max,
            known => known.unwrap_or(0).max(farthest + BEYOND),
        };
        self.reach = reach.min(self.hops_max);
        self.beyond = self.known.is_none() || self.silent > 0;
        self.sent.clear();
        (self.distance, self.timeout, self.blocked) = (None, timeout, None);
        (self.running, self.waits) = (self.hops_max > 0, false);
    }

    /// Ends a round.
    pub(super) fn end(&mut self) {
        self.running = false;
        match self.distance {
            Some(place) => (self.known, self.silent) = (Some(place + 1), 0),
            None => self.silent = self.silent % FULL_EVERY + 1,
        }
    }

    /// Notes who answered the packet in `place`; whether it was the target. A target that sends few
    /// errors in a second may answer a packet that could go farther only: it stands where it is,
    /// as long as nobody else answered from there or behind.
    pub(super) fn answer(&mut self, place: usize, hop: Hop, fate: Fate) -> bool {
        let mut at = place;
        if let Fate::Arrived(spare) = fate {
            let nearer = place.checked_sub(spare.into()).unwrap_or(place);
            if self.sent[nearer..place]
                .iter()
                .all(|sent| sent.hop.is_none())
            {
                at = nearer;
            }
            self.distance = Some(at);
        }
        self.sent[at].hop = Some(hop);
        self.sent[at].ended = fate != Fate::Expired;
        matches!(fate, Fate::Arrived(_))
    }

    pub(super) fn wants_more(&self) -> bool {
        self.distance.is_none() && self.sent.len() < self.limit()
    }

    /// The distance of its next packet.
    pub(super) fn next_ttl(&self) -> usize {
        self.sent.len() + 1
    }

    /// Goes farther when the target was not where it was expected; whether it does.
    pub(super) fn goes_farther(&mut self) -> bool {
        let silent = self.distance.is_none() && !core::mem::replace(&mut self.beyond, true);
        if silent {
            self.reach = (self.reach + BEYOND).min(self.hops_max);
        }
        self.wants_more()
    }

    /// When the last silent hop before the target is given up; `None` when there is none.
    pub(super) fn deadline(&self) -> Option<Mono> {
        let len = self.distance.unwrap_or(self.sent.len());
        let silent = self.sent[..len].iter().filter(|sent| sent.hop.is_none());
        silent.map(|sent| sent.at.after(self.timeout)).max()
    }

    /// How many packets are sent, as far as is known now.
    fn limit(&self) -> usize {
        let farthest = self.farthest();
        if farthest < self.reach && !self.beyond {
            return self.reach;
        }
        self.reach.max(farthest + BEYOND).min(self.hops_max)
    }

    /// The place of the last router that answered and sends farther, counted from 1; 0 when none
    /// did.
    fn farthest(&self) -> usize {
        let forwards = |sent: &Sent| sent.hop.is_some() && !sent.ended;
        let last = self.sent.iter().rposition(forwards);
        last.map_or(0, |place| place + 1)
    }
}
