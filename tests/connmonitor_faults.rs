// SPDX-License-Identifier: MIT OR Apache-2.0
//! The faults that the original had, one by one: `netvitals connmonitor` must not have them.

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

use std::time::{Duration, Instant};

use miniserde::json::{self, Value};
use monitor::{Monitor, records, services, shape, shapes};
use path::{at_a_path, has, serve_http, sh};
use rustix::process::Signal;
use support::skip::skip;

const DEAD: &str = "-1.000\t-1.000\t-1.000\t-1.000\t100.000\n";

/// What the server does with echo requests to an address: nothing when it is empty.
fn server_drops(rule: &str) {
    sh(&format!(
        "ip netns exec server nft -f - <<END
table inet t
delete table inet t
table inet t {{ chain i {{ type filter hook input priority 0; {rule} }}; }}
END"
    ));
}

#[test]
fn a_dying_host_looks_dead_and_not_as_it_was() {
    at_a_path("a_dying_host_looks_dead_and_not_as_it_was", |_| {
        if !has("nft") {
            return skip("nft is not installed");
        }
        let monitor = Monitor::start(&[], "1 0 0 3 41 6 0 50\n10.3.0.104\n");
        monitor.more(3);
        server_drops("ip daddr 10.3.0.104 icmp type echo-request drop;");
        let dead = |text: &str| text.matches(DEAD).count();
        let text = monitor.until(|text| dead(text) >= 2);
        // Once it is silent nothing else is told of it.
        let first = text.find(DEAD).unwrap();
        let after = records(&text[first + DEAD.len()..]);
        assert!(after.iter().all(|record| record.ends_with(DEAD)), "{text}");
        server_drops("");
        let before = monitor.stdout().len();
        monitor.until(|text| text[before..].contains("\t0.000\n"));
        monitor.terminate();
    });
}

#[test]
fn twenty_pings_of_which_thirty_percent_are_lost_are_no_total_failure() {
    let name = "twenty_pings_of_which_thirty_percent_are_lost_are_no_total_failure";
    at_a_path(name, |_| {
        if !has("nft") {
            return skip("nft is not installed");
        }
        server_drops("ip daddr 10.3.0.101 icmp type echo-request numgen inc mod 10 < 3 drop;");
        let start = Instant::now();
        let monitor = Monitor::start(&[], "1 0 0 20 41 2 0 100\nlossy.test\n");
        let text = monitor.until(|text| records(text).len() >= 2);
        assert!(
            start.elapsed() < Duration::from_secs(8),
            "{:?}",
            start.elapsed()
        );
        for record in records(&text) {
            assert_eq!(shape(&record), "lossy.test (10.3.0.101)\n#\t#\t#\t#\t#\n");
            assert!(record.ends_with("\t30.000\n"), "{record}");
        }
        monitor.terminate();
    });
}

#[test]
fn a_black_hole_does_not_hold_up_the_others() {
    at_a_path("a_black_hole_does_not_hold_up_the_others", |_| {
        let config = "10.8.0.1 numpings=20 timeout=2s trace=100\n10.3.0.2 ping=50 numpings=1\n";
        let monitor = Monitor::start(&[], config);
        let text = monitor.until(|text| text.contains(DEAD));
        assert!(text.matches("10.3.0.2\n").count() > 10, "{text}");
        // One process with a thread or two, whatever there is to do.
        let id = monitor.child.0.id();
        let tasks = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
        assert!(tasks.count() <= 2);
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        assert_eq!(children.unwrap_or_default(), "");
        monitor.terminate();
    });
}

#[test]
fn the_first_round_comes_at_once() {
    at_a_path("the_first_round_comes_at_once", |_| {
        let start = Instant::now();
        let monitor = Monitor::start(&[], "1 1 0 1 41 5 1 60000\n10.3.0.2\n");
        let text = monitor.until(|text| text.ends_with('\n'));
        assert!(start.elapsed() < Duration::from_secs(10), "{text}");
        assert_eq!(monitor.terminate().stdout, text, "and only one");
    });
}

#[test]
fn tests_that_are_off_are_left_out() {
    at_a_path("tests_that_are_off_are_left_out", |_| {
        services();
        let monitor = Monitor::start(&[], "0 0 1 0 0 0 0 50\n10.3.0.104\n");
        monitor.more(2);
        let ended = monitor.terminate();
        assert_eq!(shapes(&ended.stdout).len(), 1);
        assert!(
            ended
                .stdout
                .starts_with("10.3.0.104\nNone\tNone\tNone\n10.3.0.104\n")
        );
        let monitor = Monitor::start(&[], "1 1 0 0 0 0 0 50\n10.3.0.104\n");
        let said = monitor.until_error(|text| text.ends_with('\n'));
        assert!(
            said.starts_with("WW: there are hosts of which nothing is tested"),
            "{said}"
        );
        assert_eq!(monitor.terminate().stdout, "");
    });
}

#[test]
fn closed_ports_are_told_and_no_error() {
    at_a_path("closed_ports_are_told_and_no_error", |_| {
        let config = "0 0 1 10 41 2 1 50\n10.3.0.104\n127.0.0.1\n";
        let monitor = Monitor::start(&[], config);
        monitor.more(4);
        let ended = monitor.terminate();
        assert_eq!(ended.stderr, "");
        let scan = r#""scan":{"http":"None","https":"None","mysql":"None"}}"#;
        let expected = ["10.3.0.104", "127.0.0.1"]
            .map(|host| format!("{{\"addr\":\"{host}\",\"name\":\"{host}\",{scan}\n"));
        assert_eq!(shapes(&ended.stdout), expected.into());
    });
}

#[test]
fn a_route_is_told_when_it_changes_and_moving_stars_are_no_change() {
    let name = "a_route_is_told_when_it_changes_and_moving_stars_are_no_change";
    at_a_path(name, |_| {
        if !has("nft") {
            return skip("nft is not installed");
        }
        // Of each router every other answer, and not of both the same.
        for (router, odd) in [("near", 0), ("far", 1)] {
            sh(&format!(
                "ip netns exec {router} nft 'add table inet t; add chain inet t o {{ type filter \
                 hook output priority 0; }}; add rule inet t o icmp type time-exceeded numgen inc \
                 mod 2 {odd} drop'"
            ));
        }
        // The other host tells how time goes by: a trace is shorter than a round of its pings.
        let config = "10.3.0.2 ping=0 trace=60 timeout=50 hops=4 json=1\n\
                      10.3.0.102 ping=100 numpings=1\n";
        let monitor = Monitor::start(&[], config);
        let traces = |text: &str| text.matches("\"trace\"").count();
        let text = monitor.until(|text| records(text).len() >= 12);
        assert_eq!(traces(&text), 1, "{text}");
        sh("ip -n far address add 10.2.0.9/24 dev near0
            ip -n far route change 10.1.0.0/24 via 10.2.0.1 src 10.2.0.9");
        let text = monitor.until(|text| text.contains("10.2.0.9"));
        assert_eq!(traces(&text), 2, "{text}");
        let before = text.len();
        let text = monitor.more(12);
        assert_eq!(traces(&text[before..]), 0, "{text}");
        monitor.terminate();
    });
}

#[test]
fn what_a_stranger_says_does_not_break_a_line() {
    at_a_path("what_a_stranger_says_does_not_break_a_line", |_| {
        serve_http(
            "10.3.0.102",
            b"HTTP/1.1 200 OK\r\nServer: a\"\x1b[2J\\\xff\tb\r\n\r\n",
        );
        for config in [
            "0 0 1 1 1 1 1 20\n\"quoted.test\n",
            "\"quoted.test ping=0 scan=20 json=1\n",
            "\"quoted.test ping=0 scan=20 json=1 timestamp=0 ports=22\n",
        ] {
            let monitor = Monitor::start(&[], config);
            let text = monitor.until(|text| records(text).len() > 2);
            for line in text.lines().filter(|line| !line.is_empty()).take(2) {
                let Ok(Value::Object(found)) = json::from_str(line) else {
                    panic!("{line}");
                };
                assert!(matches!(&found["name"], Value::String(name) if name == "\"quoted.test"));
                let said = r#""server":"a\"\u001b[2J\\�\tb"#;
                assert!(line.contains(said), "{line}");
            }
            monitor.terminate();
        }
        let monitor = Monitor::start(&[], "0 0 1 1 1 1 0 20\n\"quoted.test\n");
        let text = monitor.until(|text| records(text).len() > 2);
        assert!(text.contains(", 200, a\"\\u{1b}[2J\\�\\u{9}b\t"), "{text}");
        assert!(!text.contains('\u{1b}'));
        monitor.terminate();
    });
}

#[test]
fn a_signal_ends_it_when_what_runs_is_told() {
    at_a_path("a_signal_ends_it_when_what_runs_is_told", |_| {
        // The first record is of one host, while the other is still asked.
        let both = "1 0 0 2 41 2 0 9000\n10.3.0.2\n10.8.0.1\n";
        let dead = format!("10.8.0.1\n{DEAD}");
        let slow = "10.3.0.2 ping=9s numpings=1\n10.3.0.102 ping=9s numpings=50\n";
        let endless = "10.3.0.2 numpings=1 ping=9s\n10.8.0.1 numpings=9 timeout=60s spacing=1s\n";
        for (signal, config, end) in [
            (Signal::INT, both, dead.as_str()),
            (Signal::TERM, both, &dead),
            (Signal::INT, slow, "\t0.000\n\n"),
            // What would last longer is cut off.
            (Signal::TERM, endless, "\n\n"),
        ] {
            let monitor = Monitor::start(&[], config);
            monitor.until(|text| text.contains("\t0.000\n"));
            let start = Instant::now();
            monitor.signal(signal);
            let ended = monitor.end();
            assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
            assert!(start.elapsed() < Duration::from_secs(3), "{ended:?}");
            assert!(ended.stdout.ends_with(end), "{ended:?}");
            let count = 1 + ended.stdout.matches("\n10").count();
            assert_eq!(count, if config == endless { 1 } else { 2 }, "{ended:?}");
        }
    });
}

#[test]
fn a_version_is_no_file() {
    for word in ["-v", "-V", "--version"] {
        let ended = Monitor::start(&[word], "").end();
        let expected = concat!("netvitals ", env!("CARGO_PKG_VERSION"), "\n");
        assert_eq!(
            (ended.code, &*ended.stdout, &*ended.stderr),
            (Some(0), expected, "")
        );
    }
    let ended = Monitor::start(&["--verbosee"], "").end();
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""));
    assert!(
        ended
            .stderr
            .starts_with("connmonitor: error: there is no option"),
        "{ended:?}"
    );
}
