// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real captures through `netvitals bandwidth`: replayed into a cable, both ways, each MAC address
//! is counted as its truth list says.
//!
//! `NETVITALS_CORPUS` names the folder, as in tests/captures.rs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use miniserde::json::{self, Value};

#[path = "support/counted.rs"]
mod counted;
#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "support/pcap.rs"]
mod pcap;
mod support;

use counted::{Bandwidth, Counted, Window, engines, number, object};
use lan::{OURS, THEIRS, inside, ip};

/// Frames and bytes by MAC address.
type Flows = BTreeMap<String, (u64, u64)>;

/// Who sends these frames, and who is sent to.
fn flows<'a>(frames: impl Iterator<Item = &'a [u8]>) -> (Flows, Flows) {
    let (mut sources, mut destinations) = (Flows::new(), Flows::new());
    for frame in frames {
        let (destination, source) = (text(&frame[..6]), text(&frame[6..12]));
        for (flows, mac) in [(&mut destinations, destination), (&mut sources, source)] {
            let flow = flows.entry(mac).or_default();
            flow.0 += 1;
            flow.1 += frame.len() as u64;
        }
    }
    (sources, destinations)
}

fn text(mac: &[u8]) -> String {
    let octets: Vec<String> = mac.iter().map(|octet| format!("{octet:02x}")).collect();
    octets.join(":")
}

/// Groups and nobody are no devices.
fn is_device(mac: &str) -> bool {
    !is_group(mac) && mac != "00:00:00:00:00:00"
}

fn is_group(mac: &str) -> bool {
    u8::from_str_radix(&mac[..2], 16).unwrap() & 1 != 0
}

/// The list `key` of what tshark counted.
fn listed(truth: &Value, key: &str) -> Flows {
    let flows = object(&object(truth)[key]).iter().map(|(mac, flow)| {
        let flow = object(flow);
        (mac.clone(), (number(flow, "frames"), number(flow, "bytes")))
    });
    flows.collect()
}

fn captures() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("NETVITALS_CORPUS") else {
        return Vec::new();
    };
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "pcap"));
    paths.sort();
    assert!(!paths.is_empty(), "no captures");
    paths
}

/// Where devices differ from what they sent and received.
fn differences(window: &Window, sent: &Flows, received: &Flows) -> String {
    let mut expected: BTreeMap<&str, Counted> = BTreeMap::new();
    for (mac, (frames, bytes)) in sent.iter().filter(|(mac, _)| is_device(mac)) {
        let device = expected.entry(mac).or_default();
        (device.tx_frames, device.tx_bytes) = (*frames, *bytes);
    }
    for (mac, (frames, bytes)) in received.iter().filter(|(mac, _)| is_device(mac)) {
        let device = expected.entry(mac).or_default();
        (device.rx_frames, device.rx_bytes) = (*frames, *bytes);
    }
    let mut wrong = String::new();
    let devices = window.devices();
    for (mac, expected) in &expected {
        let counted = devices.get(*mac);
        if counted != Some(expected) {
            writeln!(wrong, "{mac}: {counted:?} instead of {expected:?}").unwrap();
        }
    }
    for (mac, counted) in &devices {
        if !expected.contains_key(mac.as_str()) && *counted != Counted::default() {
            writeln!(wrong, "{mac}: {counted:?}, but it is not there").unwrap();
        }
    }
    wrong
}

/// Frames into the cable at one end.
fn replay(interface: &str, frames: &[Vec<u8>]) {
    // Without an Ethertype of its own a socket says of each frame what is in it.
    let socket = frames::Socket::open(interface, 0).unwrap();
    for frame in frames {
        socket.send(frame).unwrap();
    }
}

fn is_counted(engine: &str, frames: &[Vec<u8>]) {
    // What comes from nobody is for nobody.
    let sent = frames.iter().map(Vec::as_slice);
    let (sources, destinations) = flows(sent.filter(|frame| is_device(&text(&frame[6..12]))));
    let bandwidth = Bandwidth::start(engine, OURS, "200ms");
    replay(THEIRS, frames);
    let windows = bandwidth.settled();
    let last = windows.last().unwrap();
    assert_eq!(last.source, engine);
    let wrong = differences(last, &sources, &Flows::new());
    assert!(wrong.is_empty(), "{engine}, into the router:\n{wrong}");
    let groups = destinations.iter().filter(|(mac, _)| is_group(mac));
    let group_bytes: u64 = groups.map(|(_, (_, bytes))| bytes).sum();
    let counted: u64 = windows.iter().map(|window| window.group_bytes).sum();
    assert_eq!(counted, group_bytes, "{engine}: multicast");

    replay(OURS, frames);
    let windows = bandwidth.settled();
    let lost: u64 = windows.iter().map(|window| window.lost).sum();
    assert_eq!(lost, 0, "{engine}: lost");
    let wrong = differences(windows.last().unwrap(), &sources, &destinations);
    assert!(wrong.is_empty(), "{engine}, out of the router:\n{wrong}");
    let seen: u64 = windows.iter().map(|window| window.seen).sum();
    assert_eq!(seen, 2 * frames.len() as u64, "{engine}");
}

#[test]
fn captures_are_counted_as_their_lists_say() {
    let paths = captures();
    if paths.is_empty() {
        // They are other people's and not part of the project: no failure where they are not.
        return eprintln!("skipped: NETVITALS_CORPUS names no folder of captures");
    }
    inside("captures_are_counted_as_their_lists_say", || {
        let mut all = Vec::new();
        for path in &paths {
            let list = fs::read_to_string(path.with_extension("json")).unwrap();
            let list = json::from_str(&list).unwrap();
            let file = fs::read(path).unwrap();
            let frames = pcap::frames(&file);
            let (sources, destinations) = flows(frames.iter().copied());
            assert_eq!(sources, listed(&list, "src"), "{path:?}");
            assert_eq!(destinations, listed(&list, "dst"), "{path:?}");
            all.extend(frames.into_iter().map(<[u8]>::to_vec));
        }
        // The kernel keeps still, and takes frames of any size.
        fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap();
        for interface in [OURS, THEIRS] {
            ip(&format!("link set {interface} mtu 65535"));
        }
        for engine in engines() {
            is_counted(engine, &all);
        }
        println!("{} captures, {} frames", paths.len(), all.len());
    });
}
