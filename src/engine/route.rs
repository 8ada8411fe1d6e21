// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way to many hosts at once: packets of short life, and who says that they died.
//!
//! All distances of a host are under way together. Each host has one flow, as paris-traceroute has
//! it, so that routers that balance load by flow show one way: the ports are always the same, and
//! the length of the datagram tells the distance; of ICMP, the sequence number does, and the
//! payload keeps the checksum the same. Routers answer only a few packets a second, so those of one
//! distance are spaced over all hosts, widely until it answers. Packets and sockets are elsewhere.

mod flow;
mod gate;
mod host;
mod order;
mod table;

use core::cmp::Reverse;
use core::net::IpAddr;
use core::time::Duration;
use std::collections::{BinaryHeap, VecDeque};

use crate::codec::icmp::{self, Cause, Probe, Quote};
use crate::engine::pace::{self, Pace};
use crate::model::index::Index;
use crate::model::probe::Hop;
use crate::time::{Mono, in_ns};
pub use flow::{Mode, PORT, payload};
use gate::Gate;
use host::{Host, Sent};
use order::{Due, holds};

/// From one packet to the next, of one host.
const TTL_SPACING: Duration = Duration::from_millis(8);

/// Whom to find the way to.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its address. Of targets with the same one after the other is traced.
    pub address: IpAddr,
    /// Hops at most.
    pub hops_max: u8,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this packet to this host, now; then say when it left.
    Send {
        /// The number of the host.
        host: usize,
        /// The hops that it may go.
        ttl: u8,
        /// The packet: a datagram has zeros only, an echo request the payload of [`payload`].
        probe: Probe,
    },
    /// The way to this host is known, as far as it will be.
    Finished(usize),
    /// Nothing before that moment, unless an answer comes.
    WaitUntil(Mono),
    /// No way is looked for.
    Idle,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A hop that was not known.
    Hop,
    /// A hop that was heard before, or that nobody waits for any more.
    Late,
    /// About no packet of ours.
    Foreign,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is where it should go, and could have gone so many hops farther.
    Arrived(u8),
    /// Its life was over.
    Expired,
    /// Nobody takes it farther, however long it lives.
    Refused,
}

/// When something is due, of which host or gate ([`Due`]), and the number that it must have to
/// hold.
type Event = Reverse<(Mono, u32, u32)>;

/// Traces to many hosts. Allocates when it is made and when hosts are set, then no more.
#[derive(Debug)]
pub struct Routes {
    hosts: Vec<Host>,
    index: Index,
    events: BinaryHeap<Event>,
    finished: VecDeque<u32>,
    /// One for each distance that somebody looks at; nobody is at the first.
    gates: Vec<Gate>,
    pace: Pace,
    /// Of IPv4 and IPv6.
    modes: [Mode; 2],
    seed: u64,
    /// Hosts that wait until another of their address is done.
    waiting_count: usize,
    /// Since the waiting ones were looked at, one was done.
    released: bool,
    ignored_count: u64,
}

impl Routes {
    /// Will find the ways to `targets`, by packets of these modes of IPv4 and IPv6, at most `rate`
    /// a second; `seed` is chance.
    pub fn new(targets: &[Target], modes: [Mode; 2], rate: u32, seed: u64) -> Self {
        let mut routes = Self {
            hosts: Vec::with_capacity(targets.len()),
            index: Index::new(targets.len(), seed),
            events: BinaryHeap::new(),
            finished: VecDeque::new(),
            gates: vec![Gate::OPEN],
            pace: Pace::new(rate),
            modes,
            seed,
            waiting_count: 0,
            released: false,
            ignored_count: 0,
        };
        for (host, &target) in targets.iter().enumerate() {
            routes.set(host, target);
        }
        routes
    }

    /// Packets of that version of IP are of this mode from now on.
    pub fn set_mode(&mut self, ipv6: bool, mode: Mode) {
        self.modes[usize::from(ipv6)] = mode;
    }

    /// Begins to look for the way to `host`, with so much time for each answer; as long as that to
    /// another host of the same address is looked for, it waits.
    pub fn start(&mut self, host: usize, timeout: Duration, now: Mono) {
        if host >= self.hosts.len() {
            return;
        }
        self.stop(host);
        let address = self.hosts[host].address;
        match self.owner(address) {
            Some(other) if other != host && self.hosts[other].running => {
                (self.hosts[host].waits, self.hosts[host].timeout) = (true, timeout);
                self.waiting_count += 1;
                return;
            }
            Some(other) if other != host => {
                // What still comes of its packets is not taken for an answer to ours.
                self.hosts[host].round = self.hosts[other].round;
                self.disown(other);
            }
            _ => {}
        }
        if !core::mem::replace(&mut self.hosts[host].owns, true) {
            self.index.insert(key(address), host);
        }
        let entry = &mut self.hosts[host];
        entry.round = entry.round.wrapping_add(1);
        entry.begin(timeout);
        if entry.running {
            self.plan(host, now);
        } else {
            self.finished.push_back(host as u32);
        }
    }

    /// Ends the trace of `host` at once, if there is one.
    pub fn stop(&mut self, host: usize) {
        let number = host as u32;
        self.finished.retain(|&other| other != number);
        let entry = &mut self.hosts[host];
        self.waiting_count -= usize::from(core::mem::take(&mut entry.waits));
        self.released |= core::mem::take(&mut entry.running);
    }

    /// What to do at `now`.
    pub fn poll(&mut self, now: Mono) -> Action {
        if core::mem::take(&mut self.released) && self.waiting_count > 0 {
            self.start_waiting(now);
        }
        if let Some(host) = self.finished.pop_front() {
            return Action::Finished(host as usize);
        }
        while let Some(&Reverse((at, number, turn))) = self.events.peek() {
            let due = Due::of(number);
            if !holds(&self.hosts, &self.gates, due, turn) {
                self.events.pop();
                continue;
            }
            let more = match due {
                Due::Gate(_) => true,
                Due::Host(host) => self.hosts[host].wants_more(),
            };
            let at = if more { at.max(self.pace.due()) } else { at };
            if at > now {
                return Action::WaitUntil(at);
            }
            self.events.pop();
            let next = match due {
                Due::Gate(ttl) => self.leave(ttl, now),
                Due::Host(host) if more => self.arrive(host, now),
                Due::Host(host) if self.hosts[host].goes_farther() => {
                    self.plan(host, now);
                    None
                }
                Due::Host(host) => {
                    self.end(host);
                    None
                }
            };
            if let Some(host) = next {
                return self.send(host, now);
            }
            if let Some(host) = self.finished.pop_front() {
                return Action::Finished(host as usize);
            }
        }
        Action::Idle
    }

    /// Says that the last packet to `host` left at `at`.
    pub fn on_sent(&mut self, host: usize, at: Mono) {
        if let Some(sent) = self.hosts[host].sent.last_mut() {
            sent.at = at;
        }
        // One that left late does not delay the others, but they do not crowd either.
        let next = self.hosts[host].due.after(TTL_SPACING);
        self.plan(host, next.max(at));
    }

    /// Says that the last packet to `host` found no room here at `at`: it is sent a little later.
    /// False when that has lasted too long: then it counts as sent.
    pub fn on_blocked(&mut self, host: usize, at: Mono) -> bool {
        let entry = &mut self.hosts[host];
        if at.since(*entry.blocked.get_or_insert(at)) > pace::BLOCKED_MAX {
            return false;
        }
        entry.sent.pop();
        self.pace.hold(at);
        self.plan(host, at);
        true
    }

    /// Says that a packet left for `host`.
    pub fn on_room(&mut self, host: usize) {
        self.hosts[host].blocked = None;
    }

    /// Hears from `from`, at `at`, that a packet did not arrive.
    pub fn on_error(&mut self, from: IpAddr, cause: Cause, quote: &Quote, at: Mono) -> Heard {
        let spare = quote.hops_left.saturating_sub(1);
        let fate = match cause {
            _ if from == quote.destination => Fate::Arrived(spare),
            Cause::PortUnreachable => Fate::Arrived(spare),
            Cause::TimeExceeded => Fate::Expired,
            Cause::Unreachable => Fate::Refused,
        };
        self.on_answer(from, quote.destination, &quote.probe, fate, at)
    }

    /// Hears from `from`, at `at`, the reply to an echo request.
    pub fn on_reply(&mut self, from: IpAddr, echo: &icmp::Echo<'_>, at: Mono) -> Heard {
        if echo.payload != payload(echo.id, echo.sequence) {
            self.ignored_count += 1;
            return Heard::Foreign;
        }
        let probe = Probe::Echo {
            id: echo.id,
            sequence: echo.sequence,
        };
        self.on_answer(from, from, &probe, Fate::Arrived(0), at)
    }

    /// The way to `host` as far as it is known: to the target, or as far as was looked.
    pub fn hops(&self, host: usize) -> impl ExactSizeIterator<Item = Option<Hop>> {
        let host = &self.hosts[host];
        let len = host
            .distance
            .map_or(host.sent.len(), |distance| distance + 1);
        host.sent[..len].iter().map(|sent| sent.hop)
    }

    /// Whether more of the way to `host` may become known.
    pub fn is_running(&self, host: usize) -> bool {
        self.hosts[host].running || self.hosts[host].waits
    }

    /// The address of a host.
    pub fn address(&self, host: usize) -> IpAddr {
        self.hosts[host].address
    }

    /// Answers that were about no packet of ours.
    pub fn ignored_count(&self) -> u64 {
        self.ignored_count
    }

    fn on_answer(
        &mut self,
        from: IpAddr,
        target: IpAddr,
        probe: &Probe,
        fate: Fate,
        at: Mono,
    ) -> Heard {
        let found = self
            .owner(target)
            .and_then(|host| Some((host, self.place_of(host, probe)?)));
        let Some((host, place)) = found else {
            self.ignored_count += 1;
            return Heard::Foreign;
        };
        let entry = &mut self.hosts[host];
        let waited = !entry.wants_more();
        let beyond = entry.distance.is_some_and(|distance| place > distance);
        let Some(&sent) = entry.sent.get(place).filter(|_| entry.running && !beyond) else {
            return Heard::Late;
        };
        let rtt = at.since(sent.at);
        if sent.hop.is_some() || rtt > entry.timeout {
            return Heard::Late;
        }
        let hop = Hop {
            address: from,
            rtt_ns: in_ns(rtt),
        };
        let arrived = entry.answer(place, hop, fate);
        if self.gates[place + 1].on_answer(at) {
            self.open(place + 1);
        }
        let entry = &mut self.hosts[host];
        let more = entry.wants_more() || entry.deadline().is_none() && entry.goes_farther();
        let last = entry.sent.last().map_or(at, |sent| sent.at);
        if more && waited {
            self.plan(host, at.max(last.after(TTL_SPACING)));
        } else if !more && entry.deadline().is_none() {
            self.end(host);
        } else if !more && arrived {
            self.plan(host, at);
        }
        Heard::Hop
    }

    /// Notes that the way to `host` is known, as far as it will be.
    fn end(&mut self, host: usize) {
        self.hosts[host].end();
        self.released = true;
        self.finished.push_back(host as u32);
    }

    /// The packet of `host` that `probe` can be, counted from 0; `None` when it is none of ours.
    fn place_of(&self, host: usize, probe: &Probe) -> Option<usize> {
        let host = &self.hosts[host];
        let mode = self.modes[usize::from(host.address.is_ipv6())];
        let place = usize::from(mode.ttl_of(host.round, probe)?).checked_sub(1)?;
        (place < host.hops_max).then_some(place)
    }

    fn send(&mut self, host: usize, now: Mono) -> Action {
        self.pace.took(now);
        let entry = &mut self.hosts[host];
        entry.sent.push(Sent {
            at: now,
            hop: None,
            ended: false,
        });
        let ttl = entry.sent.len() as u8;
        let mode = self.modes[usize::from(entry.address.is_ipv6())];
        let probe = mode.probe(entry.round, ttl);
        entry.due = self.gates[usize::from(ttl)].on_sent(entry.due, now);
        self.open(ttl.into());
        Action::Send { host, ttl, probe }
    }
}

/// The address as a number: that of IPv4 mapped into IPv6.
fn key(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests;
