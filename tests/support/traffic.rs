// SPDX-License-Identifier: MIT OR Apache-2.0
//! Traffic for tests in a LAN of their own: devices that answer, frames sent, who sent how much.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::lan::{self, OURS, Peer};
use crate::living;
use crate::snapshot::Moved;
use crate::support::tempdir::TempDir;
use crate::traffic::{self, Plan};

/// The kernel sends nothing of its own.
pub fn quiet() {
    for place in ["all", "default"] {
        let path = format!("/proc/sys/net/ipv6/conf/{place}/disable_ipv6");
        std::fs::write(path, "1").unwrap();
    }
}

/// The router's side has this MAC address and 10.9.0.1/24.
pub const ROUTER: &str = "02:00:00:00:00:01";

/// The router, and so many devices from 10.9.0.2 on that answer at the other end.
pub fn living(count: u8) -> Peer {
    quiet();
    lan::ip(&format!("link set {OURS} address {ROUTER}"));
    lan::address();
    Peer::start(0x0806, move |frame| {
        let asked = living::asked(frame).filter(|ip| ip.octets()[..3] == [10, 9, 0]);
        let asked = asked.filter(|ip| (2..2 + u16::from(count)).contains(&ip.octets()[3].into()));
        let answers = asked.map(|ip| living::answer(frame, living::mac(ip), ip));
        answers.into_iter().collect()
    })
}

/// The MAC address of the device with this last octet.
pub fn mac(last: u8) -> String {
    format!("02:01:0a:09:00:{last:02x}")
}

/// The senders from 10.9.0.2 on, as a plan says it.
pub fn everybody(count: u8) -> String {
    format!("{}/{count}", mac(2))
}

/// A file with a name for each of them.
pub fn names(directory: &TempDir, count: u8) -> PathBuf {
    let line = |last| format!("{} device-{last}\n", mac(last));
    let names: String = (2..2 + u16::from(count))
        .map(|last| line(last as u8))
        .collect();
    lan::file(directory, "names", &names)
}

/// Sends as the words say; what each device, but not the router, sent and received.
pub fn send(interface: &str, words: &str) -> BTreeMap<String, Moved> {
    let words: Vec<&str> = words.split(' ').collect();
    let plan = Plan::parse(&words).unwrap();
    let (sent, error) = traffic::run(interface, &plan).unwrap();
    assert!(error.is_none(), "{error:?}");
    let mut account: BTreeMap<String, Moved> = BTreeMap::new();
    let each = |frames: u64| (frames * sent.segments, frames * sent.bytes);
    for (mac, turns) in plan.from.unwrap().turns(sent.given).into_iter().flatten() {
        let moved = account.entry(traffic::text(mac)).or_default();
        (moved.tx_frames, moved.tx_bytes) = each(turns);
    }
    for (mac, turns) in plan.to.turns(sent.given).into_iter().flatten() {
        let moved = account.entry(traffic::text(mac)).or_default();
        (moved.rx_frames, moved.rx_bytes) = each(turns);
    }
    account.remove(ROUTER);
    account
}

/// Adds up two accounts.
pub fn add(
    mut one: BTreeMap<String, Moved>,
    other: BTreeMap<String, Moved>,
) -> BTreeMap<String, Moved> {
    for (mac, moved) in other {
        let sum = one.entry(mac).or_default();
        sum.rx_bytes += moved.rx_bytes;
        sum.rx_frames += moved.rx_frames;
        sum.tx_bytes += moved.tx_bytes;
        sum.tx_frames += moved.tx_frames;
    }
    one
}

/// Sends the same again and again until this goes out of scope.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    pub fn start(interface: &'static str, words: &str) -> Self {
        let (stop, words) = (Arc::new(AtomicBool::new(false)), words.to_owned());
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                send(interface, &words);
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
