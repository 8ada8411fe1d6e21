// SPDX-License-Identifier: MIT OR Apache-2.0
//! Echoes to many hosts through one socket for each version of IP: the engine says whom and when,
//! the kernel says when the replies came.

use std::io;

use core::net::IpAddr;

use crate::codec::icmp::{self, HEADER_BYTES, Message, Version};
use crate::engine::echo::{Action, Burst, Echo};
use crate::sys::clock::{self, Both};
use crate::sys::icmp_socket::{self, Hears, IcmpSocket, Received};
use crate::sys::poll::{AsFd, BorrowedFd, Crowd};
use crate::sys::zone;
use crate::time::Mono;

/// Bytes of an IPv4 header at most.
const IP_BYTES_MAX: usize = 60;

/// Messages taken from a socket before the others have their turn.
const MESSAGES_MAX: usize = 4_096;

/// The sockets for one or both versions of IP.
#[derive(Debug)]
pub(super) struct Sockets {
    v4: Option<IcmpSocket>,
    v6: Option<IcmpSocket>,
    crowd: Crowd,
    /// Somebody is asked on a certain interface.
    zoned: bool,
    /// The clocks, when they were read last.
    clocks: Both,
    /// Packets that found no room, by the last count of each socket.
    lost: [u32; 2],
}

impl Sockets {
    /// Opens those that `addresses` need.
    pub(super) fn open(addresses: &[IpAddr], hears: Hears, id: u16) -> io::Result<Self> {
        let crowd = Crowd::new()?;
        let has_both = [true, false]
            .iter()
            .all(|ipv6| addresses.iter().any(|address| address.is_ipv6() == *ipv6));
        let open = |ipv6: bool| {
            let wanted = addresses.iter().any(|address| address.is_ipv6() == ipv6);
            let opened = wanted
                .then(|| IcmpSocket::open(ipv6, id, hears))
                .transpose();
            let socket = match opened {
                // A kernel without IPv6 has the hosts of IPv4 all the same.
                Err(error) if error.kind() != io::ErrorKind::PermissionDenied && has_both => {
                    let name = if ipv6 { "IPv6" } else { "IPv4" };
                    log::warn!("cannot open a socket for ICMP of {name}: {error}");
                    None
                }
                opened => opened?,
            };
            socket.iter().try_for_each(|socket| crowd.add(socket))?;
            io::Result::Ok(socket)
        };
        let (v4, v6) = (open(false)?, open(true)?);
        Ok(Self {
            v4,
            v6,
            crowd,
            zoned: addresses.iter().any(|address| zone::split(*address).1 != 0),
            clocks: clock::both(),
            lost: [0; 2],
        })
    }

    /// The socket for packets to `address`.
    pub(super) fn of(&self, address: IpAddr) -> Option<&IcmpSocket> {
        match address {
            IpAddr::V4(_) => self.v4.as_ref(),
            IpAddr::V6(_) => self.v6.as_ref(),
        }
    }

    /// Whether there is one for this version.
    pub(super) fn has(&self, ipv6: bool) -> bool {
        if ipv6 {
            self.v6.is_some()
        } else {
            self.v4.is_some()
        }
    }

    /// The ids of requests of IPv4 and IPv6.
    pub(super) fn ids(&self) -> [u16; 2] {
        [&self.v4, &self.v6].map(|socket| socket.as_ref().map_or(0, IcmpSocket::id))
    }

    /// Whether all of them hear everything.
    pub(super) fn are_raw(&self) -> bool {
        [&self.v4, &self.v6]
            .into_iter()
            .flatten()
            .all(IcmpSocket::is_raw)
    }

    /// Hands over what has come: with the version of ICMP, the message, and whether it is a quote
    /// of the kernel's.
    pub(super) fn take(
        &mut self,
        buffer: &mut [u8],
        on_message: &mut dyn FnMut(Version, &Received, &[u8]),
    ) {
        let sockets = [(Version::V4, &self.v4), (Version::V6, &self.v6)];
        for ((version, socket), lost) in sockets.into_iter().zip(&mut self.lost) {
            let Some(socket) = socket else {
                continue;
            };
            for _ in 0..MESSAGES_MAX {
                // An error of the socket is of one packet; the next one is as good as any.
                let Ok(Some(mut received)) = socket.receive(buffer) else {
                    break;
                };
                if !self.zoned {
                    received.from = zone::plain(received.from);
                }
                *lost = received.lost_count.unwrap_or(*lost);
                let message = &buffer[..received.len];
                let message = match (version, socket.is_raw()) {
                    (Version::V4, true) => icmp::ipv4_payload(message),
                    _ => Ok(message),
                };
                if let Ok(message) = message {
                    on_message(version, &received, message);
                }
            }
            for _ in 0..MESSAGES_MAX {
                if socket.is_raw() {
                    break;
                }
                let Ok(Some(mut received)) = socket.receive_refused(buffer) else {
                    break;
                };
                if !self.zoned {
                    received.from = zone::plain(received.from);
                }
                on_message(version, &received, &buffer[..received.len]);
            }
        }
    }

    /// Now, on both clocks: those that stamps of what has come are told by.
    pub(super) fn clocks(&mut self) -> Both {
        self.clocks = clock::both_after(&self.clocks);
        self.clocks
    }

    /// Packets that found no room.
    pub(super) fn lost_count(&self) -> u64 {
        self.lost.iter().copied().map(u64::from).sum()
    }
}

impl AsFd for Sockets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.crowd.as_fd()
    }
}

/// When a message came, by the kernel's stamp; now without one.
pub(super) fn arrival(received: &Received, both: &Both) -> Mono {
    received
        .at_ns
        .map_or(both.mono, |at_ns| both.mono_of(at_ns))
}

/// Says what cannot be sent, once for each host until it can.
#[derive(Debug)]
pub(super) struct Complaints(Box<[bool]>);

impl Complaints {
    pub(super) fn new(hosts_count: usize) -> Self {
        Self(vec![false; hosts_count].into_boxed_slice())
    }

    pub(super) fn on_sent(&mut self, host: usize, address: IpAddr, result: io::Result<()>) {
        let told = core::mem::replace(&mut self.0[host], result.is_err());
        if let Err(error) = result
            && !told
        {
            let remedy = match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    "; is it a broadcast address, or forbidden here?"
                }
                _ if icmp_socket::is_full(&error) => {
                    "; are there too many neighbours? See net.ipv4.neigh.default.gc_thresh3"
                }
                _ => "",
            };
            log::warn!("cannot send to {}: {error}{remedy}", zone::plain(address));
        }
    }
}

/// Asks hosts, and hears them.
#[derive(Debug)]
pub struct Echoes {
    /// What is asked, and what was heard.
    pub echo: Echo,
    sockets: Sockets,
    complaints: Complaints,
    packet: Vec<u8>,
    buffer: Vec<u8>,
    due: Option<Mono>,
}

impl Echoes {
    /// Will ask these hosts, by at most `rate` requests a second, of at most `in_flight_max`
    /// unanswered, with payloads of at most `payload_bytes_max`; `random` is chance.
    ///
    /// # Errors
    /// `PermissionDenied` when no socket for ICMP is allowed.
    pub fn open(
        hosts: &[IpAddr],
        in_flight_max: usize,
        rate: u32,
        payload_bytes_max: usize,
        random: u64,
    ) -> io::Result<Self> {
        let sockets = Sockets::open(hosts, Hears::Replies, random as u16)?;
        let sequence = (random >> 16) as u16;
        Ok(Self {
            echo: Echo::new(hosts, in_flight_max, rate, sockets.ids(), sequence),
            sockets,
            complaints: Complaints::new(hosts.len()),
            packet: vec![0; HEADER_BYTES + payload_bytes_max],
            // One byte more, so that a longer payload is seen to be longer.
            buffer: vec![0; IP_BYTES_MAX + HEADER_BYTES + payload_bytes_max + 1],
            due: None,
        })
    }

    /// Begins a burst to `host`.
    pub fn start(&mut self, host: usize, burst: Burst, now: Mono) {
        self.echo.start(host, burst, now);
        self.due = Some(now);
    }

    /// Takes what has come and sends what is due; hands over the hosts whose burst is over.
    pub fn turn(&mut self, mut finished: impl FnMut(&Echo, usize)) {
        let both = self.sockets.clocks();
        let echo = &mut self.echo;
        self.sockets
            .take(&mut self.buffer, &mut |version, received, message| {
                if let (None, Ok(Message::Reply(reply))) =
                    (received.refusal, icmp::parse(version, message))
                {
                    echo.on_reply(received.from, &reply, arrival(received, &both));
                }
            });
        self.due = loop {
            match self.echo.poll(both.mono) {
                Action::Send { host, sequence } => self.send(host, sequence),
                Action::Finished(host) => finished(&self.echo, host),
                Action::WaitUntil(moment) => break Some(moment),
                Action::Idle => break None,
            }
        };
    }

    /// When something is due without anything coming; `None` when nothing is.
    pub fn next_due(&self) -> Option<Mono> {
        self.due
    }

    /// Replies that the sockets had no room for.
    pub fn lost_count(&self) -> u64 {
        self.sockets.lost_count()
    }

    fn send(&mut self, host: usize, sequence: u16) {
        let (address, payload) = (self.echo.address(host), self.echo.payload(host));
        let version = Version::of(address);
        let packet = &mut self.packet[..HEADER_BYTES + payload.len()];
        payload.write(&mut packet[HEADER_BYTES..]);
        icmp::request(version, self.echo.id(version), sequence, packet);
        // The clock is read directly before the packet leaves.
        let at = clock::mono();
        let result = match self.sockets.of(address) {
            Some(socket) => socket.send(address, None, packet),
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        match &result {
            Err(error) if icmp_socket::is_full(error) && self.echo.on_blocked(sequence, at) => {
                return;
            }
            Err(_) => {}
            Ok(()) => self.echo.on_room(host),
        }
        self.echo.on_sent(sequence, at);
        self.complaints.on_sent(host, address, result);
    }
}

impl AsFd for Echoes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sockets.as_fd()
    }
}
