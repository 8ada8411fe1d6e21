// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals agent` at SIGHUP, which loses nothing, and at SIGTERM, which sends all it has.
#![cfg(feature = "http")]

use std::path::PathBuf;
use std::time::Duration;

#[path = "support/agent.rs"]
mod agent;
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

use agent::Agent;
use lan::{OURS, THEIRS, inside, ip};
use schema::Schema;
use snapshot::{Snapshot, array, check_run, text};
use support::server::{Reply, Server};
use support::tempdir::TempDir;
use wire::{ROUTER, everybody, mac};

/// What stands in the file of most tests: windows of a second, on standard output.
const OUTPUT: &str = "config output 'out'\n\toption type 'stdout'\n";

fn main_section(options: &str) -> String {
    let options: String = options
        .split(';')
        .map(|option| format!("\t{}\n", option.trim()))
        .collect();
    format!("config netvitals 'main'\n\tlist interface '{OURS}'\n\toption spool ''\n{options}")
}

struct File {
    directory: TempDir,
    path: PathBuf,
}

impl File {
    fn new(content: &str) -> Self {
        let directory = TempDir::new();
        let path = lan::file(&directory, "netvitals", content);
        Self { directory, path }
    }

    fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    fn change(&self, content: &str) {
        std::fs::write(&self.path, content).unwrap();
    }
}

/// Every window ends on the grid of the first one.
#[track_caller]
fn on_the_cadence(snapshots: &[Snapshot], late_ms_max: i64) {
    let first = snapshots[0].times().1;
    for snapshot in snapshots {
        let off = (snapshot.times().1 - first) % 1_000;
        let off = off.min(1_000 - off);
        assert!(off <= late_ms_max, "{}: {off} ms", snapshot.sequence());
    }
}

#[test]
fn a_hundred_reloads_under_load_lose_nothing() {
    inside("a_hundred_reloads_under_load_lose_nothing", || {
        let _peer = wire::living(20);
        let file = File::new(&(main_section("option interval '1s'") + OUTPUT));
        let agent = Agent::start_with(file.path(), &["-v"]);
        agent.until(|snapshot| snapshot.devices().len() == 20);
        let words = format!("from={} to={ROUTER} rate=20000 seconds=6", everybody(20));
        let sender = std::thread::spawn(move || wire::send(THEIRS, &words));
        for round in 0..100 {
            // Names come and go as well.
            let names = wire::names(&file.directory, round % 20);
            let names = format!("option names_file '{}'", names.display());
            file.change(&(main_section(&format!("option interval '1s';{names}")) + OUTPUT));
            agent.reload();
        }
        let sent = sender.join().unwrap();
        let snapshots = agent.more(2);
        check_run(&snapshots);
        on_the_cadence(&snapshots, 300);
        let last = snapshots.last().unwrap();
        for (mac, sent) in sent {
            let counted = last.device(&mac).unwrap().since_start();
            // Answers to requests are frames too.
            let more = counted.since(sent).tx_frames;
            assert!(
                (1..100).contains(&more),
                "{mac}: {sent:?} sent, {counted:?}"
            );
        }
        assert_eq!(last.devices()[mac(20).as_str()].name(), "device-20");
        assert_eq!(agent.terminate().code, Some(0));
    });
}

#[test]
fn a_broken_file_changes_nothing() {
    inside("a_broken_file_changes_nothing", || {
        let _peer = wire::living(3);
        let good = main_section("option interval '1s';option server_id 'first'") + OUTPUT;
        let file = File::new(&good);
        let agent = Agent::start_with(file.path(), &["-v"]);
        agent.more(1);
        let section = "option interval '1s';option server_id 'second'";
        for (count, broken) in (1..).zip([
            main_section(&format!("{section};option intervall '2s'")) + OUTPUT,
            main_section(section) + "config output 'lost'\n\toption type 'elastic'\n",
            main_section(section) + OUTPUT + "\toption type\n",
            main_section(&format!("{section};option names_file '/nonexistent'")) + OUTPUT,
        ]) {
            file.change(&broken);
            agent.process.signal(rustix::process::Signal::HUP);
            agent.says("the old configuration goes on", count);
        }
        std::fs::remove_file(&file.path).unwrap();
        agent.process.signal(rustix::process::Signal::HUP);
        agent.says("the old configuration goes on", 5);
        let snapshots = agent.more(2);
        check_run(&snapshots);
        assert!(snapshots.iter().all(|s| text(&s.0, "serverId") == "first"));
        let errors = agent.errors();
        assert!(errors.contains(&format!("{}:", file.path())), "{errors}");
        assert!(
            errors.contains("option 'intervall': unknown; allowed: "),
            "{errors}"
        );
        assert_eq!(errors.matches("error: ").count(), 5, "{errors}");
        file.change(&good);
        agent.reload();
        assert_eq!(agent.terminate().code, Some(0));
    });
}

#[test]
fn what_may_change_does_and_the_rest_waits_for_a_restart() {
    let name = "what_may_change_does_and_the_rest_waits_for_a_restart";
    inside(name, || {
        let _peer = wire::living(3);
        ip("link add guest0 type veth peer name guest1");
        ip("link set guest0 up");
        ip("link set guest1 up");
        let file = File::new(&(main_section("option interval '1s'") + OUTPUT));
        let agent = Agent::start_with(file.path(), &["-v"]);
        agent.until(|snapshot| snapshot.devices().len() == 3);
        let log = file.directory.path().join("log");
        let changed = "option interval '2s';list interface 'guest0';option server_id 'gw2';\
                       option ring_kib '1024'";
        let more = "config output 'log'\n\toption type 'file'\n\toption append '1'\n";
        let path = format!("\toption path '{}'\n", log.display());
        let device = format!(
            "config device\n\toption mac '{}'\n\toption name 'tv'\n",
            mac(3)
        );
        file.change(&(main_section(changed) + OUTPUT + more + &path + &device));
        agent.reload();
        let waits = "option 'ring_kib': takes effect after a restart";
        assert_eq!(agent.errors().matches(waits).count(), 1);
        let snapshots = agent.until(|s| s.duration_ms() > 1_900 && s.output("log").is_some());
        let last = snapshots.last().unwrap();
        check_run(&snapshots);
        assert_eq!(text(&last.0, "serverId"), "gw2");
        assert_eq!(last.devices()[mac(3).as_str()].name(), "tv");
        assert_eq!(array(&last.capture()["interfaces"]).len(), 2);
        assert_eq!(
            last.output("out").map(|_| last.accounted("out")),
            Some(last.sequence() - 1)
        );
        // Nothing of this is left when it is taken back.
        file.change(&(main_section("option interval '1s'") + OUTPUT));
        agent.reload();
        let count = agent.count();
        let snapshots = agent.more(2);
        check_run(&snapshots);
        let last = snapshots.last().unwrap();
        assert_eq!(array(&last.capture()["interfaces"]).len(), 1);
        assert!(last.output("log").is_none() && last.duration_ms() < 1_200);
        assert_eq!(agent.errors().matches(waits).count(), 1);
        let written = std::fs::read_to_string(&log).unwrap();
        let schema = Schema::new();
        let logged = written
            .lines()
            .map(|line| Snapshot::parse(&schema, line).sequence());
        let logged: Vec<u64> = logged.collect();
        assert!(!logged.is_empty() && logged.is_sorted(), "{logged:?}");
        assert!(
            *logged.last().unwrap() as usize <= count,
            "{logged:?} of {count}"
        );
        assert_eq!(agent.terminate().code, Some(0));
    });
}

/// What is on its way to a server that is replaced arrives there.
#[test]
fn outputs_are_exchanged_without_a_loss() {
    inside("outputs_are_exchanged_without_a_loss", || {
        wire::quiet();
        let servers = [0, 1].map(|_| {
            Server::start(|_, _| {
                std::thread::sleep(Duration::from_millis(100));
                Reply::Status(200, "", String::new())
            })
        });
        let content = |number: usize| {
            let url = format!("\toption url 'http://{}/'\n", servers[number].address);
            main_section("option interval '1s'")
                + "config output 'api'\n\toption type 'api'\n"
                + &url
                + OUTPUT
        };
        let file = File::new(&content(0));
        let agent = Agent::start_with(file.path(), &["-v"]);
        for round in 1..6 {
            agent.more(1);
            file.change(&content(round % 2));
            agent.reload();
        }
        agent.more(1);
        let ended = agent.terminate();
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
        let requests = servers.iter().flat_map(Server::requests);
        let schema = Schema::new();
        let got = requests.map(|request| Snapshot::parse(&schema, request.text()).sequence());
        let mut got: Vec<u64> = got.collect();
        got.sort_unstable();
        got.dedup();
        let made: Vec<u64> = ended.snapshots.iter().map(Snapshot::sequence).collect();
        assert_eq!(got, made, "{}", ended.errors);
    });
}

/// An output that stays keeps its counters, and one that was replaced is not forgotten at the end.
#[test]
fn outputs_that_stay_go_on_and_those_that_go_are_accounted_for() {
    let name = "outputs_that_stay_go_on_and_those_that_go_are_accounted_for";
    inside(name, || {
        wire::quiet();
        let good = Server::start(|_, _| Reply::Status(200, "", String::new()));
        let hanging = Server::start(|_, _| Reply::Never);
        let output = |name: &str, server: &Server| {
            let url = format!("\toption url 'http://{}/'\n", server.address);
            format!("config output '{name}'\n\toption type 'api'\n{url}")
        };
        let directory = TempDir::new();
        let latest = directory.path().join("latest").display().to_string();
        let latest = |name: &str| {
            let path = format!("\toption path '{latest}-{name}'\n");
            format!("config output '{name}'\n\toption type 'file'\n{path}")
        };
        let base = main_section("option interval '1s'") + OUTPUT + &latest("one");
        let file = File::new(&(base.clone() + &output("good", &good)));
        let agent = Agent::start_with(file.path(), &["-v"]);
        agent.more(3);
        file.change(&(base.clone() + &latest("two") + &output("good", &good)));
        agent.reload();
        let snapshot = agent.more(2).pop().unwrap();
        for name in ["out", "one", "good"] {
            assert_eq!(snapshot.accounted(name), snapshot.sequence() - 1, "{name}");
        }
        assert!(snapshot.accounted("two") <= 2);
        // Documents that a replaced output still has are sent, or said to be lost.
        file.change(&(base.clone() + &output("hanging", &hanging)));
        agent.reload();
        agent.more(2);
        file.change(&base);
        agent.reload();
        agent.more(1);
        let ended = agent.terminate();
        assert!(ended.lasted < Duration::from_millis(3_300), "{ended:?}");
        assert_eq!(
            ended.lines_with("documents not delivered: 2").len(),
            1,
            "{}",
            ended.errors
        );
        assert_eq!(ended.code, Some(1));
    });
}

#[test]
fn sigterm_closes_a_last_shorter_window_and_sends_it() {
    inside("sigterm_closes_a_last_shorter_window_and_sends_it", || {
        wire::quiet();
        let server = Server::start(|_, _| Reply::Status(200, "", String::new()));
        let url = format!("http://{}/", server.address);
        let args = ["-i", OURS, "--spool", "", "--api-url", &url];
        let log = TempDir::new();
        let log_path = log.path().to_str().unwrap();
        let agent = Agent::start(&[&args[..], &["--logpath", log_path, "--logappend"]].concat());
        let start = std::time::Instant::now();
        while server.requests().len() < 2 {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{}",
                agent.errors()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(400));
        let ended = agent.terminate();
        assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
        assert!(ended.lasted < Duration::from_secs(3), "{:?}", ended.lasted);
        let schema = Schema::new();
        let requests = server.requests();
        let sent = requests
            .iter()
            .map(|request| Snapshot::parse(&schema, request.text()));
        let sent: Vec<Snapshot> = sent.collect();
        check_run(&sent);
        let last = sent.last().unwrap();
        assert!((300..1_000).contains(&last.duration_ms()), "{last:?}");
        let logged = std::fs::read_to_string(log.path().join("agent.log")).unwrap();
        assert_eq!(logged.lines().count(), sent.len());
    });
}

/// Three seconds at most, whoever does not answer.
#[test]
fn sigterm_does_not_wait_for_servers_that_hang() {
    inside("sigterm_does_not_wait_for_servers_that_hang", || {
        wire::quiet();
        let server = Server::start(|_, _| Reply::Never);
        let url = format!("http://{}/", server.address);
        let spool = TempDir::new();
        for spool in ["", spool.path().to_str().unwrap()] {
            let agent = Agent::start(&["-i", OURS, "--spool", spool, "--api-url", &url]);
            std::thread::sleep(Duration::from_millis(2_500));
            let ended = agent.terminate();
            // What is in no spool is lost, which is a failure.
            let (code, said) = match spool {
                "" => (1, "documents not delivered: 3"),
                _ => (0, "documents left in spool"),
            };
            assert_eq!(ended.code, Some(code), "{ended:?}");
            assert_eq!(ended.lines_with(said).len(), 1, "{ended:?}");
            assert!(ended.lasted < Duration::from_millis(3_300), "{ended:?}");
        }
    });
}
