// SPDX-License-Identifier: MIT OR Apache-2.0
//! SIGHUP while `netvitals connmonitor` runs: other hosts, wrong files, and again and again.

#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "support/monitor.rs"]
mod monitor;
#[path = "support/path.rs"]
mod path;
#[cfg(feature = "tls")]
#[path = "support/secure.rs"]
mod secure;
mod support;

use std::path::PathBuf;

use monitor::{Ended, Monitor, records};
use path::at_a_path;
use rustix::process::Signal;
use support::tempdir::TempDir;

/// A file of hosts that can be written again.
struct Hosts(PathBuf, #[allow(dead_code)] TempDir);

impl Hosts {
    fn new(text: &str) -> Self {
        let directory = TempDir::new();
        let hosts = Self(directory.path().join("hosts.conf"), directory);
        hosts.write(text);
        hosts
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

#[test]
fn a_new_file_is_read() {
    at_a_path("a_new_file_is_read", |_| {
        for (old, new, before, after) in [
            (
                "1 0 0 2 41 30 0 50\nserver.test\n",
                "1 0 0 2 41 30 1 50\n10.3.0.102\n",
                "server.test (10.3.0.2)\n",
                "{\"addr\":\"10.3.0.102\",\"name\":\"10.3.0.102\",\"ping\"",
            ),
            (
                "server.test ping=50 numpings=2\n",
                "10.3.0.102 ping=50 numpings=2 json=1\n",
                "server.test 10.3.0.2\n",
                "{\"addr\":\"10.3.0.102\",\"name\":\"10.3.0.102\",\"timestamp\":",
            ),
            // One form after the other.
            (
                "1 0 0 2 41 30 0 50\n10.3.0.2\n",
                "10.3.0.2 ping=50 timestamp=0 json=1\n",
                "10.3.0.2\n",
                "{\"addr\":\"10.3.0.2\", \"name\":\"10.3.0.2\", \"ping\"",
            ),
        ] {
            let hosts = Hosts::new(old);
            let monitor = Monitor::start(&[hosts.path()], "");
            let text = monitor.until(|text| records(text).len() > 2);
            assert!(text.starts_with(before) && !text.contains('{'), "{text}");
            hosts.write(new);
            monitor.signal(Signal::HUP);
            let text = monitor.until(|text| text.matches(after).count() > 2);
            // Of those that are gone nothing more is heard.
            let since = text.find('{').unwrap();
            assert!(!text[since..].contains(before), "{text}");
            assert_eq!(monitor.terminate().stderr, "");
        }
    });
}

/// What happens when the file is bad at SIGHUP.
fn with_a_bad_file(spoil: impl FnOnce(&Hosts)) -> Ended {
    let hosts = Hosts::new("1 0 0 20 41 30 0 20\n10.3.0.2\n");
    let monitor = Monitor::start(&[hosts.path()], "");
    monitor.more(2);
    spoil(&hosts);
    monitor.signal(Signal::HUP);
    let ended = monitor.end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.lasted.as_secs() < 3, "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    // What ran was finished.
    assert!(ended.stdout.ends_with("\t0.000\n"), "{ended:?}");
    ended
}

#[test]
fn a_broken_file_ends_it_with_an_error() {
    at_a_path("a_broken_file_ends_it_with_an_error", |_| {
        let ended = with_a_bad_file(|hosts| hosts.write("1 0 0 2 41\n10.3.0.2\n"));
        let bad = "EE: OSError: Bad configuration file format, caused error: (list index out";
        assert!(ended.stderr.starts_with(bad), "{ended:?}");
        let ended = with_a_bad_file(|hosts| hosts.write("1 0 0 2 41 30 0 20\n"));
        let none = "EE: Exception: No hosts could be parsed! -\t ";
        assert!(ended.stderr.starts_with(none), "{ended:?}");
    });
}

#[test]
fn a_missing_file_ends_it_with_an_error() {
    at_a_path("a_missing_file_ends_it_with_an_error", |_| {
        let ended = with_a_bad_file(|hosts| std::fs::remove_file(hosts.path()).unwrap());
        let missing = "EE: OSError: cannot read '";
        assert!(ended.stderr.starts_with(missing), "{ended:?}");
        assert!(
            ended.stderr.contains("No such file or directory"),
            "{ended:?}"
        );
        let ended = with_a_bad_file(|hosts| {
            std::fs::remove_file(hosts.path()).unwrap();
            std::fs::create_dir(hosts.path()).unwrap();
        });
        assert!(ended.stderr.starts_with(missing), "{ended:?}");
    });
}

#[test]
fn standard_input_cannot_be_read_again_and_it_goes_on() {
    at_a_path("standard_input_cannot_be_read_again_and_it_goes_on", |_| {
        let monitor = Monitor::start(&[], "1 0 0 2 41 30 0 20\n10.3.0.2\n");
        monitor.more(2);
        monitor.signal(Signal::HUP);
        let said = monitor.until_error(|text| text.ends_with('\n'));
        assert!(
            said.starts_with("EE: OSError: cannot read standard input again"),
            "{said}"
        );
        monitor.more(3);
        assert_eq!(monitor.terminate().stderr.lines().count(), 1);
    });
}

#[test]
fn what_is_known_of_a_host_is_known_after_a_reload() {
    at_a_path("what_is_known_of_a_host_is_known_after_a_reload", |_| {
        let hosts = Hosts::new("10.3.0.2 ping=50 numpings=1 trace=50 json=1\n");
        let monitor = Monitor::start(&["--state", hosts.path()], "");
        let told = |text: &str, event: &str| {
            let (host, event) = event.split_once(' ').unwrap();
            let of = |line: &&str| line.contains(host) && line.contains(event);
            text.lines().filter(of).count()
        };
        monitor.until(|text| told(text, ".2\" route") == 1 && told(text, ".2\" up") == 1);
        // It is tested otherwise, and another one comes.
        hosts.write(
            "10.3.0.2 ping=40 numpings=1 trace=40 json=1\n10.3.0.102 ping=50 numpings=1 json=1\n",
        );
        monitor.signal(Signal::HUP);
        monitor.until(|text| told(text, "102\" up") == 1);
        // One that comes once more tells that rounds went by.
        hosts.write("10.3.0.2 ping=40 numpings=1 trace=40 json=1\n10.3.0.104 json=1\n");
        monitor.signal(Signal::HUP);
        let text = monitor.until(|text| told(text, "104\" up") == 1);
        assert_eq!(
            (told(&text, ".2\" up"), told(&text, ".2\" route")),
            (1, 1),
            "{text}"
        );
        monitor.terminate();
    });
}

fn descriptors(id: u32) -> usize {
    std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count()
}

fn resident_kib(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn two_hundred_reloads_lose_no_host_no_descriptor_and_no_memory() {
    let name = "two_hundred_reloads_lose_no_host_no_descriptor_and_no_memory";
    at_a_path(name, |_| {
        path::serve_http("10.3.0.2", b"HTTP/1.1 200 OK\r\n\r\n");
        // Three stay, and one comes and goes.
        let staying = "1 1 1 3 41 5 1 20\nserver.test\n10.3.0.102\n10.8.0.1\n";
        let text = |round: usize| staying.to_owned() + ["", "10.3.0.104\n"][round % 2];
        let hosts = Hosts::new(&text(0));
        let monitor = Monitor::start(&["--verbose", hosts.path()], "");
        let id = monitor.child.0.id();
        let read = |text: &str| text.matches("II: read again: ").count();
        monitor.until_error(|text| text.contains("II: testing 3 hosts"));
        let mut before = (0, 0);
        for round in 1..=200 {
            hosts.write(&text(round));
            monitor.signal(Signal::HUP);
            monitor.until_error(|text| read(text) >= round);
            if round == 20 {
                before = (descriptors(id), resident_kib(id));
            }
            if round % 20 == 0 {
                monitor.more(1);
            }
        }
        let fresh = monitor.stdout().len();
        monitor.until(|text| {
            let all = ["server.test", "10.3.0.102", "10.8.0.1"];
            let heard = |host: &&str| text[fresh..].contains(&format!("\"name\":\"{host}\""));
            all.iter().all(heard)
        });
        let after = (descriptors(id), resident_kib(id));
        assert!(
            after.0 <= before.0 + 3 * 4,
            "descriptors: {before:?} {after:?}"
        );
        assert!(after.1 <= before.1 + 256, "KiB: {before:?} {after:?}");
        let ended = monitor.terminate();
        // Who stays keeps the last route, so that it is told once.
        for host in ["server.test", "10.3.0.102", "10.8.0.1"] {
            let name = format!("\"name\":\"{host}\"");
            let told = |line: &&str| line.contains("\"trace\"") && line.contains(&name);
            assert_eq!(ended.stdout.lines().filter(told).count(), 1, "{host}");
        }
        assert!(!ended.stderr.contains("EE:"), "{}", ended.stderr);
    });
}
