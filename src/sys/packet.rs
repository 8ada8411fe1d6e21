// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole frames on one interface (packet(7)), each with the kernel's time of its arrival.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::sys::filter::{self, Wanted};
use crate::time::Wall;

/// Bytes of frames that may wait for us: some thousand answers. The kernel doubles it.
const RECEIVE_BYTES: libc::c_int = 512 * 1_024;

/// SO_TIMESTAMPNS with 64 bits of seconds on every CPU (asm-generic/socket.h, Linux 5.1), which
/// the C library does not always name.
const SO_TIMESTAMPNS_NEW: libc::c_int = 64;

/// PACKET_IGNORE_OUTGOING (linux/if_packet.h, Linux 4.20).
const PACKET_IGNORE_OUTGOING: libc::c_int = 23;

/// A socket for the frames of one interface.
#[derive(Debug)]
pub struct PacketSocket(OwnedFd);

/// A frame that came, the start of which is in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes in the buffer.
    pub len: usize,
    /// Arrival by the kernel's wall clock; `None` when it does not tell.
    pub at: Option<Wall>,
    /// The VLAN identifier of a tag that the kernel took off; 0 has a priority only.
    pub vlan: Option<u16>,
}

/// Enough for the control messages asked for, aligned as they need it.
#[repr(C, align(8))]
struct Control([u8; 128]);

/// `struct tpacket_auxdata` (linux/if_packet.h).
#[repr(C)]
#[derive(Clone, Copy)]
struct AuxData {
    status: u32,
    len: u32,
    snaplen: u32,
    mac: u16,
    net: u16,
    vlan_tci: u16,
    vlan_tpid: u16,
}

const _: () = assert!(size_of::<AuxData>() == 20);

impl PacketSocket {
    /// Opens a socket for the frames that `interface` receives and that are `wanted`; with
    /// `outgoing` also for those that others on this machine send there.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW; else what socket(2), setsockopt(2), bind(2) say.
    pub fn open(interface: u32, wanted: Wanted, outgoing: bool) -> io::Result<Self> {
        let socket = Self(unbound()?);
        filter::attach(socket.as_fd(), wanted)?;
        // More room where we may have it; less is no fault.
        let _ = socket.set(libc::SOL_SOCKET, libc::SO_RCVBUF, RECEIVE_BYTES);
        let _ = socket.set(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BYTES);
        if socket.set(libc::SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1).is_err() {
            let _ = socket.set(libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1);
        }
        let _ = socket.set(libc::SOL_PACKET, libc::PACKET_AUXDATA, 1);
        if !outgoing {
            let _ = socket.set(libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
        }
        let protocol = match wanted {
            Wanted::Arp | Wanted::Discovery => libc::ETH_P_ALL,
            Wanted::PlainArp => libc::ETH_P_ARP,
        };
        bind(socket.as_fd(), interface, protocol)?;
        Ok(socket)
    }

    fn set(&self, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
        set(self.as_fd(), level, option, &[value])
    }

    /// Sends a whole frame.
    ///
    /// # Errors
    /// What send(2) says; `WouldBlock` when the interface has more than it can send.
    #[allow(unsafe_code)]
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: the frame is as long as said and outlives the call.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        match checked(sent) {
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            sent => sent.map(drop),
        }
    }

    /// Takes the next frame that waits; `None` when none does.
    ///
    /// # Errors
    /// What recvmsg(2) says; `NetworkDown` when the interface went down.
    #[allow(unsafe_code)]
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        let mut part = libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        };
        let mut control = Control([0; 128]);
        // SAFETY: a structure of integers and pointers, for which all zeros are valid.
        let mut message = unsafe { core::mem::zeroed::<libc::msghdr>() };
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = control.0.len() as _;
        // SAFETY: every pointer in `message` leads to memory of this frame or of the caller, as
        // long as it says.
        let len = unsafe { libc::recvmsg(self.0.as_raw_fd(), &raw mut message, 0) };
        let len = match checked(len) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut received = Received {
            len: len.min(buffer.len()),
            at: None,
            vlan: None,
        };
        // SAFETY: recvmsg(2) has just filled `message`, whose control buffer is still alive.
        unsafe { read_control(&message, &mut received) };
        Ok(Some(received))
    }

    /// Frames that found the socket full since the last call.
    pub fn lost(&self) -> u32 {
        // `struct tpacket_stats`: packets and drops.
        statistics::<2>(self.as_fd()).map_or(0, |counters| counters[1])
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A socket that receives nothing before its filter stands and it is bound: its protocol is 0.
#[allow(unsafe_code)]
pub(super) fn unbound() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket(2) takes no pointers.
    let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
    checked(fd as isize)?;
    // SAFETY: socket(2) just returned this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// From now on it receives frames of this protocol (ETH_P_ALL: of every one, sent frames as well)
/// from `interface`; 0: from all of them.
#[allow(unsafe_code)]
pub(super) fn bind(
    socket: BorrowedFd<'_>,
    interface: u32,
    protocol: libc::c_int,
) -> io::Result<()> {
    // SAFETY: a structure of integers, for which all zeros are valid.
    let mut address = unsafe { core::mem::zeroed::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (protocol as u16).to_be();
    address.sll_ifindex = interface as libc::c_int;
    let len = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address is ours, of the type that packet(7) names, and as long as said.
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) };
    checked(result as isize).map(drop)
}

/// Sets an option whose value is made of integers.
#[allow(unsafe_code)]
pub(super) fn set(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: &[libc::c_int],
) -> io::Result<()> {
    let (fd, len) = (socket.as_raw_fd(), size_of_val(value) as libc::socklen_t);
    // SAFETY: the value is as long as said and outlives the call.
    let result = unsafe { libc::setsockopt(fd, level, option, value.as_ptr().cast(), len) };
    checked(result as isize).map(drop)
}

/// The first N counters of PACKET_STATISTICS, which begin anew with each reading.
#[allow(unsafe_code)]
pub(super) fn statistics<const N: usize>(socket: BorrowedFd<'_>) -> io::Result<[u32; N]> {
    let mut counters = [0_u32; N];
    let mut len = size_of_val(&counters) as libc::socklen_t;
    // SAFETY: the counters are as long as said, and the kernel writes no more.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            counters.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    checked(result as isize).map(|_| counters)
}

/// Finds stamp and tag among the control messages (cmsg(3)).
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
            let is = |level, kind| header.cmsg_level == level && header.cmsg_type == kind;
            if is(libc::SOL_SOCKET, SO_TIMESTAMPNS_NEW) && len >= 16 {
                let [seconds, ns] = value.cast::<[i64; 2]>().read_unaligned();
                received.at = stamp(seconds, ns);
            } else if is(libc::SOL_SOCKET, libc::SO_TIMESTAMPNS)
                && len >= size_of::<[libc::c_long; 2]>()
            {
                let [seconds, ns] = value.cast::<[libc::c_long; 2]>().read_unaligned();
                #[allow(clippy::useless_conversion)] // The width differs from CPU to CPU.
                let (seconds, ns) = (i64::from(seconds), i64::from(ns));
                received.at = received.at.or(stamp(seconds, ns));
            } else if is(libc::SOL_PACKET, libc::PACKET_AUXDATA) && len >= size_of::<AuxData>() {
                let aux = value.cast::<AuxData>().read_unaligned();
                let tagged = aux.status & libc::TP_STATUS_VLAN_VALID != 0;
                received.vlan = tagged.then_some(aux.vlan_tci & 0xfff);
            }
            next = libc::CMSG_NXTHDR(message, header);
        }
    }
}

fn stamp(seconds: i64, ns: i64) -> Option<Wall> {
    let seconds = u64::try_from(seconds).ok()?.checked_mul(1_000_000)?;
    Some(Wall::from_us(seconds + u64::try_from(ns).ok()? / 1_000))
}

pub(super) fn checked(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
