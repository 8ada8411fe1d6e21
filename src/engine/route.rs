// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way to many hosts at once: packets of short life, and who says that they died.
//!
//! All distances of a host are under way together. Each host has one flow, as paris-traceroute has
//! it, so that routers that balance load by flow show one way: the ports are always the same, and
//! the length of the datagram tells the distance; of ICMP, the sequence number does, and the
//! payload keeps the checksum the same. Routers answer only a few packets a second, so those of one
//! distance are spaced over all hosts, widely until it answers. Packets and sockets are elsewhere.

mod gate;
mod host;
mod order;

use core::cmp::Reverse;
use core::net::IpAddr;
use core::time::Duration;
use std::collections::{BinaryHeap, VecDeque};

use crate::codec::icmp::{self, Cause, Probe, Quote};
use crate::engine::pace::{self, Pace};
use crate::model::index::Index;
use crate::model::probe::Hop;
use crate::time::Mono;
use gate::Gate;
use host::{Host, Sent};
use order::holds;

/// The port that datagrams are for, as those of connvitals: nobody listens there.
pub const PORT: u16 = 33_440;

/// From one packet to the next, of one host.
const TTL_SPACING: Duration = Duration::from_millis(8);

/// Packets of one host that are waited for at once.
const IN_FLIGHT_MAX: usize = 64;

/// Bytes of the header of a datagram (RFC 768).
const UDP_HEADER_BYTES: u16 = 8;

/// Whom to find the way to.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its address; no two targets have the same.
    pub address: IpAddr,
    /// Hops at most.
    pub hops_max: u8,
}

/// What packets are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Datagrams, from these ports of IPv4 and IPv6.
    Udp([u16; 2]),
    /// Echo requests, with these ids of ICMP and ICMPv6.
    Icmp([u16; 2]),
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

/// The payload of an echo request: whatever id and sequence number are, the sum of all three, and
/// so the checksum, is the same.
pub fn payload(id: u16, sequence: u16) -> [u8; 2] {
    let (sum, carry) = id.overflowing_add(sequence);
    (!(sum + u16::from(carry))).to_be_bytes()
}

/// The host that an event is of, or, behind all hosts, the distance of a gate; and the number that
/// it must have to hold.
type Event = Reverse<(Mono, u32, u32)>;

/// Traces to many hosts. Allocates when it is made, then no more.
#[derive(Debug)]
pub struct Routes {
    hosts: Vec<Host>,
    index: Index,
    events: BinaryHeap<Event>,
    finished: VecDeque<u32>,
    /// One for each distance; nobody is at the first.
    gates: Box<[Gate]>,
    pace: Pace,
    mode: Mode,
    ignored_count: u64,
}

impl Routes {
    /// Will find the ways to `targets`, by at most `rate` packets a second; `seed` is chance.
    pub fn new(targets: &[Target], mode: Mode, rate: u32, seed: u64) -> Self {
        let mut index = Index::new(targets.len(), seed);
        for (number, target) in targets.iter().enumerate() {
            index.insert(key(target.address), number);
        }
        let host = |target: &Target| Host {
            address: target.address,
            hops_max: target.hops_max.into(),
            sent: Vec::with_capacity(target.hops_max.into()),
            distance: None,
            timeout: Duration::ZERO,
            running: false,
            round: seed as u8,
            turn: 0,
            blocked: None,
            queued: false,
            behind: 0,
        };
        let distances = targets.iter().map(|target| target.hops_max).max();
        let gates = usize::from(distances.unwrap_or(0)) + 1;
        Self {
            hosts: targets.iter().map(host).collect(),
            index,
            events: BinaryHeap::with_capacity(2 * (targets.len() + gates) + 16),
            finished: VecDeque::with_capacity(targets.len()),
            gates: vec![Gate::OPEN; gates].into_boxed_slice(),
            pace: Pace::new(rate),
            mode,
            ignored_count: 0,
        }
    }

    /// Begins to look for the way to `host`, with so much time for each answer.
    pub fn start(&mut self, host: usize, timeout: Duration, now: Mono) {
        let number = host as u32;
        let Some(entry) = self.hosts.get_mut(host) else {
            return;
        };
        entry.sent.clear();
        (entry.distance, entry.timeout, entry.blocked) = (None, timeout, None);
        entry.round = entry.round.wrapping_add(1);
        entry.running = entry.hops_max > 0;
        self.finished.retain(|&other| other != number);
        if entry.running {
            self.plan(host, now);
        } else {
            self.finished.push_back(number);
        }
    }

    /// What to do at `now`.
    pub fn poll(&mut self, now: Mono) -> Action {
        if let Some(host) = self.finished.pop_front() {
            return Action::Finished(host as usize);
        }
        while let Some(&Reverse((due, number, turn))) = self.events.peek() {
            let number = number as usize;
            if !holds(&self.hosts, &self.gates, number, turn) {
                self.events.pop();
                continue;
            }
            let more = self.hosts.get(number).is_none_or(Host::wants_more);
            let due = if more { due.max(self.pace.due()) } else { due };
            if due > now {
                return Action::WaitUntil(due);
            }
            self.events.pop();
            let next = match number.checked_sub(self.hosts.len()) {
                None if more => self.arrive(number, now),
                None => {
                    self.hosts[number].running = false;
                    return Action::Finished(number);
                }
                Some(ttl) => self.leave(ttl, now),
            };
            if let Some(host) = next {
                return self.send(host, now);
            }
        }
        Action::Idle
    }

    /// Says that the last packet to `host` left at `at`.
    pub fn on_sent(&mut self, host: usize, at: Mono) {
        if let Some(sent) = self.hosts[host].sent.last_mut() {
            sent.at = at;
        }
        self.plan(host, at.after(TTL_SPACING));
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
        let arrived = cause == Cause::PortUnreachable || from == quote.destination;
        self.on_answer(from, quote.destination, &quote.probe, arrived, at)
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
        self.on_answer(from, from, &probe, true, at)
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
        self.hosts[host].running
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
        arrived: bool,
        at: Mono,
    ) -> Heard {
        let known = self
            .index
            .find(key(target), |row| self.hosts[row].address == target);
        let found = known.and_then(|host| Some((host, self.place_of(host, probe)?)));
        let Some((host, place)) = found else {
            self.ignored_count += 1;
            return Heard::Foreign;
        };
        let entry = &mut self.hosts[host];
        let beyond = entry.distance.is_some_and(|distance| place > distance);
        let Some(sent) = entry
            .sent
            .get_mut(place)
            .filter(|_| entry.running && !beyond)
        else {
            return Heard::Late;
        };
        let rtt = at.since(sent.at);
        if sent.hop.is_some() || rtt > entry.timeout {
            return Heard::Late;
        }
        sent.hop = Some(Hop {
            address: from,
            rtt_ns: u64::try_from(rtt.as_nanos()).unwrap_or(u64::MAX),
        });
        if arrived {
            entry.distance = Some(place);
        }
        if self.gates[place + 1].on_answer() {
            self.open(place + 1);
        }
        let entry = &mut self.hosts[host];
        if !entry.wants_more() {
            if entry.deadline().is_none() {
                entry.running = false;
                self.finished.push_back(host as u32);
            } else if arrived {
                self.plan(host, at);
            }
        }
        Heard::Hop
    }

    /// The packet of `host` that `probe` can be, counted from 0; `None` when it is none of ours.
    fn place_of(&self, host: usize, probe: &Probe) -> Option<usize> {
        let host = &self.hosts[host];
        let version = usize::from(host.address.is_ipv6());
        let (ttl, ours) = match (self.mode, *probe) {
            (
                Mode::Udp(ports),
                Probe::Udp {
                    source_port,
                    destination_port,
                    len,
                },
            ) => {
                let len = len.checked_sub(UDP_HEADER_BYTES)?;
                let ours = source_port == ports[version] && destination_port == PORT;
                (len >> 1, ours && len & 1 == u16::from(host.round & 1))
            }
            (Mode::Icmp(ids), Probe::Echo { id, sequence }) => {
                let ours = id == ids[version] && sequence >> 8 == u16::from(host.round);
                (sequence & 0xff, ours)
            }
            _ => return None,
        };
        let sent = usize::from(ttl).checked_sub(1)?;
        (ours && sent < host.hops_max).then_some(sent)
    }

    fn send(&mut self, host: usize, now: Mono) -> Action {
        self.pace.took(now);
        let entry = &mut self.hosts[host];
        entry.sent.push(Sent { at: now, hop: None });
        let (ttl, round) = (entry.sent.len() as u8, entry.round);
        let version = usize::from(entry.address.is_ipv6());
        let probe = match self.mode {
            Mode::Udp(ports) => Probe::Udp {
                source_port: ports[version],
                destination_port: PORT,
                len: UDP_HEADER_BYTES + (u16::from(ttl) << 1) + u16::from(round & 1),
            },
            Mode::Icmp(ids) => Probe::Echo {
                id: ids[version],
                sequence: u16::from(round) << 8 | u16::from(ttl),
            },
        };
        self.gates[usize::from(ttl)].on_sent(now);
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
