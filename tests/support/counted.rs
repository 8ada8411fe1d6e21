// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals bandwidth` while it runs, and what its windows say.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use miniserde::json::{self, Number, Object, Value};

use crate::support::tempdir::TempDir;
use crate::support::{EXE, Guarded};

/// What counts.
pub const ENGINES: [&str; 2] = ["ebpf", "ring"];

/// A window that is late is waited for so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Since start, as seen from the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub rx_bytes: u64,
    pub rx_frames: u64,
    pub tx_bytes: u64,
    pub tx_frames: u64,
}

/// One line of `--json`.
#[derive(Debug)]
pub struct Window {
    line: String,
    pub source: String,
    pub seen: u64,
    pub lost: u64,
    pub other_bytes: u64,
    pub group_bytes: u64,
}

/// The process.
pub struct Bandwidth {
    pub process: Guarded,
    directory: TempDir,
}

impl Bandwidth {
    /// Counts by `engine` from now on, in windows that last an `interval`.
    #[track_caller]
    pub fn start(engine: &str, interface: &str, interval: &str) -> Self {
        let directory = TempDir::new();
        let file = |name: &str| File::create(directory.path().join(name)).unwrap();
        // A ring that is not full either when the machine has much else to do.
        let args = [
            "--json",
            "--no-ptr",
            "--ring-kib",
            "4096",
            "--interval",
            interval,
        ];
        let process = Command::new(EXE)
            .args(["bandwidth", "-i", interface, "--capture", engine])
            .args(args)
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap();
        let started = Self {
            process: Guarded(process),
            directory,
        };
        started.await_windows(1);
        started
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).unwrap()
    }

    /// What it complained of.
    pub fn errors(&self) -> String {
        self.read("stderr")
    }

    /// All windows so far.
    pub fn windows(&self) -> Vec<Window> {
        let text = self.read("stdout");
        // A line may be half written.
        let lines = text.split_inclusive('\n');
        lines
            .filter(|line| line.ends_with('\n'))
            .map(parse)
            .collect()
    }

    /// Waits until so many more windows have ended. Lines can be long: each byte is read once.
    #[track_caller]
    fn await_windows(&self, more: usize) {
        let mut file = File::open(self.directory.path().join("stdout")).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        let (start, mut ends, mut text) = (Instant::now(), 0, Vec::new());
        while ends < more {
            let late = start.elapsed() > PATIENCE;
            assert!(!late, "no window any more: {}", self.errors());
            std::thread::sleep(Duration::from_millis(20));
            text.clear();
            file.read_to_end(&mut text).unwrap();
            ends += text.iter().filter(|byte| **byte == b'\n').count();
        }
    }

    /// All windows, when what was sent until now is in them.
    #[track_caller]
    pub fn settled(&self) -> Vec<Window> {
        self.await_windows(2);
        self.windows()
    }

    /// A number of `/proc/PID/status`.
    pub fn status(&self, key: &str) -> u64 {
        let status = format!("/proc/{}/status", self.process.0.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
        number.unwrap().parse().unwrap()
    }

    /// How many files it has open.
    pub fn files(&self) -> usize {
        let files = format!("/proc/{}/fd", self.process.0.id());
        std::fs::read_dir(files).unwrap().count()
    }
}

impl Window {
    /// What was counted of whom. Thousands of devices take their time.
    pub fn devices(&self) -> BTreeMap<String, Counted> {
        let line: Value = json::from_str(&self.line).unwrap();
        let Value::Array(devices) = &object(&line)["connectedDevices"] else {
            panic!("{}", self.line)
        };
        let devices = devices.iter().map(object).filter_map(|device| {
            let bandwidth = object(device.get("bandwidth")?);
            let counted = Counted {
                rx_bytes: number(bandwidth, "rxBytesSinceStart"),
                rx_frames: number(bandwidth, "rxPacketsSinceStart"),
                tx_bytes: number(bandwidth, "txBytesSinceStart"),
                tx_frames: number(bandwidth, "txPacketsSinceStart"),
            };
            Some((text(&device["mac"]), counted))
        });
        devices.collect()
    }
}

fn parse(line: &str) -> Window {
    // It stands behind the devices.
    let (_, capture) = line.trim_end().rsplit_once(r#","capture":"#).unwrap();
    let capture: Value = json::from_str(capture.strip_suffix('}').unwrap()).unwrap();
    let capture = object(&capture);
    let (other, group) = (object(&capture["otherMacs"]), object(&capture["multicast"]));
    Window {
        line: line.to_string(),
        source: text(&capture["source"]),
        seen: number(capture, "framesSeen"),
        lost: number(capture, "framesLost"),
        other_bytes: number(other, "rxBytesTotal") + number(other, "txBytesTotal"),
        group_bytes: number(group, "bytesTotal"),
    }
}

/// The object that this must be.
pub fn object(value: &Value) -> &Object {
    match value {
        Value::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => panic!("{other:?}"),
    }
}

/// The number that must be under `key`.
pub fn number(object: &Object, key: &str) -> u64 {
    match object.get(key) {
        Some(Value::Number(Number::U64(number))) => *number,
        other => panic!("{key}: {other:?}"),
    }
}

/// The engines that can run here: the kernel takes programs from the real root only.
pub fn engines() -> impl Iterator<Item = &'static str> {
    let ids = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    let real = rustix::process::getuid().is_root() && ids.contains("4294967295");
    if !real {
        crate::support::skip::skip("the kernel takes programs from the real root only");
    }
    ENGINES.into_iter().skip(usize::from(!real))
}
