// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ring on a real cable: every frame once, each way, with its bytes on the wire.

#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
mod link;
mod support;

use std::fs;
use std::time::Duration;

use lan::{OURS, THEIRS, inside, ip};
use netvitals::codec::wire;
use netvitals::limits::TAPS_MAX;
use netvitals::sys::poll::{self, AsFd, Until};
use netvitals::sys::ring::{Captured, Kind, Ring};

/// Local experimental Ethertype 1 (IEEE 802): no kernel sends it of its own.
const ETHERTYPE: u16 = 0x88b5;

fn ring(kib: u32) -> Ring {
    let mut ring = Ring::open(kib).unwrap();
    ring.watch(&[link::index(OURS).unwrap()]).unwrap();
    ring
}

/// Takes frames until none has come for longer than the kernel keeps a block.
fn drain(ring: &mut Ring, mut see: impl FnMut(Captured<'_>)) {
    let timeout = Some(Duration::from_millis(300));
    while poll::wait([(ring.as_fd(), Until::Readable)], timeout).unwrap()[0] {
        ring.take(&mut see);
    }
}

/// What the wire saw of our own frames.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    received: (u64, u64),
    outgoing: (u64, u64),
    /// Those whose tag the kernel took off.
    taken: u64,
}

fn seen(ring: &mut Ring) -> Seen {
    let mut seen = Seen::default();
    drain(ring, |frame| {
        let kind = frame.headers[12..].windows(2);
        if !kind.take(9).any(|kind| kind == ETHERTYPE.to_be_bytes()) {
            return;
        }
        let wire = wire::read(frame.headers, frame.len, frame.vlan_taken, None).unwrap();
        let row = match frame.kind {
            Kind::Received => &mut seen.received,
            Kind::Outgoing => &mut seen.outgoing,
            Kind::Loopback => panic!("nobody sends to itself"),
        };
        *row = (row.0 + u64::from(wire.frames), row.1 + wire.bytes);
        seen.taken += u64::from(frame.vlan_taken);
    });
    seen
}

/// A frame of `len` bytes with these tags.
fn frame(len: usize, tags: &[u8]) -> Vec<u8> {
    let addresses = [2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa];
    let mut frame = [&addresses, tags, &ETHERTYPE.to_be_bytes()].concat();
    frame.resize(len, 0x5a);
    frame
}

fn send(from: &str, frame: &[u8], count: u64) {
    let socket = frames::Socket::open(from, 0x88b6).unwrap();
    (0..count).for_each(|_| socket.send(frame).unwrap());
}

#[test]
fn every_frame_is_seen_once_each_way() {
    inside("every_frame_is_seen_once_each_way", || {
        let mut ring = ring(512);
        send(THEIRS, &frame(60, &[]), 1_000);
        send(OURS, &frame(1_514, &[]), 500);
        send("lo", &frame(60, &[]), 100);
        let expected = Seen {
            received: (1_000, 60_000),
            outgoing: (500, 500 * 1_514),
            taken: 0,
        };
        assert_eq!((seen(&mut ring), ring.lost()), (expected, 0));
        assert_eq!(seen(&mut ring), Seen::default());
    });
}

#[test]
fn more_frames_than_the_ring_holds_pass_through_it() {
    inside("more_frames_than_the_ring_holds_pass_through_it", || {
        let mut ring = ring(128);
        let (mut all, rounds) = (0, 100);
        for _ in 0..rounds {
            send(THEIRS, &frame(200, &[]), 300);
            all += seen_now(&mut ring);
        }
        all += seen(&mut ring).received.0;
        assert_eq!((all, ring.lost()), (rounds * 300, 0));
    });
}

/// Takes what is there.
fn seen_now(ring: &mut Ring) -> u64 {
    let mut count = 0;
    ring.take(|frame| count += u64::from(frame.headers[12..14] == ETHERTYPE.to_be_bytes()));
    count
}

#[test]
fn a_tag_is_on_the_wire_whoever_holds_it() {
    inside("a_tag_is_on_the_wire_whoever_holds_it", || {
        let mut ring = ring(512);
        for (tags, taken) in [
            (&[0x81, 0, 0, 7][..], 10),
            (&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 9], 10),
            (&[], 0),
        ] {
            send(THEIRS, &frame(118, tags), 10);
            send(OURS, &frame(118, tags), 10);
            let expected = Seen {
                received: (10, 1_180),
                outgoing: (10, 1_180),
                taken,
            };
            assert_eq!(seen(&mut ring), expected, "{tags:02x?}");
        }
    });
}

#[test]
fn an_interface_that_comes_back_is_another_one() {
    inside("an_interface_that_comes_back_is_another_one", || {
        let mut ring = ring(512);
        let old = link::index(OURS).unwrap();
        for _ in 0..3 {
            ip(&format!("link delete {OURS}"));
            link::make_pair(OURS, THEIRS).unwrap();
            assert_ne!(link::index(OURS).unwrap(), old);
            send(THEIRS, &frame(60, &[]), 10);
            assert_eq!(seen(&mut ring), Seen::default());
            ring.watch(&[old, link::index(OURS).unwrap()]).unwrap();
            send(THEIRS, &frame(60, &[]), 10);
            assert_eq!(seen(&mut ring).received, (10, 600));
        }
        assert_eq!(ring.lost(), 0);
    });
}

#[test]
fn what_a_full_ring_loses_it_says() {
    inside("what_a_full_ring_loses_it_says", || {
        for (kib, least) in [(128, 600), (512, 2_500), (16_384, 20_000)] {
            let mut ring = Ring::open(kib).unwrap();
            // Nothing but ours: routers are solicited here too.
            let path = format!("/proc/sys/net/ipv6/conf/{OURS}/disable_ipv6");
            fs::write(path, "1").unwrap();
            let path = format!("/proc/sys/net/ipv6/conf/{THEIRS}/disable_ipv6");
            fs::write(path, "1").unwrap();
            drain(&mut ring, |_| ());
            ring.watch(&[link::index(OURS).unwrap()]).unwrap();
            send(THEIRS, &frame(60, &[]), 20_000);
            let (first, lost) = (seen(&mut ring).received.0, ring.lost());
            assert_eq!(first + lost, 20_000, "{kib} KiB");
            assert!(first >= least, "{kib} KiB: {first}");
            // And goes on, without counting them again.
            send(THEIRS, &frame(60, &[]), 500);
            assert_eq!(seen(&mut ring).received.0, 500);
            assert_eq!(ring.lost(), lost);
        }
    });
}

#[test]
fn what_is_not_watched_is_not_seen() {
    inside("what_is_not_watched_is_not_seen", || {
        let mut ring = Ring::open(128).unwrap();
        let ours = link::index(OURS).unwrap();
        let count = |ring: &mut Ring| {
            send(THEIRS, &frame(60, &[]), 10);
            seen(ring).received.0
        };
        assert_eq!(count(&mut ring), 0);
        // As the last of the most that can be.
        let mut interfaces: Vec<u32> = (1_000..).take(TAPS_MAX).collect();
        interfaces[TAPS_MAX - 1] = ours;
        ring.watch(&interfaces).unwrap();
        assert_eq!(count(&mut ring), 10);
        interfaces.push(7);
        let error = ring.watch(&interfaces).unwrap_err().to_string();
        assert_eq!(error, "65 interfaces to watch at once, at most 64");
        assert_eq!(count(&mut ring), 10);
        ring.watch(&[]).unwrap();
        assert_eq!(count(&mut ring), 0);
        assert_eq!(ring.lost(), 0);
    });
}

#[test]
fn nothing_is_left_of_a_ring() {
    inside("nothing_is_left_of_a_ring", || {
        let sockets = || {
            fs::read_to_string("/proc/net/packet")
                .unwrap()
                .lines()
                .count()
        };
        let mapped = || {
            let maps = fs::read_to_string("/proc/self/maps").unwrap();
            maps.lines()
                .filter(|line| line.contains("socket:["))
                .count()
        };
        for kib in [128, 512, 16_384] {
            let ring = Ring::open(kib).unwrap();
            assert_eq!((sockets(), mapped()), (2, 1));
            drop(ring);
            assert_eq!((sockets(), mapped()), (1, 0));
        }
    });
}
