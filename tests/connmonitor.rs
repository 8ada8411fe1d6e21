// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals connmonitor` beside the recorded runs of the original, on a path of its own: the same
//! shapes, without its faults.

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

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use monitor::{Monitor, records, repaired, services, shape, shapes};
use path::{at_a_path, has, sh};
use support::skip::skip;
use support::tempdir::TempDir;

/// Cases that are replayed always.
const SHORT: &str = "
3.0.3/01-ping-text 3.0.3/02-all-text 3.0.3/03-all-json 3.0.3/05-scan-only-text 3.0.3/06-unresolvable
3.0.3/08-unreachable-by-router 3.0.3/19-hops-2 3.0.3/22-localhost
4.1.3/02-all-text 4.1.3/05-no-timestamp-json 4.1.3/06-mixed-case-and-blank-lines
4.1.3/11-blackhole";

/// Cases that take longer, or are like others.
const LONG: &str = "
3.0.3/04-trace-only-json 3.0.3/09-blackhole-json 3.0.3/10-all-lost-text 3.0.3/14-sighup-new-host
3.0.3/15-sighup-file-gone 3.0.3/16-sighup-stdin 3.0.3/17-sigint 3.0.3/18-payload-1337
3.0.3/20-closed-ports 3.0.3/21-one-ping 3.0.3/23-lossy-30pct-text 3.0.3/24-lossy-30pct-json
3.0.3/30-host-goes-down-after-3s 3.0.3/31-route-changes
4.1.3/01-defaults 4.1.3/03-all-json 4.1.3/04-no-timestamp-text 4.1.3/10-unresolvable
4.1.3/12-unreachable 4.1.3/13-lossy 4.1.3/14-sighup 4.1.3/15-closed-ports
4.1.3/30-host-goes-down-after-3s";

/// Files that are refused, and how the complaint begins.
const REFUSED: &[(&str, &str)] = &[
    (
        "3.0.3/07-none-resolvable",
        "EE: Exception: Unable to resolve host ( nosuch.host.invalid )",
    ),
    (
        "3.0.3/11-bad-config-7-numbers",
        "EE: OSError: Bad configuration file format, caused error: (list index out of range)",
    ),
    (
        "3.0.3/12-bad-config-word",
        "EE: OSError: Bad configuration file format, caused error: (invalid literal for int() \
         with base 10: 'x')",
    ),
    (
        "3.0.3/13-empty-config",
        "EE: OSError: Bad configuration file format, caused error: (invalid literal for int() \
         with base 10: '')",
    ),
    (
        "4.1.3/07-unknown-option",
        "EE: OSError: Error in config file - unknown option 'FOO'",
    ),
    (
        "4.1.3/08-bad-value",
        "EE: OSError: Error parsing value for PING: could not convert string to float: 'ABC'",
    ),
    // A traceback.
    (
        "4.1.3/09-no-equals",
        "EE: OSError: Error in config file - no '=' in 'ping'",
    ),
];

/// What is not as it was recorded, and on purpose: case, what wrong records contain, right ones
/// that the original could not write.
const REPAIRS: &[(&str, &str, &[&str])] = &[
    // It was stopped after the first record.
    (
        "3.0.3/08-unreachable-by-router",
        NOTHING,
        &["10.9.0.1\n-\t-\t-\t-\t#\nNone\tNone\tNone\n"],
    ),
    (
        "3.0.3/09-blackhole-json",
        NOTHING,
        &[concat!(
            r##"{"addr":"10.8.0.1","name":"10.8.0.1","ping":{"min":-,"avg":-,"max":-,"##,
            r##""std":-,"loss":#},"scan":{"http":"None","https":"None","mysql":"None"}}"##,
        )],
    ),
    // Twenty pings with loss were a total failure.
    (
        "3.0.3/23-lossy-30pct-text",
        "\n-\t",
        &["lossy.test (10.3.0.101)\n#\t#\t#\t#\t#\n"],
    ),
    (
        "3.0.3/24-lossy-30pct-json",
        ":-,",
        &[
            concat!(
                r##"{"addr":"10.3.0.101","name":"lossy.test","ping":{"min":#,"avg":#,"max":#,"##,
                r##""std":#,"loss":#},"trace":[["10.1.0.1", #], ["10.2.0.2", #], "##,
                r##"["10.3.0.101", #]]}"##,
            ),
            concat!(
                r##"{"addr":"10.3.0.101","name":"lossy.test","ping":{"min":#,"avg":#,"max":#,"##,
                r##""std":#,"loss":#}}"##,
            ),
        ],
    ),
    // A host that died went on with its last good values.
    (
        "3.0.3/30-host-goes-down-after-3s",
        NOTHING,
        &["10.3.0.105\n-\t-\t-\t-\t#\n"],
    ),
    // Stars were told as a change.
    ("3.0.3/31-route-changes", "[\"*\"]", &[]),
    // So were they here, and of pings nothing was told.
    (
        "4.1.3/12-unreachable",
        "[\"*\"]",
        &[concat!(
            r##"{"addr":"10.9.0.1","name":"10.9.0.1","timestamp":#,"ping":{"min":-,"avg":-,"##,
            r##""max":-,"std":-,"loss":#}}"##,
        )],
    ),
    // Port checks died where MySQL listens.
    (
        "4.1.3/02-all-text",
        NOTHING,
        &[concat!(
            "server.test 10.3.0.2\n@\n#, 200, nginx/1.18.0 (Ubuntu)\t",
            "#, 200, nginx/1.18.0 (Ubuntu)\t#, 5.7.2-log\n",
        )],
    ),
    (
        "4.1.3/03-all-json",
        NOTHING,
        &[
            concat!(
                r##"{"addr":"10.3.0.2","name":"server.test","timestamp":#,"scan":{"http":"##,
                r##"{"rtt":#,"response code":"200","server":"nginx/1.18.0 (Ubuntu)"},"https":"##,
                r##"{"rtt":#,"response code":"200","server":"nginx/1.18.0 (Ubuntu)"},"mysql":"##,
                r##"{"rtt":#,"version":"5.7.2-log"}}}"##,
            ),
            concat!(
                r##"{"addr":"10.3.0.102","name":"10.3.0.102","timestamp":#,"scan":{"http":"##,
                r##"{"rtt":#,"response code":"404","server":"Unknown"},"https":"##,
                r##"{"rtt":#,"response code":"404","server":"Unknown"},"mysql":"##,
                r##"{"rtt":#,"version":"10.11.6-MariaDB"}}}"##,
            ),
        ],
    ),
];

/// What no record contains.
const NOTHING: &str = "nothing";

fn file(case: &str, name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/connmonitor");
    folder.join(case).join(name)
}

/// The recorded text of a case without faults of its form.
fn recorded(case: &str) -> String {
    let text = std::fs::read_to_string(file(case, "stdout.txt")).unwrap();
    let config = std::fs::read_to_string(file(case, "monitor.conf")).unwrap();
    let on: Vec<bool> = config.split(' ').take(3).map(|word| word != "0").collect();
    match case.starts_with("3") {
        true => repaired(&text, on.try_into().unwrap()),
        false => repaired(&text, [true; 3]),
    }
}

/// The shapes that a case must have, and no others.
fn expected(case: &str) -> BTreeSet<String> {
    let mut expected = shapes(&(recorded(case) + "\n"));
    for (_, wrong, right) in REPAIRS.iter().filter(|(name, ..)| *name == case) {
        expected.retain(|shape| !shape.contains(wrong));
        expected.extend(right.iter().map(|text| shape(&repaired(text, [true; 3]))));
    }
    // What came after SIGHUP is of another file.
    if case.contains("sighup-new") || case == "4.1.3/14-sighup" {
        expected.retain(|shape| shape.contains("server.test"));
    }
    expected
}

/// What a record is of: the line or the keys before what was found.
fn host(record: &str) -> String {
    let line = record.lines().next().unwrap();
    line.split("\"name\"").next().unwrap().to_owned()
}

/// The shape of the first record of each host.
fn firsts(text: &str) -> BTreeMap<String, String> {
    let mut firsts = BTreeMap::new();
    for record in records(text) {
        firsts
            .entry(host(&record))
            .or_insert_with(|| shape(&record));
    }
    firsts
}

/// What the recorded runs had around them.
fn lab(directory: &TempDir) {
    services();
    lan::replace_file(directory, "/etc/resolv.conf", "nameserver 127.0.0.1\n");
    // A route that is unreachable is told only a few times a second, and a rule always. Of those to
    // one host every third is lost, and all to another when they have come for a while.
    sh("ip -n server address add 10.3.0.105/24 dev far0
ip -n server address add 10.3.0.106/24 dev far0
ip -n far route replace 10.9.0.0/24 via 10.3.0.2
ip netns exec far nft -f - <<END
table inet t { chain f { type filter hook forward priority 0;
ip daddr 10.9.0.0/24 reject with icmp type host-unreachable; }; }
END
ip netns exec server nft -f - <<END
table inet t { chain i { type filter hook input priority 0;
ip daddr 10.3.0.101 icmp type echo-request numgen inc mod 3 0 drop;
ip daddr 10.3.0.105 icmp type echo-request quota over 2000 bytes drop; }; }
END");
}

/// Runs all `cases` at the same time until each has shown all its shapes.
fn replay(cases: &str) {
    if !has("nft") {
        return skip("nft is not installed");
    }
    let directory = TempDir::new();
    lab(&directory);
    let start = |case: &str| {
        let config = file(case, "monitor.conf");
        match case.contains("stdin") {
            true => Monitor::start(&[], &std::fs::read_to_string(config).unwrap()),
            false => Monitor::start(&[config.to_str().unwrap()], ""),
        }
    };
    let cases = cases.split_whitespace();
    let running: Vec<_> = cases.map(|case| (case, start(case))).collect();
    running
        .into_iter()
        .for_each(|(case, monitor)| compare(case, monitor));
}

/// Waits until a case has shown all its shapes, and ends it.
fn compare(case: &str, monitor: Monitor) {
    let expected = expected(case);
    assert!(!expected.is_empty(), "{case}");
    monitor.until(|text| shapes(text).is_superset(&expected) && records(text).len() > 2);
    let ended = monitor.terminate();
    let text = ended.stdout;
    assert_eq!(shapes(&text), expected, "{case}: {text}");
    let is_odd = REPAIRS.iter().any(|(name, ..)| *name == case);
    if case.starts_with("3") && !is_odd {
        let recorded = recorded(case) + "\n";
        assert_eq!(firsts(&text), firsts(&recorded), "{case}");
    }
    // Of old an empty line ended those of 4.1.3.
    assert_eq!(text.ends_with("\n\n"), case.starts_with("4"), "{case}");
    let errors = usize::from(case.contains("unresolvable"));
    assert_eq!(ended.stderr.lines().count(), errors, "{}", ended.stderr);
}

#[test]
fn recorded_cases_have_the_same_shapes() {
    at_a_path("recorded_cases_have_the_same_shapes", |_| replay(SHORT));
}

#[test]
fn all_recorded_cases_have_the_same_shapes() {
    at_a_path("all_recorded_cases_have_the_same_shapes", |_| {
        if std::env::var_os("NETVITALS_LONG").is_none() {
            return eprintln!("only with NETVITALS_LONG=1, as tests/long.sh has it");
        }
        let (short, long) = (SHORT.split_whitespace(), LONG.split_whitespace());
        assert_eq!(short.count() + long.count() + REFUSED.len(), 42);
        replay(&format!("{SHORT} {LONG}"));
    });
}

#[test]
fn recorded_files_that_were_refused_are_refused_in_the_same_words() {
    let name = "recorded_files_that_were_refused_are_refused_in_the_same_words";
    at_a_path(name, |_| {
        let directory = TempDir::new();
        lan::replace_file(&directory, "/etc/resolv.conf", "nameserver 127.0.0.1\n");
        for (case, expected) in REFUSED {
            let ended = Monitor::start(&[file(case, "monitor.conf").to_str().unwrap()], "").end();
            assert_eq!(
                (ended.code, &*ended.stdout),
                (Some(1), ""),
                "{case}: {ended:?}"
            );
            assert!(
                ended.stderr.starts_with(expected),
                "{case}: {}",
                ended.stderr
            );
            for line in ended.stderr.lines() {
                // The time of ctime(3) behind a tab and a blank.
                let (_, time) = line.rsplit_once(" -\t ").unwrap();
                assert_eq!(shape(&format!("h\n{time}")), "h\n@\n", "{line}");
            }
        }
    });
}
