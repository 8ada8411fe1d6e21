// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is due when: hosts one after the other at the gate of a distance, then their deadlines.

use core::cmp::Reverse;

use super::Routes;
use super::gate::Gate;
use super::host::{Host, IN_FLIGHT_MAX};
use crate::time::Mono;

/// What an event is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The gate of a distance.
    Gate(usize),
    /// A host.
    Host(usize),
}

/// Events of gates have the numbers below: a TTL has 8 bits.
const GATES_MAX: usize = 256;

impl Due {
    /// From the number of an event.
    pub(super) fn of(number: u32) -> Self {
        let number = number as usize;
        match number.checked_sub(GATES_MAX) {
            Some(host) => Self::Host(host),
            None => Self::Gate(number),
        }
    }

    fn number(self) -> u32 {
        match self {
            Self::Gate(ttl) => ttl as u32,
            Self::Host(host) => (GATES_MAX + host) as u32,
        }
    }
}

impl Routes {
    /// Sets when `host` is due next, `earliest` at the earliest when it has more to send.
    pub(super) fn plan(&mut self, host: usize, earliest: Mono) {
        let entry = &mut self.hosts[host];
        entry.turn = entry.turn.wrapping_add(1);
        let due = if entry.wants_more() {
            let limit = entry.sent.len().checked_sub(IN_FLIGHT_MAX);
            let limit = limit
                .map(|i| &entry.sent[i])
                .filter(|sent| sent.hop.is_none());
            earliest.max(limit.map_or(earliest, |sent| sent.at.after(entry.timeout)))
        } else {
            entry.deadline().unwrap_or(earliest)
        };
        entry.due = due;
        let turn = entry.turn;
        self.note(due, Due::Host(host), turn);
    }

    /// A host comes to the gate of its next distance; itself when it need not wait there.
    pub(super) fn arrive(&mut self, host: usize, now: Mono) -> Option<usize> {
        let (ttl, queued) = (self.hosts[host].next_ttl(), self.hosts[host].queued);
        let gate = &mut self.gates[ttl];
        if queued {
            // Its turn at the other gate comes.
            return None;
        }
        let alone = gate.is_empty();
        if alone && gate.free_at <= now {
            return Some(host);
        }
        gate.push(&mut self.hosts, host);
        if alone {
            self.open(ttl);
        }
        None
    }

    /// The host whose turn it is at the gate of a distance; `None` when nobody wants to go on.
    pub(super) fn leave(&mut self, ttl: usize, now: Mono) -> Option<usize> {
        while let Some(number) = self.gates[ttl].pop(&mut self.hosts) {
            let host = &self.hosts[number];
            if !host.running || !host.wants_more() {
                continue;
            }
            if host.next_ttl() == ttl {
                return Some(number);
            }
            self.plan(number, now);
        }
        None
    }

    /// Notes when the gate of a distance lets the next host go.
    pub(super) fn open(&mut self, ttl: usize) {
        let gate = &mut self.gates[ttl];
        gate.turn = gate.turn.wrapping_add(1);
        let (due, turn) = (gate.free_at, gate.turn);
        if !gate.is_empty() {
            self.note(due, Due::Gate(ttl), turn);
        }
    }

    fn note(&mut self, at: Mono, due: Due, turn: u32) {
        if self.events.len() == self.events.capacity() {
            // Each host and each gate has one event that holds, so at least half of them go.
            let (hosts, gates) = (&self.hosts, &self.gates);
            self.events
                .retain(|Reverse((_, number, turn))| holds(hosts, gates, Due::of(*number), *turn));
        }
        self.events.push(Reverse((at, due.number(), turn)));
    }
}

/// Whether an event is still to come.
pub(super) fn holds(hosts: &[Host], gates: &[Gate], due: Due, turn: u32) -> bool {
    match due {
        Due::Host(host) => hosts[host].turn == turn && hosts[host].running,
        Due::Gate(ttl) => gates[ttl].turn == turn && !gates[ttl].is_empty(),
    }
}
