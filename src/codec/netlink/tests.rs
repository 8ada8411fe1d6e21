// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the messages of routing netlink.

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

/// struct ifinfomsg of interface 3, an Ethernet that is up.
fn link_head(family: u8) -> Vec<u8> {
    let head = [&[family, 0][..], &1_u16.to_ne_bytes(), &int(3)];
    [&head.concat()[..], &int(0x1_1043), &[0; 4]].concat()
}

fn link() -> Link {
    Link {
        index: 3,
        name: "lan1".try_into().unwrap(),
        mac: Some(MAC),
        master: Some(2),
        up: true,
        running: true,
        loopback: false,
        ethernet: true,
        kind: Kind::Other,
        lower: None,
        switch: SwitchId::new(),
    }
}

#[test]
fn links_have_a_name_and_flags() {
    let (head, expected) = (link_head(0), link());
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
    let of_a_bridge = link_head(7);
    check(17, &[&of_a_bridge, &attributes], Ok(Message::Other));
}

#[test]
fn links_say_what_they_are_and_what_is_below_them() {
    let expected = Link {
        name: InterfaceName::new(),
        mac: None,
        master: None,
        ..link()
    };
    let below = attribute(5, &int(9));
    let switch = attribute(36, &[7; 8]);
    let kinds: [(&[u8], Kind, Option<u32>); 6] = [
        (b"bridge\0", Kind::Bridge, None),
        (b"vlan\0", Kind::Vlan, Some(9)),
        (b"macvlan", Kind::Sharing, Some(9)),
        (b"dsa\0", Kind::Sharing, Some(9)),
        (b"veth\0", Kind::Other, None),
        (b"", Kind::Other, None),
    ];
    for (name, kind, lower) in kinds {
        let about = attribute(18, &[attribute(2, &[1; 9]), attribute(1, name)].concat());
        let expected = Link {
            kind,
            lower,
            switch: SwitchId::from_slice(&[7; 8]).unwrap(),
            ..expected.clone()
        };
        let parts: [&[u8]; 4] = [&link_head(0), &about, &below, &switch];
        check(16, &parts, Ok(Message::Link(expected.clone())));
        let parts: [&[u8]; 5] = [
            &link_head(0),
            &about,
            &below,
            &switch,
            &attribute(37, &int(0)),
        ];
        let elsewhere = Link {
            lower: None,
            ..expected
        };
        check(16, &parts, Ok(Message::Link(elsewhere)));
    }
    let too_long = attribute(36, &[7; 33]);
    check(16, &[&link_head(0), &too_long], Ok(Message::Link(expected)));
    let broken = attribute(18, &[9, 0, 1, 0, 1]);
    check(16, &[&link_head(0), &broken], Err(Malformed));
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
