// SPDX-License-Identifier: MIT OR Apache-2.0
//! Traces to many hosts: the engine says what to send and when, routers say where it died.

use std::io;

use core::time::Duration;

use super::echo::{Complaints, Sockets, arrival};
use crate::codec::icmp::{self, Cause, HEADER_BYTES, Message, Probe, Quote};
use crate::engine::route::{self, Action, Mode, PORT, Routes, Target};
use crate::sys::clock::{self, Both};
use crate::sys::icmp_socket::{self, Hears};
use crate::sys::poll::{AsFd, BorrowedFd};
use crate::sys::udp::{self, Prober};
use crate::sys::zone;
use crate::time::Mono;

/// Bytes of a message of ICMP with its IP header: routers quote 576 bytes of IPv4 (RFC 1812) and
/// 1 280 of IPv6 (RFC 4443) at most.
const MESSAGE_BYTES_MAX: usize = 2_048;

/// Where datagrams come from: each process that runs at the same time has one of these.
const SOURCE_PORTS: core::ops::RangeInclusive<u16> = 33_456..=33_471;

/// Bytes of a datagram at most: two for each hop, and one.
const DATAGRAM_BYTES_MAX: usize = 2 * 255 + 1;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Datagrams; needs the right to hear what routers say of them.
    Udp,
    /// Echo requests.
    Icmp,
}

/// Looks for the ways to hosts.
#[derive(Debug)]
pub struct Traces {
    /// What was sent, and what was heard.
    pub routes: Routes,
    sockets: Sockets,
    kind: Kind,
    /// Of IPv4 and IPv6.
    probers: [Option<Prober>; 2],
    complaints: Complaints,
    buffer: Vec<u8>,
    due: Option<Mono>,
    /// It was said that packets are not of that kind.
    told: bool,
}

impl Traces {
    /// Will look for the ways to the targets that are set, by packets of `kind`, at most `rate` a
    /// second; `random` is chance.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn new(kind: Kind, rate: u32, random: u64) -> io::Result<Self> {
        let id = random as u16;
        // The replies to others would wake us for nothing.
        let hears = match kind {
            Kind::Udp => Hears::Errors,
            Kind::Icmp => Hears::All,
        };
        Ok(Self {
            routes: Routes::new(&[], [Mode::Icmp(id); 2], rate, random),
            sockets: Sockets::new(hears, id)?,
            kind,
            probers: [None, None],
            complaints: Complaints::new(),
            buffer: vec![0; MESSAGE_BYTES_MAX],
            due: None,
            told: false,
        })
    }

    /// Will look for the ways to `targets`.
    ///
    /// # Errors
    /// `PermissionDenied` when no socket for ICMP is allowed.
    pub fn open(targets: &[Target], kind: Kind, rate: u32, random: u64) -> io::Result<Self> {
        let mut traces = Self::new(kind, rate, random)?;
        let addresses = targets.iter().map(|target| target.address);
        Sockets::open_for(addresses, |ipv6| traces.listen(ipv6))?;
        for (host, &target) in targets.iter().enumerate() {
            traces.set(host, target);
        }
        Ok(traces)
    }

    /// Opens the sockets of that version of IP, if that was not done yet. Without the right to raw
    /// sockets packets are echo requests in any case, which is said.
    ///
    /// # Errors
    /// `PermissionDenied` when no socket for ICMP is allowed; others when there is no such version.
    pub fn listen(&mut self, ipv6: bool) -> io::Result<()> {
        let socket = self.sockets.open(ipv6)?;
        let prober = &mut self.probers[usize::from(ipv6)];
        let mode = match (self.kind, prober.as_ref()) {
            (Kind::Udp, Some(prober)) => Mode::Udp(prober.port()),
            (Kind::Udp, None) if socket.is_raw() => {
                Mode::Udp(prober.insert(Prober::open(ipv6, SOURCE_PORTS)?).port())
            }
            (kind, _) => {
                if kind == Kind::Udp && !core::mem::replace(&mut self.told, true) {
                    log::warn!("traces by ICMP echoes: those by UDP need CAP_NET_RAW or root");
                }
                Mode::Icmp(socket.id())
            }
        };
        self.routes.set_mode(ipv6, mode);
        Ok(())
    }

    /// From now on the host of this number is that target; its trace is dropped.
    pub fn set(&mut self, host: usize, target: Target) {
        self.routes.set(host, target);
        self.sockets.expect(target.address);
        self.complaints.forget(host);
    }

    /// Begins to look for the way to `host`.
    pub fn start(&mut self, host: usize, timeout: Duration, now: Mono) {
        self.routes.start(host, timeout, now);
        self.due = Some(now);
    }

    /// Takes what has come and sends what is due; hands over the hosts whose way is known.
    pub fn turn(&mut self, finished: impl FnMut(&Routes, usize)) {
        let both = self.sockets.clocks();
        self.hear(&both);
        self.act(both.mono, finished);
    }

    /// Takes what has come, at most a moment before `both`.
    pub fn hear(&mut self, both: &Both) {
        let routes = &mut self.routes;
        self.sockets
            .take(&mut self.buffer, &mut |version, received, message| {
                let at = arrival(received, both);
                if let Some(refusal) = received.refusal {
                    let cause = icmp::cause(version, refusal.kind);
                    let request = icmp::echo_request(version, message);
                    if let (Some(cause), Some((id, sequence))) = (cause, request) {
                        let quote = Quote {
                            destination: received.from,
                            // The kernel does not tell.
                            hops_left: 1,
                            probe: Probe::Echo { id, sequence },
                        };
                        routes.on_error(refusal.from, cause, &quote, at);
                    }
                    return;
                }
                match icmp::parse(version, message) {
                    Ok(Message::Reply(echo)) => {
                        routes.on_reply(received.from, &echo, at);
                    }
                    // That the next hop has no MAC address, our own kernel says: it is no hop.
                    Ok(Message::Error(Cause::Unreachable, _)) if udp::is_own(received.from) => {}
                    Ok(Message::Error(cause, mut quote)) => {
                        // The interface is not in the packet; it came by the same one.
                        let (_, interface) = zone::split(received.from);
                        quote.destination = zone::join(quote.destination, interface);
                        routes.on_error(received.from, cause, &quote, at);
                    }
                    Ok(Message::Other) | Err(_) => {}
                }
            });
    }

    /// Sends what is due; hands over the hosts whose way is known.
    pub fn act(&mut self, now: Mono, mut finished: impl FnMut(&Routes, usize)) {
        self.due = loop {
            match self.routes.poll(now) {
                Action::Send { host, ttl, probe } => self.send(host, ttl, &probe),
                Action::Finished(host) => finished(&self.routes, host),
                Action::WaitUntil(moment) => break Some(moment),
                Action::Idle => break None,
            }
        };
    }

    /// When something is due without anything coming; `None` when nothing is.
    pub fn next_due(&self) -> Option<Mono> {
        self.due
    }

    /// Messages that the sockets had no room for.
    pub fn lost_count(&self) -> u64 {
        self.sockets.lost_count()
    }

    fn send(&mut self, host: usize, ttl: u8, probe: &Probe) {
        let address = self.routes.address(host);
        let at;
        let result = match *probe {
            Probe::Udp { len, .. } => {
                let zeros = [0; DATAGRAM_BYTES_MAX];
                let len = usize::from(len).saturating_sub(8).min(zeros.len());
                at = clock::mono();
                let prober = self.probers[usize::from(address.is_ipv6())].as_ref();
                prober.map(|prober| prober.send(address, PORT, ttl, &zeros[..len]))
            }
            Probe::Echo { id, sequence } => {
                let mut packet = [0; HEADER_BYTES + 2];
                packet[HEADER_BYTES..].copy_from_slice(&route::payload(id, sequence));
                icmp::request(icmp::Version::of(address), id, sequence, &mut packet);
                at = clock::mono();
                Some(self.sockets.send(address, Some(ttl), &packet))
            }
        };
        let result = result.unwrap_or_else(|| Err(io::ErrorKind::Unsupported.into()));
        match &result {
            Err(error) if icmp_socket::is_full(error) && self.routes.on_blocked(host, at) => {
                return;
            }
            Err(_) => {}
            Ok(()) => self.routes.on_room(host),
        }
        self.routes.on_sent(host, at);
        self.complaints.on_sent(host, address, result);
    }
}

impl AsFd for Traces {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sockets.as_fd()
    }
}
