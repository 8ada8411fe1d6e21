// SPDX-License-Identifier: MIT OR Apache-2.0
//! ICMP and ICMPv6: a raw socket (raw(7)), or one of datagrams where only that is allowed (icmp(7),
//! net.ipv4.ping_group_range).

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::message;
pub use super::message::{Received, Refusal};
use super::packet::set;

/// Bytes of replies that may wait for us: a thousand hosts that answer at once; and of requests
/// that wait for the MAC addresses of hosts. The kernel doubles both.
const BUFFER_BYTES: libc::c_int = 1_024 * 1_024;

/// ICMP_FILTER of level SOL_RAW (linux/icmp.h), and ICMPV6_FILTER (linux/icmpv6.h).
const SOL_RAW: libc::c_int = 255;
const ICMP_FILTER: libc::c_int = 1;
const ICMPV6_FILTER: libc::c_int = 1;

/// What a raw socket hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hears {
    /// Echo replies.
    Replies,
    /// That packets did not arrive.
    Errors,
    /// Both.
    All,
}

/// Whether a packet did not leave because there was no room here: too many before it wait for the
/// MAC addresses of neighbours, or for a slow line. It says nothing of whom it was for.
pub fn is_full(error: &io::Error) -> bool {
    let full = [libc::EAGAIN, libc::ENOBUFS, libc::ENOMEM];
    error
        .raw_os_error()
        .is_some_and(|number| full.contains(&number))
}

/// Makes room for packets that wait to leave, as far as we may.
pub(super) fn make_room(socket: BorrowedFd<'_>) {
    for option in [libc::SO_SNDBUF, libc::SO_SNDBUFFORCE] {
        let _ = set(socket, libc::SOL_SOCKET, option, &[BUFFER_BYTES]);
    }
}

/// A socket for ICMP of one version of IP.
#[derive(Debug)]
pub struct IcmpSocket {
    fd: OwnedFd,
    raw: bool,
    id: u16,
}

impl IcmpSocket {
    /// Opens a socket; its echo requests have `id`, unless the kernel chooses another.
    ///
    /// # Errors
    /// `PermissionDenied` when neither kind is allowed; `Unsupported` or what socket(2) says when
    /// the kernel has no IPv6.
    pub fn open(ipv6: bool, id: u16, hears: Hears) -> io::Result<Self> {
        let (family, protocol) = match ipv6 {
            false => (libc::AF_INET, libc::IPPROTO_ICMP),
            true => (libc::AF_INET6, libc::IPPROTO_ICMPV6),
        };
        let socket = match open(family, libc::SOCK_RAW, protocol) {
            Ok(fd) => Self { fd, raw: true, id },
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let fd = open(family, libc::SOCK_DGRAM, protocol)?;
                let id = bound_port(fd.as_fd(), ipv6)?;
                Self { fd, raw: false, id }
            }
            Err(error) => return Err(error),
        };
        let fd = socket.fd.as_fd();
        // More room where we may have it; less is no fault.
        for option in [libc::SO_RCVBUF, libc::SO_RCVBUFFORCE] {
            let _ = set(fd, libc::SOL_SOCKET, option, &[BUFFER_BYTES]);
        }
        make_room(fd);
        message::stamp_arrivals(fd);
        match (socket.raw, hears) {
            (true, _) => hear(fd, ipv6, hears)?,
            (false, Hears::Errors | Hears::All) => {
                let (level, option) = match ipv6 {
                    false => (libc::IPPROTO_IP, libc::IP_RECVERR),
                    true => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
                };
                set(fd, level, option, &[1])?;
            }
            (false, Hears::Replies) => {}
        }
        Ok(socket)
    }

    /// Whether it hears everything; else only what concerns its own echo requests.
    pub fn is_raw(&self) -> bool {
        self.raw
    }

    /// The id that its echo requests have.
    pub fn id(&self) -> u16 {
        self.id
    }

    /// Sends a message, which may go `ttl` hops.
    ///
    /// # Errors
    /// What sendmsg(2) says: `NetworkUnreachable` without a route, `PermissionDenied` for a
    /// broadcast address.
    pub fn send(&self, to: IpAddr, ttl: Option<u8>, packet: &[u8]) -> io::Result<()> {
        let sent = message::send(self.fd.as_fd(), to, 0, ttl, packet);
        // A refusal of an earlier packet is told once, in the place of sending this one.
        match sent {
            Err(error) if !self.raw && error.kind() == io::ErrorKind::HostUnreachable => {
                message::send(self.fd.as_fd(), to, 0, ttl, packet)
            }
            sent => sent,
        }
    }

    /// Takes the next message that waits; `None` when none does. A raw socket of IPv4 hands over
    /// the IP header too.
    ///
    /// # Errors
    /// What recvmsg(2) says.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        match message::receive(self.fd.as_fd(), false, buffer) {
            // Refusals are in the queue of errors.
            Err(_) if !self.raw => message::receive(self.fd.as_fd(), false, buffer),
            received => received,
        }
    }

    /// Takes the next of our messages that was refused, as far as a router quoted it; `None` when
    /// there is none. Raw sockets have none: they hear the refusal itself.
    ///
    /// # Errors
    /// What recvmsg(2) says.
    pub fn receive_refused(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        message::receive(self.fd.as_fd(), true, buffer)
    }
}

impl AsFd for IcmpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[allow(unsafe_code)]
fn open(family: libc::c_int, kind: libc::c_int, protocol: libc::c_int) -> io::Result<OwnedFd> {
    let kind = kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket(2) takes no pointers.
    let fd = unsafe { libc::socket(family, kind, protocol) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: socket(2) just returned this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Lets a raw socket hear no other types than these.
fn hear(socket: BorrowedFd<'_>, ipv6: bool, hears: Hears) -> io::Result<()> {
    // Echo reply, unreachable, time exceeded.
    let types: &[u32] = match (ipv6, hears) {
        (false, Hears::Replies) => &[0],
        (false, Hears::Errors) => &[3, 11],
        (false, Hears::All) => &[0, 3, 11],
        (true, Hears::Replies) => &[129],
        (true, Hears::Errors) => &[1, 3],
        (true, Hears::All) => &[129, 1, 3],
    };
    // A bit that is set keeps its type away.
    let mut blocked = [-1; 8];
    for kind in types {
        blocked[(kind / 32) as usize] &= !(1 << (kind % 32));
    }
    if ipv6 {
        set(socket, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &blocked)
    } else {
        set(socket, SOL_RAW, ICMP_FILTER, &blocked[..1])
    }
}

/// Lets the kernel choose a port, which is the id of a socket of datagrams.
#[allow(unsafe_code)]
fn bound_port(socket: BorrowedFd<'_>, ipv6: bool) -> io::Result<u16> {
    // SAFETY: a structure of integers, for which all zeros are valid: any address, any port.
    let mut address = unsafe { core::mem::zeroed::<libc::sockaddr_in6>() };
    let (family, len) = match ipv6 {
        false => (libc::AF_INET, size_of::<libc::sockaddr_in>()),
        true => (libc::AF_INET6, size_of::<libc::sockaddr_in6>()),
    };
    address.sin6_family = family as _;
    let mut len = len as libc::socklen_t;
    let fd = socket.as_raw_fd();
    // SAFETY: the address is ours, large enough for both families, whose fields for family and
    // port are in the same place; the kernel writes no more than its length.
    let result = unsafe {
        match libc::bind(fd, (&raw const address).cast(), len) {
            0 => libc::getsockname(fd, (&raw mut address).cast(), &raw mut len),
            failed => failed,
        }
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u16::from_be(address.sin6_port))
}
