// SPDX-License-Identifier: MIT OR Apache-2.0
//! Routing netlink (netlink(7), rtnetlink(7)): requests for dumps, and what the kernel answers.

mod body;
mod values;

use body::{address, link, neighbour, route, take, u16_at, u32_at};
pub use values::{Address, Kind, Link, Message, Neighbour, Route, SwitchId};

/// Bytes of a request; a shorter one has zeros behind it, which the kernel does not look at.
pub const REQUEST_BYTES: usize = 32;

/// struct nlmsghdr (netlink(7)).
const HEADER_BYTES: usize = 16;
/// NLM_F_REQUEST and NLM_F_DUMP.
const FLAGS: u16 = 0x301;

/// What to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dump {
    /// RTM_GETLINK: interfaces.
    Links,
    /// RTM_GETADDR: their addresses.
    Addresses,
    /// RTM_GETROUTE: routes of all tables.
    Routes,
    /// RTM_GETNEIGH: the neighbour tables of ARP and NDP.
    Neighbours,
}

/// A message that ends before its length or has a wrong one. The rest of the datagram is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The request for a dump, in the byte order of this machine.
pub fn request(dump: Dump, sequence: u32) -> [u8; REQUEST_BYTES] {
    let (kind, body_len) = match dump {
        Dump::Links => (18_u16, body::LINK_BYTES),
        Dump::Addresses => (22, body::ADDRESS_BYTES),
        Dump::Routes => (26, body::ROUTE_BYTES),
        Dump::Neighbours => (30, body::NEIGHBOUR_BYTES),
    };
    let len = (HEADER_BYTES + body_len) as u32;
    let mut request = [0; REQUEST_BYTES];
    request[..4].copy_from_slice(&len.to_ne_bytes());
    request[4..6].copy_from_slice(&kind.to_ne_bytes());
    request[6..8].copy_from_slice(&FLAGS.to_ne_bytes());
    request[8..12].copy_from_slice(&sequence.to_ne_bytes());
    request
}

/// The messages of one datagram from the kernel.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// All messages of `datagram`.
    pub fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }
}

impl Iterator for Messages<'_> {
    /// The sequence number of the request, and the message.
    type Item = Result<(u32, Message), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let cut = take(&mut self.rest, |rest| u32_at(rest, 0)?.try_into().ok());
        if cut.is_none() {
            self.rest = &[];
        }
        let message = cut.and_then(|message| {
            let (header, body) = message.split_at_checked(HEADER_BYTES)?;
            let (kind, sequence) = (u16_at(header, 4)?, u32_at(header, 8)?);
            Some((sequence, parse(kind, body)?))
        });
        Some(message.ok_or(Malformed))
    }
}

fn parse(kind: u16, body: &[u8]) -> Option<Message> {
    Some(match kind {
        2 => Message::Error(u32_at(body, 0)?.cast_signed().wrapping_neg()),
        3 => Message::Done,
        16 => link(body)?.map_or(Message::Other, Message::Link),
        17 => link(body)?.map_or(Message::Other, Message::LinkGone),
        20 => address(body)?.map_or(Message::Other, Message::Address),
        21 => address(body)?.map_or(Message::Other, Message::AddressGone),
        24 => route(body)?.map_or(Message::Other, Message::Route),
        25 => route(body)?.map_or(Message::Other, Message::RouteGone),
        28 => neighbour(body)?.map_or(Message::Other, Message::Neighbour),
        29 => neighbour(body)?.map_or(Message::Other, Message::NeighbourGone),
        _ => Message::Other,
    })
}

#[cfg(test)]
mod tests;
