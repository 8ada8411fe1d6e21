// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packets that came to this machine for a UDP port, beside whoever serves it (raw(7)). It costs
//! nothing to packets of other protocols, nor to those that are only forwarded.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::sys::{filter, packet};

/// A socket for the packets of one interface.
#[derive(Debug)]
pub struct UdpEar(OwnedFd);

impl UdpEar {
    /// Hears what comes in on the interface called `name`, for `port`.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW; else what socket(2), setsockopt(2) say.
    #[allow(unsafe_code)]
    pub fn open(name: &str, port: u16) -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: socket(2) takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_INET, kind, libc::IPPROTO_UDP) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: socket(2) just returned this descriptor and nobody else knows it.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        filter::attach_udp(socket.as_fd(), port)?;
        let len = name.len() as libc::socklen_t;
        // SAFETY: the name is as long as said and outlives the call.
        let result = unsafe {
            let (level, option) = (libc::SOL_SOCKET, libc::SO_BINDTODEVICE);
            libc::setsockopt(fd, level, option, name.as_ptr().cast(), len)
        };
        packet::checked(result as isize).map(|_| socket)
    }

    /// Takes the next packet that waits, from its IP header on; its length, at most that of the
    /// buffer. `None` when none does.
    ///
    /// # Errors
    /// What recv(2) says.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match rustix::io::read(&self.0, buffer) {
            Ok(len) => Ok(Some(len)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for UdpEar {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
