// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames by hand and by chance, counted by the program.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::reference::Reference;
use super::*;

const OURS: Mac = Mac([2, 0, 0, 0, 0, 1]);
const ALSO_OURS: Mac = Mac([2, 0, 0, 0, 0, 2]);
const ALICE: Mac = Mac([0x0a, 0xbb, 0xcc, 0xdd, 0xee, 0xf0]);
const BOB: Mac = Mac([0x0a, 0xbb, 0xcc, 0xdd, 0xee, 0xf1]);
const GROUP: Mac = Mac([0x33, 0x33, 0, 0, 0, 0xfb]);

const TAG: &[u8] = &[0x81, 0, 0, 7];
const SERVICE_TAG: &[u8] = &[0x88, 0xa8, 0, 9];

fn frame(destination: Mac, source: Mac, kind: u32, rest: &[&[u8]]) -> Frame {
    let bytes = [&destination.0[..], &source.0, &rest.concat()].concat();
    Frame {
        len: bytes.len().max(60) as u32,
        bytes,
        kind,
        vlan_taken: false,
        interface: 0x5_0007,
        gso_segments: 0,
        gso_size: 0,
    }
}

fn lane(mac: Mac) -> Lane {
    Lane { mac, interface: 7 }
}

/// What the program counts; the rule in plain Rust has to agree.
#[track_caller]
fn counted(frames: &[Frame], room: usize) -> Counted {
    let own = vec![OURS, ALSO_OURS];
    let vm = Vm::new(&own, room);
    let counted = Counted::default();
    let mut reference = Reference { own, room, counted };
    for frame in frames {
        assert_eq!(vm.run(frame).unwrap(), 0, "nothing is kept: {frame:?}");
        reference.count(frame);
        assert_eq!(vm.counted(), reference.counted, "{frame:?}");
    }
    vm.counted()
}

/// Checks the lanes, and those totals that are not zero.
#[track_caller]
fn check(frames: &[Frame], lanes: &[(Mac, Flow)], totals: Totals) {
    let lanes = lanes
        .iter()
        .map(|(mac, flow)| (lane(*mac), *flow))
        .collect();
    assert_eq!(counted(frames, LANES_ROOM), Counted { lanes, totals });
}

fn tx(bytes: u64, frames: u64, routed: u64) -> Flow {
    Flow::from_words([bytes, frames, 0, 0, routed, 0])
}

fn rx(bytes: u64, frames: u64, routed: u64) -> Flow {
    Flow::from_words([0, 0, bytes, frames, 0, routed])
}

fn seen(frames: u64) -> Totals {
    Totals {
        frames,
        ..Totals::default()
    }
}

/// Bytes and frames of a frame from Alice to Bob.
#[track_caller]
fn check_size(frame: Frame, bytes: u64, frames: u64) {
    check(&[frame], &[(ALICE, tx(bytes, frames, 0))], seen(frames));
}

#[test]
fn a_frame_between_devices_counts_once_for_each() {
    let received = frame(BOB, ALICE, RECEIVED, &[&[8, 0]]);
    let sent = Frame {
        kind: OUTGOING,
        ..received.clone()
    };
    let lanes = [(ALICE, tx(60, 1, 0)), (BOB, rx(60, 1, 0))];
    check(&[received, sent], &lanes, seen(2));
}

#[test]
fn a_frame_to_or_from_the_router_is_routed() {
    let received = frame(ALSO_OURS, ALICE, RECEIVED, &[&[8, 0]]);
    let totals = Totals {
        self_rx_bytes: 60,
        self_rx_frames: 1,
        ..seen(1)
    };
    check(&[received], &[(ALICE, tx(60, 1, 60))], totals);
    let sent = frame(ALICE, OURS, OUTGOING, &[&[8, 0]]);
    let totals = Totals {
        self_tx_bytes: 60,
        self_tx_frames: 1,
        ..seen(1)
    };
    check(&[sent], &[(ALICE, rx(60, 1, 60))], totals);
}

#[test]
fn what_the_router_sees_of_itself_is_nobodys() {
    check(&[frame(BOB, OURS, RECEIVED, &[&[8, 0]])], &[], seen(1));
    check(&[frame(OURS, BOB, OUTGOING, &[&[8, 0]])], &[], seen(1));
    check(&[frame(GROUP, OURS, RECEIVED, &[&[8, 0]])], &[], seen(1));
}

#[test]
fn groups_are_counted_where_they_come_from() {
    let group = Totals {
        group_bytes: 60,
        group_frames: 1,
        ..seen(1)
    };
    for to in [GROUP, Mac::BROADCAST] {
        let received = frame(to, ALICE, RECEIVED, &[&[8, 6]]);
        check(&[received], &[(ALICE, tx(60, 1, 0))], group);
        let sent = frame(to, OURS, OUTGOING, &[&[8, 6]]);
        let own = Totals {
            self_tx_bytes: 60,
            self_tx_frames: 1,
            ..group
        };
        check(&[sent], &[], own);
        let flooded = frame(to, ALICE, OUTGOING, &[&[8, 6]]);
        check(&[flooded], &[], seen(1));
    }
}

#[test]
fn a_source_that_nobody_can_have_is_only_seen() {
    for source in [GROUP, Mac::BROADCAST, Mac::NULL] {
        for kind in [RECEIVED, OUTGOING] {
            check(&[frame(BOB, source, kind, &[&[8, 0]])], &[], seen(1));
        }
    }
}

#[test]
fn a_runt_is_only_seen_and_a_looped_frame_not_at_all() {
    let mut runt = frame(BOB, ALICE, RECEIVED, &[&[8]]);
    assert_eq!(runt.bytes.len(), 13);
    check(&[runt.clone()], &[], seen(1));
    runt.bytes.clear();
    check(&[runt], &[], seen(1));
    let looped = frame(BOB, ALICE, 5, &[&[8, 0]]);
    check(&[looped], &[], seen(0));
}

#[test]
fn a_tag_that_was_taken_off_was_on_the_wire() {
    let plain = frame(BOB, ALICE, RECEIVED, &[&[8, 0]]);
    let tagged = frame(BOB, ALICE, RECEIVED, &[TAG, &[8, 0]]);
    for frame in [plain, tagged] {
        check_size(frame.clone(), 60, 1);
        let vlan_taken = true;
        check_size(
            Frame {
                vlan_taken,
                ..frame
            },
            64,
            1,
        );
    }
}

#[test]
fn unknown_ethertypes_and_lengths_are_counted_as_they_are() {
    for rest in [[0x88, 0xcc], [0x88, 0x63], [0, 46], [0x81, 0], [0xff, 0xff]] {
        check_size(frame(BOB, ALICE, RECEIVED, &[&rest]), 60, 1);
    }
}

/// Headers of a GSO frame: their bytes, and how many that is.
fn headers() -> Vec<(Vec<u8>, u64)> {
    let ipv4 = |first: u8, protocol: u8, options: &[u8]| {
        let head = [first, 0, 0, 60, 0, 0, 0, 0, 64, protocol];
        [&head[..], &[0; 10], options].concat()
    };
    let ipv6 = |next: u8| [&[0x60, 0, 0, 0, 0, 24, next, 255][..], &[1; 32]].concat();
    let tcp = [&[0; 12][..], &[0x80], &[0; 19]].concat();
    let udp = [0; 8];
    let (v4, v6): (&[u8], &[u8]) = (&[8, 0], &[0x86, 0xdd]);
    let join = |parts: &[&[u8]]| parts.concat();
    vec![
        (join(&[v4, &ipv4(0x45, 6, &[]), &tcp]), 14 + 20 + 32),
        (join(&[v4, &ipv4(0x47, 6, &[0; 8]), &tcp]), 14 + 28 + 32),
        (join(&[v4, &ipv4(0x45, 17, &[]), &udp]), 14 + 20 + 8),
        (join(&[v6, &ipv6(6), &tcp]), 14 + 40 + 32),
        (join(&[v6, &ipv6(17), &udp]), 14 + 40 + 8),
        (join(&[TAG, v4, &ipv4(0x45, 6, &[]), &tcp]), 18 + 20 + 32),
        (join(&[SERVICE_TAG, TAG, v6, &ipv6(17), &udp]), 22 + 40 + 8),
        // What is not known has no length.
        (join(&[v4, &ipv4(0x45, 47, &[])]), 14 + 20),
        (join(&[v6, &ipv6(0)]), 14 + 40),
        (join(&[&[0x88, 0x64]]), 14),
        (join(&[TAG, TAG, TAG, v4]), 22),
        (join(&[v4, &[0x45, 0, 0]]), 14),
        (join(&[v4, &ipv4(0x45, 6, &[])]), 14 + 20),
    ]
}

#[test]
fn segments_count_as_the_frames_they_become() {
    for (rest, header) in headers() {
        let mut gso = frame(BOB, ALICE, RECEIVED, &[&rest]);
        gso.len = header as u32 + 10 * 1_448 + 1;
        (gso.gso_segments, gso.gso_size) = (11, 1_448);
        check_size(gso.clone(), 14_481 + 11 * header, 11);
        // The kernel did not count them.
        gso.gso_segments = 0;
        check_size(gso.clone(), 14_481 + 11 * header, 11);
        gso.vlan_taken = true;
        check_size(gso.clone(), 14_481 + 11 * (header + 4), 11);
        gso.len -= 1;
        check_size(gso.clone(), 14_480 + 10 * (header + 4), 10);
        // One segment, or less than its header.
        gso.vlan_taken = false;
        gso.len = header as u32 + 1;
        check_size(gso.clone(), header + 1, 1);
        gso.len = header as u32;
        check_size(gso.clone(), header, 1);
        (gso.gso_segments, gso.gso_size) = (1, 0);
        check_size(gso, header, 1);
    }
}

#[test]
fn what_finds_no_room_is_other() {
    let carol = Mac([0x0a, 0, 0, 0, 0, 1]);
    let frames = [
        frame(OURS, ALICE, RECEIVED, &[&[8, 0]]),
        frame(BOB, carol, RECEIVED, &[&[8, 0]]),
        frame(BOB, ALICE, OUTGOING, &[&[8, 0]]),
        frame(BOB, OURS, OUTGOING, &[&[8, 0]]),
        frame(GROUP, carol, RECEIVED, &[&[8, 0]]),
        frame(OURS, ALICE, RECEIVED, &[&[8, 0]]),
    ];
    let Counted { lanes, totals } = counted(&frames, 1);
    assert_eq!(lanes, [(lane(ALICE), tx(120, 2, 120))].into());
    assert_eq!((totals.other_tx_bytes, totals.other_rx_bytes), (120, 120));
    assert_eq!((totals.other_frames, totals.frames), (4, 6));
    assert_eq!((totals.self_tx_frames, totals.group_frames), (1, 1));
    assert!(counted(&frames, 0).lanes.is_empty());
}

#[test]
fn one_device_has_a_lane_for_each_interface() {
    let here = frame(BOB, ALICE, RECEIVED, &[&[8, 0]]);
    let interface = 0x5_0008;
    let there = Frame {
        interface,
        ..here.clone()
    };
    let lanes = counted(&[here, there], LANES_ROOM).lanes;
    assert_eq!(
        lanes.keys().map(|lane| lane.interface).collect::<Vec<_>>(),
        [7, 8]
    );
}

#[test]
fn every_own_address_is_known_to_the_last() {
    let own: Vec<_> = (1..=OWN_MACS_MAX as u8)
        .map(|last| Mac([2, 0, 0, 0, 9, last]))
        .collect();
    let vm = Vm::new(&own, LANES_ROOM);
    for mac in &own {
        vm.run(&frame(*mac, ALICE, RECEIVED, &[&[8, 0]])).unwrap();
        vm.run(&frame(*mac, ALICE, OUTGOING, &[&[8, 0]])).unwrap();
    }
    let flow = vm.counted().lanes[&lane(ALICE)];
    assert_eq!(flow, tx(60 * 16, 16, 60 * 16));
    assert_eq!(vm.counted().lanes.len(), 1);
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let some =
        |macs: &[Mac]| prop_oneof![8 => select(macs.to_vec()), 1 => any::<[u8; 6]>().prop_map(Mac)];
    let macs = [
        OURS,
        ALSO_OURS,
        ALICE,
        BOB,
        GROUP,
        Mac::BROADCAST,
        Mac::NULL,
    ];
    let headers: Vec<_> = headers().into_iter().map(|(bytes, _)| bytes).collect();
    let rest = prop_oneof![
        2 => select(headers),
        1 => vec(any::<u8>(), 0..80),
        1 => (select(vec![[8_u8, 0], [0x86, 0xdd], [0x81, 0]]), vec(any::<u8>(), 0..80))
            .prop_map(|(ethertype, rest)| [&ethertype[..], &rest].concat()),
    ];
    let gso = (
        prop_oneof![Just(0_u16), Just(1), any::<u16>()],
        prop_oneof![Just(0_u16), Just(1_448), any::<u16>()],
    );
    let context = (
        0..8_u32,
        any::<bool>(),
        prop_oneof![Just(7), any::<u32>()],
        0..600_000_u32,
    );
    ((some(&macs), some(&macs)), rest, 0..120_usize, gso, context).prop_map(
        |((destination, source), rest, cut, gso, (kind, vlan_taken, interface, more))| {
            let mut frame = frame(destination, source, kind, &[&rest]);
            frame.bytes.truncate(cut);
            Frame {
                len: frame.bytes.len() as u32 + more,
                vlan_taken,
                interface,
                gso_segments: gso.0.into(),
                gso_size: gso.1.into(),
                ..frame
            }
        },
    )
}

proptest! {
    #[test]
    fn any_frames_are_counted_by_the_rule(frames in vec(any_frame(), 1..24), room in 0..6_usize) {
        counted(&frames, room);
    }
}
