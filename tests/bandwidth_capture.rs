// SPDX-License-Identifier: MIT OR Apache-2.0
//! What devices move, counted on a bridge of its own by both engines: exact to the byte, while
//! ports come, go and are renamed.

#[path = "support/counting.rs"]
mod counting;
#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
mod support;

use std::time::{Duration, Instant};

use lan::{OURS, inside, ip};
use netvitals::collect::bandwidth::{Capture, Mode, Options, Source};
use netvitals::limits::DEVICES_HEARD_MAX;
use netvitals::model::addr::Mac;
use netvitals::model::traffic::{Amount, Sums};
use netvitals::model::unseen::Blind;
use netvitals::sys::clock::mono;
use support::skip::skip;

const ALICE: Mac = Mac([2, 0xa1, 0, 0, 0, 1]);
const BOB: Mac = Mac([2, 0xb0, 0, 0, 0, 2]);

/// A bridge with the address BRIDGE and three ports `p1` to `p3`, at the other ends of which `h1`
/// to `h3` send; nothing else is heard.
const BRIDGE: Mac = Mac([2, 0xbb, 0, 0, 0, 0xbb]);

fn make_bridge() {
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

fn make_port(number: u8) {
    let (port, host) = (format!("p{number}"), format!("h{number}"));
    link::make_pair(&port, &host).unwrap();
    ip(&format!("link set {port} master br0"));
}

fn frame(to: Mac, from: Mac, len: usize, tagged: bool) -> Vec<u8> {
    let mut frame = [to.0, from.0].concat();
    if tagged {
        frame.extend([0x81, 0, 0, 7]);
    }
    frame.extend([0x88, 0xb5]);
    frame.resize(len, 0);
    frame
}

/// Sends `count` such frames on an interface.
fn send(on: &str, to: Mac, from: Mac, len: usize, count: u64) {
    let socket = frames::Socket::open(on, 0x88b5).unwrap();
    let frame = frame(to, from, len, false);
    (0..count).for_each(|_| socket.send(&frame).unwrap());
}

/// Starts a capture; `None` where this machine does not let us, which is said.
fn start(mode: Mode, wanted: &[&str]) -> Option<Capture> {
    let options = Options {
        mode,
        ring_kib: 1_024,
        devices_max: DEVICES_HEARD_MAX,
        seed: 7,
    };
    let wanted = wanted.iter().map(|&name| name.try_into().unwrap());
    let capture = Capture::start(&options, wanted.collect(), mono()).unwrap();
    if capture.source() == Source::None {
        assert!(capture.unseen().contains(Blind::NoPermission));
        skip(&format!("{mode:?}: {}", capture.fallback_reason().unwrap()));
        return None;
    }
    assert_eq!(capture.fallback_reason(), None);
    Some(capture)
}

/// Runs `test` with each engine that there is, in the same network.
fn with_each_engine(wanted: &[&str], mut test: impl FnMut(&mut Capture)) {
    for mode in [Mode::Ebpf, Mode::Ring] {
        if let Some(mut capture) = start(mode, wanted) {
            test(&mut capture);
        }
    }
}

/// Turns until `done`.
#[track_caller]
fn wait_until(capture: &mut Capture, done: impl Fn(&Capture) -> bool) -> Duration {
    let start = Instant::now();
    while !done(capture) {
        let told = format!("{:?} {:?}", capture.traffic().sums(), capture.interfaces());
        assert!(start.elapsed() < Duration::from_secs(5), "{told}");
        std::thread::sleep(Duration::from_millis(5));
        let _ = capture.turn(mono());
        capture.end_window(mono()).unwrap();
    }
    start.elapsed()
}

#[track_caller]
fn wait_for_frames(capture: &mut Capture, frames: u64) {
    wait_until(capture, |capture| capture.frames_seen() >= frames);
    assert_eq!(capture.frames_seen(), frames);
    assert_eq!(capture.frames_lost(), 0);
}

/// What a device moved in this window: frames and bytes received, frames and bytes sent.
#[track_caller]
fn moved(capture: &Capture, mac: Mac) -> [u64; 4] {
    let row = capture.traffic().find(mac);
    let amount = row.map_or_else(Amount::default, |row| row.window());
    [
        amount.rx_frames,
        amount.rx_bytes,
        amount.tx_frames,
        amount.tx_bytes,
    ]
}

fn names(capture: &Capture) -> String {
    let names = capture.interfaces().iter().map(|tap| tap.name.as_str());
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn both_engines_count_the_same() {
    inside("both_engines_count_the_same", || {
        make_bridge();
        with_each_engine(&["br0"], |capture| {
            assert_eq!(names(capture), "p1 p2 p3");
            assert_eq!(capture.own()[0], BRIDGE);
            // Nobody knows where Bob is, until he speaks.
            ip("link set br0 type bridge fdb_flush");
            send("h1", BOB, ALICE, 100, 1);
            send("h2", ALICE, BOB, 1_000, 50);
            send("h1", BOB, ALICE, 100, 99);
            send("h1", BRIDGE, ALICE, 300, 30);
            send("br0", ALICE, BRIDGE, 200, 20);
            send("h1", Mac::BROADCAST, ALICE, 60, 10);
            let tagged = frame(BOB, ALICE, 104, true);
            let socket = frames::Socket::open("h1", 0x88b5).unwrap();
            (0..25).for_each(|_| socket.send(&tagged).unwrap());
            let runt = frames::Socket::open("h3", 0x88b5).unwrap();
            runt.send(&frame(Mac::NULL, ALICE, 60, false)).unwrap();
            // In at one port and out at another, the broadcasts and the first at two others, and
            // those of or to the bridge once.
            wait_for_frames(capture, 3 + 100 + 198 + 30 + 20 + 30 + 50 + 3);
            let [rx, rx_bytes, tx, tx_bytes] = moved(capture, ALICE);
            assert_eq!((rx, rx_bytes), (50 + 20, 50 * 1_000 + 20 * 200));
            assert_eq!(tx, 100 + 30 + 10 + 25 + 1);
            let sent = 100 * 100 + 30 * 300 + 10 * 60 + 25 * 104 + 60;
            assert_eq!(tx_bytes, sent);
            let received = 100 * 100 + 25 * 104;
            assert_eq!(moved(capture, BOB), [125, received, 50, 50_000]);
            let Sums {
                own,
                group_frames,
                group_bytes,
                other_frames,
                flooded_frames,
                ..
            } = capture.traffic().window_sums();
            assert_eq!((own.rx_frames, own.rx_bytes), (30, 9_000));
            assert_eq!((own.tx_frames, own.tx_bytes), (20, 4_000));
            assert_eq!((group_frames, group_bytes), (10, 600));
            assert_eq!((other_frames, flooded_frames), (0, 1));
            assert!(capture.traffic().find(BRIDGE).is_none());
            capture.begin_window();
            assert_eq!(moved(capture, ALICE), [0; 4]);
        });
    });
}
