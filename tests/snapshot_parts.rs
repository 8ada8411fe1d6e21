// SPDX-License-Identifier: MIT OR Apache-2.0
//! The metrics and interfaces of real documents, written again from their figures: the five of
//! `conformance/monitor`, made by the agent that this one replaces.

use std::num::NonZeroU64;

use miniserde::json::{self, Number, Value};
use netvitals::encode::json::{Json, Style};
use netvitals::encode::snapshot::{interfaces, metrics};
use netvitals::model::interface::{COUNTERS, Counters, InterfaceName, Sample, Window};
use netvitals::model::system::{Disk, Memory, Space, System};

const SAMPLES: [&str; 5] = [
    include_str!("conformance/monitor/payload-10k-pps.json"),
    include_str!("conformance/monitor/payload-1k-pps.json"),
    include_str!("conformance/monitor/payload-50k-pps.json"),
    include_str!("conformance/monitor/payload-duplicate-arp-answers.json"),
    include_str!("conformance/monitor/payload-idle.json"),
];

fn at<'v>(mut value: &'v Value, path: &str) -> &'v Value {
    for key in path.split('.') {
        value = match value {
            Value::Object(members) => &members[key],
            Value::Array(elements) => &elements[key.parse::<usize>().unwrap()],
            _ => panic!("{path}"),
        };
    }
    value
}

fn number(value: &Value, path: &str) -> u64 {
    match at(value, path) {
        Value::Number(Number::U64(number)) => *number,
        other => panic!("{path}: {other:?}"),
    }
}

/// A number with one decimal, times ten.
fn tenths(value: &Value, path: &str) -> u64 {
    match at(value, path) {
        Value::Number(Number::F64(number)) => (number * 10.0).round() as u64,
        other => panic!("{path}: {other:?}"),
    }
}

/// The part of a sample between two keys, without blanks, as an object.
fn part(sample: &str, from: &str, to: &str) -> String {
    let start = sample.find(&format!("\"{from}\"")).unwrap();
    let end = sample.find(&format!(", \"{to}\"")).unwrap();
    format!("{{{}}}\n", &sample[start..end])
        .replace("\": ", "\":")
        .replace(", \"", ",\"")
        .replace("}, {", "},{")
}

fn written(write: impl FnOnce(&mut Json<&mut [u8]>)) -> String {
    let mut buffer = vec![0; 8_192];
    let mut json = Json::new(&mut buffer[..], Style::Compact);
    json.open_object().unwrap();
    write(&mut json);
    json.close_object().unwrap();
    let left = json.finish().unwrap().len();
    String::from_utf8(buffer[..8_192 - left].to_vec()).unwrap()
}

#[test]
fn metrics_are_those_of_the_samples() {
    for text in SAMPLES {
        let sample: Value = json::from_str(text).unwrap();
        let sample = at(&sample, "metrics");
        let mut system = System {
            cpu_tenths: tenths(sample, "cpu.percent"),
            memory: Memory {
                total_bytes: number(sample, "memory.totalBytes"),
                available_bytes: number(sample, "memory.freeBytes"),
            },
            uptime_s: number(sample, "uptimeSeconds"),
            ..System::default()
        };
        let space = Space {
            total_bytes: number(sample, "disk.0.totalBytes"),
            used_bytes: number(sample, "disk.0.usedBytes"),
            free_bytes: number(sample, "disk.0.freeBytes"),
        };
        let disk = Disk {
            mount: "/".try_into().unwrap(),
            kind: "ext4".try_into().unwrap(),
            space,
        };
        system.disks.push(disk).unwrap();
        let ours = written(|json| metrics::member(json, &system).unwrap());
        let ours = ours.replace(",\"fsType\":\"ext4\"", "");
        assert_eq!(ours, part(text, "metrics", "network"));
    }
}

#[test]
fn interfaces_are_those_of_the_samples() {
    for text in SAMPLES {
        let sample: Value = json::from_str(text).unwrap();
        let Value::Array(rows) = at(&sample, "network.interfaces") else {
            panic!("no interfaces");
        };
        let (mut earlier, mut later) = (Box::new(Sample::new()), Box::new(Sample::new()));
        let mut speeds = Vec::new();
        for row in rows {
            let Value::String(name) = at(row, "interfaceName") else {
                panic!("no name");
            };
            speeds.push((name.clone(), number(row, "linkSpeedMbps") as u32));
            // In 8 s, a bit per second is a byte.
            let [mut then, mut now] = [Counters([0; COUNTERS]); 2];
            for (i, way) in [(0, "rx"), (8, "tx")] {
                now.0[i] = number(row, &format!("{way}BytesTotal"));
                let rate = number(row, &format!("{way}RateBps"));
                then.0[i] = now.0[i].checked_sub(rate).unwrap();
            }
            let name = InterfaceName::try_from(name.as_str()).unwrap();
            earlier.insert(name.clone(), then);
            later.insert(name, now);
        }
        let window = Window {
            earlier: &earlier,
            later: &later,
            elapsed_us: NonZeroU64::new(8_000_000).unwrap(),
        };
        let speed = |name: &str| speeds.iter().find(|(other, _)| other == name).unwrap().1;
        let ours = written(|json| interfaces::member(json, window, speed).unwrap());
        assert_eq!(ours, part(text, "interfaces", "connectedDevices"));
    }
}
