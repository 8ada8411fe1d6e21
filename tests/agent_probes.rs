// SPDX-License-Identifier: MIT OR Apache-2.0
//! `probe` sections of the agent's configuration: what its documents say of hosts behind routers.

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
#[path = "support/path.rs"]
mod path;
#[path = "support/schema.rs"]
mod schema;
#[path = "support/snapshot.rs"]
mod snapshot;
mod support;

use std::path::PathBuf;

use agent::Agent;
use lan::OURS;
use miniserde::json::{Number, Object, Value};
use path::{at_a_path, sh};
use snapshot::{Snapshot, array, number, object, text, time_ms};
use support::EXE;
use support::skip::skip;
use support::tempdir::TempDir;

/// A file for the agent: windows of a second, and these sections.
fn write(path: &PathBuf, probes: &[(&str, &str)]) {
    let mut content = format!(
        "config netvitals 'main'\n\tlist interface '{OURS}'\n\toption spool ''\n\
         \toption interval '1s'\n\toption discovery 'off'\n\
         config output 'out'\n\toption type 'stdout'\n"
    );
    for (name, options) in probes {
        content += &format!("config probe '{name}'\n");
        for option in options.split("; ") {
            let (option, value) = option.split_once(' ').unwrap();
            let kind = if option == "port" { "list" } else { "option" };
            content += &format!("\t{kind} {option} '{value}'\n");
        }
    }
    std::fs::write(path, content).unwrap();
}

/// The agent with these probes, and its file.
#[track_caller]
fn start(directory: &TempDir, probes: &[(&str, &str)]) -> (Agent, PathBuf) {
    // Nobody is asked for names that are in no file.
    lan::replace_file(directory, "/etc/resolv.conf", "");
    let path = directory.path().join("netvitals");
    write(&path, probes);
    (Agent::start_with(path.to_str().unwrap(), &["-v"]), path)
}

#[track_caller]
fn probe<'a>(snapshot: &'a Snapshot, name: &str) -> &'a Object {
    find(snapshot, name).unwrap_or_else(|| panic!("no probe {name}"))
}

fn find<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a Object> {
    let mut probes = array(snapshot.0.get("probes")?).iter().map(object);
    probes.find(|probe| text(probe, "name") == name)
}

fn state<'a>(snapshot: &'a Snapshot, name: &str) -> &'a str {
    find(snapshot, name).map_or("", |probe| text(probe, "state"))
}

fn float(object: &Object, key: &str) -> f64 {
    match &object[key] {
        Value::Number(Number::F64(number)) => *number,
        other => panic!("{key}: {other:?}"),
    }
}

/// The addresses of the route, `*` for silent ones; `None` when there is none.
fn route(snapshot: &Snapshot, name: &str) -> Option<Vec<String>> {
    let hops = find(snapshot, name)?.get("route")?;
    let hops = array(hops).iter().map(object);
    let ip = |hop: &Object| match hop.contains_key("ip") {
        true => text(hop, "ip").to_owned(),
        false => "*".to_owned(),
    };
    Some(hops.map(ip).collect())
}

const QUICK: &str = "ping 200ms; timeout 100ms";

/// One that answers, one that is dead, one that loses a quarter, one without an address, and IPv6.
#[track_caller]
fn check_first(last: &Snapshot) {
    let names = array(&last.0["probes"])
        .iter()
        .map(|probe| text(object(probe), "name"));
    let names: Vec<&str> = names.collect();
    assert_eq!(names, ["up", "dead", "lossy", "nowhere", "six"]);
    let (up, dead) = (probe(last, "up"), probe(last, "dead"));
    assert_eq!(text(up, "addr"), "10.3.0.2");
    assert_eq!(text(dead, "addr"), "10.8.0.1");
    let age = last.times().1 - time_ms(text(up, "checkedTime"));
    assert!((0..1_000).contains(&age), "{age}");
    let ping = object(&up["ping"]);
    assert_eq!((number(ping, "sent"), number(ping, "received")), (5, 5));
    assert!(float(ping, "minMs") > 0.0 && float(ping, "lossPercent") == 0.0);
    let ping = object(&dead["ping"]);
    assert_eq!(number(ping, "received"), 0);
    assert_eq!(float(ping, "lossPercent"), 100.0);
    assert!(!ping.contains_key("avgMs"));
    let lossy = object(&probe(last, "lossy")["ping"]);
    assert_eq!(number(lossy, "received"), 6);
    assert_eq!(float(lossy, "lossPercent"), 25.0);
    let nowhere = probe(last, "nowhere");
    assert_eq!(text(nowhere, "addr"), "");
    assert_eq!(text(nowhere, "state"), "unknown");
    assert_eq!(float(object(&nowhere["ping"]), "lossPercent"), 100.0);
    assert_eq!(text(probe(last, "six"), "addr"), "fd03::2");
}

#[test]
fn hosts_are_up_down_lossy_or_unknown() {
    at_a_path("hosts_are_up_down_lossy_or_unknown", |_| {
        let directory = TempDir::new();
        if !path::has("nft") {
            return skip("nft is not installed");
        }
        sh(LOSSY);
        let probes = [
            ("up", format!("host 10.3.0.2; {QUICK}")),
            ("dead", format!("host 10.8.0.1; {QUICK}")),
            ("lossy", format!("host lossy.test; numpings 8; {QUICK}")),
            ("nowhere", format!("host nowhere.test; {QUICK}")),
            ("six", format!("host fd03::2; payload 1400; {QUICK}")),
            ("off", "host 10.3.0.2; enabled 0".to_owned()),
        ];
        let probes: Vec<(&str, &str)> = probes.iter().map(|(a, b)| (*a, b.as_str())).collect();
        let (agent, file) = start(&directory, &probes);
        let seen = agent.until(|snapshot| {
            let all = ["up", "dead", "lossy", "six"].map(|name| state(snapshot, name));
            all == ["up", "down", "up", "up"]
        });
        check_first(seen.last().unwrap());
        // One gets an address, another stops answering.
        std::fs::write(
            "/etc/hosts",
            "10.3.0.102 nowhere.test\n10.3.0.101 lossy.test\n",
        )
        .unwrap();
        sh(SERVER_GOES);
        agent.until(|snapshot| {
            (state(snapshot, "nowhere"), state(snapshot, "up")) == ("up", "down")
        });
        // Read again without it, and then without any.
        write(&file, &probes[1..]);
        agent.reload();
        let seen = agent.more(2);
        assert!(find(seen.last().unwrap(), "up").is_none());
        write(&file, &probes[5..]);
        agent.reload();
        let seen = agent.more(2);
        assert!(!seen.last().unwrap().0.contains_key("probes"));
        let ended = agent.terminate();
        assert_eq!(ended.code, Some(0));
        assert_eq!(
            ended.lines_with("does not probe"),
            [""; 0],
            "{}",
            ended.errors
        );
    });
}

const LOSSY: &str = "ip netns exec server nft '
    table inet t { chain i { type filter hook input priority 0
    ip daddr 10.3.0.101 icmp type echo-request numgen inc mod 4 0 drop; }; }'";

/// The other addresses of its prefix went with the first one.
const SERVER_GOES: &str = "ip -n server address flush dev far0
    ip -n server address add 10.3.0.101/24 dev far0
    ip -n server address add 10.3.0.102/24 dev far0
    ip -n server route replace default via 10.3.0.1";

/// Between the routers, and the way goes there.
const SECOND_CABLE: &str = "ip -n near link add other type veth peer name other netns far
    ip -n near address add 10.4.0.1/24 dev other
    ip -n far address add 10.4.0.2/24 dev other
    ip -n near link set other up
    ip -n far link set other up
    ip netns exec far sh -c 'echo 1 >/proc/sys/net/ipv4/icmp_errors_use_inbound_ifaddr'
    ip -n near route replace default via 10.4.0.2";

/// The server is behind another router.
const LONGER: &str = "ip netns add more
    ip -n far link add d0 type veth peer name u0 netns more
    ip -n far address add 10.5.0.1/24 dev d0
    ip -n more address add 10.5.0.2/24 dev u0
    ip -n far link set d0 up; ip -n more link set u0 up; ip -n more link set lo up
    ip -n more route add default via 10.5.0.1
    ip netns add last
    ip -n more link add d1 type veth peer name u1 netns last
    ip -n more address add 10.6.0.1/24 dev d1
    ip -n last address add 10.6.0.2/24 dev u1
    ip -n more link set d1 up; ip -n last link set u1 up; ip -n last link set lo up
    ip -n last address add 10.3.0.2/32 dev lo
    ip -n last route add default via 10.6.0.1
    for name in more last; do ip netns exec $name sh -c '
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 0 >/proc/sys/net/ipv4/icmp_ratemask
        echo 0 >/proc/sys/net/ipv4/icmp_ratelimit'; done
    ip -n more route add 10.3.0.2/32 via 10.6.0.2
    ip -n far route add 10.3.0.2/32 via 10.5.0.2";

#[test]
fn a_route_is_told_first_and_when_it_is_another() {
    at_a_path("a_route_is_told_first_and_when_it_is_another", |_| {
        let directory = TempDir::new();
        let options = "host 10.3.0.2; ping 0; trace 200ms; timeout 200ms";
        let (agent, file) = start(&directory, &[("way", options)]);
        let expected = |hops: &[&str]| Some(hops.iter().map(|&hop| hop.to_owned()).collect());
        let first = expected(&["10.1.0.1", "10.2.0.2", "10.3.0.2"]);
        agent.until(|snapshot| route(snapshot, "way") == first);
        agent.more(3);
        write(
            &file,
            &[("new", "host 10.3.0.101; ping 200ms"), ("way", options)],
        );
        agent.reload();
        let seen = agent.more(2);
        let told = seen
            .iter()
            .filter(|snapshot| route(snapshot, "way").is_some());
        assert_eq!(told.count(), 1, "once, also when the file is read again");
        assert_eq!(state(seen.last().unwrap(), "way"), "up");
        sh(SECOND_CABLE);
        let second = expected(&["10.1.0.1", "10.4.0.2", "10.3.0.2"]);
        agent.until(|snapshot| route(snapshot, "way") == second);
        let seen = agent.more(2);
        assert!(route(seen.last().unwrap(), "way").is_none());
        sh(LONGER);
        let third = expected(&["10.1.0.1", "10.4.0.2", "10.5.0.2", "10.3.0.2"]);
        agent.until(|snapshot| route(snapshot, "way") == third);
        sh("ip -n far route del 10.3.0.2/32 via 10.5.0.2");
        agent.until(|snapshot| route(snapshot, "way") == second);
        assert_eq!(agent.terminate().code, Some(0));
    });
}

#[cfg(feature = "tls")]
#[path = "support/secure.rs"]
mod secure;

#[cfg(feature = "tls")]
#[test]
fn ports_say_what_listens_there() {
    at_a_path("ports_say_what_listens_there", |_| {
        let directory = TempDir::new();
        if !path::has("openssl") {
            return skip("openssl is not installed");
        }
        let answer = b"HTTP/1.1 200 OK\r\nServer: \"x\x1b\"\r\n\r\n";
        path::serve_http("10.3.0.2", answer);
        secure::serve_https("10.3.0.2", answer);
        path::serve_mysql("10.3.0.2", "5.7.2-log");
        path::serve("10.3.0.2", 22, drop);
        let quick = "ping 0; scan 200ms; timeout 1s";
        let all = format!("host server.test; {quick}; tls 1");
        let some = format!("host 10.3.0.2; {quick}; port 22; port 23; port mysql");
        let closed = format!("host 10.3.0.104; {quick}");
        let probes: [(&str, &str); 3] = [("all", &all), ("some", &some), ("closed", &closed)];
        let (agent, _) = start(&directory, &probes);
        let seen = agent.until(|snapshot| {
            ["all", "some", "closed"].map(|name| state(snapshot, name)) == ["up", "up", "down"]
        });
        let ports = |name: &str| {
            let ports = array(&probe(seen.last().unwrap(), name)["ports"]).iter();
            ports.map(object).collect::<Vec<_>>()
        };
        let all = ports("all");
        let numbers: Vec<u64> = all.iter().map(|port| number(port, "port")).collect();
        assert_eq!(numbers, [80, 443, 3306]);
        for (port, service) in all.iter().zip(["http", "https", "mysql"]) {
            assert_eq!(text(port, "service"), service);
            assert!(float(port, "rttMs") > 0.0);
        }
        assert_eq!(
            (number(all[0], "status"), text(all[0], "server")),
            (200, "\"x\u{1b}\"")
        );
        assert_eq!(text(all[2], "version"), "5.7.2-log");
        let tls = object(&all[1]["tls"]);
        assert!(matches!(tls["valid"], Value::Bool(false)));
        assert_eq!(
            (number(tls, "daysLeft"), text(tls, "error")),
            (57, "unknown issuer")
        );
        let open = |port: &&Object| matches!(port["open"], Value::Bool(true));
        let some = ports("some");
        assert_eq!(
            some.iter().map(open).collect::<Vec<_>>(),
            [true, false, true]
        );
        assert!(!some[0].contains_key("service"), "whatever it is");
        assert!(ports("closed").iter().all(|port| !open(port)));
        assert!(
            !find(seen.last().unwrap(), "all")
                .unwrap()
                .contains_key("ping")
        );
        assert_eq!(agent.terminate().code, Some(0));
    });
}

/// Root who has become nobody, and kept one capability, may still probe what is new.
#[test]
fn without_the_rights_of_root_new_hosts_are_probed_all_the_same() {
    use std::os::unix::fs::PermissionsExt;
    let name = "without_the_rights_of_root_new_hosts_are_probed_all_the_same";
    at_a_path(name, |_| {
        if !rustix::process::getuid().is_root() {
            return skip("needs root");
        }
        let directory = TempDir::new();
        let public = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(directory.path(), public).unwrap();
        let file = directory.path().join("netvitals");
        let four = format!("host 10.3.0.2; trace 200ms; {QUICK}");
        let six = format!("host fd03::2; trace 200ms; {QUICK}");
        write(&file, &[("four", &four)]);
        let words = ["-v", "--user", "65534"];
        let agent = Agent::start_with(file.to_str().unwrap(), &words);
        agent.until(|snapshot| state(snapshot, "four") == "up");
        assert!(
            agent.errors().contains("rights: user 65534"),
            "{}",
            agent.errors()
        );
        write(&file, &[("four", &four), ("six", &six)]);
        agent.reload();
        agent.until(|snapshot| {
            let way = ["fd01::1", "fd02::2", "fd03::2"].map(str::to_owned);
            state(snapshot, "six") == "up" && route(snapshot, "six") == Some(way.into())
        });
        assert_eq!(agent.terminate().code, Some(0));
    });
}

/// Nobody may be asked: that is said, the hosts are unknown, and all the rest goes on.
#[test]
fn where_nobody_may_be_asked_hosts_are_unknown() {
    at_a_path("where_nobody_may_be_asked_hosts_are_unknown", |_| {
        sh("echo '1 0' >/proc/sys/net/ipv4/ping_group_range");
        let directory = TempDir::new();
        let file = directory.path().join("netvitals");
        write(&file, &[("four", &format!("host 10.3.0.2; {QUICK}"))]);
        let words = [
            "--user",
            EXE,
            "agent",
            "--state-file",
            "",
            "--no-ptr",
            "--once",
            "--config",
        ];
        let mut command = std::process::Command::new("unshare");
        let output = command.args(words).arg(&file).output().unwrap();
        if output.stderr.starts_with(b"unshare:") {
            return skip(&String::from_utf8_lossy(&output.stderr));
        }
        assert!(output.status.success(), "{output:?}");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            errors.contains("the hosts of 'probe' sections are not probed"),
            "{errors}"
        );
        let line = String::from_utf8(output.stdout).unwrap();
        let document = Snapshot::parse(&schema::Schema::new(), &line);
        assert_eq!(state(&document, "four"), "unknown");
    });
}
