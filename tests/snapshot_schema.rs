// SPDX-License-Identifier: MIT OR Apache-2.0
//! The schema of the documents: what it takes, what it refuses, and what `bandwidth` and `devices`
//! have in common with it.

use std::process::Command;

use miniserde::json::{Object, Value};

#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "board/src/lan.rs"]
#[allow(dead_code)]
mod living;
#[path = "support/schema.rs"]
mod schema;
mod support;

use lan::{OURS, Peer, inside};
use schema::Schema;
use support::EXE;

const EXAMPLE: &str = include_str!("schema/example.json");
const LINE: &str = include_str!("schema/bandwidth-example.json");

#[test]
fn what_the_first_agent_sent_fits_the_part_that_is_its() {
    let schema = Schema::new();
    let payloads = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/monitor");
    let mut count = 0;
    for entry in std::fs::read_dir(payloads).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        // Written with blanks, which the count of keys does not mind.
        let payload = schema.valid("seed", &text.replace("\": ", "\":"));
        let Value::Object(network) = &payload["network"] else {
            panic!()
        };
        assert!(network.contains_key("connectedDevices"));
        count += 1;
    }
    assert_eq!(count, 5);
    schema.valid("seed", EXAMPLE);
}

#[test]
fn the_examples_are_valid() {
    let schema = Schema::new();
    schema.valid("snapshot", EXAMPLE);
    schema.valid("bandwidthLine", LINE);
}

/// Refused, and for this reason.
#[track_caller]
fn refuses(text: &str, from: &str, to: &str, reason: &str) {
    let changed = text.replacen(from, to, 1);
    assert_ne!(changed, text, "{from} is not there");
    let wrong = Schema::new().faults("snapshot", &changed);
    assert!(
        wrong.iter().any(|line| line.contains(reason)),
        "{to}: {wrong:?}"
    );
}

/// What is put in the place of what, and the complaint.
const WRONG: &[(&str, &str, &str)] = &[
    ("\"sequence\":17,", "", "'sequence' is missing"),
    ("\"sequence\":17,", "\"sequence\":0,", "minimum"),
    ("\"sequence\":17,", "\"sequence\":17.0,", "no integer"),
    ("\"sequence\":17,", "\"sequence\":null,", "no integer"),
    (
        "\"sequence\":17,",
        "\"sequence\":17,\"more\":1,",
        "'more' is unknown",
    ),
    (
        "\"sequence\":17,",
        "\"sequence\":17,\"sequence\":17,",
        "stands twice",
    ),
    ("\"serverId\":\"gw\"", "\"serverId\":\"\"", "minLength"),
    ("972Z", "972+00:00", "pattern"),
    ("972Z", "9722Z", "pattern"),
    ("\"percent\":2.5", "\"percent\":3", "no number"),
    ("\"percent\":2.5", "\"percent\":2.55", "decimals"),
    ("\"percent\":2.5", "\"percent\":100.1", "maximum"),
    ("\"fsType\":\"overlay\"", "\"fsType\":7", "no string"),
    (",\"fsType\":\"overlay\"", "", "'fsType' is missing"),
    (
        "\"ip\":\"192.168.1.101\"",
        "\"ip\":\"192.168.1.256\"",
        "none of several",
    ),
    ("\"mac\":\"02:00", "\"mac\":\"02:0A", "pattern"),
    (
        "\"status\":\"active\"",
        "\"status\":\"asleep\"",
        "not allowed",
    ),
    ("\"ips\":[", "\"ips\":[\"fe80::1:101\",", "uniqueItems"),
    ("\"ips\":[", "\"ips\":[\"fe80:0::1\",", "none of several"),
    (
        "\"nameSource\":\"lease\"",
        "\"nameSource\":\"guess\"",
        "not allowed",
    ),
    ("\"randomMac\":true", "\"randomMac\":false", "not allowed"),
    ("\"rttUs\":412", "\"rttUs\":-1", "minimum"),
    (
        "\"source\":\"ebpf\"}",
        "\"source\":\"none\"}",
        "not allowed",
    ),
    ("\"unseen\":[]", "\"unseen\":[\"weather\"]", "not allowed"),
    ("\"framesLost\":0,", "", "'framesLost' is missing"),
    ("\"outputs\":[", "\"outputs\":[7,", "no object"),
    ("\"type\":\"elastic\"", "\"type\":\"pigeon\"", "not allowed"),
    (
        "\"interfaces\":[{",
        "\"interfaces\":[{\"mtu\":1500,",
        "'mtu' is unknown",
    ),
];

#[test]
fn what_is_not_as_documented_is_refused() {
    for &(from, to, reason) in WRONG {
        refuses(EXAMPLE, from, to, reason);
    }
}

fn lines(args: &[&str]) -> String {
    let output = Command::new(EXE).args(args).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bandwidth_and_devices_speak_of_devices_as_the_agent_does() {
    let name = "bandwidth_and_devices_speak_of_devices_as_the_agent_does";
    inside(name, || {
        lan::address();
        let schema = Schema::new();
        let _peer = Peer::start(0x0806, |frame| {
            let asked = living::asked(frame).filter(|ip| (2..12).contains(&ip.octets()[3]));
            let answers = asked.map(|ip| living::answer(frame, living::mac(ip), ip));
            answers.into_iter().collect()
        });
        let found = lines(&["devices", "-i", OURS, "--json", "--no-ptr"]);
        assert_eq!(found.lines().count(), 10);
        for line in found.lines() {
            schema.valid("deviceLine", line);
        }
        let args = ["--json", "--no-ptr", "--interval", "1s", "--count", "2"];
        let windows = lines(&[&["bandwidth", "-i", OURS], &args[..]].concat());
        let windows: Vec<Object> = windows
            .lines()
            .map(|line| schema.valid("bandwidthLine", line))
            .collect();
        assert_eq!(windows.len(), 2);
    });
}
