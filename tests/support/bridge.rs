// SPDX-License-Identifier: MIT OR Apache-2.0
//! A bridge for one test, with devices at its ports, and captures on it.
#![allow(dead_code)]

use std::time::{Duration, Instant};

use crate::support::skip::skip;
use crate::{frames, lan::ip, link};
use netvitals::collect::bandwidth::{Capture, Mode, Options, Source};
use netvitals::limits::DEVICES_HEARD_MAX;
use netvitals::model::addr::Mac;
use netvitals::model::traffic::Amount;
use netvitals::model::unseen::Blind;
use netvitals::sys::clock::mono;

pub const ALICE: Mac = Mac([2, 0xa1, 0, 0, 0, 1]);
pub const BOB: Mac = Mac([2, 0xb0, 0, 0, 0, 2]);

/// A bridge with the address BRIDGE and three ports `p1` to `p3`, at the other ends of which `h1`
/// to `h3` send; nothing else is heard.
pub const BRIDGE: Mac = Mac([2, 0xbb, 0, 0, 0, 0xbb]);

pub fn make_bridge() {
    for path in ["all", "default"] {
        let path = format!("/proc/sys/net/ipv6/conf/{path}/disable_ipv6");
        std::fs::write(path, "1").unwrap();
    }
    ip(&format!(
        "link add br0 address {BRIDGE} type bridge mcast_snooping 0"
    ));
    link::up("br0").unwrap();
    (1..=3).for_each(make_port);
}

pub fn make_port(number: u8) {
    let (port, host) = (format!("p{number}"), format!("h{number}"));
    link::make_pair(&port, &host).unwrap();
    ip(&format!("link set {port} master br0"));
}

pub fn frame(to: Mac, from: Mac, len: usize, tagged: bool) -> Vec<u8> {
    let mut frame = [to.0, from.0].concat();
    if tagged {
        frame.extend([0x81, 0, 0, 7]);
    }
    frame.extend([0x88, 0xb5]);
    frame.resize(len, 0);
    frame
}

/// Sends `count` such frames on an interface.
pub fn send(on: &str, to: Mac, from: Mac, len: usize, count: u64) {
    let socket = frames::Socket::open(on, 0x88b5).unwrap();
    let frame = frame(to, from, len, false);
    (0..count).for_each(|_| socket.send(&frame).unwrap());
}

/// A capture, whether it counts or not.
pub fn open(mode: Mode, wanted: &[&str]) -> Capture {
    let options = Options {
        mode,
        ring_kib: 1_024,
        devices_max: DEVICES_HEARD_MAX,
        seed: 7,
    };
    let wanted = wanted.iter().map(|&name| name.try_into().unwrap());
    Capture::start(&options, wanted.collect(), mono()).unwrap()
}

/// Starts a capture; `None` where this machine does not let us, which is said.
pub fn start(mode: Mode, wanted: &[&str]) -> Option<Capture> {
    let capture = open(mode, wanted);
    if capture.source() == Source::None {
        assert!(capture.unseen().contains(Blind::NoPermission));
        skip(&format!("{mode:?}: {}", capture.fallback_reason().unwrap()));
        return None;
    }
    assert_eq!(capture.fallback_reason(), None);
    Some(capture)
}

/// Runs `test` with each engine that there is, in the same network.
pub fn with_each_engine(wanted: &[&str], mut test: impl FnMut(&mut Capture)) {
    for mode in [Mode::Ebpf, Mode::Ring] {
        if let Some(mut capture) = start(mode, wanted) {
            test(&mut capture);
        }
    }
}

/// Turns until `done`.
#[track_caller]
pub fn wait_until(capture: &mut Capture, done: impl Fn(&Capture) -> bool) -> Duration {
    let start = Instant::now();
    while !done(capture) {
        let rows: Vec<_> = capture.traffic().rows().collect();
        let told = format!("{rows:?} {:?}", capture.interfaces());
        assert!(start.elapsed() < Duration::from_secs(5), "{told}");
        std::thread::sleep(Duration::from_millis(5));
        let _ = capture.turn(mono());
        capture.end_window(mono()).unwrap();
    }
    start.elapsed()
}

#[track_caller]
pub fn wait_for_frames(capture: &mut Capture, frames: u64) {
    wait_until(capture, |capture| capture.frames_seen() >= frames);
    assert_eq!(capture.frames_seen(), frames);
    assert_eq!(capture.frames_lost(), 0);
}

/// What a device moved in this window: frames and bytes received, frames and bytes sent.
#[track_caller]
pub fn moved(capture: &Capture, mac: Mac) -> [u64; 4] {
    let row = capture.traffic().find(mac);
    let amount = row.map_or_else(Amount::default, |row| row.window());
    [
        amount.rx_frames,
        amount.rx_bytes,
        amount.tx_frames,
        amount.tx_bytes,
    ]
}

pub fn names(capture: &Capture) -> String {
    let names = capture.interfaces().iter().map(|tap| tap.name.as_str());
    names.collect::<Vec<_>>().join(" ")
}
