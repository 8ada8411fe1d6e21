// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames on an interface: packet(7) sockets, a sender and a counter.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::link;

/// Local experimental Ethertype 1 (IEEE 802): no kernel answers it.
const ETHERTYPE: u16 = 0x88b5;

/// Bytes that wait for a slow reader: some 10 000 small frames.
const RECEIVE_BYTES_MAX: libc::c_int = 16 << 20;

/// A socket that has to wait no longer is asked whether its command has ended.
const SILENCE_MS: libc::c_int = 300;

pub const BROADCAST: [u8; 6] = [0xff; 6];

/// Sends `count` broadcast frames that carry their number.
pub fn send(interface: &str, count: u32) -> io::Result<u8> {
    let socket = Socket::open(interface, ETHERTYPE)?;
    let mut frame = [0; 60];
    frame[..6].copy_from_slice(&BROADCAST);
    frame[6..12].copy_from_slice(&socket.mac);
    frame[12..14].copy_from_slice(&ETHERTYPE.to_be_bytes());
    for number in 0..count {
        frame[14..18].copy_from_slice(&number.to_be_bytes());
        socket.send(&frame)?;
    }
    Ok(0)
}

/// Counts the frames of [`send`] while the command runs; its exit status, or 1 when the frames are
/// not the first `count`, in order.
pub fn count(interface: &str, count: u32, command: Command) -> io::Result<u8> {
    let socket = Socket::open(interface, ETHERTYPE)?;
    let (mut counted, mut in_order) = (0, true);
    let status = socket.serve(command, |frame| {
        in_order &= frame.get(14..18) == Some(&u32::to_be_bytes(counted));
        counted += 1;
        Ok(())
    })?;
    let order = if in_order { "in order" } else { "out of order" };
    println!("counted {counted} of {count} frames, {order}");
    Ok(if counted == count && in_order {
        status
    } else {
        1
    })
}

/// A packet socket bound to one interface and one Ethertype.
pub struct Socket {
    fd: OwnedFd,
    /// The interface's own address.
    pub mac: [u8; 6],
}

impl Socket {
    pub fn open(interface: &str, ethertype: u16) -> io::Result<Self> {
        // SAFETY: socket(2) takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: socket(2) just returned this descriptor and nobody else knows it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: a structure of integers, for which all zeros are valid.
        let mut address = unsafe { core::mem::zeroed::<libc::sockaddr_ll>() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = ethertype.to_be();
        address.sll_ifindex = link::index(interface)? as libc::c_int;
        let bytes_max = RECEIVE_BYTES_MAX;
        let mut len = size_of_val(&address) as libc::socklen_t;
        // SAFETY: option and address are ours, of the types that socket(7) and packet(7) name, and
        // as long as said. Without CAP_NET_ADMIN there is less room to wait in.
        let failed = unsafe {
            let (fd, int_len) = (fd.as_raw_fd(), size_of_val(&bytes_max) as libc::socklen_t);
            for option in [libc::SO_RCVBUF, libc::SO_RCVBUFFORCE] {
                let value = (&raw const bytes_max).cast();
                libc::setsockopt(fd, libc::SOL_SOCKET, option, value, int_len);
            }
            libc::bind(fd, (&raw const address).cast(), len) != 0
                || libc::getsockname(fd, (&raw mut address).cast(), &raw mut len) != 0
        };
        if failed {
            return Err(io::Error::last_os_error());
        }
        let mac = *address.sll_addr.first_chunk().expect("it has 8 bytes");
        Ok(Self { fd, mac })
    }

    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: the frame is as long as said.
        let sent =
            unsafe { libc::send(self.fd.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Sends as many of the messages as there is room for; how many went.
    #[allow(dead_code)] // Tests that send few frames do without.
    pub fn send_many(&self, messages: &mut [libc::mmsghdr]) -> io::Result<u64> {
        let (fd, len) = (self.fd.as_raw_fd(), messages.len() as libc::c_uint);
        // SAFETY: the messages are ours, and so is what they point to, for as long as it takes.
        let sent = unsafe { libc::sendmmsg(fd, messages.as_mut_ptr(), len, 0) };
        u64::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    /// Sets an option whose value is an integer.
    #[allow(dead_code)] // As above.
    pub fn set_option(&self, level: i32, option: i32, value: libc::c_int) -> io::Result<()> {
        let len = size_of_val(&value) as libc::socklen_t;
        let (fd, value) = (self.fd.as_raw_fd(), (&raw const value).cast());
        // SAFETY: the value is an integer, as long as said.
        match unsafe { libc::setsockopt(fd, level, option, value, len) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Hands every frame to `on_frame` until the command has ended and silence follows; its exit
    /// status.
    pub fn serve(
        &self,
        mut command: Command,
        mut on_frame: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<u8> {
        let mut child = command.spawn()?;
        let mut frame = [0u8; 2048];
        loop {
            let ended = child.try_wait()?;
            if self.wait()? {
                let len = self.receive(&mut frame)?;
                on_frame(&frame[..len])?;
            } else if let Some(status) = ended {
                return Ok(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1));
            }
        }
    }

    /// Hands every frame to `on_frame` until `stop` is set.
    #[allow(dead_code)] // Of use to tests that have a thread for it.
    pub fn serve_until(
        &self,
        stop: &AtomicBool,
        mut on_frame: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut frame = [0u8; 2048];
        while !stop.load(Ordering::Relaxed) {
            if self.wait()? {
                let len = self.receive(&mut frame)?;
                on_frame(&frame[..len])?;
            }
        }
        Ok(())
    }

    fn receive(&self, frame: &mut [u8]) -> io::Result<usize> {
        let fd = self.fd.as_raw_fd();
        // SAFETY: the buffer is ours and as long as said.
        let len = unsafe { libc::recv(fd, frame.as_mut_ptr().cast(), frame.len(), 0) };
        usize::try_from(len).map_err(|_| io::Error::last_os_error())
    }

    /// Whether a frame came before the silence was long enough.
    fn wait(&self) -> io::Result<bool> {
        let mut fd = libc::pollfd {
            fd: self.fd.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: it is given one descriptor, which is ours.
        match unsafe { libc::poll(&raw mut fd, 1, SILENCE_MS) } {
            0.. => Ok(fd.revents != 0),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
