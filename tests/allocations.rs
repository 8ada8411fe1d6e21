// SPDX-License-Identifier: MIT OR Apache-2.0
//! Nothing allocates per window once the first is done, and nothing per line of the log.

#[path = "support/counting.rs"]
mod counting;

use std::ffi::CString;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::time::Duration;

use counting::allocations;
use netvitals::cmd::agent::state::{Facts, StateFile};
use netvitals::codec::oui::{Reader, Wanted, keep};
use netvitals::collect::interfaces::{Interfaces, PATH};
use netvitals::encode::json::Style;
use netvitals::encode::netmon;
use netvitals::limits::NETMON_DOCUMENT_BYTES_MAX;
use netvitals::model::addr::Mac;
use netvitals::model::interface::{Sample, Window};
use netvitals::model::selection::Selection;
use netvitals::sink::batch::{Document, Origin};
use netvitals::sink::file::{FileSink, Keep, Rotation};
use netvitals::sink::memory::MemoryQueue;
use netvitals::sink::spool::{Limits, Spool};
use netvitals::sys::files::Root;
use netvitals::sys::spool_directory::SpoolDirectory;
use netvitals::term::logger::{self, Dialect, Form};
use netvitals::time::{Mono, Wall};

/// A root with 300 interfaces.
fn root() -> (tempdir::TempDir, Root) {
    let cases = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/conformance/netmon/cases"
    );
    let directory = tempdir::TempDir::new();
    let proc = directory.path().join(PATH.to_str().unwrap());
    std::fs::create_dir_all(proc.parent().unwrap()).unwrap();
    std::fs::copy(format!("{cases}/11-300-interfaces/after.txt"), proc).unwrap();
    let root = Root::at(&CString::new(directory.path().to_str().unwrap()).unwrap()).unwrap();
    (directory, root)
}

#[test]
fn windows_after_the_first_do_not_allocate() {
    let (directory, root) = root();
    let logs = directory.path().join("log");
    let rotation = Rotation {
        bytes_max: 300_000,
        files_kept: 2,
    };
    let sinks = [("newest", Keep::Newest), ("all", Keep::All(Some(rotation)))]
        .map(|(name, keep)| FileSink::open(logs.to_str().unwrap(), name, keep).unwrap());
    let facts = Facts {
        start_id: 1,
        boot_id: "b".repeat(36),
        started: Mono::from_ns(0),
        interval: Duration::from_secs(5),
        config_file: Some("/etc/config/netvitals".to_owned()),
    };
    let state = logs.join("state.json");
    let mut state = StateFile::open(state.to_str().unwrap(), facts).unwrap();
    let mut interfaces = Interfaces::new(Selection::new(["*".into()]), netmon::RESERVED);
    let (mut earlier, mut later) = (Box::new(Sample::new()), Box::new(Sample::new()));
    let mut buffer = vec![0; NETMON_DOCUMENT_BYTES_MAX];
    let mut window = || {
        std::mem::swap(&mut earlier, &mut later);
        interfaces.read(&root, &mut later).unwrap();
        let elapsed_us = NonZeroU64::new(1_000_000).unwrap();
        let window = Window {
            earlier: &earlier,
            later: &later,
            elapsed_us,
        };
        for style in [Style::Indented, Style::Compact] {
            netmon::document(window, "testhost", style, &mut buffer).unwrap();
        }
        let document = netmon::document(window, "testhost", Style::Compact, &mut buffer).unwrap();
        for sink in &sinks {
            sink.put(document).unwrap();
        }
        state.write(document);
    };
    window();
    assert_eq!(allocations(|| (0..20).for_each(|_| window())), 0);
    let written = std::fs::read_to_string(logs.join("newest")).unwrap();
    assert!(written.len() > 50_000 && written.ends_with("\"host\":\"testhost\"}\n"));
    assert!(logs.join("all.2").exists(), "rotation took part");
    let state = std::fs::read_to_string(logs.join("state.json")).unwrap();
    assert!(state.ends_with(&format!("\"snapshot\":{}}}\n", written.trim_end())));
}

/// Runs the program itself on the machine's own interfaces.
fn run(count: &str, logs: &str) -> u64 {
    let words = [
        "netvitals",
        "netmon",
        "--interval",
        "100ms",
        "--count",
        count,
        "--logpath",
        logs,
    ];
    let words: Vec<_> = words.map(std::ffi::OsString::from).to_vec();
    allocations(|| {
        let exit = netvitals::cmd::dispatch(words.into_iter());
        assert_eq!(exit, netvitals::failure::Exit::Done);
    })
}

#[test]
fn a_longer_run_does_not_allocate_more() {
    let directory = tempdir::TempDir::new();
    let logs = directory.path().to_str().unwrap();
    run("2", logs);
    assert_eq!(run("2", logs), run("8", logs));
}

#[test]
fn a_line_of_the_log_does_not_allocate() {
    logger::start("test", Form::Plain, Dialect::Named, log::LevelFilter::Warn);
    assert_eq!(
        allocations(|| log::warn!("a line with a number {} and \u{1b} text", 7)),
        0
    );
}

#[test]
fn a_document_into_the_queue_does_not_allocate() {
    let origin = || Origin {
        host: "testhost".into(),
        collector: "agent".into(),
        start_id: 1,
    };
    let body = vec![b'x'; 3_000];
    let document = |sequence| Document {
        sequence,
        wall: Wall::from_us(sequence),
        body: &body[..sequence as usize % 3_000],
    };
    for commit_s in [0, 60] {
        let directory = tempdir::TempDir::new();
        let store = SpoolDirectory::at(directory.path().to_str().unwrap()).unwrap();
        let limits = Limits {
            bytes_max: 256 * 1_024,
            commit_interval: std::time::Duration::from_secs(commit_s),
            dead_letter_bytes_max: 0,
        };
        let mut spool = Spool::open(store, origin(), &[1, 2], limits).unwrap();
        // Segments begin and end, and the oldest are dropped.
        let count = allocations(|| {
            for sequence in 1..=2_000 {
                spool.append(document(sequence), Mono::from_ns(1)).unwrap();
            }
        });
        assert_eq!(count, 0, "commit interval {commit_s}");
        assert!(spool.dropped(0) > 1_000);
    }
    let mut queue = MemoryQueue::new(origin(), 2, 256 * 1_024);
    let count = allocations(|| (1..=2_000).for_each(|sequence| queue.append(document(sequence))));
    assert_eq!(count, 0);
    assert!(queue.dropped(0) > 1_000);
}

/// Every reader of bytes from outside, on one input.
fn decode(bytes: &[u8], wanted: &mut [Wanted]) {
    use netvitals::codec::{arp, dhcp, dns, frame, leases, ndp, netlink, uci};
    if let Ok(frame) = frame::parse(bytes) {
        let _ = arp::parse(frame.payload).map(|packet| packet.learnable());
        let _ = ndp::learnable(frame.payload);
        let _ = dhcp::parse_packet(frame.payload);
    }
    let address = IpAddr::from([10, 0, 0, 9]);
    let mut query = [0; dns::QUERY_BYTES_MAX];
    dns::query(1, address, &mut query);
    let _ = dns::parse(bytes, address);
    netlink::Messages::new(bytes).for_each(drop);
    let mut vendors = Reader::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        leases::dnsmasq(line);
        leases::odhcpd(line);
        leases::ethers(line);
        leases::hosts(line);
        leases::names(line);
        if let Some(assignment) = vendors.line(line) {
            keep(&assignment, wanted);
        }
    }
    let mut reader = uci::Reader::new(bytes);
    while !matches!(reader.next_event(), Ok(None)) {}
}

#[test]
fn no_decoder_allocates() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/corpus");
    let mut wanted = [[0; 6], [0, 0, 0x0c, 1, 2, 3], [0xff; 6]].map(|mac| Wanted::new(Mac(mac)));
    for target in ["dns", "frame", "leases", "netlink", "oui", "uci"] {
        for entry in std::fs::read_dir(format!("{corpus}/{target}")).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(allocations(|| decode(&bytes, &mut wanted)), 0, "{path:?}");
        }
    }
    assert_eq!(wanted[1].vendor, "Cisco Systems");
}

#[path = "support/tempdir.rs"]
mod tempdir;
