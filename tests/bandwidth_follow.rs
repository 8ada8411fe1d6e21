// SPDX-License-Identifier: MIT OR Apache-2.0
//! A capture on a bridge whose ports come, go, leave, join and are renamed, under traffic: every
//! frame is counted that passes while its port is captured on, and no number ever becomes less.

#[path = "support/bridge.rs"]
mod bridge;
#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bridge::*;
use lan::{inside, ip};
use netvitals::collect::bandwidth::Capture;
use netvitals::model::unseen::Blind;
use netvitals::sys::clock::mono;

/// A change is to be followed in this time, unless the machine is busy with something else.
const SOON: Duration = Duration::from_secs(1);

/// Waits until it is captured on these interfaces.
#[track_caller]
fn wait_for(capture: &mut Capture, interfaces: &str) -> Duration {
    wait_until(capture, |capture| names(capture) == interfaces)
}

/// Waits until it is captured on this very interface.
#[track_caller]
fn wait_for_index(capture: &mut Capture, index: u32) {
    let is_there = |capture: &Capture| capture.interfaces().iter().any(|tap| tap.index == index);
    wait_until(capture, is_there);
}

#[test]
fn a_port_that_leaves_is_followed_and_again_when_it_joins() {
    inside(
        "a_port_that_leaves_is_followed_and_again_when_it_joins",
        || {
            make_bridge();
            with_each_engine(&["br0"], |capture| {
                send("h2", BRIDGE, BOB, 100, 10);
                wait_until(capture, |capture| moved(capture, BOB)[2] == 10);
                ip("link set p2 nomaster");
                let mut lasted = vec![wait_for(capture, "p1 p3")];
                send("h2", BRIDGE, BOB, 100, 10);
                send("h1", BRIDGE, ALICE, 100, 1);
                wait_until(capture, |capture| moved(capture, ALICE)[2] == 1);
                assert_eq!(moved(capture, BOB), [0, 0, 10, 1_000]);
                ip("link set p2 master br0");
                lasted.push(wait_for(capture, "p1 p2 p3"));
                send("h2", BRIDGE, BOB, 100, 10);
                wait_until(capture, |capture| moved(capture, BOB)[2] == 20);
                ip("link set p2 down");
                lasted.push(wait_for(capture, "p1 p3"));
                ip("link set p2 up");
                lasted.push(wait_for(capture, "p1 p2 p3"));
                send("h2", BRIDGE, BOB, 100, 10);
                wait_until(capture, |capture| moved(capture, BOB)[2] == 30);
                assert_eq!(moved(capture, BOB), [0, 0, 30, 3_000]);
                lasted.sort();
                assert!(lasted[1] < SOON, "half of them are in time: {lasted:?}");
            });
        },
    );
}

#[test]
fn a_device_that_moves_from_port_to_port_is_counted_once() {
    inside(
        "a_device_that_moves_from_port_to_port_is_counted_once",
        || {
            make_bridge();
            with_each_engine(&["br0"], |capture| {
                for (round, host) in ["h2", "h3", "h2", "h1", "h3"].into_iter().enumerate() {
                    let sent = 10 * (round as u64 + 1);
                    send(host, BRIDGE, BOB, 100, 10);
                    send("h1", BRIDGE, ALICE, 60, 1);
                    send("h1", BOB, ALICE, 500, 10);
                    send("br0", BOB, BRIDGE, 500, 10);
                    // Its port alone: what Alice sends to her own port the bridge drops.
                    wait_until(capture, |capture| moved(capture, BOB)[2] == sent);
                    let at = capture.traffic().find(BOB).unwrap().interface().unwrap();
                    let port = host.replace('h', "p");
                    assert_eq!(capture.interface(at).unwrap().name.as_str(), port);
                }
                wait_until(capture, |capture| moved(capture, BOB)[0] == 90);
                assert_eq!(moved(capture, BOB), [90, 45_000, 50, 5_000]);
                assert_eq!(capture.traffic().sums().flooded_frames, 0);
            });
        },
    );
}

#[test]
fn a_hundred_deletions_under_traffic_lose_nothing_elsewhere() {
    inside(
        "a_hundred_deletions_under_traffic_lose_nothing_elsewhere",
        || {
            make_bridge();
            with_each_engine(&["br0"], |capture| {
                let stop = Arc::new(AtomicBool::new(false));
                let stopped = Arc::clone(&stop);
                // What was counted: a busy machine holds up the sender, too, not the reader alone.
                let counted = Arc::new(AtomicUsize::new(0));
                let heard = Arc::clone(&counted);
                let traffic = std::thread::spawn(move || {
                    let mut sent = 0;
                    while !stopped.load(Ordering::Relaxed) && sent < 1_000_000 {
                        if sent as usize > heard.load(Ordering::Relaxed) + 2_000 {
                            std::thread::sleep(Duration::from_millis(1));
                            continue;
                        }
                        send("h1", BRIDGE, ALICE, 100, 20);
                        send("h1", BOB, ALICE, 100, 20);
                        sent += 40;
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    sent
                });
                let (mut before, mut bob) = ([0; 4], 0);
                for i in 0..100 {
                    ip("link del h3");
                    let _ = capture.turn(mono());
                    make_port(3);
                    if i % 10 == 0 {
                        wait_for_index(capture, link::index("p3").unwrap());
                        send("h3", BRIDGE, BOB, 100, 10);
                        bob += 10;
                        wait_until(capture, |capture| moved(capture, BOB)[2] == bob);
                    }
                    let _ = capture.turn(mono());
                    let now = moved(capture, ALICE);
                    assert!(now.iter().zip(before).all(|(now, before)| *now >= before));
                    before = now;
                    counted.store(now[2] as usize, Ordering::Relaxed);
                }
                stop.store(true, Ordering::Relaxed);
                let sent = traffic.join().unwrap();
                wait_until(capture, |capture| moved(capture, ALICE)[2] >= sent);
                assert_eq!(moved(capture, ALICE), [0, 0, sent, sent * 100]);
                assert_eq!(moved(capture, BOB)[2..], [bob, bob * 100]);
                assert_eq!(capture.frames_lost(), 0);
                wait_for(capture, "p1 p2 p3");
            });
        },
    );
}

#[test]
fn the_name_counts_and_is_waited_for() {
    inside("the_name_counts_and_is_waited_for", || {
        with_each_engine(&["p1"], |capture| {
            assert_eq!(names(capture), "");
            assert!(capture.unseen().contains(Blind::NoInterface));
            link::make_pair("p1", "h1").unwrap();
            wait_for(capture, "p1");
            assert!(!capture.unseen().contains(Blind::NoInterface));
            send("h1", BRIDGE, ALICE, 100, 10);
            wait_until(capture, |capture| moved(capture, ALICE)[2] == 10);
            ip("link set p1 name x1");
            wait_for(capture, "");
            assert!(capture.unseen().contains(Blind::NoInterface));
            send("h1", BRIDGE, ALICE, 100, 10);
            // Another takes the name.
            link::make_pair("p1", "h2").unwrap();
            wait_for(capture, "p1");
            send("h2", BRIDGE, ALICE, 100, 10);
            wait_until(capture, |capture| moved(capture, ALICE)[2] == 20);
            ip("link del h2");
            wait_for(capture, "");
            // The first one has it again, and what was counted stays.
            ip("link set x1 name p1");
            wait_for(capture, "p1");
            send("h1", BRIDGE, ALICE, 100, 10);
            wait_until(capture, |capture| moved(capture, ALICE)[2] == 30);
            // An index that is taken again is another interface.
            let index = link::index("p1").unwrap();
            ip("link del p1");
            ip(&format!("link add p1 index {index} type veth peer name h1"));
            link::up("p1").unwrap();
            link::up("h1").unwrap();
            let heard = |capture: &Capture| moved(capture, ALICE)[2] > 30;
            wait_until(capture, |capture| {
                send("h1", BRIDGE, ALICE, 100, 1);
                heard(capture)
            });
            ip("link del p1");
        });
    });
}

#[test]
fn the_default_route_says_what_is_wan() {
    inside("the_default_route_says_what_is_wan", || {
        make_bridge();
        ip("address add 10.9.0.1/24 dev br0");
        ip("address add 10.8.0.1/24 dev lan0");
        with_each_engine(&["br0"], |capture| {
            let is_wan = |capture: &Capture| capture.interfaces().iter().all(|tap| tap.wan);
            let mut sent = 0;
            for (route, wan) in [("lan0", true), ("br0", false), ("lan0", true)] {
                let gateway = if wan { "10.8.0.9" } else { "10.9.0.9" };
                ip(&format!("route replace default via {gateway} dev {route}"));
                wait_until(capture, |capture| is_wan(capture) == wan);
                send("h1", BRIDGE, ALICE, 100, 10);
                sent += 10;
                wait_until(capture, |capture| moved(capture, ALICE)[2] == sent);
            }
            let amount = *capture.traffic().find(ALICE).unwrap().since_start();
            assert_eq!((amount.wan_tx_bytes, amount.lan_tx_bytes()), (2_000, 1_000));
            // The kernel takes the route away without a word.
            ip("link set lan0 down");
            wait_until(capture, |capture| !is_wan(capture));
            ip("link set lan0 up");
        });
    });
}

#[test]
fn events_that_were_missed_are_made_up_for() {
    inside("events_that_were_missed_are_made_up_for", || {
        make_bridge();
        with_each_engine(&["br0"], |capture| {
            ip("link del p3");
            // More than the socket holds.
            for i in 0..50 {
                ip(&format!("link add noise{i} type bridge"));
                ip(&format!("link del noise{i}"));
            }
            make_port(3);
            wait_for_index(capture, link::index("p3").unwrap());
            send("h3", BRIDGE, BOB, 100, 10);
            wait_until(capture, |capture| moved(capture, BOB)[2] == 10);
        });
    });
}
