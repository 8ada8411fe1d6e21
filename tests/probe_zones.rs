// SPDX-License-Identifier: MIT OR Apache-2.0
//! Link-local addresses with their interface (RFC 4007) in probes that go on: in the files of
//! connmonitor, and in `probe` sections of the agent.

#[path = "support/agent.rs"]
mod agent;
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
#[path = "support/schema.rs"]
mod schema;
#[cfg(feature = "tls")]
#[path = "support/secure.rs"]
mod secure;
#[path = "support/snapshot.rs"]
mod snapshot;
mod support;

use agent::Agent;
use miniserde::json::Value;
use monitor::{Monitor, records};
use path::{at_a_path, sh};
use snapshot::{array, object, text};
use support::tempdir::TempDir;

/// A neighbour fe80::77 at an interface of its own.
fn neighbour() {
    sh("ip netns add other
        ip link add side type veth peer name side netns other
        ip link set side up
        ip address add fe80::1/64 dev side nodad
        ip -n other link set lo up
        ip -n other link set side up
        ip -n other address add fe80::77/64 dev side nodad");
}

#[test]
fn an_address_in_a_file_is_asked_on_its_interface() {
    at_a_path("an_address_in_a_file_is_asked_on_its_interface", |_| {
        neighbour();
        let directory = TempDir::new();
        let file = directory.path().join("hosts");
        let options = "fe80::77%side ping=100 trace=100 timeout=300\n\
                       fe80::77%lan0 ping=100 timeout=100\nfe80::78 ping=100 timeout=100\n";
        for content in ["1 1 0 3 0 5 0 100\nfe80::77%side\n10.1.0.1\n", options] {
            std::fs::write(&file, content).unwrap();
            let monitor = Monitor::start(&[file.to_str().unwrap()], "");
            let of = |text: &str, host: &str, part: &str| {
                let records = records(text).into_iter();
                let told = records.filter(|record| record.starts_with(host));
                told.filter(|record| record.contains(part)).count()
            };
            let (open, close) = if content == options {
                ("", "")
            } else {
                ("(", ")")
            };
            let known = format!("fe80::77%side {open}fe80::77{close}\n");
            monitor.until(|text| {
                of(text, &known, "\t0.000\n") > 2 && of(text, &known, "\nfe80::77\t") > 0
            });
            if content == options {
                monitor.until(|text| of(text, "fe80::77%lan0 fe80::77\n", "\t100.000\n") > 2);
                monitor.until_error(|text| text.contains("fe80::78%eth0"));
            }
            let ended = monitor.terminate();
            assert!(!ended.stdout.contains("fe80:0:"), "{}", ended.stdout);
        }
    });
}

#[test]
fn an_address_in_a_section_is_asked_on_its_interface() {
    at_a_path("an_address_in_a_section_is_asked_on_its_interface", |_| {
        neighbour();
        let directory = TempDir::new();
        let path = directory.path().join("netvitals");
        let content = format!(
            "config netvitals 'main'\n\tlist interface '{}'\n\toption spool ''\n\
             \toption interval '1s'\n\toption discovery 'off'\n\
             config output 'out'\n\toption type 'stdout'\n\
             config probe 'near'\n\toption host 'fe80::77%side'\n\
             \toption ping '200ms'\n\toption trace '200ms'\n\toption timeout '100ms'\n",
            lan::OURS
        );
        std::fs::write(&path, content).unwrap();
        let agent = Agent::start_with(path.to_str().unwrap(), &["-v"]);
        agent.until(|snapshot| {
            let Some(probes) = snapshot.0.get("probes") else {
                return false;
            };
            let probe = object(&array(probes)[0]);
            assert_eq!(text(probe, "name"), "near");
            let hops = probe.get("route").map(array);
            let hop = hops.and_then(|hops| object(hops.first()?).get("ip"));
            let told = text(probe, "addr") == "fe80::77" && text(probe, "state") == "up";
            told && hop.is_some_and(|ip| matches!(ip, Value::String(ip) if ip == "fe80::77"))
        });
        assert_eq!(agent.terminate().code, Some(0));
    });
}
