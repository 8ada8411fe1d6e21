// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interfaces with their addresses, the default route and the neighbours, from the kernel's
//! tables (rtnetlink(7)).

use core::fmt;
use core::net::{IpAddr, Ipv6Addr};
use std::io;

use crate::codec::netlink::{self, Address, Dump, Link, Message, Messages, Neighbour, Route};
use crate::model::addr::{Mac, Prefix};
use crate::sys::netlink::RouteSocket;

/// Bytes that the kernel puts into one datagram of a dump at most (netlink_dump in af_netlink.c).
const DATAGRAM_BYTES_MAX: usize = 32 * 1_024;

/// The main routing table (RT_TABLE_MAIN, rtnetlink(7)).
const MAIN_TABLE: u32 = 254;

/// Verified a moment ago (NUD_REACHABLE, rtnetlink(7)).
const REACHABLE: u16 = 0x02;

/// Why a table could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// The socket failed.
    Io(io::Error),
    /// The kernel refused with this error number.
    Refused(i32),
    /// What it said cannot be understood.
    Malformed,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Refused(number) => io::Error::from_raw_os_error(number.saturating_abs()).fmt(f),
            Self::Malformed => f.write_str("the kernel's answer cannot be understood"),
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads the kernel's tables, through one buffer.
#[derive(Debug)]
pub struct Tables {
    socket: RouteSocket,
    buffer: Box<[u8]>,
    sequence: u32,
}

impl Tables {
    /// Opens the socket.
    ///
    /// # Errors
    /// What socket(2) says.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            socket: RouteSocket::open()?,
            buffer: vec![0; DATAGRAM_BYTES_MAX].into_boxed_slice(),
            sequence: 0,
        })
    }

    /// Hands over each row of a table.
    ///
    /// # Errors
    /// When it cannot be read to its end.
    pub fn dump(&mut self, dump: Dump, each: &mut dyn FnMut(Message)) -> Result<(), ReadError> {
        self.sequence = self.sequence.wrapping_add(1);
        self.socket.send(&netlink::request(dump, self.sequence))?;
        loop {
            let len = self.socket.receive(&mut self.buffer)?;
            for message in Messages::new(&self.buffer[..len]) {
                let (sequence, message) = message.map_err(|_| ReadError::Malformed)?;
                match message {
                    // What is left of a dump that failed.
                    _ if sequence != self.sequence => {}
                    Message::Done => return Ok(()),
                    Message::Error(0) => {}
                    Message::Error(number) => return Err(ReadError::Refused(number)),
                    message => each(message),
                }
            }
        }
    }

    /// The interfaces as they are now, into `links`.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn links(&mut self, links: &mut Vec<Link>) -> Result<(), ReadError> {
        links.clear();
        self.dump(Dump::Links, &mut |message| {
            if let Message::Link(link) = message {
                links.push(link);
            }
        })
    }

    /// The interface of the default route with the lowest metric, of IPv4 where there is one, else
    /// of IPv6.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn default_route(&mut self) -> Result<Option<u32>, ReadError> {
        let mut best = None;
        self.dump(Dump::Routes, &mut |message| {
            if let Message::Route(route) = message
                && is_default(&route)
                && let Some(index) = route.index
            {
                let found = (route.ipv6, route.metric, index);
                best = Some(best.map_or(found, |best| found.min(best)));
            }
        })?;
        Ok(best.map(|(_, _, index)| index))
    }

    /// The interfaces with their addresses as they are now.
    ///
    /// # Errors
    /// When a table cannot be read.
    pub fn network(&mut self) -> Result<Network, ReadError> {
        let mut network = Network::default();
        self.links(&mut network.links)?;
        self.dump(Dump::Addresses, &mut |message| {
            if let Message::Address(address) = message {
                network.addresses.push(address);
            }
        })?;
        let mut best = None;
        self.dump(Dump::Routes, &mut |message| {
            if let Message::Route(route) = message
                && is_default(&route)
                && !route.ipv6
                && let Some(index) = route.index
            {
                let found = (route.metric, index);
                best = Some(best.map_or(found, |best| found.min(best)));
            }
        })?;
        network.default_route = best.map(|(_, index)| index);
        Ok(network)
    }

    /// Hands over the neighbours behind an interface that have a MAC address, each with whether it
    /// was verified a moment ago.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn neighbours(
        &mut self,
        interface: u32,
        each: &mut dyn FnMut(Mac, IpAddr, bool),
    ) -> Result<(), ReadError> {
        self.dump(Dump::Neighbours, &mut |message| {
            let Message::Neighbour(neighbour) = message else {
                return;
            };
            let Neighbour { address, mac, .. } = neighbour;
            let mac = mac.filter(|mac| mac.is_device() && neighbour.is_valid());
            if let Some(mac) = mac
                && neighbour.index == interface
                && !address.is_multicast()
            {
                each(mac, address, neighbour.state & REACHABLE != 0);
            }
        })
    }
}

/// Whether it is a default route of the main table.
pub fn is_default(route: &Route) -> bool {
    (route.table, route.prefix_bits) == (MAIN_TABLE, 0)
}

/// The interfaces at one moment.
#[derive(Debug, Default)]
pub struct Network {
    /// The interfaces.
    pub links: Vec<Link>,
    /// Their addresses.
    pub addresses: Vec<Address>,
    /// The interface of the IPv4 default route with the lowest metric.
    pub default_route: Option<u32>,
}

impl Network {
    /// The interface of that name.
    pub fn by_name(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The interface that the default route leaves by.
    pub fn of_default_route(&self) -> Option<&Link> {
        let index = self.default_route?;
        self.links.iter().find(|link| link.index == index)
    }

    /// The IPv4 addresses of an interface with their prefixes, in the kernel's order.
    pub fn prefixes(&self, interface: u32) -> impl Iterator<Item = Prefix> {
        let own = self.addresses.iter().filter(move |a| a.index == interface);
        own.filter_map(|address| match address.address {
            IpAddr::V4(ip) => Prefix::new(ip, address.prefix_bits),
            IpAddr::V6(_) => None,
        })
    }

    /// The IPv6 addresses of an interface, in the kernel's order.
    pub fn ipv6(&self, interface: u32) -> impl Iterator<Item = Ipv6Addr> {
        let own = self.addresses.iter().filter(move |a| a.index == interface);
        own.filter_map(|address| match address.address {
            IpAddr::V6(ip) => Some(ip),
            IpAddr::V4(_) => None,
        })
    }
}
