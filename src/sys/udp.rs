// SPDX-License-Identifier: MIT OR Apache-2.0
//! Datagrams to and from one peer, without waiting (udp(7)).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use core::ops::RangeInclusive;

use super::{icmp_socket, message};

/// Whether `address` is one of this machine.
pub fn is_own(address: IpAddr) -> bool {
    UdpSocket::bind(SocketAddr::new(address, 0)).is_ok()
}

/// A socket that only its peer can answer: the kernel drops what comes from anybody else. Its port
/// is one that the kernel chose by chance.
#[derive(Debug)]
pub struct Peer(UdpSocket);

impl Peer {
    /// A socket towards `address` and `port`.
    ///
    /// # Errors
    /// What socket(2), connect(2) say: `NetworkUnreachable` without a route.
    pub fn open(address: IpAddr, port: u16) -> io::Result<Self> {
        let any: IpAddr = match address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
        socket.connect(SocketAddr::new(address, port))?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    /// Sends a datagram.
    ///
    /// # Errors
    /// What send(2) says, also of a datagram before this one: `ConnectionRefused`.
    pub fn send(&self, datagram: &[u8]) -> io::Result<()> {
        self.0.send(datagram).map(drop)
    }

    /// Takes the next datagram that waits; its length, at most that of the buffer. `None` when none
    /// does.
    ///
    /// # Errors
    /// What recv(2) says: `ConnectionRefused` when nobody listens there.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.0.recv(buffer) {
            Ok(len) => Ok(Some(len)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for Peer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A socket to send datagrams of short life from; what comes to it is not looked at.
#[derive(Debug)]
pub struct Prober {
    socket: UdpSocket,
    port: u16,
}

impl Prober {
    /// A socket at the first of `ports` that nobody has, else at one that the kernel chooses: the
    /// same one run after run, so that routers that choose a path by the ports choose the same.
    ///
    /// # Errors
    /// What socket(2), bind(2) say: `AddrNotAvailable` or another when there is no IPv6.
    pub fn open(ipv6: bool, ports: RangeInclusive<u16>) -> io::Result<Self> {
        let any: IpAddr = match ipv6 {
            false => Ipv4Addr::UNSPECIFIED.into(),
            true => Ipv6Addr::UNSPECIFIED.into(),
        };
        let bind = |port| UdpSocket::bind(SocketAddr::new(any, port));
        let socket = match ports.into_iter().find_map(|port| bind(port).ok()) {
            Some(socket) => socket,
            None => bind(0)?,
        };
        socket.set_nonblocking(true)?;
        icmp_socket::make_room(socket.as_fd());
        let port = socket.local_addr()?.port();
        Ok(Self { socket, port })
    }

    /// The port that datagrams come from.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends a datagram that may go `ttl` hops.
    ///
    /// # Errors
    /// What sendmsg(2) says: `NetworkUnreachable` without a route.
    pub fn send(&self, to: IpAddr, port: u16, ttl: u8, datagram: &[u8]) -> io::Result<()> {
        message::send(self.socket.as_fd(), to, port, Some(ttl), datagram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_own_and_an_address_for_documents_is_not() {
        let own = ["127.0.0.1", "192.0.2.1", "2001:db8::1"].map(|a| is_own(a.parse().unwrap()));
        assert_eq!(own, [true, false, false]);
    }

    #[test]
    fn only_the_peer_is_heard() {
        let home = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let server = UdpSocket::bind((home, 0)).unwrap();
        let peer = Peer::open(home, server.local_addr().unwrap().port()).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(peer.receive(&mut buffer).unwrap(), None);
        peer.send(b"ask").unwrap();
        let (_, client) = server.recv_from(&mut buffer).unwrap();
        let stranger = UdpSocket::bind((home, 0)).unwrap();
        stranger.send_to(b"forged", client).unwrap();
        server.send_to(b"answer", client).unwrap();
        assert_eq!(peer.receive(&mut buffer).unwrap(), Some(6));
        assert_eq!(&buffer[..6], b"answer");
        assert_eq!(peer.receive(&mut buffer).unwrap(), None);
    }
}
