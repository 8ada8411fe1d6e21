// SPDX-License-Identifier: MIT OR Apache-2.0
//! Real captures through the decoders, against what tshark says of them.
//!
//! `NETVITALS_CORPUS` names a folder with pairs of NAME.pcap and NAME.json; the form of the latter
//! is in the folder's README. The captures belong to others and are not part of the project.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use miniserde::json::{self, Array, Number, Value};
use netvitals::codec::dns::message::Message;
use netvitals::codec::{arp, dhcp, frame, ndp};
use netvitals::model::name::DeviceName;

#[path = "support/pcap.rs"]
mod pcap;

/// Where we differ from a truth list, why that is right, and how much is only ours and only theirs.
const DIFFERENCES: &[(&str, Part, &str, usize, usize)] = &[
    (
        "td-arp-oobr",
        Part::Arp,
        "five sound requests that tshark counts as malformed, for what is in their padding: of all \
         frames those whose padding is zero up to its twelfth byte and not there. RFC 894: the \
         data field should be padded; this padding is not part of the packet",
        5,
        0,
    ),
    (
        "td-arp-oobr",
        Part::ArpOther,
        "four of the same five, which say another MAC address than their frame",
        4,
        0,
    ),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Arp,
    ArpOther,
    Ndp,
    Dhcp,
    Ptr,
}

/// What one capture teaches, in the words of its truth list.
#[derive(Default)]
struct Seen {
    frames: u64,
    arp: BTreeSet<String>,
    arp_other: BTreeSet<String>,
    ndp: BTreeSet<String>,
    dhcp: Vec<String>,
    ptr: Vec<String>,
}

impl Seen {
    fn frame(&mut self, bytes: &[u8]) {
        self.frames += 1;
        let Ok(frame) = frame::parse(bytes) else {
            return;
        };
        match frame.ethertype {
            Some(frame::ARP) => {
                let packet = arp::parse(frame.payload).ok();
                if let Some((address, mac)) = packet.and_then(|packet| packet.learnable()) {
                    self.arp.insert(format!("{address} {mac}"));
                    if mac != frame.source {
                        self.arp_other.insert(format!("{address} {mac}"));
                    }
                }
            }
            Some(frame::IPV6) => {
                if let Ok(Some((address, mac))) = ndp::learnable(frame.payload) {
                    self.ndp.insert(format!("{address} {mac}"));
                }
                self.names(frame.payload);
            }
            Some(frame::IPV4) => {
                if let Ok(Some(message)) = dhcp::parse_packet(frame.payload)
                    && let Some(kind) = message.kind
                {
                    self.dhcp.push(in_words(kind, &message));
                }
                self.names(frame.payload);
            }
            _ => {}
        }
    }

    /// Names of all records of a message of DNS, and targets of PTR records, when there are such.
    fn names(&mut self, packet: &[u8]) {
        let Some(datagram) = udp_of_dns(packet) else {
            return;
        };
        let Ok(message) = Message::new(&datagram) else {
            return;
        };
        let (mut owners, mut targets) = (Vec::new(), Vec::new());
        for record in message.records().flatten() {
            owners.push(record.owner.text().to_string());
            if record.kind == 12
                && let Ok((name, _)) = message.name_in(&record, 0)
            {
                targets.push(name.text().to_string());
            }
        }
        if !targets.is_empty() {
            self.ptr
                .push(format!("{} {}", owners.join(","), targets.join(",")));
        }
    }
}

/// The payload of a datagram from or to the port of DNS or multicast DNS.
fn udp_of_dns(packet: &[u8]) -> Option<Vec<u8>> {
    let packet = etherparse::SlicedPacket::from_ip(packet).ok()?;
    let Some(etherparse::TransportSlice::Udp(udp)) = packet.transport else {
        return None;
    };
    let ports = [udp.source_port(), udp.destination_port()];
    let dns = ports.contains(&53) || ports.contains(&5353);
    dns.then(|| udp.payload().to_vec())
}

fn in_words(kind: dhcp::Kind, message: &dhcp::Message) -> String {
    let mut words = String::new();
    let _ = write!(words, "type={} ", kind as u8);
    let _ = write!(
        words,
        "chaddr={} ",
        message.client.map_or(String::new(), |mac| mac.to_string())
    );
    let _ = write!(
        words,
        "yiaddr={} ciaddr={} ",
        message.your_address, message.client_address
    );
    let name = |name: &Option<DeviceName>| name.clone().unwrap_or_default().to_string();
    let _ = write!(words, "hostname={} ", name(&message.host_name));
    let _ = write!(
        words,
        "requested={} ",
        message.requested.map_or(String::new(), |ip| ip.to_string())
    );
    let _ = write!(words, "fqdn={}", name(&message.full_name));
    words
}

/// The list under `key`.
fn list<'a>(truth: &'a Value, key: &str) -> &'a Array {
    let Value::Object(object) = truth else {
        panic!("no object")
    };
    match &object[key] {
        Value::Array(array) => array,
        other => panic!("{key}: {other:?}"),
    }
}

fn text(value: &Value) -> &str {
    match value {
        Value::String(text) => text,
        other => panic!("{other:?}"),
    }
}

/// Two strings each, with a blank between.
fn pairs(truth: &Value, key: &str) -> Vec<String> {
    let pair = |pair: &Value| match pair {
        Value::Array(pair) => format!("{} {}", text(&pair[0]), text(&pair[1])),
        other => panic!("{other:?}"),
    };
    list(truth, key).iter().map(pair).collect()
}

/// Messages with a type; tshark also lists one that is cut before it.
fn messages(truth: &Value) -> Vec<String> {
    let keys = [
        "type",
        "chaddr",
        "yiaddr",
        "ciaddr",
        "hostname",
        "requested",
        "fqdn",
    ];
    let message = |message: &Value| match message {
        Value::Object(object) => keys
            .map(|key| format!("{key}={}", text(&object[key])))
            .join(" "),
        other => panic!("{other:?}"),
    };
    let messages = list(truth, "dhcp").iter().map(message);
    messages
        .filter(|message| !message.starts_with("type= "))
        .collect()
}

/// The differences between a capture and its truth list.
fn compare(path: &Path) -> Vec<(Part, Vec<String>, Vec<String>)> {
    let truth = fs::read_to_string(path.with_extension("json")).unwrap();
    let truth: Value = json::from_str(&truth).unwrap();
    let mut seen = Seen::default();
    for frame in pcap::frames(&fs::read(path).unwrap()) {
        seen.frame(frame);
    }
    let Value::Object(object) = &truth else {
        panic!("no object")
    };
    let frames = &object["frames"];
    assert!(
        matches!(frames, Value::Number(Number::U64(n)) if *n == seen.frames),
        "{path:?}"
    );
    let set = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>();
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    let hosts = pairs(&truth, "arp_hosts");
    // "Of these", says the README; the list itself has more.
    let mut others = pairs(&truth, "arp_sender_differs_from_frame");
    others.retain(|pair| hosts.contains(pair));
    let parts = [
        (Part::Arp, set(seen.arp), sorted(hosts)),
        (Part::ArpOther, set(seen.arp_other), sorted(others)),
        (Part::Ndp, set(seen.ndp), sorted(pairs(&truth, "ndp_hosts"))),
        (Part::Dhcp, seen.dhcp, messages(&truth)),
        (Part::Ptr, seen.ptr, pairs(&truth, "dns_ptr")),
    ];
    let differing = parts.into_iter().filter(|(_, ours, truth)| ours != truth);
    differing
        .map(|(part, ours, truth)| (part, only(&ours, &truth), only(&truth, &ours)))
        .collect()
}

/// What these have and those have not.
fn only(these: &[String], those: &[String]) -> Vec<String> {
    let only = these.iter().filter(|line| !those.contains(line));
    only.cloned().collect()
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "pcap")
    });
    paths.sort();
    paths
}

#[test]
fn the_decoders_agree_with_tshark() {
    let Some(folder) = std::env::var_os("NETVITALS_CORPUS") else {
        // They are other people's and not part of the project: no failure where they are not.
        return eprintln!("skipped: NETVITALS_CORPUS names no folder of captures");
    };
    let paths = captures(Path::new(&folder));
    assert!(!paths.is_empty(), "no capture in {folder:?}");
    let mut wrong = String::new();
    let mut explained = Vec::new();
    for path in &paths {
        let name = path.file_stem().unwrap().to_str().unwrap();
        for (part, ours, theirs) in compare(path) {
            let known = DIFFERENCES.iter().find(|known| {
                let (known_name, known_part, _, more, less) = **known;
                (known_name, known_part, more, less) == (name, part, ours.len(), theirs.len())
            });
            match known {
                Some(known) => explained.push(known.2),
                None => {
                    let both = format!("only ours {ours:#?}, only theirs {theirs:#?}");
                    writeln!(wrong, "{name}: {part:?}: {both}").unwrap();
                }
            }
        }
    }
    println!(
        "{} captures, {} differences explained",
        paths.len(),
        explained.len()
    );
    assert!(wrong.is_empty(), "{wrong}");
}
