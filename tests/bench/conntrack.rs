// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long a reading of the kernel's table of flows takes, from a file and from this kernel.
//!
//! `cargo bench --profile release --bench conntrack`; the real table, filled with flows over lo,
//! where one may have a network namespace of one's own:
//! `unshare -n cargo bench --profile release --bench conntrack -- --real`.

use std::fmt::Write;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Instant;

use netvitals::collect::offload::{Conntrack, Reading};
use netvitals::sys::files::{Root, c_path};

const FLOWS: usize = 16_384;
const ROUNDS: usize = 31;

fn main() {
    println!(
        "table                 flows  in hardware  ms per reading (fastest, median of {ROUNDS})"
    );
    let directory = std::env::temp_dir().join(format!("netvitals-bench-{}", std::process::id()));
    std::fs::create_dir_all(directory.join("proc/net")).unwrap();
    for (name, hardware) in [
        ("file, no hardware", 0),
        ("file, half", 2),
        ("file, all", 1),
    ] {
        let text = table(|i| hardware > 0 && i % hardware == 0);
        std::fs::write(directory.join("proc/net/nf_conntrack"), text).unwrap();
        measure(name, &directory.to_string_lossy());
    }
    std::fs::remove_dir_all(directory).unwrap();
    if std::env::args().any(|word| word == "--real") {
        fill();
        measure("this kernel", "/");
    }
}

fn table(hardware: impl Fn(usize) -> bool) -> String {
    let mut text = String::new();
    for i in 0..FLOWS {
        let (a, b) = (i / 250 + 1, i % 250 + 1);
        let (state, flag) = match hardware(i) {
            true => ("", "[HW_OFFLOAD]"),
            false => ("431999 ESTABLISHED ", "[ASSURED]"),
        };
        writeln!(
            text,
            "ipv4     2 tcp      6 {state}src=192.168.{a}.{b} dst=198.51.100.7 sport={} dport=443 \
             packets=1234567 bytes=1234567890 src=198.51.100.7 dst=203.0.113.1 sport=443 dport={} \
             packets=7654321 bytes=9876543210 {flag} mark=0 zone=0 use=2",
            30_000 + i,
            30_000 + i
        )
        .unwrap();
    }
    text
}

fn measure(name: &str, root: &str) {
    let root = Root::at(&c_path(root).unwrap()).unwrap();
    let mut conntrack = Conntrack::open(&root, 7).unwrap();
    let mut reading = Reading::default();
    let mut took: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            reading = conntrack.read(|_, _| ()).unwrap();
            start.elapsed()
        })
        .collect();
    took.sort();
    let [fastest, median] = [0, ROUNDS / 2].map(|at| took[at].as_nanos() as f64 / 1e6);
    let Reading {
        flows, hardware, ..
    } = reading;
    println!("{name:<20} {flows:>6} {hardware:>12} {fastest:>10.2} {median:>10.2}");
}

/// As many flows over lo, each of one datagram.
fn fill() {
    let rules = "ip link set lo up; nft add table ip x; \
                 nft 'add chain ip x y { type filter hook input priority 0; }'; \
                 nft add rule ip x y ct state new accept";
    assert!(
        Command::new("sh")
            .args(["-c", rules])
            .status()
            .unwrap()
            .success()
    );
    let socket = UdpSocket::bind("127.0.0.1:9999").unwrap();
    for i in 0..FLOWS {
        let to = format!("127.0.0.1:{}", 10_000 + i);
        // Nobody listens there, and the answer that says so comes with the next one.
        let _ = socket.send_to(b"x", &to);
    }
}
