// SPDX-License-Identifier: MIT OR Apache-2.0
//! A spool whose disk is full, read-only or gone: what is lost is counted and said, the rest
//! arrives.
#![cfg(feature = "http")]

use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

mod support;
use support::sending::*;
use support::server::{Reply, Server};
use support::tempdir::TempDir;
use support::{EXE, skip, stderr};

const CASE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/conformance/netmon/cases/11-300-interfaces"
);

/// A server that is down until it is told otherwise.
fn server() -> (Server, Arc<AtomicBool>) {
    let up = Arc::new(AtomicBool::new(false));
    let is_up = up.clone();
    let server = Server::start(move |_, request| match is_up.load(Ordering::Relaxed) {
        false => Reply::Bytes(Vec::new()),
        true if request.path == "/_bulk" => bulk(request, |_| 201),
        true => status(201),
    });
    (server, up)
}

/// Runs a script with a small disk of its own at `disk`; `$NETMON` sends to `server`, through a
/// spool on that disk.
fn on_a_small_disk(server: &Server, directory: &TempDir, script: &str) -> Option<Output> {
    let netmon = format!(
        "{EXE} netmon --eshost {} --spool disk/spool",
        server.address
    );
    let script = format!("mkdir -p disk; mount -t tmpfs -o size=256k none disk\n{script}");
    let mut unshare = Command::new("unshare");
    unshare
        .args(["-rm", "sh", "-uc", &script])
        .current_dir(directory.path());
    let output = unshare
        .env("NETMON", netmon)
        .env("CASE", CASE)
        .output()
        .unwrap();
    if stderr(&output).contains("unshare:") || stderr(&output).contains("mount:") {
        skip::skip("user namespaces or mounts are not allowed");
        return None;
    }
    Some(output)
}

/// Documents that the runs declared lost; what made room while it was in hand is told in other
/// words than what only waited.
fn lost(output: &Output) -> usize {
    let counted = |words: &str| {
        let counts = stderr(output).lines().filter_map(|line| {
            let digits = line.split_once(words)?.1;
            digits.split([',', ';']).next()?.parse::<usize>().ok()
        });
        counts.sum::<usize>()
    };
    counted("documents dropped: ") + counted("documents not delivered: ")
}

#[test]
fn a_full_disk_drops_the_oldest_and_counts_them() {
    let (server, up) = server();
    let directory = TempDir::new();
    // Each document has about 100 KiB: two find room.
    let script = r#"
        for i in 1 2 3 4 5 6; do
            $NETMON --replay "$CASE/before.txt" "$CASE/after.txt" --retry-secs 0
        done
        touch full; while [ ! -e up ]; do sleep 0.05; done
        $NETMON --replay "$CASE/before.txt" "$CASE/after.txt""#;
    let mut before_recovery = 0;
    let output = std::thread::scope(|scope| {
        let recovery = scope.spawn(|| {
            let start = std::time::Instant::now();
            while !directory.path().join("full").exists() && start.elapsed().as_secs() < 60 {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            up.store(true, Ordering::Relaxed);
            std::fs::write(directory.path().join("up"), "").unwrap();
            server.requests().len()
        });
        let output = on_a_small_disk(&server, &directory, script);
        std::fs::write(directory.path().join("full"), "").unwrap();
        before_recovery = recovery.join().unwrap();
        output
    });
    let Some(output) = output else { return };
    let dropped = lost(&output);
    let requests = &server.requests()[before_recovery..];
    let delivered: usize = requests
        .iter()
        .map(|request| request.text().matches("\"@timestamp\"").count())
        .sum();
    assert_eq!(
        delivered + dropped,
        7,
        "{dropped} dropped: {}",
        stderr(&output)
    );
    assert!((1..=3).contains(&delivered), "{delivered}");
    let text = requests
        .iter()
        .map(|request| request.text())
        .collect::<Vec<_>>()
        .concat();
    assert!(
        text.split("\"@timestamp\":\"").skip(1).is_sorted(),
        "the newest are what is left"
    );
}

#[test]
fn a_read_only_spool_is_said_once_and_done_without() {
    let (server, up) = server();
    up.store(true, Ordering::Relaxed);
    let directory = TempDir::new();
    let script = r#"
        mkdir -m 700 disk/spool; mount -o remount,ro disk
        $NETMON -i lo --interval 100ms --count 3; echo "status $?""#;
    let Some(output) = on_a_small_disk(&server, &directory, script) else {
        return;
    };
    assert!(output.stdout.ends_with(b"status 0\n"), "{output:?}");
    assert_eq!(stderr(&output).lines().count(), 1, "{output:?}");
    assert!(
        stderr(&output).contains("Read-only file system"),
        "{output:?}"
    );
    assert!(
        stderr(&output).contains("documents wait in memory"),
        "{output:?}"
    );
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_spool_that_vanishes_is_said_once_and_done_without() {
    let (server, up) = server();
    up.store(true, Ordering::Relaxed);
    let directory = TempDir::new();
    let script = r#"
        ( sleep 0.5; rm -r disk/spool ) &
        $NETMON -i lo --interval 100ms --count 12; echo "status $?""#;
    let Some(output) = on_a_small_disk(&server, &directory, script) else {
        return;
    };
    assert!(output.stdout.ends_with(b"status 0\n"), "{output:?}");
    assert!(stderr(&output).lines().count() <= 1, "{output:?}");
    assert_eq!(server.requests().len(), 12);
}
