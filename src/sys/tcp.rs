// SPDX-License-Identifier: MIT OR Apache-2.0
//! Connections that are made without waiting (tcp(7), connect(2)).

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::message::Address;

/// Whether a connection failed for want of descriptors or memory here, which says nothing of the
/// other side.
pub fn is_shortage(error: &io::Error) -> bool {
    let shortages = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    error
        .raw_os_error()
        .is_some_and(|number| shortages.contains(&number))
}

/// A connection, or one that is being made.
#[derive(Debug)]
pub struct Connection(TcpStream);

impl Connection {
    /// Begins to connect to `address` and `port`: writable when it is connected, or has failed.
    ///
    /// # Errors
    /// What socket(2), connect(2) say at once: `NetworkUnreachable` without a route.
    #[allow(unsafe_code)]
    pub fn start(address: IpAddr, port: u16) -> io::Result<Self> {
        let family = match address {
            IpAddr::V4(_) => libc::AF_INET,
            IpAddr::V6(_) => libc::AF_INET6,
        };
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: socket(2) takes no pointers.
        let fd = unsafe { libc::socket(family, kind, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: socket(2) just returned this descriptor and nobody else knows it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let (address, len) = Address::new(address, port);
        let len = len as libc::socklen_t;
        // SAFETY: the address is ours, and as long as said.
        let result = unsafe { libc::connect(fd.as_raw_fd(), (&raw const address).cast(), len) };
        if result < 0 {
            let error = io::Error::last_os_error();
            if error.raw_os_error() != Some(libc::EINPROGRESS) {
                return Err(error);
            }
        }
        Ok(Self(TcpStream::from(fd)))
    }

    /// Whether the connection stands; to be asked when it is writable.
    ///
    /// # Errors
    /// Why it could not be made: `ConnectionRefused`, `HostUnreachable`.
    pub fn result(&self) -> io::Result<()> {
        match self.0.take_error()? {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// From now on nothing written waits for more, nor for the other side (TCP_NODELAY, tcp(7)).
    ///
    /// # Errors
    /// What setsockopt(2) says.
    pub fn send_at_once(&self) -> io::Result<()> {
        self.0.set_nodelay(true)
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
