// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's tables of interfaces, addresses, routes and neighbours (rtnetlink(7)): bytes to it
//! and from it. Nothing here needs a permission.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::sys::poll::{self, Until};

/// What the kernel is given to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Who is told of changes (RTMGRP_… of linux/rtnetlink.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// RTMGRP_LINK: interfaces.
    Links = 0x1,
    /// RTMGRP_IPV4_ROUTE.
    Ipv4Routes = 0x40,
    /// RTMGRP_IPV6_ROUTE.
    Ipv6Routes = 0x400,
}

/// What came of looking for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is none.
    None,
    /// A datagram with so many bytes.
    Datagram(usize),
    /// There were some that could not be kept: what they would have said must be asked for.
    Lost,
}

/// A socket of the family NETLINK_ROUTE.
#[derive(Debug)]
pub struct RouteSocket(OwnedFd);

impl RouteSocket {
    /// Opens one.
    ///
    /// # Errors
    /// What socket(2) says.
    #[allow(unsafe_code)]
    pub fn open() -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: socket(2) takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: socket(2) just returned this descriptor and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// From now on also receives what the kernel tells these groups; once for a socket.
    ///
    /// # Errors
    /// What bind(2) says.
    #[allow(unsafe_code)]
    pub fn join(&self, groups: &[Group]) -> io::Result<()> {
        // SAFETY: a structure of integers, for which all zeros are valid.
        let mut address = unsafe { core::mem::zeroed::<libc::sockaddr_nl>() };
        address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
        address.nl_groups = groups.iter().fold(0, |all, &group| all | group as u32);
        let len = size_of_val(&address) as libc::socklen_t;
        // SAFETY: the address is ours, of the type that netlink(7) names, and as long as said.
        let result = unsafe { libc::bind(self.0.as_raw_fd(), (&raw const address).cast(), len) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Sends a request.
    ///
    /// # Errors
    /// What send(2) says.
    #[allow(unsafe_code)]
    pub fn send(&self, request: &[u8]) -> io::Result<()> {
        // SAFETY: the request is as long as said and outlives the call; without an address it goes
        // to the kernel (netlink(7)).
        let sent = unsafe {
            libc::send(
                self.0.as_raw_fd(),
                request.as_ptr().cast(),
                request.len(),
                0,
            )
        };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Waits for the next datagram and puts it into `buffer`; its length.
    ///
    /// # Errors
    /// What recvfrom(2) says, `TimedOut` when the kernel stays silent, `InvalidData` when the
    /// datagram is longer than the buffer.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !poll::wait([(self.0.as_fd(), Until::Readable)], Some(PATIENCE))?[0] {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if let Some(len) = self.receive_waiting(buffer)? {
                return Ok(len);
            }
        }
    }

    /// Takes the next event that waits.
    ///
    /// # Errors
    /// What recvfrom(2) says.
    pub fn receive_event(&self, buffer: &mut [u8]) -> io::Result<Event> {
        match self.receive_waiting(buffer) {
            Ok(None) => Ok(Event::None),
            Ok(Some(len)) => Ok(Event::Datagram(len)),
            // More than the socket holds (netlink(7)), or than the buffer does.
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => Ok(Event::Lost),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Event::Lost),
            Err(error) => Err(error),
        }
    }

    /// Takes the next datagram of the kernel that waits; its length, `None` when none does.
    #[allow(unsafe_code)]
    fn receive_waiting(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            // SAFETY: a structure of integers, for which all zeros are valid.
            let mut sender = unsafe { core::mem::zeroed::<libc::sockaddr_nl>() };
            let mut sender_len = size_of_val(&sender) as libc::socklen_t;
            // SAFETY: buffer and address are as long as said and outlive the call.
            let len = unsafe {
                libc::recvfrom(
                    self.0.as_raw_fd(),
                    buffer.as_mut_ptr().cast(),
                    buffer.len(),
                    libc::MSG_TRUNC,
                    (&raw mut sender).cast(),
                    &raw mut sender_len,
                )
            };
            match usize::try_from(len) {
                Err(_) => {
                    let error = io::Error::last_os_error();
                    match error.kind() {
                        io::ErrorKind::WouldBlock => return Ok(None),
                        io::ErrorKind::Interrupted => {}
                        _ => return Err(error),
                    }
                }
                // Another process may send us what it likes; the kernel is port 0.
                Ok(_) if sender.nl_pid != 0 => {}
                Ok(len) if len > buffer.len() => return Err(io::ErrorKind::InvalidData.into()),
                Ok(len) => return Ok(Some(len)),
            }
        }
    }
}

impl AsFd for RouteSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
