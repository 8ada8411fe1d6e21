// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where `netvitals connmonitor` writes to, and what: changes alone, names without address, files,
//! servers.

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

use std::time::Duration;

use miniserde::json::{self, Object, Value};
use monitor::{Monitor, records, shape, until};
use path::{at_a_path, has, sh};
use rustix::process::Signal;
use support::server::{Reply, Server};
use support::skip::skip;
use support::tempdir::TempDir;

/// What the server does with echo requests to 10.3.0.2: nothing when it is empty.
fn server_drops(what: &str) {
    sh(&format!(
        "ip netns exec server nft -f - <<END
table inet t
delete table inet t
table inet t {{ chain i {{ type filter hook input priority 0;
ip daddr 10.3.0.2 icmp type echo-request {what}; }}; }}
END"
    ));
}

/// The event of each line.
fn events(text: &str) -> Vec<String> {
    let word = |line: &str| {
        let (_, rest) = line.split_once("\"event\":\"")?;
        Some(rest.split('"').next()?.to_owned())
    };
    text.lines().filter_map(word).collect()
}

#[test]
fn with_state_only_changes_are_told() {
    at_a_path("with_state_only_changes_are_told", |_| {
        if !has("nft") {
            return skip("nft is not installed");
        }
        let config = "server.test ping=50 numpings=4 spacing=1 timeout=100 trace=50 json=1\n";
        let monitor = Monitor::start(&["--state", "--loss-limit", "25"], config);
        let until = |last: &str, count: usize| {
            monitor
                .until(|text| events(text).iter().filter(|event| *event == last).count() == count)
        };
        until("up", 1);
        until("route", 1);
        // As much as there may be, then more.
        server_drops("numgen inc mod 4 0 drop");
        server_drops("numgen inc mod 4 < 2 drop");
        until("loss", 1);
        server_drops("drop");
        until("down", 1);
        server_drops("counter");
        until("up", 2);
        until("loss-end", 1);
        sh("ip -n far address add 10.2.0.9/24 dev near0
            ip -n far route change 10.1.0.0/24 via 10.2.0.1 src 10.2.0.9");
        until("route", 2);
        let ended = monitor.terminate();
        let mut told = events(&ended.stdout);
        // The first trace and the first pings are over when they are.
        told[..2].sort();
        let expected = ["route", "up", "loss", "down", "up", "loss-end", "route"];
        assert_eq!(told, expected, "{}", ended.stdout);
        assert_eq!(ended.stderr, "");
        let head = r#"{"addr":"10.3.0.2","name":"server.test","timestamp":#,"event":"#;
        for line in ended.stdout.lines() {
            let trace = if line.contains("\"route\"") {
                ",\"trace\":[["
            } else {
                "}"
            };
            let shape = shape(line);
            assert!(shape.starts_with(head) && shape.contains(trace), "{shape}");
        }
        assert!(
            ended
                .stdout
                .contains("\"event\":\"down\",\"loss\":100.000000}")
        );
    });
}

#[test]
fn changes_are_told_in_text_as_well() {
    at_a_path("changes_are_told_in_text_as_well", |_| {
        let directory = TempDir::new();
        lan::replace_file(&directory, "/etc/resolv.conf", "nameserver 127.0.0.1\n");
        for (config, expected) in [
            (
                "1 1 0 2 41 5 0 20\nserver.test\nnosuch.host.invalid\n",
                [
                    "server.test (10.3.0.2)\n@\nup\t#\n",
                    "nosuch.host.invalid\n@\nunresolved\t#\n",
                ],
            ),
            (
                "10.8.0.1 numpings=1 timeout=50 ping=100\n10.3.0.102 scan=50 ping=0\n",
                ["10.8.0.1\n@\ndown\t#\n", "10.3.0.102\n@\ndown\n"],
            ),
        ] {
            let monitor = Monitor::start(&["--state"], config);
            let shapes = |text: &str| -> String {
                records(&(text.to_owned() + "\n"))
                    .iter()
                    .map(|r| shape(r))
                    .collect()
            };
            let all = |text: &str| expected.iter().all(|record| shapes(text).contains(record));
            monitor.until(|text| text.ends_with('\n') && all(text));
            monitor.terminate();
        }
    });
}

#[test]
fn a_name_without_address_is_an_error_once_and_the_others_are_tested() {
    let name = "a_name_without_address_is_an_error_once_and_the_others_are_tested";
    at_a_path(name, |_| {
        let directory = TempDir::new();
        lan::replace_file(&directory, "/etc/resolv.conf", "nameserver 127.0.0.1\n");
        let config = "1 0 0 1 41 5 1 50\nserver.test\nnosuch.host.invalid\n";
        let monitor = Monitor::start(&[], config);
        let said = monitor.until_error(|text| text.ends_with('\n'));
        let begin = "EE: Exception: Unable to resolve host ( nosuch.host.invalid )";
        assert!(said.starts_with(begin), "{said}");
        monitor.more(5);
        let ended = monitor.terminate();
        assert_eq!(ended.stderr, said, "once, not in each round");
        assert!(!ended.stdout.contains("nosuch"), "{}", ended.stdout);
        let ended = Monitor::start(&[], "nosuch.host.invalid\n").end();
        assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
        let none = "EE: Exception: No hosts could be parsed! -\t ";
        assert!(
            ended
                .stderr
                .lines()
                .nth(1)
                .is_some_and(|line| line.starts_with(none))
        );
    });
}

#[test]
fn a_name_that_stops_resolving_is_an_error_and_a_result() {
    at_a_path(
        "a_name_that_stops_resolving_is_an_error_and_a_result",
        |_| {
            if std::env::var_os("NETVITALS_LONG").is_none() {
                return eprintln!("a minute, only with NETVITALS_LONG=1, as tests/long.sh has it");
            }
            let directory = TempDir::new();
            lan::replace_file(&directory, "/etc/resolv.conf", "nameserver 127.0.0.1\n");
            let monitor = Monitor::start(&["--verbose"], "1 0 0 1 41 5 1 1000\nserver.test\n");
            monitor.more(1);
            std::fs::write("/etc/hosts", "127.0.0.1 localhost\n").unwrap();
            let begin = "EE: Exception: Unable to resolve host ( server.test )";
            let minute = Duration::from_secs(90);
            monitor.until_error_within(minute, |text| text.contains(begin));
            // It has the address that it had, and nobody answers there any more.
            let lost =
                "{\"addr\":\"10.3.0.2\",\"name\":\"server.test\",\"ping\":{\"min\":-1.000000,";
            monitor.until(|text| text.contains(lost));
            std::fs::write("/etc/hosts", "10.3.0.102 server.test\n").unwrap();
            monitor.until_error_within(minute, |text| text.contains("can be resolved again"));
            monitor
                .until(|text| text.contains("{\"addr\":\"10.3.0.102\",\"name\":\"server.test\""));
            monitor.terminate();
        },
    );
}

#[test]
fn a_name_is_gone_once_whatever_still_runs() {
    at_a_path("a_name_is_gone_once_whatever_still_runs", |_| {
        let directory = TempDir::new();
        lan::replace_file(&directory, "/etc/resolv.conf", "nameserver 127.0.0.1\n");
        let hosts = |text: &str| std::fs::write("/etc/hosts", text).unwrap();
        hosts("10.8.0.1 dead.test\n");
        let file = directory.path().join("hosts.conf");
        // There is always a check of ports that began before the name was gone.
        let tests = "dead.test ping=100 numpings=1 timeout=1s json=1 scan=10\n";
        std::fs::write(&file, tests).unwrap();
        let monitor = Monitor::start(&["--verbose", file.to_str().unwrap()], "");
        monitor.more(2);
        hosts("127.0.0.1 localhost\n");
        monitor.child.signal(Signal::HUP);
        let gone = "Unable to resolve host ( dead.test )";
        monitor.until_error(|text| text.contains(gone));
        // For longer than a round may last.
        monitor.more(200);
        hosts("10.8.0.1 dead.test\n");
        monitor.child.signal(Signal::HUP);
        let back = "host dead.test can be resolved again";
        monitor.until_error(|text| text.contains(back));
        let errors = monitor.terminate().stderr;
        let count = |what| errors.matches(what).count();
        assert_eq!((count(gone), count(back)), (1, 1), "{errors}");
    });
}

fn object(text: &str) -> Object {
    match json::from_str(text) {
        Ok(Value::Object(object)) => object,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn servers_get_objects_that_can_be_mapped() {
    at_a_path("servers_get_objects_that_can_be_mapped", |_| {
        let created = |_: usize, _: &support::server::Request| Reply::Status(201, "", "{}".into());
        let (api, elastic) = (Server::start(created), Server::start(created));
        let url = format!("http://{}/in", api.address);
        let eshost = elastic.address.to_string();
        let words = ["--api-url", &url, "--eshost", &eshost, "--output", "stdout"];
        let config = "1 1 1 2 41 5 1 30\nserver.test\n";
        let monitor = Monitor::start(&words, config);
        monitor.until(|_| api.requests().len() > 2 && elastic.requests().len() > 1);
        let ended = monitor.terminate();
        assert_eq!(ended.stderr, "");
        assert!(
            ended
                .stdout
                .starts_with("{\"addr\":\"10.3.0.2\",\"name\":\"server.test\",\"ping\"")
        );
        let requests = api.requests();
        let first = requests[0].text();
        let begin = "{\"@timestamp\":\"";
        assert!(first.starts_with(begin), "{first}");
        let found = object(first);
        let text = |key: &str| match &found[key] {
            Value::String(text) => text.clone(),
            other => panic!("{key}: {other:?}"),
        };
        assert_eq!(text("messageType"), "probe");
        assert_eq!(
            (text("name"), text("addr"), text("state")),
            (
                "server.test".to_owned(),
                "10.3.0.2".to_owned(),
                "up".to_owned()
            )
        );
        assert_eq!(text("@timestamp"), text("checkedTime"));
        assert!(!text("host").is_empty());
        for key in ["ping", "route", "ports"] {
            assert!(found.contains_key(key), "{first}");
        }
        // The way is told when it changes.
        assert!(
            !requests[1].text().contains("\"route\""),
            "{}",
            requests[1].text()
        );
        // The same name again would be the same document.
        let key = requests[0].header("idempotency-key");
        assert!(
            key.contains("-connmonitor-") && key.ends_with("-1"),
            "{key}"
        );
        let path = &elastic.requests()[0].path;
        assert_eq!(*path, format!("/netvitals-probe/_create/{key}"));
    });
}

#[test]
fn what_is_cut_off_at_the_end_is_sent_all_the_same() {
    at_a_path("what_is_cut_off_at_the_end_is_sent_all_the_same", |_| {
        let created = |_: usize, _: &support::server::Request| Reply::Status(201, "", "{}".into());
        let api = Server::start(created);
        let url = format!("http://{}/in", api.address);
        let config = "10.3.0.2 ping=9s numpings=1\n10.8.0.1 ping=9s timeout=60s numpings=3\n";
        let monitor = Monitor::start(&["--api-url", &url], config);
        until(|| !api.requests().is_empty());
        let ended = monitor.terminate();
        assert_eq!(&*ended.stderr, "");
    });
}

#[test]
fn a_file_takes_records_beside_standard_output() {
    at_a_path("a_file_takes_records_beside_standard_output", |_| {
        let directory = TempDir::new();
        let folder = directory.path().join("log");
        let words = [
            "--logpath",
            folder.to_str().unwrap(),
            "--logappend",
            "--output",
            "stdout",
        ];
        let monitor = Monitor::start(&words, "10.3.0.2 ping=30 numpings=1\n");
        monitor.more(3);
        let ended = monitor.terminate();
        let file = std::fs::read_to_string(folder.join("connmonitor.log")).unwrap();
        assert_eq!(
            file + "\n",
            ended.stdout,
            "the empty line is of standard output"
        );
    });
}
