// SPDX-License-Identifier: MIT OR Apache-2.0
//! What devices move, counted on a bridge of its own by both engines: exact to the byte, while
//! ports come, go and are renamed.

#[path = "support/bridge.rs"]
mod bridge;
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

use bridge::*;
use counting::allocations;
use lan::{inside, ip};
use netvitals::collect::bandwidth::{Capture, Mode, Source};
use netvitals::model::addr::Mac;
use netvitals::model::traffic::Sums;
use netvitals::model::unseen::Blind;
use netvitals::sys::clock::mono;
use netvitals::sys::privileges::{Capabilities, Capability, Holder, Outcome, ThisThread};

#[test]
fn both_engines_count_the_same() {
    inside("both_engines_count_the_same", || {
        make_bridge();
        with_each_engine(&["br0"], |capture| {
            assert_eq!(names(capture), "p1 p2 p3");
            assert_eq!(capture.own()[0], BRIDGE);
            // Nobody knows where Bob is, until he speaks.
            ip("link set br0 type bridge fdb_flush");
            send("h1", BOB, ALICE, 100, 1);
            send("h2", ALICE, BOB, 1_000, 50);
            send("h1", BOB, ALICE, 100, 99);
            send("h1", BRIDGE, ALICE, 300, 30);
            send("br0", ALICE, BRIDGE, 200, 20);
            send("h1", Mac::BROADCAST, ALICE, 60, 10);
            let tagged = frame(BOB, ALICE, 104, true);
            let socket = frames::Socket::open("h1", 0x88b5).unwrap();
            (0..25).for_each(|_| socket.send(&tagged).unwrap());
            let runt = frames::Socket::open("h3", 0x88b5).unwrap();
            runt.send(&frame(Mac::NULL, ALICE, 60, false)).unwrap();
            // In at one port and out at another, the broadcasts and the first at two others, and
            // those of or to the bridge once.
            wait_for_frames(capture, 3 + 100 + 198 + 30 + 20 + 30 + 50 + 3);
            let [rx, rx_bytes, tx, tx_bytes] = moved(capture, ALICE);
            assert_eq!((rx, rx_bytes), (50 + 20, 50 * 1_000 + 20 * 200));
            assert_eq!(tx, 100 + 30 + 10 + 25 + 1);
            let sent = 100 * 100 + 30 * 300 + 10 * 60 + 25 * 104 + 60;
            assert_eq!(tx_bytes, sent);
            let received = 100 * 100 + 25 * 104;
            assert_eq!(moved(capture, BOB), [125, received, 50, 50_000]);
            let Sums {
                own,
                group_frames,
                group_bytes,
                other_frames,
                flooded_frames,
                ..
            } = capture.traffic().window_sums();
            assert_eq!((own.rx_frames, own.rx_bytes), (30, 9_000));
            assert_eq!((own.tx_frames, own.tx_bytes), (20, 4_000));
            assert_eq!((group_frames, group_bytes), (10, 600));
            assert_eq!((other_frames, flooded_frames), (0, 1));
            assert!(capture.traffic().find(BRIDGE).is_none());
            capture.begin_window();
            assert_eq!(moved(capture, ALICE), [0; 4]);
        });
    });
}

#[test]
fn no_window_and_no_frame_allocates() {
    inside("no_window_and_no_frame_allocates", || {
        make_bridge();
        with_each_engine(&["br0"], |capture| {
            let [host, bridge] =
                ["h2", "br0"].map(|name| frames::Socket::open(name, 0x88b5).unwrap());
            for round in 0..4_u8 {
                for i in 0..100 {
                    let mac = Mac([2, 1, 0, round, 0, i]);
                    for _ in 0..3 {
                        host.send(&frame(BRIDGE, mac, 60, false)).unwrap();
                    }
                    bridge.send(&frame(mac, BRIDGE, 60, false)).unwrap();
                }
                let count = allocations(|| {
                    let start = mono();
                    while mono().since(start).as_millis() < 300 {
                        capture.turn(mono()).unwrap();
                        assert!(capture.next_due().is_none_or(|due| due > start));
                    }
                    capture.end_window(mono()).unwrap();
                });
                assert_eq!((count, capture.frames_seen()), (0, 400), "{round}");
                assert_eq!(allocations(|| capture.begin_window()), 0);
            }
            assert_eq!(capture.traffic().rows().count(), 400);
        });
    });
}

/// Does `work` with these capabilities only, as far as we have them.
fn with_only<T>(list: &[Capability], work: impl FnOnce() -> T) -> T {
    let before = ThisThread.privileges().unwrap();
    let mut lowered = before;
    lowered.effective = before.permitted.also_in(Capabilities::of(list));
    ThisThread.set_privileges(lowered).unwrap();
    let result = work();
    ThisThread.set_privileges(before).unwrap();
    result
}

#[test]
fn the_best_that_is_allowed_counts_and_what_is_not_is_said() {
    inside(
        "the_best_that_is_allowed_counts_and_what_is_not_is_said",
        || {
            make_bridge();
            let attempt = |mode, capabilities: &[Capability]| {
                let capture = with_only(capabilities, || open(mode, &["br0"]));
                let told = [capture.fallback_reason(), capture.remedy()];
                let told = told.map(|text| text.unwrap_or_default().to_owned());
                (capture, told)
            };
            let (bpf, raw) = (Capability::Bpf, Capability::NetRaw);
            let no_bpf = "bpf: operation not permitted (CAP_BPF)";
            let no_ring = "ring: operation not permitted (CAP_NET_RAW)";
            let (mut capture, [reason, remedy]) = attempt(Mode::Auto, &[raw]);
            assert_eq!((capture.source(), reason.as_str()), (Source::Ring, no_bpf));
            assert!(remedy.contains("CAP_BPF"), "{remedy}");
            assert_eq!(capture.unseen().iter().count(), 0);
            send("h1", BRIDGE, ALICE, 100, 10);
            wait_until(&mut capture, |capture| moved(capture, ALICE)[2] == 10);

            for (mode, expected) in [
                (Mode::Auto, format!("{no_bpf}; {no_ring}")),
                (Mode::Ebpf, no_bpf.into()),
                (Mode::Ring, no_ring.into()),
                (Mode::Off, String::new()),
            ] {
                let (mut capture, [reason, remedy]) = attempt(mode, &[]);
                assert_eq!((capture.source(), reason), (Source::None, expected));
                assert_eq!(remedy.is_empty(), mode == Mode::Off);
                let blind = capture.unseen().contains(Blind::NoPermission);
                assert_eq!(blind, mode != Mode::Off);
                capture.turn(mono()).unwrap();
                capture.end_window(mono()).unwrap();
                assert!(capture.interfaces().is_empty() && capture.next_due().is_none());
            }
            let (capture, [reason, _]) = attempt(Mode::Auto, &[bpf]);
            if !reason.starts_with(no_bpf) {
                let no_tap = "bpf: tap: operation not permitted (CAP_NET_RAW)";
                assert_eq!(reason, format!("{no_tap}; {no_ring}"));
            }
            assert_eq!(capture.source(), Source::None);
        },
    );
}

#[test]
fn counting_goes_on_without_the_right_to_load() {
    inside("counting_goes_on_without_the_right_to_load", || {
        make_bridge();
        let Some(mut capture) = start(Mode::Ebpf, &["br0"]) else {
            return;
        };
        let permitted = ThisThread.privileges().unwrap().permitted;
        let outcome = capture.give_up_loading().unwrap();
        if outcome == Some(Outcome::GivenUp) {
            assert!(permitted != ThisThread.privileges().unwrap().permitted);
        }
        ip("link del p1");
        make_port(1);
        let turn = |capture: &mut Capture| {
            with_only(&[Capability::NetRaw], || {
                wait_until(capture, |capture| names(capture) == "p2 p3 p1");
            });
        };
        turn(&mut capture);
        send("h1", BRIDGE, ALICE, 100, 10);
        wait_until(&mut capture, |capture| moved(capture, ALICE)[2] == 10);
        capture.turn(mono()).unwrap();
    });
}
