// SPDX-License-Identifier: MIT OR Apache-2.0
//! Routing netlink (netlink(7), rtnetlink(7)): requests for dumps, and what the kernel answers.

mod body;
mod values;

use body::{address, link, neighbour, route, take, u16_at, u32_at};
pub use values::{Address, Link, Message, Neighbour, Route};

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
        16 => Message::Link(link(body)?),
        17 => Message::LinkGone(link(body)?),
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
mod tests {
    use super::*;
    use core::net::{IpAddr, Ipv4Addr};

    use crate::model::addr::Mac;
    use crate::model::interface::InterfaceName;
    use proptest::prelude::*;

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let len = (HEADER_BYTES + body.len()) as u32;
        let mut bytes = len.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([2, 0, 7, 7, 7, 7, 0, 0, 0, 0]);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = (4 + value.len() as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn int(number: u32) -> [u8; 4] {
        number.to_ne_bytes()
    }

    #[track_caller]
    fn check(kind: u16, parts: &[&[u8]], expected: Result<Message, Malformed>) {
        let bytes = message(kind, &parts.concat());
        let messages: Vec<_> = Messages::new(&bytes).collect();
        assert_eq!(messages, [expected.map(|message| (0x0707_0707, message))]);
    }

    #[test]
    fn a_dump_is_asked_for() {
        let bytes = request(Dump::Neighbours, 5);
        let words = [
            &int(28)[..],
            &30_u16.to_ne_bytes(),
            &0x301_u16.to_ne_bytes(),
            &int(5),
        ];
        assert_eq!(
            (&bytes[..12], &bytes[12..]),
            (&words.concat()[..], &[0; 20][..])
        );
        let lens =
            [Dump::Links, Dump::Addresses, Dump::Routes].map(|dump| request(dump, 0)[..4].to_vec());
        assert_eq!(lens, [32, 24, 28].map(|len| int(len).to_vec()));
    }

    /// struct ndmsg of interface 3.
    fn neighbour_head(family: u8, state: u16, flags: u8) -> Vec<u8> {
        let head = [&[family, 0, 0, 0][..], &int(3), &state.to_ne_bytes()];
        [&head.concat()[..], &[flags, 1]].concat()
    }

    const NEIGHBOUR: Neighbour = Neighbour {
        index: 3,
        address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9)),
        mac: Some(MAC),
        state: 2,
        router: false,
    };

    #[test]
    fn neighbours_have_an_address_and_a_mac() {
        let (to, at) = (attribute(1, &[10, 0, 0, 9]), attribute(2, &MAC.0));
        let head = neighbour_head(2, 2, 0);
        let message = Message::Neighbour(NEIGHBOUR);
        check(28, &[&head, &to, &at, &attribute(3, &[0; 16])], Ok(message));
        check(
            29,
            &[&head, &at, &to],
            Ok(Message::NeighbourGone(NEIGHBOUR)),
        );
        let failed = Neighbour {
            mac: None,
            state: 0x20,
            router: true,
            ..NEIGHBOUR
        };
        assert!(NEIGHBOUR.is_valid() && !failed.is_valid());
        let message = Message::Neighbour(failed);
        check(28, &[&neighbour_head(2, 0x20, 0x80), &to], Ok(message));
        let six: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
        let address = six.into();
        let message = Message::Neighbour(Neighbour {
            address,
            ..NEIGHBOUR
        });
        check(
            28,
            &[&neighbour_head(10, 2, 0), &attribute(1, &six), &at],
            Ok(message),
        );
        check(28, &[&neighbour_head(7, 2, 0), &at], Ok(Message::Other));
        check(28, &[&head, &attribute(1, &six)], Ok(Message::Other));
        check(28, &[&head[..11]], Err(Malformed));
    }

    #[test]
    fn addresses_have_a_prefix() {
        let head = [&[2, 24, 0x80, 0][..], &int(3)].concat();
        let expected = Address {
            index: 3,
            address: [10, 0, 0, 1].into(),
            prefix_bits: 24,
            primary: true,
        };
        let (peer, own) = (attribute(1, &[10, 0, 0, 2]), attribute(2, &[10, 0, 0, 1]));
        check(20, &[&head, &peer, &own], Ok(Message::Address(expected)));
        let only = Address {
            address: [10, 0, 0, 2].into(),
            ..expected
        };
        check(21, &[&head, &peer], Ok(Message::AddressGone(only)));
        let second = Address {
            primary: false,
            ..expected
        };
        check(
            20,
            &[&head, &own, &attribute(8, &int(0x81))],
            Ok(Message::Address(second)),
        );
        check(20, &[&head], Ok(Message::Other));
    }

    #[test]
    fn routes_have_a_gateway_and_an_interface() {
        let head = |bits, kind| [2, bits, 0, 0, 254, 3, 0, kind, 0, 0, 0, 0];
        let (gateway, out) = (attribute(5, &[10, 0, 0, 1]), attribute(4, &int(3)));
        let expected = Route {
            ipv6: false,
            prefix_bits: 0,
            gateway: Some([10, 0, 0, 1].into()),
            index: Some(3),
            metric: 0,
            table: 254,
        };
        check(
            24,
            &[&head(0, 1), &gateway, &out],
            Ok(Message::Route(expected)),
        );
        let far = Route {
            metric: 100,
            table: 1_000,
            ..expected
        };
        let more = [attribute(6, &int(100)), attribute(15, &int(1_000))].concat();
        check(
            25,
            &[&head(0, 1), &gateway, &out, &more],
            Ok(Message::RouteGone(far)),
        );
        let hop = [&16_u16.to_ne_bytes()[..], &[0, 0], &int(3), &gateway].concat();
        check(
            24,
            &[&head(0, 1), &attribute(9, &hop)],
            Ok(Message::Route(expected)),
        );
        check(24, &[&head(0, 7), &gateway, &out], Ok(Message::Other));
    }

    #[test]
    fn links_have_a_name_and_flags() {
        let head = [
            &[0, 0][..],
            &1_u16.to_ne_bytes(),
            &int(3),
            &int(0x1_1043),
            &[0; 4],
        ]
        .concat();
        let expected = Link {
            index: 3,
            name: "lan1".try_into().unwrap(),
            mac: Some(MAC),
            master: Some(2),
            up: true,
            running: true,
            loopback: false,
            ethernet: true,
        };
        let attributes = [
            attribute(3, b"lan1\0"),
            attribute(1, &MAC.0),
            attribute(10, &int(2)),
        ]
        .concat();
        check(
            16,
            &[&head, &attributes],
            Ok(Message::Link(expected.clone())),
        );
        let bare = Link {
            name: InterfaceName::new(),
            mac: None,
            master: None,
            ..expected
        };
        check(17, &[&head], Ok(Message::LinkGone(bare)));
    }

    #[test]
    fn a_dump_ends_or_fails() {
        check(3, &[&int(0)], Ok(Message::Done));
        check(2, &[&int(-1_i32 as u32), &[0; 16]], Ok(Message::Error(1)));
        check(2, &[&int(0), &[0; 16]], Ok(Message::Error(0)));
        check(2, &[&[0; 3]], Err(Malformed));
        check(4, &[], Ok(Message::Other));
    }

    #[test]
    fn wrong_lengths_end_a_datagram() {
        let good = message(3, &[]);
        for len in [0, 15, 17, u32::MAX] {
            let mut bytes = [good.clone(), good.clone()].concat();
            bytes[16..20].copy_from_slice(&int(len));
            let messages: Vec<_> = Messages::new(&bytes)
                .map(|message| message.is_ok())
                .collect();
            assert_eq!(messages, [true, false], "{len}");
        }
        let head = [&[2, 24, 0x80, 0][..], &int(3)].concat();
        for wrong in [&[3, 0, 1, 0][..], &[9, 0, 1, 0, 1], &[0; 4], &[4, 0]] {
            check(20, &[&head, wrong], Err(Malformed));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(noise: Vec<u8>, kind in 0_u16..40, body: Vec<u8>) {
            assert!(Messages::new(&noise).count() <= noise.len());
            assert_eq!(Messages::new(&message(kind, &body)).count(), 1);
        }
    }
}
