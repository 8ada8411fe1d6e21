// SPDX-License-Identifier: MIT OR Apache-2.0
//! One packet to or from anywhere, with what belongs to it: its life, its time of arrival, or who
//! refused it (sendmsg(2), recvmsg(2), cmsg(3), ip(7), ipv6(7)).

use std::io;
use std::mem::zeroed;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

use super::packet::set;
use super::zone;

/// SO_TIMESTAMPNS with 64 bits of seconds on every CPU (asm-generic/socket.h, Linux 5.1), which
/// the C library does not always name.
const SO_TIMESTAMPNS_NEW: libc::c_int = 64;

/// A packet that came, the start of which is in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes in the buffer.
    pub len: usize,
    /// Who sent it, with the interface when it is link-local ([`zone`]); of a refusal, whom the
    /// refused packet was for.
    pub from: IpAddr,
    /// Arrival on the kernel's wall clock, nanoseconds since 1970; `None` when it does not tell.
    pub at_ns: Option<u64>,
    /// Packets so far that found no room.
    pub lost_count: Option<u32>,
    /// Who refused one of ours; only from the queue of errors.
    pub refusal: Option<Refusal>,
}

/// Who refused a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The router or host that said so.
    pub from: IpAddr,
    /// Type and code of its ICMP message.
    pub kind: [u8; 2],
}

/// Enough for the control messages that are asked for, aligned as they need it.
#[repr(C, align(8))]
struct Control([u8; 256]);

/// `struct sock_extended_err` (linux/errqueue.h); the address of who says so comes behind it.
#[repr(C)]
#[derive(Clone, Copy)]
struct ExtendedError {
    errno: u32,
    origin: u8,
    kind: u8,
    code: u8,
    padding: u8,
    info: u32,
    data: u32,
}

const _: () = assert!(size_of::<ExtendedError>() == 16);

/// An address of either family, as the kernel wants it.
#[repr(C)]
pub(super) union Address {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

#[allow(unsafe_code)]
impl Address {
    /// An address, perhaps with its interface, and its length.
    pub(super) fn new(ip: IpAddr, port: u16) -> (Self, usize) {
        // SAFETY: structures of integers, for which all zeros are valid.
        let mut address = unsafe { zeroed::<Self>() };
        let (ip, interface) = zone::split(ip);
        match ip {
            IpAddr::V4(ip) => {
                address.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as _,
                    sin_port: port.to_be(),
                    sin_addr: libc::in_addr {
                        s_addr: u32::from_ne_bytes(ip.octets()),
                    },
                    sin_zero: [0; 8],
                };
                (address, size_of::<libc::sockaddr_in>())
            }
            IpAddr::V6(ip) => {
                address.v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as _,
                    sin6_port: port.to_be(),
                    sin6_flowinfo: 0,
                    sin6_addr: libc::in6_addr {
                        s6_addr: ip.octets(),
                    },
                    sin6_scope_id: interface,
                };
                (address, size_of::<libc::sockaddr_in6>())
            }
        }
    }

    fn ip(&self) -> Option<IpAddr> {
        // SAFETY: both structures begin with the family, and every pattern of bits is valid in
        // them; the family says which of the two the kernel wrote.
        unsafe {
            match libc::c_int::from(self.v4.sin_family) {
                libc::AF_INET => {
                    let octets = self.v4.sin_addr.s_addr.to_ne_bytes();
                    Some(Ipv4Addr::from(octets).into())
                }
                libc::AF_INET6 => {
                    let ip = Ipv6Addr::from(self.v6.sin6_addr.s6_addr);
                    Some(zone::join(ip.into(), self.v6.sin6_scope_id))
                }
                _ => None,
            }
        }
    }
}

/// Asks for the time of arrival of each packet, and for the count of those that found no room.
pub(super) fn stamp_arrivals(socket: BorrowedFd<'_>) {
    if set(socket, libc::SOL_SOCKET, SO_TIMESTAMPNS_NEW, &[1]).is_err() {
        let _ = set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &[1]);
    }
    let _ = set(socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, &[1]);
}

/// Sends a packet to `to`, which may go so many hops; as many as usual without `ttl`.
#[allow(unsafe_code)]
pub(super) fn send(
    socket: BorrowedFd<'_>,
    to: IpAddr,
    port: u16,
    ttl: Option<u8>,
    packet: &[u8],
) -> io::Result<()> {
    let (mut address, address_len) = Address::new(to, port);
    let mut part = libc::iovec {
        iov_base: packet.as_ptr().cast_mut().cast(),
        iov_len: packet.len(),
    };
    let mut control = Control([0; 256]);
    // SAFETY: a structure of integers and pointers, for which all zeros are valid.
    let mut message = unsafe { zeroed::<libc::msghdr>() };
    message.msg_name = (&raw mut address).cast();
    message.msg_namelen = address_len as libc::socklen_t;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    if let Some(ttl) = ttl {
        let (level, kind) = match to {
            IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_TTL),
            IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT),
        };
        let len = size_of::<libc::c_int>() as libc::c_uint;
        message.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: CMSG_SPACE and CMSG_LEN only compute; the control buffer has room for one
        // header and an integer, and is aligned for both.
        unsafe {
            message.msg_controllen = libc::CMSG_SPACE(len) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = level;
            (*header).cmsg_type = kind;
            (*header).cmsg_len = libc::CMSG_LEN(len) as _;
            libc::CMSG_DATA(header)
                .cast::<libc::c_int>()
                .write_unaligned(ttl.into());
        }
    }
    // SAFETY: every pointer in `message` leads to memory of this frame or of the caller, as long as
    // it says; the kernel only reads it.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, 0) };
    if sent < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Takes the next packet that waits; `None` when none does. With `refused`, from the queue of
/// errors.
#[allow(unsafe_code)]
pub(super) fn receive(
    socket: BorrowedFd<'_>,
    refused: bool,
    buffer: &mut [u8],
) -> io::Result<Option<Received>> {
    let (mut address, _) = Address::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let mut control = Control([0; 256]);
    // SAFETY: a structure of integers and pointers, for which all zeros are valid.
    let mut message = unsafe { zeroed::<libc::msghdr>() };
    message.msg_name = (&raw mut address).cast();
    message.msg_namelen = size_of::<Address>() as libc::socklen_t;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    let flags = if refused { libc::MSG_ERRQUEUE } else { 0 };
    // SAFETY: every pointer in `message` leads to memory of this frame or of the caller, as long
    // as it says.
    let len = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
    let Ok(len) = usize::try_from(len) else {
        let error = io::Error::last_os_error();
        return match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        };
    };
    let mut received = Received {
        len: len.min(buffer.len()),
        from: address.ip().unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
        at_ns: None,
        lost_count: None,
        refusal: None,
    };
    // SAFETY: recvmsg(2) has just filled `message`, whose control buffer is still alive.
    unsafe { read_control(&message, &mut received) };
    Ok(Some(received))
}

/// Finds stamp, count and refusal among the control messages (cmsg(3)).
///
/// # Safety
/// `message` must be one that recvmsg(2) filled, and its control buffer alive.
#[allow(unsafe_code)]
// SAFETY: what the caller has to see to stands above.
#[allow(clippy::unnecessary_cast)] // The widths differ from C library to C library.
unsafe fn read_control(message: &libc::msghdr, received: &mut Received) {
    // SAFETY: the macros stay inside the control buffer that `message` names; a value is read, not
    // aligned, only where the message is long enough for it.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(message);
        while let Some(header) = next.as_ref() {
            let value = libc::CMSG_DATA(header);
            let len = (header.cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
            match (header.cmsg_level, header.cmsg_type) {
                (libc::SOL_SOCKET, SO_TIMESTAMPNS_NEW) if len >= 16 => {
                    let [seconds, ns] = value.cast::<[i64; 2]>().read_unaligned();
                    received.at_ns = stamp(seconds, ns);
                }
                (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS)
                    if len >= size_of::<[libc::c_long; 2]>() =>
                {
                    let [seconds, ns] = value.cast::<[libc::c_long; 2]>().read_unaligned();
                    received.at_ns = stamp(seconds as i64, ns as i64);
                }
                (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) if len >= 4 => {
                    received.lost_count = Some(value.cast::<u32>().read_unaligned());
                }
                (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
                    if len >= size_of::<ExtendedError>() + size_of::<libc::sockaddr_in>() =>
                {
                    let error = value.cast::<ExtendedError>().read_unaligned();
                    let (mut from, _) = Address::new(Ipv4Addr::UNSPECIFIED.into(), 0);
                    let from_len = (len - size_of::<ExtendedError>()).min(size_of::<Address>());
                    let behind = value.add(size_of::<ExtendedError>());
                    behind.copy_to_nonoverlapping((&raw mut from).cast(), from_len);
                    // SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6: not from this machine itself.
                    let remote = matches!(error.origin, 2 | 3);
                    received.refusal = from.ip().filter(|_| remote).map(|from| Refusal {
                        from,
                        kind: [error.kind, error.code],
                    });
                }
                _ => {}
            }
            next = libc::CMSG_NXTHDR(message, header);
        }
    }
}

fn stamp(seconds: i64, ns: i64) -> Option<u64> {
    let seconds = u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?;
    seconds.checked_add(u64::try_from(ns).ok()?)
}
