// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of [`super`].

use super::*;
use proptest::prelude::*;

const A: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
const B: Mac = Mac([2, 0, 0, 0, 0, 0xb]);
const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
const PORT: Mac = Mac([2, 0, 0, 0, 0, 2]);
const GROUP: Mac = Mac([1, 0, 0x5e, 0, 0, 1]);

/// Addresses, then these bytes.
fn frame(rest: &[&[u8]]) -> Vec<u8> {
    [&B.0[..], &A.0, &rest.concat()].concat()
}

const TAG: &[u8] = &[0x81, 0, 0, 7];
const QINQ: &[u8] = &[0x88, 0xa8, 0, 7];
/// From the ethertype on; IPv4 with a header of 20 bytes.
const IPV4_TCP: &[u8] = &[8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6, 0, 0];
const IPV6_UDP: &[u8] = &[0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 17, 64];
/// Ports, sequence numbers, and a length of 32 bytes.
const TCP_32: &[u8] = &[0, 80, 1, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0x80, 0x10];

#[track_caller]
fn check(headers: &[u8], len: u32, vlan_taken: bool, gso: u16, bytes: u64, frames: u32) {
    let wire = read(headers, len, vlan_taken, NonZeroU16::new(gso));
    let expected = Wire {
        source: A,
        destination: B,
        bytes,
        frames,
    };
    assert_eq!(wire, Some(expected));
}

#[test]
fn a_frame_is_what_it_is() {
    check(&frame(&[&[8, 6]]), 60, false, 0, 60, 1);
    check(&frame(&[&[8, 6]]), 60, true, 0, 64, 1);
    check(&frame(&[TAG, &[8, 6]]), 64, false, 0, 64, 1);
    check(&frame(&[&[0, 38, 0x42, 0x42, 3]]), 60, false, 0, 60, 1);
    check(&frame(&[&[8, 6]]), u32::MAX, true, 0, 0x1_0000_0003, 1);
}

#[test]
fn each_segment_has_its_headers_and_its_tag() {
    // 14 + 20 + 32 bytes of headers.
    let tcp = frame(&[IPV4_TCP, &[0; 8], TCP_32]);
    check(&tcp, 66 + 3 * 1_448, false, 1_448, 3 * 1_514, 3);
    check(&tcp, 66 + 3 * 1_448, true, 1_448, 3 * 1_518, 3);
    check(
        &tcp,
        66 + 2 * 1_448 + 1,
        false,
        1_448,
        2 * 1_514 + 66 + 1,
        3,
    );
    check(&tcp, 66 + 1_448, false, 1_448, 1_514, 1);
    let tagged = frame(&[QINQ, TAG, IPV4_TCP, &[0; 8], TCP_32]);
    check(
        &tagged,
        74 + 2 * 1_448,
        false,
        1_448,
        2 * (1_514 + 4 + 4),
        2,
    );
    let options = [8, 0, 0x4f, 0, 0, 0, 0, 0, 0, 0, 64, 6, 0, 0];
    let options = frame(&[&options, &[0; 48], TCP_32]);
    check(&options, 106 + 2_000, false, 1_000, 2 * 1_106, 2);
    // 14 + 40 + 8.
    let udp = frame(&[IPV6_UDP, &[0; 40]]);
    check(&udp, 62 + 10_500, false, 1_000, 10_500 + 11 * 62, 11);
}

#[test]
fn what_is_no_known_segment_repeats_what_is_known() {
    // ESP behind IPv4, an IPv4 header that says it has none, IPv6 options, no IP.
    let esp = [8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 50, 0, 0];
    check(&frame(&[&esp, &[0; 40]]), 34 + 200, false, 100, 268, 2);
    let short = [8, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0];
    check(&frame(&[&short, &[0; 40]]), 22 + 200, false, 100, 244, 2);
    let hops = [0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 0, 64];
    check(&frame(&[&hops, &[0; 60]]), 54 + 200, false, 100, 308, 2);
    check(&frame(&[&[8, 6]]), 14 + 200, false, 100, 228, 2);
    // Cut before the length of TCP, of IP, before the ethertype behind a tag.
    check(&frame(&[IPV4_TCP]), 34 + 200, false, 100, 268, 2);
    check(&frame(&[&[8, 0]]), 14 + 200, false, 100, 228, 2);
    check(&frame(&[TAG]), 14 + 200, false, 100, 228, 2);
    check(&frame(&[&TAG.repeat(3)]), 22 + 200, false, 100, 244, 2);
}

#[test]
fn a_frame_without_payload_is_one_segment() {
    let tcp = frame(&[IPV4_TCP, &[0; 8], TCP_32]);
    check(&tcp, 66, false, 1_448, 66, 1);
    check(&tcp, 20, true, 1, 24, 1);
    check(&tcp, 0, false, u16::MAX, 0, 1);
}

#[test]
fn a_runt_has_no_addresses() {
    let arp = frame(&[&[8, 6]]);
    for len in 0..14 {
        assert_eq!(read(&arp[..len], 60, false, None), None);
    }
    assert!(read(&arp, 14, false, None).is_some());
}

/// What counts for (device, direction), as routed, for the router itself, for a group.
type Row = (Option<(Mac, Direction)>, bool, Option<Direction>, bool);

#[track_caller]
fn counts(source: Mac, destination: Mac, outgoing: bool, expected: Row) {
    let wire = Wire {
        source,
        destination,
        bytes: 60,
        frames: 1,
    };
    let counted = classify(&wire, outgoing, &[PORT, OWN]);
    let row = (counted.device, counted.routed, counted.own, counted.group);
    assert_eq!(row, expected, "{source} to {destination}");
}

const RECEIVED: bool = false;
const OUTGOING: bool = true;
const ONLY_SEEN: Row = (None, false, None, false);

#[test]
fn what_comes_in_is_sent_by_its_source() {
    let sent = Some((A, Direction::Tx));
    counts(A, B, RECEIVED, (sent, false, None, false));
    counts(A, OWN, RECEIVED, (sent, true, Some(Direction::Rx), false));
    counts(A, PORT, RECEIVED, (sent, true, Some(Direction::Rx), false));
    counts(A, Mac::NULL, RECEIVED, (sent, false, None, false));
    for group in [GROUP, Mac::BROADCAST] {
        counts(A, group, RECEIVED, (sent, false, None, true));
    }
}

#[test]
fn what_goes_out_is_received_by_its_destination() {
    let received = Some((B, Direction::Rx));
    counts(A, B, OUTGOING, (received, false, None, false));
    let row = (received, true, Some(Direction::Tx), false);
    counts(OWN, B, OUTGOING, row);
    counts(PORT, B, OUTGOING, row);
}

#[test]
fn a_group_is_nobody_and_our_own_group_frames_are_ours() {
    let row = (None, false, Some(Direction::Tx), true);
    counts(OWN, Mac::BROADCAST, OUTGOING, row);
    counts(PORT, GROUP, OUTGOING, row);
    counts(A, Mac::BROADCAST, OUTGOING, ONLY_SEEN);
    counts(A, GROUP, OUTGOING, ONLY_SEEN);
}

#[test]
fn our_own_frames_do_not_come_in_nor_go_out_to_us() {
    counts(OWN, B, RECEIVED, ONLY_SEEN);
    counts(PORT, OWN, RECEIVED, ONLY_SEEN);
    counts(OWN, Mac::BROADCAST, RECEIVED, ONLY_SEEN);
    counts(A, OWN, OUTGOING, ONLY_SEEN);
    counts(OWN, PORT, OUTGOING, ONLY_SEEN);
}

#[test]
fn a_source_that_is_no_device_is_only_seen() {
    for source in [Mac::NULL, GROUP, Mac::BROADCAST] {
        for destination in [B, OWN, GROUP] {
            counts(source, destination, RECEIVED, ONLY_SEEN);
            counts(source, destination, OUTGOING, ONLY_SEEN);
        }
    }
}

#[test]
fn a_router_that_does_not_know_itself_counts_devices_all_the_same() {
    let wire = read(&frame(&[&[8, 6]]), 60, false, None).unwrap();
    let received = classify(&wire, RECEIVED, &[]);
    assert_eq!(received.device, Some((A, Direction::Tx)));
    let outgoing = classify(&wire, OUTGOING, &[]);
    assert_eq!(outgoing.device, Some((B, Direction::Rx)));
    assert!(!received.routed && !outgoing.routed && outgoing.own.is_none());
}

/// The headers of a segment: tags, words of the IPv4 header (`None`: IPv6), words of the TCP header
/// (`None`: UDP).
fn headers(tags: usize, ipv4: Option<u8>, tcp: Option<u8>) -> Vec<u8> {
    let protocol = if tcp.is_some() { 6 } else { 17 };
    let ip = match ipv4 {
        Some(words) => {
            let mut ip = vec![0; 4 * usize::from(words)];
            (ip[0], ip[9]) = (0x40 | words, protocol);
            [vec![8, 0], ip].concat()
        }
        None => {
            let mut ip = vec![0; 40];
            (ip[0], ip[6]) = (0x60, protocol);
            [vec![0x86, 0xdd], ip].concat()
        }
    };
    let mut transport = vec![0; tcp.map_or(8, |words| 4 * usize::from(words))];
    if let Some(words) = tcp {
        transport[12] = words << 4;
    }
    frame(&[&TAG.repeat(tags), &ip, &transport])
}

proptest! {
    #[test]
    fn a_frame_counts_as_its_segments_one_by_one(
        tags in 0_usize..=2,
        ipv4 in prop::option::of(5_u8..=15),
        tcp in prop::option::of(5_u8..=15),
        payload in 1_usize..70_000,
        size in 1_u16..=9_000,
        vlan_taken: bool,
    ) {
        let headers = headers(tags, ipv4, tcp);
        let (mut bytes, mut frames, mut left) = (0, 0, payload);
        while left > 0 {
            let part = left.min(usize::from(size));
            bytes += headers.len() + part + if vlan_taken { 4 } else { 0 };
            (frames, left) = (frames + 1, left - part);
        }
        let kept = &headers[..headers.len().min(96)];
        let len = (headers.len() + payload) as u32;
        let wire = read(kept, len, vlan_taken, NonZeroU16::new(size)).unwrap();
        prop_assert_eq!((wire.bytes, wire.frames), (bytes as u64, frames));
    }

    #[test]
    fn any_bytes_are_a_frame_or_a_runt(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        len: u32,
        vlan_taken: bool,
        size: u16,
    ) {
        let wire = read(&bytes, len, vlan_taken, NonZeroU16::new(size));
        prop_assert_eq!(wire.is_some(), bytes.len() >= 14);
        if let Some(wire) = wire {
            prop_assert!(wire.frames >= 1 && wire.bytes >= u64::from(len));
            let counted = classify(&wire, vlan_taken, &[]);
            prop_assert!(!counted.routed && (counted.device.is_some() || !counted.group));
        }
    }
}
