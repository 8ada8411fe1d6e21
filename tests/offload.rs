// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the hardware forwards, from the kernel's table of flows; below a root of our own, and from
//! the real one.

#[path = "support/counting.rs"]
mod counting;
#[path = "support/tempdir.rs"]
mod tempdir;

use std::fmt::Write;
use std::fs;
use std::net::IpAddr;

use counting::allocations;
use netvitals::collect::offload::{Conntrack, Moved, ReadError, Reading, accounting, configured};
use netvitals::limits::FLOWS_MAX;
use netvitals::model::flows::Offload;
use netvitals::sys::files::{Root, c_path};
use tempdir::TempDir;

/// A directory in place of `/`.
struct Fake(TempDir);

impl Fake {
    fn new() -> Self {
        Self(TempDir::new())
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn flows(&self, text: &str) {
        self.put("proc/net/nf_conntrack", text);
    }

    fn root(&self) -> Root {
        Root::at(&c_path(self.0.path().to_str().unwrap()).unwrap()).unwrap()
    }
}

/// A flow behind NAT: so many packets of 1 000 bytes there, twice as many of 100 back.
fn flow(port: usize, packets: u64, flag: &str) -> String {
    let back = packets * 2;
    format!(
        "ipv4     2 tcp      6 src=192.168.1.10 dst=198.51.100.7 sport={port} dport=443 \
         packets={packets} bytes={}000 src=198.51.100.7 dst=203.0.113.1 sport=443 dport={port} \
         packets={back} bytes={back}00 {flag}mark=0 zone=0 use=3\n",
        packets
    )
}

fn read(conntrack: &mut Conntrack) -> (Reading, Vec<(String, Moved)>) {
    let mut found = Vec::new();
    let each = |address: IpAddr, moved| found.push((address.to_string(), moved));
    let reading = conntrack.read(each).unwrap();
    (reading, found)
}

fn moved(rx: (u64, u64), tx: (u64, u64)) -> Moved {
    Moved {
        rx_bytes: rx.1 + 14 * rx.0,
        tx_bytes: tx.1 + 14 * tx.0,
        rx_frames: rx.0,
        tx_frames: tx.0,
    }
}

const HARDWARE: &str = "[HW_OFFLOAD] ";

#[test]
fn both_ends_get_what_moved_between_two_readings() {
    let fake = Fake::new();
    let others = flow(2, 5, "[OFFLOAD] ") + &flow(3, 5, "[ASSURED] ");
    fake.flows(&(flow(1, 5, HARDWARE) + &others));
    let mut conntrack = Conntrack::open(&fake.root(), 7).unwrap();
    let (reading, found) = read(&mut conntrack);
    let expected = Reading {
        flows: 3,
        software: 1,
        hardware: 1,
        ..Reading::default()
    };
    assert_eq!((reading, found), (expected, vec![]), "the first sight");
    fake.flows(&(flow(1, 8, HARDWARE) + &flow(2, 9, "[OFFLOAD] ")));
    let (reading, found) = read(&mut conntrack);
    assert_eq!((reading.flows, reading.offload()), (2, Offload::Hardware));
    let (there, back) = ((3, 3_000), (6, 600));
    let device = ("192.168.1.10".to_owned(), moved(back, there));
    let peer = ("198.51.100.7".to_owned(), moved(there, back));
    assert_eq!(found, [device, peer]);
    assert_eq!(read(&mut conntrack).1, [], "nothing moved");
}

#[test]
fn a_server_behind_a_forwarded_port_is_known_by_its_own_address() {
    let fake = Fake::new();
    let line = |packets| {
        format!(
            "ipv6     10 udp      17 src=2001:db8::9 dst=2001:db8:1::1 sport=9 dport=80 \
             packets={packets} bytes=10 src=fd00::10 dst=2001:db8::9 sport=8080 dport=9 packets=0 \
             bytes=0 [HW_OFFLOAD] mark=0 zone=0 use=3"
        )
    };
    fake.flows(&line(1));
    let mut conntrack = Conntrack::open(&fake.root(), 7).unwrap();
    read(&mut conntrack);
    fake.flows(&line(3));
    let found = read(&mut conntrack).1;
    let peer = ("2001:db8::9".to_owned(), moved((0, 0), (2, 0)));
    let server = ("fd00::10".to_owned(), moved((2, 0), (0, 0)));
    assert_eq!(found, [peer, server]);
}

#[test]
fn a_reading_in_steps_finds_the_same() {
    let fake = Fake::new();
    let table = |packets| {
        (0..999)
            .map(|port| flow(port, packets, HARDWARE))
            .collect::<String>()
    };
    let mut found = [vec![], vec![]];
    for (pieces, found) in [1, usize::MAX].into_iter().zip(&mut found) {
        fake.flows(&table(5));
        let mut conntrack = Conntrack::open(&fake.root(), 7).unwrap();
        for packets in [5, 6, 9] {
            fake.flows(&table(packets));
            let mut steps = 0;
            let reading = loop {
                steps += 1;
                let each = |_, moved| found.push(moved);
                if let Some(reading) = conntrack.step(pieces, each).unwrap() {
                    break reading;
                }
            };
            assert_eq!(reading.hardware, 999);
            assert!(if pieces == 1 { steps > 9 } else { steps == 1 });
        }
    }
    assert_eq!(found[0].len(), 2 * 2 * 999);
    assert_eq!(found[0], found[1]);
}

#[test]
fn what_cannot_be_counted_is_said() {
    let fake = Fake::new();
    let unopened = Conntrack::open(&fake.root(), 7).unwrap_err();
    assert!(matches!(unopened, ReadError::Missing));
    assert!(unopened.to_string().contains("no connection tracking"));
    let counted = flow(1, 5, HARDWARE);
    let broken = counted.replace("bytes=5000", "bytes=x");
    let uncounted: Vec<&str> = counted
        .split(' ')
        .filter(|word| !word.starts_with("packets=") && !word.starts_with("bytes="))
        .collect();
    fake.flows(&(counted.clone() + &broken + &uncounted.join(" ") + &"x".repeat(40_000)));
    let mut conntrack = Conntrack::open(&fake.root(), 7).unwrap();
    let reading = read(&mut conntrack).0;
    assert_eq!((reading.hardware, reading.uncounted), (2, 1));
    assert_eq!(reading.malformed, 2, "a wrong line and an endless one");
    for (text, expected) in [("0\n", Some(false)), ("1\n", Some(true)), ("x", None)] {
        fake.put("proc/sys/net/netfilter/nf_conntrack_acct", text);
        assert_eq!(accounting(&fake.root()), expected);
    }
}

#[test]
fn the_configuration_is_read_below_the_root() {
    let fake = Fake::new();
    assert_eq!(configured(&fake.root()), Offload::None);
    let defaults = "config defaults\n\toption flow_offloading '1'\n\toption flow_offloading_hw 1\n";
    fake.put("etc/config/firewall", defaults);
    assert_eq!(configured(&fake.root()), Offload::Hardware);
}

#[test]
fn a_full_table_is_counted_and_nothing_is_allocated() {
    let fake = Fake::new();
    let table = |packets| {
        let mut text = String::new();
        for port in 0..FLOWS_MAX + 3 {
            // More flows than ports: zones tell them apart too.
            let flow = flow(port % 60_000, packets, HARDWARE);
            let zone = format!("zone={}", port / 60_000);
            write!(text, "{}", flow.replace("zone=0", &zone)).unwrap();
        }
        text
    };
    fake.flows(&table(5));
    let mut conntrack = Conntrack::open(&fake.root(), 7).unwrap();
    assert_eq!(read(&mut conntrack).0.left_out, 3);
    fake.flows(&table(6));
    let (mut sum, mut ends) = (0, 0);
    let mut reading = Reading::default();
    let work = || {
        let each = |_, moved: Moved| {
            sum += moved.tx_frames;
            ends += 1;
        };
        reading = conntrack.read(each).unwrap();
    };
    assert_eq!(allocations(work), 0);
    assert_eq!((reading.left_out, reading.malformed), (3, 0));
    assert_eq!((ends, sum), (2 * FLOWS_MAX, 3 * FLOWS_MAX as u64));
    fake.flows("");
    let empty = || drop(conntrack.read(|_, _| unreachable!()));
    assert_eq!(allocations(empty), 0);
    fake.flows(&table(7));
    assert_eq!(read(&mut conntrack).1.len(), 2 * FLOWS_MAX, "one may miss");
}
