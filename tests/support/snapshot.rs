// SPDX-License-Identifier: MIT OR Apache-2.0
//! One snapshot of the agent: what stands in it, and the rules that no schema can state.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use miniserde::json::{Number, Object, Value};

use crate::schema::Schema;

/// A document that is valid.
#[derive(Debug)]
pub struct Snapshot(pub Object);

/// One device.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a>(pub &'a Object);

/// Moved since the start, or in the window, as seen from the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    pub rx_bytes: u64,
    pub rx_frames: u64,
    pub tx_bytes: u64,
    pub tx_frames: u64,
}

impl Moved {
    /// What came after `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        let less = |later: u64, earlier| later.checked_sub(earlier).expect("it goes back");
        Self {
            rx_bytes: less(self.rx_bytes, earlier.rx_bytes),
            rx_frames: less(self.rx_frames, earlier.rx_frames),
            tx_bytes: less(self.tx_bytes, earlier.tx_bytes),
            tx_frames: less(self.tx_frames, earlier.tx_frames),
        }
    }
}

impl Snapshot {
    /// The document in `line`, which must be valid and agree with itself.
    #[track_caller]
    pub fn parse(schema: &Schema, line: &str) -> Self {
        let snapshot = Self(schema.valid("snapshot", line));
        snapshot.check();
        snapshot
    }

    pub fn network(&self) -> &Object {
        object(&self.0["network"])
    }

    pub fn capture(&self) -> &Object {
        object(&self.network()["capture"])
    }

    pub fn sequence(&self) -> u64 {
        number(&self.0, "sequence")
    }

    pub fn start_id(&self) -> &str {
        text(&self.0, "startId")
    }

    /// Ends of the window, in ms since 1970.
    pub fn times(&self) -> (i64, i64) {
        let at = |key| time_ms(text(self.network(), key));
        (at("collectionStartTime"), at("collectionEndTime"))
    }

    pub fn duration_ms(&self) -> u64 {
        number(self.network(), "collectionDurationMs")
    }

    /// All entries, the router itself too.
    pub fn entries(&self) -> impl Iterator<Item = Device<'_>> {
        let entries = array(&self.network()["connectedDevices"]);
        entries.iter().map(|entry| Device(object(entry)))
    }

    pub fn devices(&self) -> BTreeMap<&str, Device<'_>> {
        let devices = self.entries().filter(|entry| !entry.is_self());
        devices.map(|entry| (entry.mac(), entry)).collect()
    }

    pub fn device(&self, mac: &str) -> Option<Device<'_>> {
        self.entries().find(|entry| entry.mac() == mac)
    }

    pub fn router(&self) -> Option<Device<'_>> {
        self.entries().find(|entry| entry.is_self())
    }

    pub fn interface(&self, name: &str) -> Option<&Object> {
        let interfaces = array(&self.network()["interfaces"]);
        let mut interfaces = interfaces.iter().map(object);
        interfaces.find(|interface| text(interface, "interfaceName") == name)
    }

    /// What is said of the output of this name.
    pub fn output(&self, name: &str) -> Option<&Object> {
        let outputs = array(&object(&self.0["health"])["outputs"]);
        let mut outputs = outputs.iter().map(object);
        outputs.find(|output| text(output, "name") == name)
    }

    /// Whatever a schema cannot say.
    #[track_caller]
    fn check(&self) {
        let (network, (start, end)) = (self.network(), self.times());
        let snapshot_time = text(&self.0, "snapshotTime");
        assert_eq!(text(network, "collectionEndTime"), snapshot_time);
        let duration = self.duration_ms();
        let rounded = number(network, "collectionDurationSeconds");
        assert_eq!(rounded, (duration + 50) / 1_000, "{duration} ms");
        let off = end - start - duration as i64;
        assert!((0..=1).contains(&off), "{start} to {end} in {duration} ms");
        let counting = text(self.capture(), "source") != "none";
        let is_fallback = self.capture().contains_key("fallbackReason");
        assert!(!is_fallback || text(self.capture(), "source") != "ebpf");
        let memory = object(&object(&self.0["metrics"])["memory"]);
        let [total, used, free] =
            ["total", "used", "free"].map(|part| number(memory, &format!("{part}Bytes")));
        assert_eq!(used + free, total);
        let mut places = Vec::new();
        for entry in self.entries() {
            assert_eq!(text(entry.0, "timeChecked"), snapshot_time);
            entry.check(duration, counting);
            let ip: Option<Ipv4Addr> = entry.ip().parse().ok();
            places.push((entry.is_self(), ip.is_none(), ip, entry.mac()));
        }
        assert!(places.is_sorted(), "out of order: {places:?}");
        let mut macs: Vec<_> = places.iter().map(|place| place.3).collect();
        macs.sort_unstable();
        macs.dedup();
        assert_eq!(macs.len(), places.len(), "a MAC address twice: {places:?}");
        assert!(places.iter().filter(|place| place.0).count() <= 1);
        for output in array(&object(&self.0["health"])["outputs"]) {
            let output = object(output);
            let waits = number(output, "queue") > 0;
            assert!(waits || !output.contains_key("oldestSeconds"), "{output:?}");
            let failed = output.contains_key("lastError");
            assert_eq!(failed, output.contains_key("lastErrorTime"), "{output:?}");
        }
    }

    /// Documents made before this one that are accounted for at the output: sent, waiting, dropped.
    pub fn accounted(&self, output: &str) -> u64 {
        let output = self.output(output).expect("no such output");
        let parts = ["sent", "queue", "dropped", "deadLettered"];
        parts.map(|part| number(output, part)).iter().sum()
    }
}

impl<'a> Device<'a> {
    pub fn mac(self) -> &'a str {
        text(self.0, "mac")
    }

    pub fn ip(self) -> &'a str {
        text(self.0, "ip")
    }

    pub fn name(self) -> &'a str {
        text(self.0, "deviceName")
    }

    pub fn is_self(self) -> bool {
        self.0.contains_key("self")
    }

    pub fn bandwidth(self) -> Option<&'a Object> {
        self.0.get("bandwidth").map(object)
    }

    /// Since the start; nothing when nobody could count.
    pub fn since_start(self) -> Moved {
        self.moved("SinceStart")
    }

    pub fn in_window(self) -> Moved {
        self.moved("Total")
    }

    fn moved(self, end: &str) -> Moved {
        let Some(bandwidth) = self.bandwidth() else {
            return Moved::default();
        };
        let part = |what: &str| number(bandwidth, &format!("{what}{end}"));
        Moved {
            rx_bytes: part("rxBytes"),
            rx_frames: part("rxPackets"),
            tx_bytes: part("txBytes"),
            tx_frames: part("txPackets"),
        }
    }

    #[track_caller]
    fn check(self, duration_ms: u64, counting: bool) {
        assert_eq!(self.name().is_empty(), !self.0.contains_key("nameSource"));
        let ips: Vec<&str> = array(&self.0["ips"]).iter().map(string).collect();
        assert!(self.ip().is_empty() || ips.contains(&self.ip()), "{self:?}");
        let v6: Vec<&str> = match self.0.get("ipv6") {
            Some(v6) => array(v6).iter().map(string).collect(),
            None => Vec::new(),
        };
        let later: Vec<&str> = ips.iter().copied().filter(|ip| ip.contains(':')).collect();
        assert_eq!(v6, later, "{self:?}");
        assert!(ips.ends_with(&v6), "{self:?}");
        let [first, last] = ["firstSeen", "lastSeen"].map(|key| time_ms(text(self.0, key)));
        assert!(first <= last, "{self:?}");
        assert_eq!(self.bandwidth().is_some(), counting, "{self:?}");
        let Some(bandwidth) = self.bandwidth() else {
            return;
        };
        for way in ["rx", "tx"] {
            let [total, since] = ["BytesTotal", "BytesSinceStart"].map(|end| format!("{way}{end}"));
            assert!(number(bandwidth, &total) <= number(bandwidth, &since));
            let rate = number(bandwidth, &format!("{way}RateBps"));
            // The duration is written in whole milliseconds, cut off.
            let bits = u128::from(number(bandwidth, &total)) * 8_000;
            let highest = bits / u128::from(duration_ms.max(1));
            let lowest = bits / u128::from(duration_ms + 1);
            assert!((lowest..=highest).contains(&rate.into()), "{self:?}");
            let shares = ["wan", "lan"].map(|share| bandwidth.get(share).map(object));
            assert!(shares.iter().all(|share| share.is_none() == self.is_self()));
            for key in [total, since].iter().filter(|_| !self.is_self()) {
                let sum: u64 = shares
                    .iter()
                    .flatten()
                    .map(|share| number(share, key))
                    .sum();
                assert_eq!(sum, number(bandwidth, key), "{key}: {self:?}");
            }
        }
    }
}

/// Documents of one run, in order: without a gap, and no counter goes back.
#[track_caller]
pub fn check_run(snapshots: &[Snapshot]) {
    for (number, snapshot) in (1..).zip(snapshots) {
        assert_eq!(snapshot.sequence(), number);
        assert_eq!(snapshot.start_id(), snapshots[0].start_id());
    }
    for (before, after) in snapshots.iter().zip(&snapshots[1..]) {
        // Somebody may be adjusting the wall clock meanwhile.
        let gap = after.times().0 - before.times().1;
        assert!(gap.abs() <= 10, "window {}: {gap} ms", after.sequence());
        for entry in after.entries() {
            let then = before.device(entry.mac()).map(Device::since_start);
            let grown = entry.since_start().since(then.unwrap_or_default());
            // Who is new may have been counted before anybody knew its name.
            if then.is_some() {
                assert_eq!(grown, entry.in_window(), "{entry:?}");
            }
        }
    }
}

pub fn object(value: &Value) -> &Object {
    match value {
        Value::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

pub fn array(value: &Value) -> &[Value] {
    match value {
        Value::Array(array) => array,
        other => panic!("{other:?}"),
    }
}

fn string(value: &Value) -> &str {
    match value {
        Value::String(text) => text,
        other => panic!("{other:?}"),
    }
}

pub fn text<'a>(object: &'a Object, key: &str) -> &'a str {
    string(&object[key])
}

pub fn number(object: &Object, key: &str) -> u64 {
    match object.get(key) {
        Some(Value::Number(Number::U64(number))) => *number,
        other => panic!("{key}: {other:?}"),
    }
}

/// Milliseconds since 1970 of `2026-11-21T00:39:24.972Z`.
pub fn time_ms(text: &str) -> i64 {
    let part = |range: core::ops::Range<usize>| -> i64 { text[range].parse().unwrap() };
    let (year, month) = (part(0..4), part(5..7));
    // The year begins in March, so that its odd day is the last one.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5;
    let days = days + part(8..10) - 1 - 719_468;
    let seconds = ((days * 24 + part(11..13)) * 60 + part(14..16)) * 60 + part(17..19);
    seconds * 1_000 + part(20..23)
}
