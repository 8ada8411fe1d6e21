// SPDX-License-Identifier: MIT OR Apache-2.0
//! How many documents of 1 KiB go into the spool each second, on one core, and how many come out.
//!
//! `cargo bench --profile release --bench spool`; the spool is full for most of the time.

use std::path::Path;
use std::time::{Duration, Instant};

use netvitals::sink::batch::{Batch, Document, Origin};
use netvitals::sink::memory::MemoryQueue;
use netvitals::sink::spool::{Limits, Spool};
use netvitals::sys::spool_directory::SpoolDirectory;
use netvitals::time::{Mono, Wall};

const DOCUMENTS: u64 = 50_000;
const ROUNDS: usize = 5;
const LIMIT: f64 = 20_000.0;

fn main() {
    println!(
        "queue                limit/s       in/s      out/s   (median of {ROUNDS}, 1 KiB documents)"
    );
    for (parent, commit_s) in [
        ("/tmp", 0),
        ("/tmp", 600),
        ("/dev/shm", 0),
        ("/dev/shm", 600),
    ] {
        if !Path::new(parent).is_dir() {
            println!("{parent:<18}   absent");
            continue;
        }
        let rates: Vec<_> = (0..ROUNDS).map(|_| spool(parent, commit_s)).collect();
        let name = format!("{parent}{}", if commit_s > 0 { " +commit" } else { "" });
        show(&name, rates);
    }
    show("memory", (0..ROUNDS).map(|_| memory()).collect());
}

fn show(name: &str, rates: Vec<(f64, f64)>) {
    let median = |mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    let rate_in = median(rates.iter().map(|(rate, _)| *rate).collect());
    let rate_out = median(rates.iter().map(|(_, rate)| *rate).collect());
    println!("{name:<18} {LIMIT:>9.0} {rate_in:>10.0} {rate_out:>10.0}");
}

fn origin() -> Origin {
    Origin {
        host: "bench".into(),
        collector: "agent".into(),
        start_id: 1,
    }
}

fn rate(documents: u64, since: Instant) -> f64 {
    documents as f64 / since.elapsed().as_secs_f64()
}

fn document(sequence: u64, body: &[u8]) -> Document<'_> {
    let wall = Wall::from_us(sequence);
    Document {
        sequence,
        wall,
        body,
    }
}

fn spool(parent: &str, commit_s: u64) -> (f64, f64) {
    let path = format!("{parent}/netvitals-bench-{}", std::process::id());
    let limits = Limits {
        bytes_max: 4_096 * 1_024,
        commit_interval: Duration::from_secs(commit_s),
        dead_letter_bytes_max: 0,
    };
    let directory = SpoolDirectory::at(&path).unwrap();
    let mut spool = Spool::open(directory, origin(), &[1], limits).unwrap();
    let body = vec![b'x'; 1_024];
    let start = Instant::now();
    for sequence in 1..=DOCUMENTS {
        let document = document(sequence, &body);
        spool.append(document, Mono::from_ns(1)).unwrap();
    }
    let rate_in = rate(DOCUMENTS, start);
    let waiting = spool.waiting(0).documents;
    assert_eq!(waiting + spool.dropped(0), DOCUMENTS);
    let mut batch = Batch::default();
    let start = Instant::now();
    while spool.waiting(0).documents > 0 {
        batch.clear();
        spool.take(0, &mut batch, 64, usize::MAX).unwrap();
        spool.confirm(0).unwrap();
    }
    let rate_out = rate(waiting, start);
    spool.close().unwrap();
    std::fs::remove_dir_all(&path).unwrap();
    (rate_in, rate_out)
}

fn memory() -> (f64, f64) {
    let mut queue = MemoryQueue::new(origin(), 1, 4_096 * 1_024);
    let body = vec![b'x'; 1_024];
    let start = Instant::now();
    for sequence in 1..=DOCUMENTS {
        queue.append(document(sequence, &body));
    }
    let rate_in = rate(DOCUMENTS, start);
    let waiting = queue.waiting(0).documents;
    let mut batch = Batch::default();
    let start = Instant::now();
    while queue.waiting(0).documents > 0 {
        batch.clear();
        queue.take(0, &mut batch, 64, usize::MAX);
        queue.confirm(0);
    }
    (rate_in, rate(waiting, start))
}
