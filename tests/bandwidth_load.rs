// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals bandwidth` under load: strangers without number, an end without warning, interfaces
//! that come and go.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[path = "board/src/bpf.rs"]
#[allow(dead_code)]
mod bpf;
#[path = "support/counted.rs"]
mod counted;
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
#[path = "board/src/outbox.rs"]
mod outbox;
mod support;
#[path = "board/src/traffic.rs"]
#[allow(dead_code)]
mod traffic;

use counted::{Bandwidth, Counted, Window, engines};
use lan::{OURS, THEIRS, inside, ip};
use traffic::Plan;

const KNOWN: &str = "from=02:10:00:00:00:01/20";

/// Sends as the words say; frames sent, and the bytes of each.
fn send(interface: &str, words: &str) -> (u64, u64) {
    let words: Vec<&str> = words.split(' ').collect();
    let plan = Plan::parse(&words).unwrap();
    let (sent, error) = traffic::run(interface, &plan).unwrap();
    assert!(error.is_none(), "{error:?}");
    (sent.given, sent.bytes)
}

/// The kernel sends nothing of its own.
fn quiet() {
    std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap();
    std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
}

fn mac(interface: &str) -> String {
    let output = Command::new("ip")
        .args(["-o", "link", "show", interface])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut words = text.split_whitespace().skip_while(|w| *w != "link/ether");
    words.nth(1).unwrap().to_string()
}

/// Bytes of the twenty devices of [`KNOWN`] must be these, in equal shares.
#[track_caller]
fn known_are_exact(window: &Window, frames: u64, bytes_each: u64) {
    let devices = window.devices();
    for number in 0..20_u64 {
        let mac = format!("02:10:00:00:00:{:02x}", number + 1);
        let turns = frames / 20 + u64::from(number < frames % 20);
        let expected = Counted {
            tx_frames: turns,
            tx_bytes: turns * bytes_each,
            ..Counted::default()
        };
        assert_eq!(devices.get(&mac), Some(&expected), "{mac}");
    }
}

/// Counters never go back, and nobody that was there is gone.
#[track_caller]
fn monotonic(windows: &[Window]) {
    let mut before: BTreeMap<String, Counted> = BTreeMap::new();
    for (number, window) in windows.iter().enumerate() {
        let devices = window.devices();
        for (mac, was) in &before {
            let Some(is) = devices.get(mac) else {
                panic!("window {number}: {mac} is gone");
            };
            let back = is.rx_bytes < was.rx_bytes
                || is.tx_bytes < was.tx_bytes
                || is.rx_frames < was.rx_frames
                || is.tx_frames < was.tx_frames;
            assert!(!back, "window {number}: {mac}: {was:?}, then {is:?}");
        }
        before = devices;
    }
}

#[test]
fn ten_thousand_strangers_do_not_disturb_who_is_known() {
    inside("ten_thousand_strangers_do_not_disturb_who_is_known", || {
        quiet();
        let router = mac(OURS);
        for engine in engines() {
            let bandwidth = Bandwidth::start(engine, OURS, "500ms");
            let known = format!("{KNOWN} to={router} rate=1000");
            let (mut frames, bytes) = send(THEIRS, &format!("{known} frames=1000"));
            // As many as make every table full.
            let strangers = |words| send(THEIRS, &format!("from=random/{words} to={router}"));
            let (mut strange, strange_bytes) = strangers("10000 rate=4000 frames=24000");
            bandwidth.settled();
            let before = bandwidth.status("RssAnon");
            std::thread::scope(|scope| {
                let flood = scope.spawn(|| strangers("10000 rate=2000 frames=10000").0);
                frames += send(THEIRS, &format!("{known} frames=5000")).0;
                strange += flood.join().unwrap();
            });
            let windows = bandwidth.settled();
            let after = bandwidth.status("RssAnon");
            known_are_exact(windows.last().unwrap(), frames, bytes);
            assert!(
                after <= before + 512,
                "{engine}: {before} KiB, then {after}"
            );
            // The rest is in rows of their own, as far as there is room, and in the others'.
            let others: u64 = windows.iter().map(|window| window.other_bytes).sum();
            let devices = windows.last().unwrap().devices();
            let rows = devices.iter().filter(|(mac, _)| mac.starts_with("06:"));
            let rows: u64 = rows.map(|(_, counted)| counted.tx_bytes).sum();
            assert_eq!(rows + others, strange * strange_bytes, "{engine}");
            println!("{engine}: {before} KiB, then {after}; {rows} bytes in rows, {others} others");
        }
    });
}

/// Sends from the twenty without end, whatever happens to the interface.
struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    fn start(interface: &'static str, words: String) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let words: Vec<&str> = words.split(' ').collect();
            let plan = Plan::parse(&words).unwrap();
            while !stopped.load(Ordering::Relaxed) {
                if traffic::run(interface, &plan).is_err() {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The maps that a process holds, by the numbers that the kernel gives them.
fn maps_of(process: u32) -> Vec<u32> {
    let files = std::fs::read_dir(format!("/proc/{process}/fdinfo")).unwrap();
    let texts = files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok());
    let ids = texts.filter_map(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("map_id:"))?;
        line.trim().parse().ok()
    });
    ids.collect()
}

/// Packet sockets in this namespace.
fn packet_sockets() -> usize {
    let table = std::fs::read_to_string("/proc/thread-self/net/packet").unwrap();
    table.lines().count() - 1
}

/// What is left of these maps: themselves, and programs that use them.
fn left(maps: &[u32]) -> usize {
    let held = bpf::maps().unwrap();
    let programs = bpf::programs().unwrap();
    let uses = |program: &&(u32, Vec<u32>)| program.1.iter().any(|map| maps.contains(map));
    maps.iter().filter(|map| held.contains(map)).count() + programs.iter().filter(uses).count()
}

#[test]
fn nothing_is_left_of_a_process_that_was_killed_under_load() {
    let name = "nothing_is_left_of_a_process_that_was_killed_under_load";
    inside(name, || {
        quiet();
        let router = mac(OURS);
        let words = format!("{KNOWN} to={router} rate=50000 frames=1000");
        let _load = Load::start(THEIRS, words);
        for engine in engines() {
            for _ in 0..5 {
                let mut bandwidth = Bandwidth::start(engine, OURS, "200ms");
                let windows = bandwidth.settled();
                assert!(windows.last().unwrap().seen > 0, "{engine}");
                monotonic(&windows);
                let maps = maps_of(bandwidth.process.0.id());
                let sockets = packet_sockets();
                if engine == "ebpf" {
                    assert!(left(&maps) > maps.len(), "no program uses {maps:?}");
                }
                bandwidth.process.signal(rustix::process::Signal::KILL);
                bandwidth.process.wait(Duration::from_secs(5));
                let start = Instant::now();
                // The load has one socket at most; the kernel takes its time with maps.
                while packet_sockets() > 1 || engine == "ebpf" && left(&maps) > 0 {
                    let late = start.elapsed() > Duration::from_secs(10);
                    assert!(!late, "{engine}: {} of {sockets} sockets", packet_sockets());
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
    });
}

/// Makes lan1 and peer1, a port of the bridge.
fn plug_in() {
    ip("link add lan1 type veth peer name peer1");
    ip("link set peer1 up");
    ip("link set lan1 master br-lan up");
}

const ROUTER: &str = "to=02:00:00:00:00:01";
const GUEST: &str = "02:30:00:00:00:01";

/// A hundred times the port of the guest is deleted and made again while somebody sends there;
/// what the twenty at the other port have sent meanwhile: frames, and the bytes of each.
fn come_and_go() -> (u64, u64) {
    let words = format!("from=02:31:00:00:00:01 {ROUTER} rate=20000 frames=200");
    let _load = Load::start("peer1", words);
    let (mut frames, mut bytes_each) = (0, 0);
    for round in 0..100 {
        let sent = send(THEIRS, &format!("{KNOWN} {ROUTER} frames=200"));
        (frames, bytes_each) = (frames + sent.0, sent.1);
        ip("link delete lan1");
        if round % 10 == 9 {
            std::thread::sleep(Duration::from_millis(250));
        }
        plug_in();
        std::thread::sleep(Duration::from_millis(20));
    }
    (frames, bytes_each)
}

#[test]
fn interfaces_come_and_go_a_hundred_times() {
    inside("interfaces_come_and_go_a_hundred_times", || {
        quiet();
        ip("link add br-lan address 02:00:00:00:00:01 type bridge mcast_snooping 0");
        ip(&format!("link set {OURS} master br-lan"));
        ip("link set br-lan up");
        for engine in engines() {
            plug_in();
            let bandwidth = Bandwidth::start(engine, "br-lan", "200ms");
            let guest = |frames: u32| {
                let words = format!("from={GUEST} {ROUTER} rate=20000 frames={frames}");
                send("peer1", &words);
                let windows = bandwidth.settled();
                monotonic(&windows);
                let guest = windows.last().unwrap().devices()[GUEST];
                (windows, guest.tx_frames)
            };
            assert_eq!(guest(100).1, 100, "{engine}");
            let before = (bandwidth.files(), packet_sockets());
            let memory_before = bandwidth.status("RssAnon");
            let (frames, bytes_each) = come_and_go();
            // A second later each frame is counted again, to the same device.
            std::thread::sleep(Duration::from_secs(1));
            let (windows, counted) = guest(1000);
            assert_eq!(counted, 1100, "{engine}");
            known_are_exact(windows.last().unwrap(), frames, bytes_each);
            let after = (bandwidth.files(), packet_sockets());
            assert_eq!(after, before, "{engine}: files and packet sockets");
            let memory = bandwidth.status("RssAnon");
            let flat = memory <= memory_before + 256;
            assert!(flat, "{engine}: {memory_before} KiB, then {memory}");
            ip("link delete lan1");
        }
    });
}
