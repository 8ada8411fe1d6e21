// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals connvitals` when there is less than it could do with: it is stopped early, it may
//! have few descriptors, an address alone does not say where.

#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "support/path.rs"]
mod path;
mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use lan::Running;
use path::{at_a_path, connvitals, serve_mysql, sh, told};
use support::EXE;

/// A counter of ICMP of this namespace.
fn icmp(name: &str) -> u32 {
    let text = std::fs::read_to_string("/proc/net/snmp").unwrap();
    let mut lines = text.lines().filter(|line| line.starts_with("Icmp: "));
    let (names, numbers) = (lines.next().unwrap(), lines.next().unwrap());
    let at = names.split(' ').position(|other| other == name).unwrap();
    numbers.split(' ').nth(at).unwrap().parse().unwrap()
}

#[test]
fn what_was_found_before_a_signal_is_shown() {
    at_a_path("what_was_found_before_a_signal_is_shown", |_| {
        let mut command = Command::new(EXE);
        let words = "connvitals -ts -p20 --timeout 30s 10.3.0.2 10.8.0.1";
        command.args(words.split(' '));
        let running = Running::start_command(command);
        let start = Instant::now();
        while icmp("InEchoReps") < 20 || icmp("InTimeExcds") < 2 || icmp("InDestUnreachs") < 1 {
            assert!(start.elapsed() < Duration::from_secs(10), "nobody answers");
            std::thread::sleep(Duration::from_millis(5));
        }
        running.terminate();
        let said = running.finish();
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.lasted < Duration::from_secs(15), "{said:?}");
        assert!(said.stderr.contains("stopped by a signal"), "{said:?}");
        let lines: Vec<&str> = said.stdout.lines().collect();
        let hop = |line: usize| lines[line].split('\t').next().unwrap();
        assert!(lines[1].ends_with("\t0.000") && !lines[1].starts_with('-'));
        assert_eq!(
            [hop(0), hop(2), hop(3), hop(4), lines[5]],
            [
                "10.3.0.2",
                "10.1.0.1",
                "10.2.0.2",
                "10.3.0.2",
                "None\tNone\tNone"
            ],
        );
        // Of the other one nothing is known yet: neither loss nor silence.
        assert_eq!(lines[6..], ["10.8.0.1"], "{said:?}");
    });
}

#[test]
fn want_of_descriptors_is_waited_for_and_not_shown_as_a_dead_service() {
    let name = "want_of_descriptors_is_waited_for_and_not_shown_as_a_dead_service";
    at_a_path(name, |_| {
        serve_mysql("10.3.0.2", "5.7.2-log");
        let limited = |count: u32, words: &str| {
            let mut command = Command::new("sh");
            let script = format!("ulimit -n {count}; exec \"$0\" connvitals {words}");
            command.args(["-c", &script, EXE]).output().unwrap()
        };
        let output = limited(12, &format!("-sP {}", "10.3.0.2 ".repeat(30)));
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.matches("5.7.2-log").count(), 30, "{text}");
        assert!(output.stderr.is_empty(), "{:?}", output.stderr);
        // Where nothing is left at all, that is said.
        let limits = (3..12).map(|count| limited(count, "-sP 10.3.0.2"));
        let said = limits.map(|output| String::from_utf8(output.stderr).unwrap());
        assert!(said.filter(|said| said.contains("ulimit -n")).count() > 0);
    });
}

#[test]
fn many_dead_neighbours_do_not_make_live_hosts_look_dead() {
    let name = "many_dead_neighbours_do_not_make_live_hosts_look_dead";
    at_a_path(name, |_| {
        // What waits for the MAC addresses of the dead ones takes all the room that there is.
        sh("ip address add 10.5.0.1/22 dev lan0
            ip -n near address add 10.5.3.1/22 dev peer0
            ip -n near address add 10.5.3.2/22 dev peer0");
        let dead = |i: u32| format!("10.5.{}.{} ", i / 250, i % 250 + 2);
        let hosts = (0..400).map(dead).collect::<String>() + "10.5.3.1 10.5.3.2";
        let output = connvitals(&format!("-p4 --payload-size 1400 {hosts}"));
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.matches("\t100.000\n").count(), 400, "{text}");
        let live = text.split_once("10.5.3.1\n").unwrap().1;
        assert_eq!(
            live.matches("\t0.000\n").count(),
            2,
            "{live} {:?}",
            output.stderr
        );
    });
}

#[test]
fn a_link_local_address_is_asked_on_its_interface() {
    at_a_path("a_link_local_address_is_asked_on_its_interface", |_| {
        sh("ip netns add other
            ip link add side type veth peer name side netns other
            ip link set side up
            ip address add fe80::1/64 dev side nodad
            ip -n other link set lo up
            ip -n other link set side up
            ip -n other address add fe80::77/64 dev side nodad
            ip -n other address add fe80::78/64 dev side nodad
            ip -6 route del fe80::/64 dev lan0");
        for mode in ["udp", "icmp"] {
            let words = format!("-tp3 --spacing 100ms --trace-mode {mode} fe80::77%side");
            let start = Instant::now();
            let text = loop {
                let text = told(&words);
                if text.contains("\t0.000\n") {
                    break text;
                }
                assert!(start.elapsed() < Duration::from_secs(20), "{text}");
            };
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines[0], "fe80::77%side (fe80::77)");
            assert!(
                lines[2].starts_with("fe80::77\t") && lines.len() == 3,
                "{text}"
            );
        }
        // Whoever has none is heard, too, from where the kernel asked.
        let text = told("-tp3 fe80::77%side fe80::78");
        assert_eq!(text.matches("\t0.000\n").count(), 2, "{text}");
        assert!(text.contains("\nfe80::78\t"), "{text}");
        let text = told("-p1 --timeout 300ms fe80::77%lan0");
        assert!(text.ends_with("\t100.000\n"), "{text}");
        let output = connvitals("-p1 --timeout 300ms fe80::77");
        let warning = String::from_utf8(output.stderr).unwrap();
        assert!(warning.contains("fe80::77%eth0"), "{warning}");
    });
}

#[test]
fn a_dead_name_server_does_not_keep_others_waiting_for_each_name() {
    let name = "a_dead_name_server_does_not_keep_others_waiting_for_each_name";
    at_a_path(name, |path| {
        path.name_server("10.8.0.1");
        let start = Instant::now();
        let output = connvitals(&format!("-p1 {} server.test", "nosuch.example ".repeat(8)));
        assert!(start.elapsed() < Duration::from_secs(25), "10 s each");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with("server.test (10.3.0.2)\n"), "{text}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            errors
                .matches("EE: Exception: Unable to resolve host ( nosuch.example ): ")
                .count(),
            8,
            "{errors}"
        );
    });
}

#[test]
fn a_name_with_addresses_of_both_versions_is_asked_where_there_is_a_way() {
    let name = "a_name_with_addresses_of_both_versions_is_asked_where_there_is_a_way";
    at_a_path(name, |path| {
        let names = "fd03::2 both.test\n10.3.0.2 both.test\n";
        path.names(names);
        sh("ip -6 route del default");
        let text = told("-p2 both.test");
        assert!(text.starts_with("both.test (10.3.0.2)\n"), "{text}");
        assert!(text.ends_with("\t0.000\n"), "{text}");
        let output = connvitals("-6 -p2 --timeout 100ms both.test");
        let warning = String::from_utf8(output.stderr).unwrap();
        assert!(warning.contains("cannot send to fd03::2: Network is unreachable"));
    });
}
