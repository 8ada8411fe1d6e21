// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames of many segments, handed to the kernel whole: PACKET_VNET_HDR of packet(7).

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::link;

/// PACKET_VNET_HDR (linux/if_packet.h), `struct virtio_net_hdr` (linux/virtio_net.h).
const VNET_HDR: libc::c_int = 15;
const NEEDS_CHECKSUM: u8 = 1;

/// Bytes of payload in a segment.
pub const SIZE: u16 = 1_000;

/// A kind of segments.
#[derive(Clone, Copy, Debug)]
pub struct Gso {
    /// VIRTIO_NET_HDR_GSO_*.
    kind: u8,
    ipv6: bool,
    pub tcp: bool,
}

pub const TCP4: Gso = Gso {
    kind: 1,
    ipv6: false,
    tcp: true,
};
pub const TCP6: Gso = Gso {
    kind: 4,
    ipv6: true,
    tcp: true,
};
pub const UDP4: Gso = Gso {
    kind: 5,
    ipv6: false,
    tcp: false,
};

impl Gso {
    fn network(self) -> usize {
        if self.ipv6 { 40 } else { 20 }
    }

    /// Bytes of the headers that each segment has.
    pub fn header(self) -> usize {
        14 + self.network() + if self.tcp { 20 } else { 8 }
    }

    /// The frame with this payload, and before it what is said of it.
    pub fn frame(self, destination: [u8; 6], source: [u8; 6], payload: usize) -> Vec<u8> {
        let start = 14 + self.network();
        let half = |value: usize| (value as u16).to_ne_bytes();
        let mut bytes = vec![NEEDS_CHECKSUM, self.kind];
        bytes.extend(half(self.header()));
        bytes.extend(SIZE.to_ne_bytes());
        bytes.extend(half(start));
        bytes.extend(half(if self.tcp { 16 } else { 6 }));
        bytes.extend(destination);
        bytes.extend(source);
        let after = self.header() - start + payload;
        let protocol = if self.tcp { 6 } else { 17 };
        let [high, low] = (after as u16).to_be_bytes();
        if self.ipv6 {
            bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0, high, low, protocol, 64]);
            bytes.extend([0xfd; 32]);
        } else {
            let [high, low] = (20 + after as u16).to_be_bytes();
            bytes.extend([8, 0, 0x45, 0, high, low, 0, 1, 0x40, 0, 64, protocol, 0, 0]);
            bytes.extend([10, 9, 0, 7, 10, 9, 0, 8]);
        }
        if self.tcp {
            bytes.extend([
                0, 9, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0,
            ]);
        } else {
            bytes.extend([0, 9, 0, 9, high, low, 0, 0]);
        }
        bytes.resize(bytes.len() + payload, 0);
        bytes
    }
}

/// A socket that sends such frames.
pub struct Socket(OwnedFd);

impl Socket {
    pub fn open(interface: &str) -> io::Result<Self> {
        // SAFETY: socket(2) takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: socket(2) just returned this descriptor and nobody else knows it.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        let on: libc::c_int = 1;
        // SAFETY: a structure of integers, for which all zeros are valid.
        let mut address = unsafe { core::mem::zeroed::<libc::sockaddr_ll>() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = link::index(interface)? as libc::c_int;
        let address_len = size_of_val(&address) as libc::socklen_t;
        let on_len = size_of_val(&on) as libc::socklen_t;
        // SAFETY: option and address are ours, of the types that packet(7) names, as long as said.
        let failed = unsafe {
            let on = (&raw const on).cast();
            libc::setsockopt(fd, libc::SOL_PACKET, VNET_HDR, on, on_len) != 0
                || libc::bind(fd, (&raw const address).cast(), address_len) != 0
        };
        if failed {
            return Err(io::Error::last_os_error());
        }
        Ok(socket)
    }

    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        let fd = self.0.as_raw_fd();
        // SAFETY: the frame is as long as said.
        let sent = unsafe { libc::send(fd, frame.as_ptr().cast(), frame.len(), 0) };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}
