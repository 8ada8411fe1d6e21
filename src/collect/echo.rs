// SPDX-License-Identifier: MIT OR Apache-2.0
//! Echoes to many hosts through one socket for each version of IP: the engine says whom and when,
//! the kernel says when the replies came.

use std::io;

use core::net::IpAddr;

use crate::codec::icmp::{self, HEADER_BYTES, Message, Version};
use crate::engine::echo::{Action, Burst, Echo};
use crate::failure::Failure;
use crate::sys::clock::{self, Both};
use crate::sys::icmp_socket::{self, Hears, IcmpSocket, Received};
use crate::sys::poll::{AsFd, BorrowedFd, Crowd};
use crate::sys::zone;
use crate::time::Mono;

/// What to say when no socket for ICMP can be opened.
pub fn closed(error: &io::Error) -> Failure {
    Failure::failed(match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "sending ICMP is not allowed ({error}): run as root, or setcap cap_net_raw+ep on the \
             program, or sysctl net.ipv4.ping_group_range='0 2147483647'"
        ),
        _ => format!("cannot open a socket for ICMP: {error}"),
    })
}

/// Bytes of an IPv4 header at most.
const IP_BYTES_MAX: usize = 60;

/// Messages taken from a socket before the others have their turn.
const MESSAGES_MAX: usize = 4_096;

/// The sockets for one or both versions of IP, each opened when it is first needed.
#[derive(Debug)]
pub(super) struct Sockets {
    /// Of IPv4 and IPv6.
    sockets: [Option<IcmpSocket>; 2],
    hears: Hears,
    /// That requests have, unless the kernel chooses another.
    id: u16,
    crowd: Crowd,
    /// Somebody is asked on a certain interface.
    zoned: bool,
    /// Those who should be, and are not: their answers are taken from any interface.
    bare: Vec<IpAddr>,
    /// The clocks, when they were read last.
    clocks: Both,
    /// Packets that found no room, by the last count of each socket.
    lost: [u32; 2],
}

impl Sockets {
    /// None yet.
    pub(super) fn new(hears: Hears, id: u16) -> io::Result<Self> {
        Ok(Self {
            sockets: [None, None],
            hears,
            id,
            crowd: Crowd::new()?,
            zoned: false,
            bare: Vec::new(),
            clocks: clock::both(),
            lost: [0; 2],
        })
    }

    /// Opens the socket of that version, if there is none yet.
    pub(super) fn open(&mut self, ipv6: bool) -> io::Result<&IcmpSocket> {
        let place = &mut self.sockets[usize::from(ipv6)];
        if place.is_none() {
            let socket = IcmpSocket::open(ipv6, self.id, self.hears)?;
            self.crowd.add(&socket)?;
            *place = Some(socket);
        }
        place.as_ref().ok_or(io::ErrorKind::NotConnected.into())
    }

    /// Opens those that `addresses` need, by `listen`. A kernel without IPv6 has the hosts of IPv4
    /// all the same, which is said.
    pub(super) fn open_for(
        addresses: impl Iterator<Item = IpAddr> + Clone,
        mut listen: impl FnMut(bool) -> io::Result<()>,
    ) -> io::Result<()> {
        let wanted = |ipv6: bool| addresses.clone().any(|address| address.is_ipv6() == ipv6);
        let has_both = wanted(false) && wanted(true);
        for ipv6 in [false, true].into_iter().filter(|ipv6| wanted(*ipv6)) {
            match listen(ipv6) {
                Err(error) if error.kind() != io::ErrorKind::PermissionDenied && has_both => {
                    let name = if ipv6 { "IPv6" } else { "IPv4" };
                    log::warn!("cannot open a socket for ICMP of {name}: {error}");
                }
                opened => opened?,
            }
        }
        Ok(())
    }

    /// Says that `address` may be asked.
    pub(super) fn expect(&mut self, address: IpAddr) {
        self.zoned |= zone::split(address).1 != 0;
        if zone::is_missing(address) && !self.bare.contains(&address) {
            self.bare.push(address);
        }
    }

    /// Now, on both clocks: those that stamps of what has come are told by.
    pub(super) fn clocks(&mut self) -> Both {
        self.clocks = clock::both_after(&self.clocks);
        self.clocks
    }

    /// Sends a packet to `to`, which may go so many hops.
    pub(super) fn send(&self, to: IpAddr, ttl: Option<u8>, packet: &[u8]) -> io::Result<()> {
        match &self.sockets[usize::from(to.is_ipv6())] {
            Some(socket) => socket.send(to, ttl, packet),
            None => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Hands over what has come: with the version of ICMP, the message, and whether it is a quote
    /// of the kernel's.
    pub(super) fn take(
        &mut self,
        buffer: &mut [u8],
        on_message: &mut dyn FnMut(Version, &Received, &[u8]),
    ) {
        let (zoned, bare) = (self.zoned, &self.bare);
        // Whoever sent a message, as those who are asked are named.
        let name = |from| match zone::plain(from) {
            plain if !zoned || bare.contains(&plain) => plain,
            _ => from,
        };
        let versions = [Version::V4, Version::V6].into_iter();
        for ((version, socket), lost) in versions.zip(&self.sockets).zip(&mut self.lost) {
            let Some(socket) = socket else {
                continue;
            };
            for _ in 0..MESSAGES_MAX {
                // An error of the socket is of one packet; the next one is as good as any.
                let Ok(Some(mut received)) = socket.receive(buffer) else {
                    break;
                };
                received.from = name(received.from);
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
                received.from = name(received.from);
                on_message(version, &received, &buffer[..received.len]);
            }
        }
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
pub(super) struct Complaints(Vec<bool>);

impl Complaints {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// Nothing was said of this host, which may be a new one.
    pub(super) fn forget(&mut self, host: usize) {
        self.0.resize(self.0.len().max(host + 1), false);
        self.0[host] = false;
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
                io::ErrorKind::Unsupported => "; there is no socket for its version of IP",
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
    /// Will ask the hosts that are set, by at most `rate` requests a second; `random` is chance.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn new(rate: u32, random: u64) -> io::Result<Self> {
        let (id, sequence) = (random as u16, (random >> 16) as u16);
        Ok(Self {
            echo: Echo::new(&[], 1, rate, [id; 2], sequence),
            sockets: Sockets::new(Hears::Replies, id)?,
            complaints: Complaints::new(),
            packet: Vec::new(),
            buffer: Vec::new(),
            due: None,
        })
    }

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
        let mut echoes = Self::new(rate, random)?;
        Sockets::open_for(hosts.iter().copied(), |ipv6| echoes.listen(ipv6))?;
        for (host, &address) in hosts.iter().enumerate() {
            echoes.set(host, address);
        }
        echoes.reserve(in_flight_max, payload_bytes_max);
        Ok(echoes)
    }

    /// Opens the socket of that version of IP, if that was not done yet.
    ///
    /// # Errors
    /// `PermissionDenied` when no socket for ICMP is allowed; others when there is no such version.
    pub fn listen(&mut self, ipv6: bool) -> io::Result<()> {
        let id = self.sockets.open(ipv6)?.id();
        let version = if ipv6 { Version::V6 } else { Version::V4 };
        self.echo.set_id(version, id);
        Ok(())
    }

    /// From now on the host of this number has that address; its burst is dropped.
    pub fn set(&mut self, host: usize, address: IpAddr) {
        self.echo.set(host, address);
        self.sockets.expect(address);
        self.complaints.forget(host);
    }

    /// Makes room for so many unanswered requests, and for payloads of so many bytes.
    pub fn reserve(&mut self, in_flight_max: usize, payload_bytes_max: usize) {
        self.echo.reserve(in_flight_max);
        let packet_bytes = self.packet.len().max(HEADER_BYTES + payload_bytes_max);
        self.packet.resize(packet_bytes, 0);
        // One byte more, so that a longer payload is seen to be longer.
        self.buffer.resize(IP_BYTES_MAX + packet_bytes + 1, 0);
    }

    /// Begins a burst to `host`.
    pub fn start(&mut self, host: usize, burst: Burst, now: Mono) {
        self.echo.start(host, burst, now);
        self.due = Some(now);
    }

    /// Takes what has come and sends what is due; hands over the hosts whose burst is over.
    pub fn turn(&mut self, finished: impl FnMut(&Echo, usize)) {
        let both = self.sockets.clocks();
        self.hear(&both);
        self.act(both.mono, finished);
    }

    /// Takes what has come, at most a moment before `both`.
    pub fn hear(&mut self, both: &Both) {
        let echo = &mut self.echo;
        self.sockets
            .take(&mut self.buffer, &mut |version, received, message| {
                if let (None, Ok(Message::Reply(reply))) =
                    (received.refusal, icmp::parse(version, message))
                {
                    echo.on_reply(received.from, &reply, arrival(received, both));
                }
            });
    }

    /// Sends what is due; hands over the hosts whose burst is over.
    pub fn act(&mut self, now: Mono, mut finished: impl FnMut(&Echo, usize)) {
        self.due = loop {
            match self.echo.poll(now) {
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
        let result = self.sockets.send(address, None, packet);
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
