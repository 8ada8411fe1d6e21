// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals agent` while interfaces come, go and are renamed.

use std::time::Duration;

#[path = "support/agent.rs"]
mod agent;
#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/layout.rs"]
#[allow(dead_code)]
mod layout;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "board/src/lan.rs"]
#[allow(dead_code)]
mod living;
#[path = "board/src/outbox.rs"]
mod outbox;
#[path = "support/schema.rs"]
mod schema;
#[path = "support/snapshot.rs"]
mod snapshot;
mod support;
#[path = "board/src/traffic.rs"]
#[allow(dead_code)]
mod traffic;
#[path = "support/traffic.rs"]
mod wire;

use agent::Agent;
use lan::{OURS, inside, ip};
use snapshot::{Snapshot, array, check_run};
use wire::{ROUTER, everybody, mac};

/// What is tapped, and what could not be seen.
fn capture(snapshot: &Snapshot) -> (usize, bool) {
    let capture = snapshot.capture();
    let unseen = format!("{:?}", capture["unseen"]);
    (
        array(&capture["interfaces"]).len(),
        unseen.contains("no-interface"),
    )
}

fn send(interface: &str, frames: u32) {
    let words = format!("from={} to={ROUTER} frames={frames}", everybody(2));
    wire::send(interface, &words);
}

/// Frames that the first device sent.
fn counted(snapshot: &Snapshot) -> u64 {
    let device = snapshot.device(&mac(2));
    device.map_or(0, |device| device.since_start().tx_frames)
}

#[test]
fn an_interface_that_comes_later_is_waited_for() {
    inside("an_interface_that_comes_later_is_waited_for", || {
        wire::quiet();
        let agent = Agent::start(&["-i", "lan7"]);
        let snapshots = agent.more(2);
        for snapshot in &snapshots {
            assert_eq!(capture(snapshot), (0, true), "{snapshot:?}");
            assert!(snapshot.router().is_none() && snapshot.devices().is_empty());
        }
        let said = "interface 'lan7': not there (yet), it is waited for";
        assert!(agent.errors().contains(said), "{}", agent.errors());
        ip("link add lan7 type veth peer name peer7");
        ip(&format!("link set lan7 address {ROUTER} up"));
        ip("link set peer7 up");
        agent.until(|snapshot| capture(snapshot) == (1, false));
        send("peer7", 400);
        let snapshots = agent.until(|snapshot| counted(snapshot) == 200);
        check_run(&snapshots);
        assert_eq!(snapshots.last().unwrap().router().unwrap().mac(), ROUTER);
        let ended = agent.terminate();
        assert_eq!((ended.code, ended.errors.lines().count()), (Some(0), 1));
    });
}

#[test]
fn a_lan_that_nobody_names_is_found_when_there_is_a_default_route() {
    let name = "a_lan_that_nobody_names_is_found_when_there_is_a_default_route";
    inside(name, || {
        wire::quiet();
        let agent = Agent::start(&[]);
        assert_eq!(capture(&agent.more(1)[0]), (0, true));
        assert!(agent.errors().contains("waiting for one"));
        ip("link add lan7 type veth peer name peer7");
        ip(&format!("link set lan7 address {ROUTER} up"));
        ip("link set peer7 up");
        ip("route add default dev lan7");
        agent.until(|snapshot| capture(snapshot) == (1, false));
        send("peer7", 400);
        agent.until(|snapshot| counted(snapshot) == 200);
        let ended = agent.terminate();
        assert_eq!((ended.code, ended.errors.lines().count()), (Some(0), 1));
    });
}

/// Counters go on where they were, whatever becomes of the interface.
#[test]
fn an_interface_that_vanishes_is_said_and_counted_again_when_it_is_back() {
    let name = "an_interface_that_vanishes_is_said_and_counted_again_when_it_is_back";
    inside(name, || {
        wire::quiet();
        ip(&format!("link set {OURS} address {ROUTER}"));
        let agent = Agent::start(&["-i", OURS]);
        agent.until(|snapshot| capture(snapshot) == (1, false));
        send(lan::THEIRS, 400);
        agent.until(|snapshot| counted(snapshot) == 200);
        ip(&format!("link delete {OURS}"));
        let gone = agent.until(|snapshot| capture(snapshot) == (0, true));
        assert_eq!(counted(gone.last().unwrap()), 200);
        let there = |snapshot: &Snapshot| snapshot.interface(OURS).is_some();
        agent.until(|snapshot| !there(snapshot));
        agent.more(1);
        ip(&format!(
            "link add {OURS} type veth peer name {}",
            lan::THEIRS
        ));
        ip(&format!("link set {OURS} address {ROUTER} up"));
        ip(&format!("link set {} up", lan::THEIRS));
        let back = agent.until(|snapshot| capture(snapshot) == (1, false));
        assert!(there(back.last().unwrap()));
        send(lan::THEIRS, 400);
        let snapshots = agent.until(|snapshot| counted(snapshot) == 400);
        check_run(&snapshots);
        let ended = agent.terminate();
        assert_eq!(ended.code, Some(0));
        assert!(ended.errors.lines().count() <= 2, "{}", ended.errors);
    });
}

#[test]
fn a_renamed_interface_is_another_one() {
    inside("a_renamed_interface_is_another_one", || {
        wire::quiet();
        ip(&format!("link set {OURS} address {ROUTER}"));
        let agent = Agent::start(&["-i", OURS]);
        agent.until(|snapshot| capture(snapshot) == (1, false));
        send(lan::THEIRS, 400);
        agent.until(|snapshot| counted(snapshot) == 200);
        ip(&format!("link set {OURS} down"));
        ip(&format!("link set {OURS} name lan8 up"));
        let renamed = agent.until(|snapshot| capture(snapshot) == (0, true));
        let renamed = renamed.last().unwrap();
        assert!(renamed.interface(OURS).is_none() && renamed.interface("lan8").is_some());
        assert!(renamed.router().is_none());
        // Its frames are nobody's now.
        send(lan::THEIRS, 400);
        assert_eq!(counted(agent.more(2).last().unwrap()), 200);
        ip("link set lan8 down");
        ip(&format!("link set lan8 name {OURS} up"));
        agent.until(|snapshot| capture(snapshot) == (1, false));
        send(lan::THEIRS, 400);
        let snapshots = agent.until(|snapshot| counted(snapshot) == 400);
        check_run(&snapshots);
        assert_eq!(agent.terminate().code, Some(0));
    });
}

/// A bridge whose ports change all the time: each window is there, and on time.
#[test]
fn a_bridge_is_followed_to_its_ports() {
    inside("a_bridge_is_followed_to_its_ports", || {
        wire::quiet();
        ip(&format!(
            "link add br-lan address {ROUTER} type bridge mcast_snooping 0"
        ));
        ip(&format!("link set {OURS} master br-lan"));
        ip("link set br-lan up");
        let agent = Agent::start(&["-i", "br-lan"]);
        agent.until(|snapshot| capture(snapshot) == (1, false));
        for _ in 0..20 {
            ip("link add lan9 type veth peer name peer9");
            ip("link set lan9 master br-lan up");
            std::thread::sleep(Duration::from_millis(50));
            ip("link delete lan9");
        }
        send(lan::THEIRS, 400);
        let snapshots = agent.until(|snapshot| counted(snapshot) == 200);
        check_run(&snapshots);
        assert_eq!(capture(snapshots.last().unwrap()), (1, false));
        let ended = agent.terminate();
        assert_eq!(ended.code, Some(0));
        // One may go while it is being tapped.
        for line in ended.errors.lines() {
            assert!(line.contains("No such device"), "{line}");
        }
    });
}
