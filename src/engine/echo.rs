// SPDX-License-Identifier: MIT OR Apache-2.0
//! Echoes to many hosts at once (RFC 792, RFC 4443): whom to ask and when, which reply answers
//! which request, and when to give up.
//!
//! A reply counts once, when id, sequence number, sender and payload are those of a request that is
//! under way. Packets and sockets are elsewhere.

mod burst;
mod slots;
mod unsent;

use core::cmp::Reverse;
use core::net::IpAddr;
use core::time::Duration;
use std::collections::{BinaryHeap, VecDeque};

use crate::codec::icmp::{self, Version};
use crate::engine::pace::Pace;
use crate::model::probe::Ping;
use crate::time::Mono;
pub use burst::{Burst, Payload};
use slots::{Slot, Slots, State};

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a request with this sequence number to this host, now; then say when it left.
    Send {
        /// The number of the host.
        host: usize,
        /// The sequence number.
        sequence: u16,
    },
    /// The burst of this host is over.
    Finished(usize),
    /// Nothing before that moment, unless a reply comes.
    WaitUntil(Mono),
    /// No host is asked.
    Idle,
}

/// What a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The answer to a request that was under way; the time since.
    Answer(Duration),
    /// That request was answered before.
    Duplicate,
    /// Nobody waits for it any more.
    Late,
    /// To no request of ours.
    Foreign,
}

/// Replies that counted for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// To a request that was answered before.
    pub duplicate: u64,
    /// After the time to wait.
    pub late: u64,
    /// To no request of ours.
    pub foreign: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Sending,
    Waiting,
}

#[derive(Debug)]
struct Host {
    address: IpAddr,
    burst: Burst,
    ping: Ping,
    phase: Phase,
    /// The number of its burst: what is of an earlier one is over.
    round: u32,
    /// When a request of its own found no room here first; none has left since.
    blocked: Option<Mono>,
    /// When its next request was due, or the last one.
    due: Mono,
}

impl Host {
    fn new(address: IpAddr) -> Self {
        Self {
            address,
            burst: Burst {
                count: 0,
                payload: Payload::Text,
                spacing: Duration::ZERO,
                timeout: Duration::ZERO,
            },
            ping: Ping::default(),
            phase: Phase::Idle,
            round: 0,
            blocked: None,
            due: Mono::from_ns(0),
        }
    }

    /// Whether the answer to a request of its own is still waited for.
    fn waits_for(&self, slot: &Slot) -> bool {
        slot.state == State::Asked && slot.round == self.round && self.phase != Phase::Idle
    }
}

/// Something that a host is due for; the earliest first.
type Event = Reverse<(Mono, u32, u32)>;

/// Echoes to many hosts. Allocates when it is made and when hosts are set, then no more.
#[derive(Debug)]
pub struct Echo {
    hosts: Vec<Host>,
    /// Full: the next request waits until one of them is given up.
    slots: Slots,
    events: BinaryHeap<Event>,
    finished: VecDeque<u32>,
    pace: Pace,
    ids: [u16; 2],
    next_sequence: u16,
    ignored: Ignored,
}

impl Echo {
    /// Will ask these hosts, at most `rate` packets a second over all. Of `in_flight_max` requests
    /// the answers are waited for at once: 24 B each. `ids` are those of requests of IPv4 and IPv6;
    /// `random` is chance.
    pub fn new(
        hosts: &[IpAddr],
        in_flight_max: usize,
        rate: u32,
        ids: [u16; 2],
        random: u16,
    ) -> Self {
        let mut echo = Self {
            hosts: Vec::with_capacity(hosts.len()),
            slots: Slots::new(),
            events: BinaryHeap::new(),
            finished: VecDeque::new(),
            pace: Pace::new(rate),
            ids,
            next_sequence: random,
            ignored: Ignored::default(),
        };
        for (host, &address) in hosts.iter().enumerate() {
            echo.set(host, address);
        }
        echo.reserve(in_flight_max);
        echo
    }

    /// From now on the host of this number, which may be a new one, has that address; its burst is
    /// dropped. Allocates for new ones.
    pub fn set(&mut self, host: usize, address: IpAddr) {
        while self.hosts.len() <= host {
            self.hosts.push(Host::new(address));
        }
        self.take_back(host as u32);
        let entry = &mut self.hosts[host];
        let round = entry.round.wrapping_add(1);
        *entry = Host {
            round,
            ..Host::new(address)
        };
        let count = self.hosts.len();
        self.finished.reserve(count - self.finished.len());
        let events_max = 2 * count + 16;
        self.events
            .reserve(events_max.saturating_sub(self.events.len()));
    }

    /// Makes room for so many unanswered requests; those that are under way stay.
    pub fn reserve(&mut self, in_flight_max: usize) {
        self.slots.reserve(in_flight_max);
    }

    /// Ends the burst of `host` at once, if there is one.
    pub fn stop(&mut self, host: usize) {
        self.take_back(host as u32);
        self.hosts[host].phase = Phase::Idle;
    }

    /// What the burst of that host found is not to be told any more.
    fn take_back(&mut self, number: u32) {
        self.finished.retain(|&other| other != number);
    }

    /// Requests of that version have this id from now on.
    pub fn set_id(&mut self, version: Version, id: u16) {
        self.ids[usize::from(version == Version::V6)] = id;
    }

    /// Begins a burst to `host`; one that is under way is dropped.
    pub fn start(&mut self, host: usize, burst: Burst, now: Mono) {
        let number = host as u32;
        self.take_back(number);
        let Some(entry) = self.hosts.get_mut(host) else {
            return;
        };
        entry.burst = burst;
        entry.ping = Ping::default();
        entry.round = entry.round.wrapping_add(1);
        entry.phase = Phase::Sending;
        entry.blocked = None;
        if burst.count == 0 {
            entry.phase = Phase::Idle;
            self.finished.push_back(number);
            return;
        }
        self.push(host, now);
    }

    /// What to do at `now`.
    pub fn poll(&mut self, now: Mono) -> Action {
        if let Some(host) = self.finished.pop_front() {
            return Action::Finished(host as usize);
        }
        while let Some(&Reverse((due, number, round))) = self.events.peek() {
            let host = number as usize;
            if self.hosts[host].round != round || self.hosts[host].phase == Phase::Idle {
                self.events.pop();
                continue;
            }
            if due > now {
                return Action::WaitUntil(due);
            }
            if self.hosts[host].phase == Phase::Waiting {
                self.events.pop();
                self.hosts[host].phase = Phase::Idle;
                return Action::Finished(host);
            }
            let free = self.next_place(now).max(self.pace.due());
            if free > now {
                return Action::WaitUntil(free);
            }
            self.events.pop();
            return self.send(host, now);
        }
        Action::Idle
    }

    /// Says that the request with this sequence number, the last one, left at `at`.
    pub fn on_sent(&mut self, sequence: u16, at: Mono) {
        let slot = self.slots.at_mut(sequence);
        if (slot.state, slot.sequence) != (State::Asked, sequence) {
            return;
        }
        slot.sent = at;
        let host = slot.host as usize;
        if self.hosts[host].phase == Phase::Waiting {
            let deadline = at.after(self.hosts[host].burst.timeout);
            self.push(host, deadline);
        } else {
            // One that left late does not delay the others, but they do not crowd either.
            let next = self.hosts[host].due.after(self.hosts[host].burst.spacing);
            self.push(host, next.max(at));
        }
    }

    /// Hears a reply from `from` that came at `at`.
    pub fn on_reply(&mut self, from: IpAddr, echo: &icmp::Echo<'_>, at: Mono) -> Heard {
        let heard = self.judge(from, echo, at);
        match heard {
            Heard::Answer(_) => {}
            Heard::Duplicate => self.ignored.duplicate += 1,
            Heard::Late => self.ignored.late += 1,
            Heard::Foreign => self.ignored.foreign += 1,
        }
        heard
    }

    /// What a burst told so far, or in the end.
    pub fn ping(&self, host: usize) -> &Ping {
        &self.hosts[host].ping
    }

    /// The address of a host.
    pub fn address(&self, host: usize) -> IpAddr {
        self.hosts[host].address
    }

    /// What requests to a host carry.
    pub fn payload(&self, host: usize) -> Payload {
        self.hosts[host].burst.payload
    }

    /// The id of requests.
    pub fn id(&self, version: Version) -> u16 {
        self.ids[usize::from(version == Version::V6)]
    }

    /// Replies that counted for nothing.
    pub fn ignored(&self) -> Ignored {
        self.ignored
    }

    fn judge(&mut self, from: IpAddr, echo: &icmp::Echo<'_>, at: Mono) -> Heard {
        if echo.id != self.id(Version::of(from)) {
            return Heard::Foreign;
        }
        let slot = self.slots.at_mut(echo.sequence);
        let Some(host) = self.hosts.get_mut(slot.host as usize) else {
            return Heard::Foreign;
        };
        let asked = slot.state != State::Free && slot.sequence == echo.sequence;
        if !asked || host.address != from || !host.burst.payload.is(echo.payload) {
            return Heard::Foreign;
        }
        if core::mem::replace(&mut slot.state, State::Answered) == State::Answered {
            return Heard::Duplicate;
        }
        let rtt = at.since(slot.sent);
        if slot.round != host.round || host.phase == Phase::Idle || rtt > host.burst.timeout {
            return Heard::Late;
        }
        host.ping.on_reply(rtt);
        if host.phase == Phase::Waiting && host.ping.is_complete() {
            host.phase = Phase::Idle;
            self.finished.push_back(slot.host);
        }
        Heard::Answer(rtt)
    }

    fn send(&mut self, host: usize, now: Mono) -> Action {
        let sequence = self.next_sequence;
        self.next_sequence = sequence.wrapping_add(1);
        self.pace.took(now);
        let entry = &mut self.hosts[host];
        entry.ping.on_sent();
        if entry.ping.sent() >= entry.burst.count {
            entry.phase = Phase::Waiting;
        }
        *self.slots.at_mut(sequence) = Slot {
            sent: now,
            host: host as u32,
            round: entry.round,
            sequence,
            state: State::Asked,
        };
        Action::Send { host, sequence }
    }

    /// Passes over sequence numbers in whose place somebody is waited for, so that the silence of
    /// one host does not hold up the others; when there is a place.
    fn next_place(&mut self, now: Mono) -> Mono {
        let mut earliest = self.free_at(self.next_sequence);
        for passed in 0..self.slots.len() {
            if earliest <= now {
                break;
            }
            let sequence = self.next_sequence.wrapping_add(passed as u16);
            let free = self.free_at(sequence);
            if free <= now {
                self.next_sequence = sequence;
            }
            earliest = earliest.min(free);
        }
        earliest
    }

    /// When nobody waits any more for the request in the place of `sequence`.
    fn free_at(&self, sequence: u16) -> Mono {
        let slot = self.slots.at(sequence);
        let host = &self.hosts[slot.host as usize];
        if host.waits_for(slot) {
            slot.sent.after(host.burst.timeout)
        } else {
            Mono::from_ns(0)
        }
    }

    /// Notes when `host` is due next.
    fn push(&mut self, host: usize, due: Mono) {
        self.hosts[host].due = due;
        if self.events.len() == self.events.capacity() {
            // Each host has one event that holds, so at least half of them go.
            let hosts = &self.hosts;
            self.events.retain(|Reverse((_, host, round))| {
                let host = &hosts[*host as usize];
                host.round == *round && host.phase != Phase::Idle
            });
        }
        self.events
            .push(Reverse((due, host as u32, self.hosts[host].round)));
    }
}

#[cfg(test)]
mod tests;
