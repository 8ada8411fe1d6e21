// SPDX-License-Identifier: MIT OR Apache-2.0
//! A TCP connection whose ends say how many segments they sent (tcp(7), TCP_INFO).

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

const CHUNK_BYTES: usize = 1 << 18;

/// `struct tcp_info` up to its `tcpi_bytes_retrans` (linux/tcp.h), and where to find what in it.
const INFO_BYTES: usize = 216;
const SEGMENTS_OUT: usize = 136;
const BYTES_SENT: usize = 200;
const RESENT: usize = 100;

/// Takes one connection and all that comes, then closes too.
pub fn sink(address: &str) -> io::Result<u8> {
    let (mut stream, _) = TcpListener::bind(address)?.accept()?;
    let mut chunk = vec![0; CHUNK_BYTES];
    while stream.read(&mut chunk)? > 0 {}
    stream.shutdown(Shutdown::Write)?;
    std::thread::sleep(Duration::from_millis(100)); // For the last acknowledgement.
    say(&stream)
}

/// Sends so many bytes to a sink, at most so many per second.
pub fn send(address: &str, bytes: u64, rate_max: u32) -> io::Result<u8> {
    let mut stream = TcpStream::connect(address)?;
    // SAFETY: the value is an integer, as long as said (socket(7)).
    let result = unsafe {
        let (fd, value) = (stream.as_raw_fd(), (&raw const rate_max).cast());
        let len = size_of_val(&rate_max) as libc::socklen_t;
        libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_MAX_PACING_RATE, value, len)
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let chunk = vec![0; CHUNK_BYTES];
    let mut rest = bytes;
    while rest > 0 {
        let wanted = rest.min(chunk.len() as u64);
        rest -= stream.write(&chunk[..wanted as usize])? as u64;
    }
    stream.shutdown(Shutdown::Write)?;
    while stream.read(&mut [0; 16])? > 0 {}
    say(&stream)
}

/// Connects so often, and ends each connection at once: what that alone costs.
pub fn connect(address: &str, count: u32) -> io::Result<u8> {
    let address = address.parse().map_err(io::Error::other)?;
    for _ in 0..count {
        TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    }
    Ok(0)
}

/// Segments sent, bytes that they carried, and how many of them were sent again. The first one of
/// whoever was connected to (SYN, ACK) is not among them: the system sends it before there is a
/// socket.
fn say(stream: &TcpStream) -> io::Result<u8> {
    let mut info = [0_u8; INFO_BYTES];
    let mut len = INFO_BYTES as libc::socklen_t;
    // SAFETY: the buffer is as long as said; the system writes no more (getsockopt(2)).
    let result = unsafe {
        let (fd, info) = (stream.as_raw_fd(), info.as_mut_ptr().cast());
        libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, info, &raw mut len)
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    if (len as usize) < INFO_BYTES {
        return Err(io::Error::other("this kernel does not count segments"));
    }
    let word = |at: usize| u32::from_ne_bytes(*info[at..].first_chunk().expect("it is inside"));
    let long = u64::from_ne_bytes(*info[BYTES_SENT..].first_chunk().expect("it is inside"));
    println!(
        "segments={} payload={long} resent={}",
        word(SEGMENTS_OUT),
        word(RESENT)
    );
    Ok(0)
}
