// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the packets of one distance leave, one behind the other: routers answer only so many a
//! second, and those at the first distances are the same for many hosts.

use core::time::Duration;

use super::host::Host;
use crate::time::Mono;

/// From one packet to the next, when the last ones were not answered: a router that limits itself
/// to one answer a second, as Linux does, would not answer more of them if they came faster.
pub(super) const SPACING: Duration = Duration::from_millis(50);

/// From one packet to the next when answers come: 1 000 hosts behind a router that does answer take
/// 5 s, and the router 200 of the 1 000 answers a second that Linux allows.
pub(super) const SPACING_ANSWERED: Duration = Duration::from_millis(5);

/// So late packets are made up for: whoever wakes up for many hosts at once does so seldom.
const LATE_MAX: Duration = Duration::from_millis(10);

/// Packets that may leave at the closer spacing for each answer, and how many of them are kept: the
/// pace doubles with each round trip, and a router that falls silent is soon asked slowly again.
const CREDITS_EACH: u8 = 2;
const CREDITS_MAX: u8 = 20;

/// So many packets without a single answer: nobody is there who could be asked too often.
const SILENT_MIN: u8 = 40;

/// No host.
const NOBODY: u32 = u32::MAX;

/// A queue of hosts, linked through [`Host::behind`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    first: u32,
    last: u32,
    /// When the next packet may leave.
    pub(super) free_at: Mono,
    last_sent: Mono,
    /// Packets that may leave at the closer spacing.
    credits: u8,
    /// Packets before the first answer, up to [`SILENT_MIN`]; `None` once somebody answered.
    silent: Option<u8>,
    /// The number of its next event; others do not hold any more.
    pub(super) turn: u32,
}

impl Gate {
    pub(super) const OPEN: Self = Self {
        first: NOBODY,
        last: NOBODY,
        free_at: Mono::from_ns(0),
        last_sent: Mono::from_ns(0),
        credits: 0,
        silent: Some(0),
        turn: 0,
    };

    pub(super) fn is_empty(&self) -> bool {
        self.first == NOBODY
    }

    /// Puts a host, who is in no queue, behind all others.
    pub(super) fn push(&mut self, hosts: &mut [Host], number: usize) {
        let link = number as u32;
        (hosts[number].queued, hosts[number].behind) = (true, NOBODY);
        match hosts.get_mut(self.last as usize) {
            Some(last) if self.first != NOBODY => last.behind = link,
            _ => self.first = link,
        }
        self.last = link;
    }

    /// Takes the host whose turn it is.
    pub(super) fn pop(&mut self, hosts: &mut [Host]) -> Option<usize> {
        let number = self.first as usize;
        let host = hosts.get_mut(number).filter(|_| self.first != NOBODY)?;
        host.queued = false;
        self.first = host.behind;
        Some(number)
    }

    /// Says that a packet leaves that was due, at its host, at `due`; when it was due here. One
    /// that is a little late does not delay others.
    pub(super) fn on_sent(&mut self, due: Mono, now: Mono) -> Mono {
        let due = due.max(self.free_at).max(now.before(LATE_MAX)).min(now);
        self.credits = self.credits.saturating_sub(1);
        self.silent = self.silent.map(|count| SILENT_MIN.min(count + 1));
        let spacing = if self.credits > 0 || self.silent == Some(SILENT_MIN) {
            SPACING_ANSWERED
        } else {
            SPACING
        };
        (self.last_sent, self.free_at) = (due, due.after(spacing));
        due
    }

    /// Says that somebody answered at `at`; whether the next packet may leave earlier.
    pub(super) fn on_answer(&mut self, at: Mono) -> bool {
        self.silent = None;
        self.credits = (self.credits + CREDITS_EACH).min(CREDITS_MAX);
        let earlier = self.last_sent.after(SPACING_ANSWERED).max(at);
        let earlier = self.free_at.min(earlier);
        core::mem::replace(&mut self.free_at, earlier) > earlier
    }
}
