// SPDX-License-Identifier: MIT OR Apache-2.0
//! The counting program in the real kernel, on a cable of its own: exact to the byte.

#[path = "support/counting.rs"]
mod counting;
#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
mod support;
#[path = "support/vnet.rs"]
mod vnet;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lan::{OURS, THEIRS, inside};
use netvitals::limits::LANES_MAX;
use netvitals::model::addr::Mac;
use netvitals::model::usage::{Flow, Lane, Totals};
use netvitals::sys::bpf::{Counting, LoadError, Tap};
use netvitals::sys::privileges::Outcome;
use support::skip::skip;

const ALICE: Mac = Mac([2, 0xa1, 0, 0, 0, 1]);
const BOB: Mac = Mac([2, 0xb0, 0, 0, 0, 2]);

/// What is counted on our side of the cable.
struct Lab {
    counting: Counting,
    tap: Option<Tap>,
    own: Mac,
    interface: u16,
    sockets: [frames::Socket; 2],
}

impl Lab {
    /// `None`, and said why, where this kernel or user may not count.
    fn new() -> Option<Self> {
        // No frame but ours.
        std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap();
        let counting = match Counting::load() {
            Ok(counting) => counting,
            Err(error @ LoadError::Rejected { .. }) => panic!("{error}: {error:?}"),
            Err(error) => {
                skip(&error.to_string());
                return None;
            }
        };
        let index = link::index(OURS).unwrap();
        let sockets = [OURS, THEIRS].map(|name| frames::Socket::open(name, 0x88b5).unwrap());
        let own = Mac(sockets[0].mac);
        counting.set_own(&[own]).unwrap();
        let tap = Some(counting.tap(index).unwrap());
        let interface = index as u16;
        Some(Self {
            counting,
            tap,
            own,
            interface,
            sockets,
        })
    }

    /// Sends a frame so many times from one side, and waits until it was seen.
    #[track_caller]
    fn send(&mut self, side: &str, frame: &[u8], count: u64) {
        let frames = self.counting.totals().unwrap().frames + count;
        for _ in 0..count {
            self.sockets[usize::from(side == THEIRS)]
                .send(frame)
                .unwrap();
        }
        self.wait_for(frames);
    }

    #[track_caller]
    fn wait_for(&mut self, frames: u64) {
        let start = Instant::now();
        while self.counting.totals().unwrap().frames < frames {
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "frames are missing"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(self.counting.totals().unwrap().frames, frames);
    }

    fn lane(&self, mac: Mac) -> Lane {
        let interface = self.interface;
        Lane { mac, interface }
    }

    fn flow(&mut self, mac: Mac) -> Option<Flow> {
        let (wanted, mut found) = (self.lane(mac), None);
        let each = self.counting.each(|lane, flow| {
            if lane == wanted {
                assert!(found.replace(flow).is_none(), "twice");
            }
        });
        each.unwrap();
        found
    }

    fn lanes(&mut self) -> usize {
        let mut count = 0;
        self.counting.each(|_, _| count += 1).unwrap();
        count
    }
}

/// A frame of `len` bytes, these first.
fn frame(destination: Mac, source: Mac, rest: &[u8], len: usize) -> Vec<u8> {
    let mut frame = [&destination.0[..], &source.0, rest].concat();
    frame.resize(len, 0);
    frame
}

const OTHER: &[u8] = &[0x88, 0xb5];

fn tx(bytes: u64, frames: u64, routed: u64) -> Flow {
    Flow::from_words([bytes, frames, 0, 0, routed, 0])
}

#[test]
fn every_frame_is_counted_to_the_byte() {
    inside("every_frame_is_counted_to_the_byte", || {
        let Some(mut lab) = Lab::new() else { return };
        let own = lab.own;
        lab.send(THEIRS, &frame(own, ALICE, OTHER, 100), 10_000);
        lab.send(THEIRS, &frame(BOB, ALICE, OTHER, 1_514), 1_000);
        lab.send(THEIRS, &frame(Mac::BROADCAST, ALICE, OTHER, 60), 10);
        let bytes = 1_000_000 + 1_514_000 + 600;
        assert_eq!(lab.flow(ALICE), Some(tx(bytes, 11_010, 1_000_000)));
        assert_eq!(lab.flow(BOB), None);
        lab.send(OURS, &frame(BOB, own, OTHER, 200), 1_000);
        lab.send(OURS, &frame(BOB, ALICE, OTHER, 300), 100);
        lab.send(OURS, &frame(Mac::BROADCAST, own, OTHER, 60), 10);
        // A copy of a flood, and what nobody can have sent.
        lab.send(OURS, &frame(Mac::BROADCAST, ALICE, OTHER, 60), 10);
        lab.send(THEIRS, &frame(own, Mac::BROADCAST, OTHER, 60), 10);
        let flow = Flow::from_words([0, 0, 230_000, 1_100, 0, 200_000]);
        assert_eq!(lab.flow(BOB), Some(flow));
        let expected = Totals {
            frames: 10_000 + 1_000 + 10 + 1_000 + 100 + 30,
            self_rx_bytes: 1_000_000,
            self_rx_frames: 10_000,
            self_tx_bytes: 200_600,
            self_tx_frames: 1_010,
            group_bytes: 1_200,
            group_frames: 20,
            ..Totals::default()
        };
        assert_eq!(lab.counting.totals().unwrap(), expected);
        assert_eq!(lab.lanes(), 2);
    });
}

#[test]
fn tags_are_counted_whoever_took_them_off() {
    inside("tags_are_counted_whoever_took_them_off", || {
        let Some(mut lab) = Lab::new() else { return };
        let tag = [0x81, 0, 0, 7, 0x88, 0xb5];
        let two = [0x88, 0xa8, 0, 9, 0x81, 0, 0, 7, 0x88, 0xb5];
        for tags in [&tag[..], &two] {
            // The kernel takes off what comes, before the tap sees it, and leaves what goes.
            lab.send(THEIRS, &frame(BOB, ALICE, tags, 104), 100);
            lab.send(OURS, &frame(ALICE, BOB, tags, 104), 100);
        }
        let flow = Flow::from_words([20_800, 200, 20_800, 200, 0, 0]);
        assert_eq!(lab.flow(ALICE), Some(flow));
    });
}

#[test]
fn segments_are_counted_as_on_the_wire() {
    inside("segments_are_counted_as_on_the_wire", || {
        let Some(mut lab) = Lab::new() else { return };
        let mut expected = Flow::default();
        for gso in [vnet::TCP4, vnet::TCP6, vnet::UDP4] {
            // 10 segments and a shorter one; from both ends, so that both directions are seen.
            let super_frame = gso.frame(BOB.0, ALICE.0, 10 * 1_000 + 1);
            let frames = lab.counting.totals().unwrap().frames;
            let sockets = [OURS, THEIRS].map(|name| vnet::Socket::open(name).unwrap());
            if let Err(error) = sockets[1].send(&super_frame) {
                // Before Linux 6.2 nobody can hand in segments of UDP.
                assert!(!gso.tcp, "{gso:?}: {error}");
                continue;
            }
            lab.wait_for(frames + 11);
            sockets[0]
                .send(&gso.frame(ALICE.0, BOB.0, 10 * 1_000 + 1))
                .unwrap();
            lab.wait_for(frames + 22);
            let bytes = 10_001 + 11 * gso.header() as u64;
            expected.add(Flow::from_words([bytes, 11, bytes, 11, 0, 0]));
            assert_eq!(lab.flow(ALICE), Some(expected), "{gso:?}");
        }
    });
}

#[test]
fn own_addresses_may_change_and_lanes_come_and_go() {
    inside("own_addresses_may_change_and_lanes_come_and_go", || {
        let Some(mut lab) = Lab::new() else { return };
        lab.send(THEIRS, &frame(BOB, ALICE, OTHER, 100), 10);
        lab.counting.set_own(&[lab.own, BOB]).unwrap();
        lab.send(THEIRS, &frame(BOB, ALICE, OTHER, 100), 10);
        assert_eq!(lab.flow(ALICE), Some(tx(2_000, 20, 1_000)));
        let lane = lab.lane(ALICE);
        lab.counting.reserve(lane).unwrap();
        assert_eq!(
            lab.counting.evict(lane).unwrap(),
            Some(tx(2_000, 20, 1_000))
        );
        assert_eq!(lab.counting.evict(lane).unwrap(), None);
        // A row that was used before begins at zero, on every CPU.
        lab.counting.reserve(lane).unwrap();
        assert_eq!(lab.flow(ALICE), Some(Flow::default()));
        lab.send(THEIRS, &frame(BOB, ALICE, OTHER, 100), 3);
        assert_eq!(lab.flow(ALICE), Some(tx(300, 3, 300)));
    });
}

#[test]
fn a_full_table_counts_the_rest_as_other() {
    inside("a_full_table_counts_the_rest_as_other", || {
        let Some(mut lab) = Lab::new() else { return };
        let guest = |i: usize| Mac([2, 0xee, 0, 0, (i >> 8) as u8, i as u8]);
        for i in 0..LANES_MAX + 10 {
            lab.send(THEIRS, &frame(BOB, guest(i), OTHER, 100), 1);
        }
        assert_eq!(lab.lanes(), LANES_MAX);
        let totals = lab.counting.totals().unwrap();
        assert_eq!((totals.other_tx_bytes, totals.other_frames), (1_000, 10));
        let late = lab.lane(ALICE);
        let error = lab.counting.reserve(late).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ArgumentListTooLong);
        let first = lab.lane(guest(0));
        assert_eq!(lab.counting.evict(first).unwrap(), Some(tx(100, 1, 0)));
        lab.counting.reserve(late).unwrap();
        lab.send(THEIRS, &frame(BOB, ALICE, OTHER, 100), 5);
        assert_eq!(lab.flow(ALICE), Some(tx(500, 5, 0)));
        assert_eq!(lab.lanes(), LANES_MAX);
        // Reading all of it does not allocate.
        let allocated = counting::allocations(|| {
            let mut bytes = 0;
            lab.counting.each(|_, flow| bytes += flow.tx_bytes).unwrap();
            assert_eq!(bytes, 100 * (LANES_MAX as u64 - 1) + 500);
            lab.counting.totals().unwrap();
        });
        assert_eq!(allocated, 0);
    });
}

#[test]
fn a_tap_outlives_a_link_that_goes_down_and_ends_when_dropped() {
    let name = "a_tap_outlives_a_link_that_goes_down_and_ends_when_dropped";
    inside(name, || {
        let Some(mut lab) = Lab::new() else { return };
        let hello = frame(BOB, ALICE, OTHER, 100);
        lab.send(THEIRS, &hello, 1);
        lan::ip(&format!("link set {OURS} down"));
        let index = link::index(OURS).unwrap();
        // One is opened while the link is down.
        let tap = lab.counting.tap(index).unwrap();
        assert_eq!(tap.interface(), index);
        lan::ip(&format!("link set {OURS} up"));
        // Both see it. What is sent before the kernel has noticed that the other end has a carrier
        // again goes nowhere, and the socket is told once that the link was down.
        let frames = lab.counting.totals().unwrap().frames;
        let start = Instant::now();
        while lab.counting.totals().unwrap().frames == frames {
            let missing = "frames are missing";
            assert!(start.elapsed() < Duration::from_secs(10), "{missing}");
            let _ = lab.sockets[1].send(&hello);
            std::thread::sleep(Duration::from_millis(50));
        }
        let seen = lab.counting.totals().unwrap().frames;
        assert_eq!((seen - frames) % 2, 0);
        drop((tap, lab.tap.take()));
        for _ in 0..10 {
            lab.sockets[1].send(&hello).unwrap();
        }
        std::thread::sleep(Duration::from_millis(50));
        lab.wait_for(seen);
        assert!(lab.counting.tap(9_999).is_err());
    });
}

#[test]
fn the_right_to_load_is_given_up_and_reading_goes_on() {
    inside("the_right_to_load_is_given_up_and_reading_goes_on", || {
        let Some(mut lab) = Lab::new() else { return };
        let outcome = lab.counting.give_up_loading().unwrap();
        lab.send(THEIRS, &frame(BOB, ALICE, OTHER, 100), 10);
        assert_eq!(lab.flow(ALICE), Some(tx(1_000, 10, 0)));
        let lane = lab.lane(ALICE);
        assert!(lab.counting.evict(lane).unwrap().is_some());
        lab.counting.reserve(lane).unwrap();
        lab.counting.set_own(&[BOB]).unwrap();
        let index = link::index(THEIRS).unwrap();
        drop(lab.counting.tap(index).unwrap());
        if outcome == Outcome::GivenUp {
            let error = Counting::load().unwrap_err();
            assert_eq!(error, LoadError::Permission, "{error}");
        }
    });
}

/// Packet sockets of this network namespace.
fn packet_sockets() -> usize {
    let table = std::fs::read_to_string("/proc/net/packet").unwrap();
    table.lines().count() - 1
}

#[test]
fn nothing_is_left_of_a_killed_process() {
    inside("nothing_is_left_of_a_killed_process", || {
        let Some(lab) = Lab::new() else { return };
        let sockets = packet_sockets();
        drop(lab.tap);
        assert_eq!(packet_sockets(), sockets - 1);
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "holder", "--ignored", "--nocapture"]);
        let child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = support::Guarded(child.unwrap());
        let start = Instant::now();
        while packet_sockets() < sockets {
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "it does not count"
            );
            assert_eq!(child.0.try_wait().unwrap(), None);
            std::thread::sleep(Duration::from_millis(5));
        }
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        assert_eq!(packet_sockets(), sockets - 1);
    });
}

#[test]
#[ignore = "is the process that is killed"]
fn holder() {
    let counting = Counting::load().unwrap();
    let _tap = counting.tap(link::index(OURS).unwrap()).unwrap();
    std::thread::sleep(Duration::from_secs(60));
}
