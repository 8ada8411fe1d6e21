// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent's thread does not allocate from window to window, whatever it hears and sends.
//! Run with one set of features only.
#![cfg(feature = "full")]

use std::ffi::OsString;
use std::time::Duration;

#[path = "support/counting.rs"]
mod counting;
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
#[path = "board/src/lan.rs"]
#[allow(dead_code)]
mod living;
#[path = "board/src/outbox.rs"]
mod outbox;
#[path = "support/schema.rs"]
mod schema;
#[path = "support/snapshot.rs"]
mod snapshot;
mod support;
#[path = "board/src/traffic.rs"]
#[allow(dead_code)]
mod traffic;
#[path = "support/traffic.rs"]
mod wire;

use counting::allocations;
use lan::{OURS, THEIRS, inside};
use support::server::{Reply, Server};
use support::tempdir::TempDir;
use wire::{Load, ROUTER, everybody};

/// Runs the agent in a process of its own, which has one thread, for so long; how often it
/// allocated, and how many documents it made.
fn run(engine: &str, seconds: u64, url: &str) -> (u64, usize) {
    let directory = TempDir::new();
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let names = wire::names(&directory, 50).to_str().unwrap().to_owned();
    let fixed = [
        "netvitals",
        "agent",
        "--interval",
        "1s",
        "--config",
        "/dev/null",
        "--no-ptr",
    ];
    let more = [
        "--state-file",
        &file("state"),
        "--spool",
        "",
        "--names",
        &names,
    ];
    let found = ["--discovery-rate", "1000", "-i", OURS, "--capture", engine];
    let outputs = ["--logpath", &file("log"), "--logappend", "--api-url", url];
    let words = [&fixed[..], &more, &found, &outputs].concat();
    let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
    let counted = file("counted");
    // SAFETY: the child goes on with this thread alone; the others hold nothing that it needs: they
    // wait, and fork(3) takes care of the allocator.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let mut exit = None;
        let count = allocations(|| exit = Some(netvitals::cmd::dispatch(words.into_iter())));
        std::fs::write(counted, format!("{exit:?} {count}")).unwrap();
        // SAFETY: it ends at once; nothing of the parent's is torn down (_exit(2)).
        unsafe { libc::_exit(0) };
    }
    std::thread::sleep(Duration::from_secs(seconds));
    // SAFETY: numbers, and a null pointer where no status is wanted; the child is ours.
    let ended = unsafe {
        libc::kill(child, libc::SIGTERM);
        libc::waitpid(child, std::ptr::null_mut(), 0)
    };
    assert_eq!(ended, child);
    let counted = std::fs::read_to_string(counted).unwrap();
    let count = counted.strip_prefix("Some(Done) ").expect("it fails");
    let written = std::fs::read_to_string(directory.path().join("log/agent.log")).unwrap();
    (count.parse().unwrap(), written.lines().count())
}

#[test]
fn a_longer_run_of_the_agent_does_not_allocate_more() {
    inside("a_longer_run_of_the_agent_does_not_allocate_more", || {
        let _peer = wire::living(50);
        let server = Server::start(|_, _| Reply::Status(200, "", String::new()));
        let url = format!("http://{}/", server.address);
        let load = format!("from={} to={ROUTER} rate=2000 frames=200", everybody(50));
        let _load = Load::start(THEIRS, &load);
        // Files are read again after a minute, where there is time for it.
        let longer = std::env::var("NETVITALS_TEST_SECONDS");
        let longer = longer.map_or(9, |seconds| seconds.parse().unwrap());
        for engine in ["ebpf", "ring"] {
            let [short, long] = [3, longer].map(|seconds| run(engine, seconds, &url));
            println!("{engine}: {short:?} {long:?} allocations and documents");
            assert!(
                long.1 + 5 >= short.1 + longer as usize,
                "{engine}: {short:?} {long:?}"
            );
            assert_eq!(long.0, short.0, "{engine}: {short:?} {long:?}");
        }
    });
}
