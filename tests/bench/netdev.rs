// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long one window of 300 interfaces takes: parsed, subtracted, encoded; beside plain code.
//!
//! `cargo bench --profile server --bench netdev`, the same with `--profile release`.

use std::collections::HashMap;
use std::fmt::Write;
use std::hint::black_box;
use std::num::NonZeroU64;
use std::time::Instant;

use netvitals::collect::interfaces::Interfaces;
use netvitals::encode::json::Style;
use netvitals::encode::netmon;
use netvitals::limits::NETMON_DOCUMENT_BYTES_MAX;
use netvitals::model::interface::{Sample, Window};
use netvitals::model::selection::Selection;

const BEFORE: &str = include_str!("../conformance/netmon/cases/11-300-interfaces/before.txt");
const AFTER: &str = include_str!("../conformance/netmon/cases/11-300-interfaces/after.txt");
const ELAPSED_US: NonZeroU64 = NonZeroU64::new(1_003_700).unwrap();
const ROUNDS: usize = 301;

fn main() {
    let exe = std::env::current_exe().unwrap_or_default();
    let server = exe.components().any(|part| part.as_os_str() == "server");
    let (profile, limit_us) = if server {
        ("server", 150.0)
    } else {
        ("release", 300.0)
    };
    let (ours_us, peer_us) = (ours(), plain());
    println!(
        "profile    limit     ours    plain code   (median of {ROUNDS}, microseconds per window)"
    );
    println!("{profile:<8} {limit_us:>7.0} {ours_us:>8.1} {peer_us:>13.1}");
}

fn median_us(mut round: impl FnMut()) -> f64 {
    let mut took: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed()
        })
        .collect();
    took.sort();
    took[ROUNDS / 2].as_nanos() as f64 / 1_000.0
}

fn read(interfaces: &mut Interfaces, mut text: &[u8], sample: &mut Sample) {
    let piece = |space: &mut [u8]| std::io::Read::read(&mut text, space);
    interfaces.read_pieces(piece, sample).unwrap();
}

fn ours() -> f64 {
    let mut interfaces = Interfaces::new(Selection::default(), netmon::RESERVED);
    let (mut earlier, mut later) = (Box::new(Sample::new()), Box::new(Sample::new()));
    let mut buffer = vec![0; NETMON_DOCUMENT_BYTES_MAX];
    read(&mut interfaces, BEFORE.as_bytes(), &mut earlier);
    median_us(|| {
        read(&mut interfaces, black_box(AFTER.as_bytes()), &mut later);
        let window = Window {
            earlier: &earlier,
            later: &later,
            elapsed_us: ELAPSED_US,
        };
        black_box(netmon::document(window, "testhost", Style::Compact, &mut buffer).unwrap());
    })
}

const KEYS: &str = "recv_bytes recv_packets recv_errs recv_drop recv_fifo recv_frame \
                    recv_compressed recv_multicast trans_bytes trans_packets trans_errs \
                    trans_drop trans_fifo trans_colls trans_carrier trans_compressed";

fn parse(text: &str) -> HashMap<&str, Vec<u64>> {
    let lines = text
        .lines()
        .skip(2)
        .filter_map(|line| line.rsplit_once(':'));
    let numbers = |columns: &str| {
        columns
            .split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect()
    };
    lines
        .map(|(name, columns)| (name.trim(), numbers(columns)))
        .collect()
}

/// The same work as one writes it without a thought to allocation.
fn plain() -> f64 {
    let earlier = parse(BEFORE);
    median_us(|| {
        let later = parse(black_box(AFTER));
        let mut out = String::from("{");
        for (name, counters) in &later {
            let Some(before) = earlier.get(name) else {
                continue;
            };
            write!(out, "\"{name}\":{{").unwrap();
            for (i, key) in KEYS.split(' ').enumerate() {
                let delta = u128::from(counters[i].saturating_sub(before[i]));
                let rate = delta * 1_000_000 / u128::from(ELAPSED_US.get());
                write!(out, "{}\"{key}\":{rate}", if i > 0 { "," } else { "" }).unwrap();
            }
            out.push_str("},");
        }
        out.push_str("\"host\":\"testhost\"}");
        black_box(out);
    })
}
