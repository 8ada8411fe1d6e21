// SPDX-License-Identifier: MIT OR Apache-2.0
//! A packet(7) socket that hands every frame of one interface to the program and gets none.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// SO_ATTACH_BPF of socket(7) (asm-generic/socket.h; the same on all our CPUs), which the C library
/// does not name.
const SO_ATTACH_BPF: libc::c_int = 50;

/// One interface that is counted; dropping it ends that. It stays with the interface when that goes
/// down and up again, and counts nothing more when it was deleted.
#[derive(Debug)]
pub struct Tap {
    /// Held for what the kernel does with it.
    _socket: OwnedFd,
    interface: u32,
}

impl Tap {
    /// Hands the frames of `interface` to `program`, in both directions.
    #[allow(unsafe_code)]
    pub(super) fn open(interface: u32, program: BorrowedFd<'_>) -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // Protocol 0: nothing comes before the program stands and the socket is bound.
        // SAFETY: socket(2) takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: socket(2) just returned this descriptor and nobody else knows it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        let program = program.as_raw_fd();
        // SAFETY: the value is an int of this frame, as long as said.
        let result = unsafe {
            libc::setsockopt(
                fd,
                libc::SOL_SOCKET,
                SO_ATTACH_BPF,
                (&raw const program).cast(),
                size_of_val(&program) as libc::socklen_t,
            )
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a structure of integers, for which all zeros are valid.
        let mut address = unsafe { core::mem::zeroed::<libc::sockaddr_ll>() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = interface as libc::c_int;
        let len = size_of_val(&address) as libc::socklen_t;
        // SAFETY: the address is ours, of the type that packet(7) names, and as long as said.
        let result = unsafe { libc::bind(fd, (&raw const address).cast(), len) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            _socket: socket,
            interface,
        })
    }

    /// The index of the interface.
    pub fn interface(&self) -> u32 {
        self.interface
    }
}
