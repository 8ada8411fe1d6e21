// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interfaces by rtnetlink(7): a veth(4) pair, and up.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

// linux/if_link.h, linux/veth.h
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;

/// Makes the interfaces `a` and `b`: what one sends, the other receives. Both are up.
pub fn make_pair(a: &str, b: &str) -> io::Result<()> {
    let mut message = Message::new(libc::NLM_F_CREATE | libc::NLM_F_EXCL);
    message.interface(0, 0);
    message.name(a);
    message.nested(IFLA_LINKINFO, |message| {
        message.attribute(IFLA_INFO_KIND, b"veth");
        message.nested(IFLA_INFO_DATA, |message| {
            message.nested(VETH_INFO_PEER, |message| {
                message.interface(0, 0);
                message.name(b);
            });
        });
    });
    message.send()?;
    up(a)?;
    up(b)
}

/// Brings the interface up.
pub fn up(name: &str) -> io::Result<()> {
    let mut message = Message::new(0);
    message.interface(index(name)?, libc::IFF_UP as u32);
    message.send()
}

/// The kernel's number of the interface.
pub fn index(name: &str) -> io::Result<u32> {
    let name = CString::new(name)?;
    // SAFETY: the name is a C string that outlives the call (if_nametoindex(3)).
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

/// One RTM_NEWLINK request, in the byte order of the CPU (netlink(7)).
struct Message(Vec<u8>);

impl Message {
    fn new(flags: libc::c_int) -> Self {
        let flags = (flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        let mut bytes = vec![0; 4]; // The length, known at the end.
        bytes.extend(libc::RTM_NEWLINK.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]); // Sequence number and port.
        Self(bytes)
    }

    /// `struct ifinfomsg`; `flags` are those to be set.
    fn interface(&mut self, index: u32, flags: u32) {
        self.0.extend([0; 4]);
        for field in [index, flags, flags] {
            self.0.extend(field.to_ne_bytes());
        }
    }

    fn name(&mut self, name: &str) {
        self.attribute(IFLA_IFNAME, format!("{name}\0").as_bytes());
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.nested(kind, |message| message.0.extend(value));
    }

    fn nested(&mut self, kind: u16, inside: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.0.extend([0; 2]);
        self.0.extend(kind.to_ne_bytes());
        inside(self);
        let len = (self.0.len() - start) as u16;
        self.0[start..start + 2].copy_from_slice(&len.to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn send(mut self) -> io::Result<()> {
        let len = self.0.len() as u32;
        self.0[..4].copy_from_slice(&len.to_ne_bytes());
        // SAFETY: socket(2) takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: socket(2) just returned this descriptor and nobody else knows it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        let mut answer = [0u8; 1024];
        // SAFETY: both buffers are ours and as long as said.
        let received = unsafe {
            let fd = socket.as_raw_fd();
            if libc::send(fd, self.0.as_ptr().cast(), self.0.len(), 0) < 0 {
                return Err(io::Error::last_os_error());
            }
            libc::recv(fd, answer.as_mut_ptr().cast(), answer.len(), 0)
        };
        if received < 20 {
            return Err(io::Error::last_os_error());
        }
        // NLMSG_ERROR: the number follows the header, 0 for success.
        match i32::from_ne_bytes(answer[16..20].try_into().unwrap()) {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(-error)),
        }
    }
}
