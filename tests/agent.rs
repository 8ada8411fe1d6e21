// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals agent` in a LAN of its own: who is in its documents, with what they moved.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[path = "support/agent.rs"]
mod agent;
#[path = "support/counted.rs"]
mod counted;
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

use agent::{Agent, run};
use counted::engines;
use lan::{OURS, Peer, THEIRS, inside, ip};
use snapshot::{Moved, Snapshot, check_run, number, object, text};
use support::EXE;
use support::tempdir::TempDir;
use wire::{ROUTER, everybody, mac};

/// How long the exact account lasts: longer where there is time for it, shorter where all this is
/// run once more for another set of features.
fn seconds() -> u64 {
    let seconds = std::env::var("NETVITALS_TEST_SECONDS");
    let usual = if cfg!(feature = "full") { 10 } else { 2 };
    seconds.map_or(usual, |seconds| seconds.parse().unwrap())
}

/// What was counted for each between two documents is what was sent, to a thousandth.
#[track_caller]
fn exact(before: &Snapshot, after: &Snapshot, sent: &BTreeMap<String, Moved>) {
    for (mac, sent) in sent {
        let moved = |snapshot: &Snapshot| snapshot.device(mac).unwrap().since_start();
        let counted = moved(after).since(moved(before));
        let near = |counted: u64, sent: u64| {
            assert!(counted >= sent, "{mac}: {sent} sent, {counted} counted");
            let off = (counted - sent) as f64 / sent.max(1) as f64;
            assert!(off <= 0.001, "{mac}: {sent} sent, {counted} counted");
        };
        near(counted.tx_bytes, sent.tx_bytes);
        near(counted.rx_bytes, sent.rx_bytes);
    }
}

/// Everybody is there, under the name of the file.
fn complete(snapshot: &Snapshot) -> bool {
    let devices = snapshot.devices();
    (2..252).all(|last: u8| {
        let device = devices.get(mac(last).as_str());
        device.is_some_and(|device| {
            device.ip() == format!("10.9.0.{last}") && device.name() == format!("device-{last}")
        })
    })
}

/// With requests to silent ones there are a few frames more than were sent here: of a frame of 512
/// bytes in a second, a request and its answer in a minute are less than a thousandth.
#[test]
fn everybody_is_there_and_every_byte_is_counted() {
    inside("everybody_is_there_and_every_byte_is_counted", || {
        let _peer = wire::living(250);
        let directory = TempDir::new();
        let names = wire::names(&directory, 250);
        for engine in engines() {
            let args = ["-i", OURS, "--capture", engine, "--discovery-rate", "1000"];
            // So long a run would have too many documents with windows of a second.
            let interval = if seconds() > 30 { "5s" } else { "1s" };
            let more = ["--names", names.to_str().unwrap(), "--interval", interval];
            let agent = Agent::start(&[&args[..], &more].concat());
            let before = agent.until(complete).pop().unwrap();
            let words = format!("rate=5000 bytes=512 seconds={}", seconds());
            let up = format!("from={} to={ROUTER} {words}", everybody(250));
            let up = std::thread::spawn(move || wire::send(THEIRS, &up));
            let down = format!("from={ROUTER} to={} {words}", everybody(250));
            let sent = wire::add(wire::send(OURS, &down), up.join().unwrap());
            let snapshots = agent.more(2);
            check_run(&snapshots);
            let after = snapshots.last().unwrap();
            assert_eq!(sent.len(), 250);
            exact(&before, after, &sent);
            for snapshot in &snapshots[before.sequence() as usize..] {
                assert!(complete(snapshot), "{snapshot:?}");
                assert_eq!(text(snapshot.capture(), "source"), engine);
                assert_eq!(number(snapshot.capture(), "framesLost"), 0, "{engine}");
                assert_eq!(snapshot.devices().len(), 250);
                let router = snapshot.router().unwrap();
                assert_eq!((router.mac(), router.ip()), (ROUTER, "10.9.0.1"));
            }
            let ended = agent.terminate();
            assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
        }
    });
}

/// The router's entry has what all others exchanged with it, and is in no sum.
#[test]
fn who_has_no_address_is_listed_without_and_the_router_last() {
    let name = "who_has_no_address_is_listed_without_and_the_router_last";
    inside(name, || {
        let _peer = wire::living(3);
        for engine in engines() {
            let agent = Agent::start(&["-i", OURS, "--capture", engine]);
            agent.until(|snapshot| snapshot.devices().len() == 3);
            let strangers = "02:77:00:00:00:01/2";
            let sent = wire::send(THEIRS, &format!("from={strangers} to={ROUTER} frames=400"));
            let snapshot = agent.until(|snapshot| snapshot.devices().len() == 5);
            let snapshot = agent.more(1).pop().or(snapshot.into_iter().last()).unwrap();
            let entries: Vec<(&str, &str)> =
                snapshot.entries().map(|e| (e.ip(), e.mac())).collect();
            let known = [mac(2), mac(3), mac(4)];
            assert_eq!(
                entries,
                [
                    ("10.9.0.2", known[0].as_str()),
                    ("10.9.0.3", known[1].as_str()),
                    ("10.9.0.4", known[2].as_str()),
                    ("", "02:77:00:00:00:01"),
                    ("", "02:77:00:00:00:02"),
                    ("10.9.0.1", ROUTER),
                ]
            );
            for (mac, sent) in sent {
                let moved = snapshot.device(&mac).unwrap().since_start();
                assert_eq!((moved, moved.tx_frames), (sent, 200));
            }
            let (devices, router) = (snapshot.devices(), snapshot.router().unwrap());
            let sum: u64 = devices
                .values()
                .map(|device| device.since_start().tx_bytes)
                .sum();
            assert_eq!(router.since_start().rx_bytes, sum);
        }
    });
}

/// Counts the frames that come from us.
fn wiretap() -> (Peer, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    let own: Vec<u8> = ROUTER
        .split(':')
        .map(|octet| u8::from_str_radix(octet, 16).unwrap())
        .collect();
    let peer = Peer::start(3, move |frame| {
        if frame[6..12] == own {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        Vec::new()
    });
    (peer, count)
}

#[test]
fn once_prints_one_window_and_sends_nothing() {
    inside("once_prints_one_window_and_sends_nothing", || {
        let _peer = wire::living(5);
        let (_tap, count) = wiretap();
        let sender = std::thread::spawn(|| {
            let words = format!("from={} to={ROUTER} rate=500 seconds=2", everybody(2));
            wire::send(THEIRS, &words)
        });
        let ended = run(&["--once", "-i", OURS, "--interval", "1s"]);
        assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
        let [snapshot] = &ended.snapshots[..] else {
            panic!("{ended:?}")
        };
        assert_eq!(snapshot.sequence(), 1);
        assert!((1_000..1_200).contains(&snapshot.duration_ms()));
        let heard = snapshot.device(&mac(2)).unwrap().in_window();
        assert!((200..400).contains(&heard.tx_frames), "{heard:?}");
        sender.join().unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 0, "it is passive");
        // Unless it is told to ask.
        let args = [
            "--once",
            "-i",
            OURS,
            "--interval",
            "1s",
            "--discovery",
            "active",
        ];
        let ended = run(&args);
        assert_eq!(ended.snapshots[0].devices().len(), 5, "{ended:?}");
        assert!(count.load(Ordering::Relaxed) > 0);
    });
}

/// Nobody may count frames, and no file says anything.
#[test]
fn once_without_root_says_in_one_line_what_it_cannot_see() {
    let name = "once_without_root_says_in_one_line_what_it_cannot_see";
    inside(name, || {
        let _peer = wire::living(5);
        // Where nobody can read what the build made, a copy.
        let directory = TempDir::new();
        let program = directory.path().join("netvitals");
        std::fs::copy(EXE, &program).unwrap();
        let mut command = Command::new(program);
        command.args(["agent", "--once", "-i", OURS, "--interval", "1s"]);
        if rustix::process::getuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
        let output = command.output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{errors}");
        let line = String::from_utf8(output.stdout).unwrap();
        let snapshot = Snapshot::parse(&schema::Schema::new(), &line);
        if text(snapshot.capture(), "source") == "none" {
            assert_eq!(errors.lines().count(), 1, "{errors}");
            for word in ["devices", "not permitted", "run as root"] {
                assert!(errors.contains(word), "{errors}");
            }
            assert!(format!("{:?}", snapshot.capture()["unseen"]).contains("no-permission"));
        }
        assert!(snapshot.interface("lo").is_some() && snapshot.interface(OURS).is_some());
        let memory = object(&object(&snapshot.0["metrics"])["memory"]);
        assert!(number(memory, "totalBytes") > 0);
    });
}

#[test]
fn a_wrong_file_is_refused_with_every_fault_and_its_line() {
    let directory = TempDir::new();
    let file = lan::file(
        &directory,
        "wrong",
        "config netvitals 'main'\n\toption intervall '5s'\n\toption capture 'tcpdump'\n\
         config output 'es'\n\toption type 'elastic'\n\toption urll 'http://127.0.0.1'\n\
         config speaker 'x'\n",
    );
    let file = file.to_str().unwrap();
    let ended = run(&["--config", file, "--once"]);
    assert_eq!(
        (ended.code, ended.snapshots.len()),
        (Some(2), 0),
        "{ended:?}"
    );
    for (line, words) in [
        (2, "option 'intervall': unknown; allowed: "),
        (3, "option 'capture' 'tcpdump': "),
        (3, "auto, ebpf, ring, off"),
        (
            6,
            "section 'es' (output): option 'urll': unknown; allowed: ",
        ),
        (7, "'speaker'"),
    ] {
        let said = ended.lines_with(&format!("{file}:{line}: "));
        assert!(
            said.iter().any(|said| said.contains(words)),
            "{words}: {ended:?}"
        );
    }
    let ended = run(&["--config", "/nonexistent/netvitals", "--once"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.errors.lines().count(), 1, "{ended:?}");
}

#[test]
fn a_test_says_what_is_wrong_and_starts_nothing() {
    let directory = TempDir::new();
    let test = |more: &str| {
        let path = directory.path().display();
        let file = lan::file(
            &directory,
            "tested",
            &format!(
                "config netvitals\n\toption spool '{path}/spool'\n\
                 \toption state_file '{path}/state'\n{more}\
                 config output\n\toption type file\n\toption path '{path}/out'\n"
            ),
        );
        let mut command = Command::new(EXE);
        command.args(["agent", "--test", "--config"]).arg(file);
        let output = command.output().unwrap();
        assert!(output.stdout.is_empty(), "{output:?}");
        let left = std::fs::read_dir(directory.path()).unwrap();
        assert_eq!(left.count(), 1, "{output:?}");
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    assert_eq!(test("\toption user 65534\n"), (Some(0), String::new()));
    let (code, errors) = test("\toption speed 9\n\toption interval 2h\n");
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("tested:4: ") && errors.contains("'speed': unknown"));
    assert!(errors.contains("tested:5: ") && errors.contains("1s to 1h"));
    let (code, errors) = test("\toption user 'no such user'\n");
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("not in /etc/passwd"), "{errors}");
    // Files without which it would not start.
    let output = "config output e\n\toption type elastic\n\toption url https://h\n\toption ca";
    let certificates = match cfg!(feature = "tls") {
        true => "cannot read the CA certificates",
        false => "a build with",
    };
    for (more, words) in [
        ("\toption names_file", "cannot read"),
        ("\toption oui_file", "cannot read the list of vendors"),
        (output, certificates),
    ] {
        let (code, errors) = test(&format!("{more} /proc/none\n"));
        assert!(matches!(code, Some(1 | 2)), "{errors}");
        assert!(errors.contains(words), "{errors}");
    }
}

#[test]
fn a_document_goes_where_a_pipe_has_ended() {
    inside("a_document_goes_where_a_pipe_has_ended", || {
        ip("link set lo up");
        let shell = format!(
            "{EXE} agent --config /dev/null --state-file '' -i {OURS} --interval 1s | head -n 1"
        );
        let mut command = Command::new("timeout");
        command.args(["20", "bash", "-o", "pipefail", "-c", &shell]);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    });
}
