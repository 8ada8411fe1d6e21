// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration file as a whole: what is taken, and the exact words for what is not.

use core::time::Duration;

use proptest::prelude::*;

use super::probe::Probe;
use super::tables::{TYPES, fields, names};
use super::*;

mod values;

/// The example of the documentation.
const EXAMPLE: &str = "config netvitals 'main'
	option config_version '1'
	option enabled '0'                      # 1 = start at boot
	list interface 'lan'                    # logical name or device; default: lan
	option interval '5s'                    # length of a window
	#option capture 'auto'                  # ebpf, ring, off
	#list range '192.168.1.0/24'            # default: the interface's own prefix
	#option discovery_interval '60s'
	#option spool '/tmp/netvitals/spool'    # RAM; on flash also: option commit_interval '10m'
config output 'es'
	option type 'elastic'                   # stdout, file, elastic, api
	option url 'https://192.0.2.9:9200'
	option user 'netvitals'
	option password_file '/etc/netvitals/es.pass'
config output 'latest'
	option type 'file'
	option path '/tmp/netvitals/latest.json'  # newest document only; option append '1' collects
config probe 'isp'
	option host '192.0.2.1'
	option ping '30s'
	list port 'https'
config device
	option mac '02:00:00:00:01:01'
	option name 'tv'
config schedule 'rates'
	option enabled '0'
	option applet 'netmon'
	option options '--eshost localhost:9200 --esindex notnetmon'
	option cron '*/5 * * * *'
config connmonitor 'lines'
	option enabled '0'
	option file '/etc/netvitals/hosts.conf'
config connspy 'gate'
	option enabled '0'
	list file '/var/log/connections.log'
	option hourly '1'
";

/// The options of each type of section, as the documentation lists them.
const OPTIONS: [(&str, &str); 7] = [
    (
        "netvitals",
        "config_version, enabled, server_id, interval, interface, capture, ring_kib, conntrack, \
         range, discovery, discovery_interval, discovery_rate, inactive_after, forget_after, \
         names_file, oui_file, ptr, spool, spool_kib, commit_interval, dead_letter_kib, \
         state_file, user, log_level",
    ),
    (
        "output",
        "enabled, type, path, append, rotate_kib, keep, url, index, es_type, auto_id, user, \
         password, password_file, api_key, api_key_file, ca, insecure, gzip, batch, batch_age, \
         connect_timeout, timeout",
    ),
    (
        "probe",
        "enabled, host, ping, trace, scan, numpings, payload, hops, timeout, port, tls",
    ),
    ("device", "mac, name"),
    ("schedule", "enabled, applet, options, cron"),
    ("connmonitor", "enabled, file, output, state, loss_limit"),
    (
        "connspy",
        "enabled, file, to_host, from_host, busiest_from_host, busiest_host, hourly, \
         only_complete_hours, json, max_log_late_seconds, memory_mib, temp_dir, state_file, \
         output_file",
    ),
];

#[track_caller]
fn good(text: &str) -> Configuration {
    parse("f", text.as_bytes()).unwrap()
}

/// All complaints about a text.
#[track_caller]
fn wrong(text: &str, expected: &[&str]) {
    assert_eq!(parse("f", text.as_bytes()).unwrap_err(), expected, "{text}");
}

/// The one complaint about a line in a section of `kind`, which begins as `start`.
#[track_caller]
fn wrong_line(start: &str, line: &str, expected: &str) {
    let (_, kind) = start.split_once(' ').unwrap();
    let kind = kind.split_ascii_whitespace().next().unwrap();
    let lines = 1 + start.matches('\n').count();
    let expected = format!("f:{}: section 'x' ({kind}): {expected}", lines + 1);
    wrong(&format!("{start}\n\t{line}\n"), &[&expected]);
}

#[test]
fn every_option_of_the_documentation_is_known() {
    assert_eq!(
        TYPES.map(|(kind, table)| (kind, names(table))),
        OPTIONS.map(|(k, n)| (k, n.into()))
    );
}

#[test]
fn every_default_is_a_value_of_its_option() {
    for field in TYPES.iter().flat_map(|(_, table)| fields(table)) {
        if !field.default.is_empty() {
            assert_eq!(kinds::fault(&field, field.default), None, "{field:?}");
        }
        let range = ["integer", "duration", "rounds"].contains(&field.kind);
        assert!(!range || field.allowed.contains(" to "), "{field:?}");
    }
}

#[test]
fn the_example_is_read() {
    let configuration = good(EXAMPLE);
    let main = &configuration.main;
    assert_eq!(main.list("interface").collect::<Vec<_>>(), ["lan"]);
    assert_eq!(main.duration("interval"), Duration::from_secs(5));
    assert_eq!(main.text("spool"), "/tmp/netvitals/spool");
    let called = |kind| {
        let sections = configuration
            .sections(kind)
            .map(|section| section.name.as_str());
        sections.collect::<Vec<_>>()
    };
    assert_eq!(called("output"), ["es", "latest"]);
    assert_eq!(called("schedule"), ["rates"]);
    assert_eq!(called("connmonitor"), ["lines"]);
    assert_eq!(called("connspy"), ["gate"]);
    let probe = Probe::of(configuration.sections("probe").next().unwrap());
    assert_eq!(
        (probe.name.as_str(), probe.ports.as_slice()),
        ("isp", &[443][..])
    );
    assert_eq!((probe.ping.as_secs(), probe.trace.as_secs()), (30, 0));
    let devices = configuration.devices();
    assert_eq!(
        devices,
        [(crate::model::addr::Mac([2, 0, 0, 0, 1, 1]), "tv".to_owned())]
    );
    assert_eq!(good("").main.integer("discovery_rate"), 200);
}

#[test]
fn all_that_is_wrong_is_said_with_its_place() {
    wrong(
        "config netvitals 'main'\n\toption interval '5x'\n\toption intervall '5s'\n\
         config output 'es'\n\toption type 'elastic'\n\tlist gzip 1\n\
         config output\n\toption enabled maybe\n",
        &[
            "f:2: section 'main' (netvitals): option 'interval' '5x': not a duration; allowed: 1s \
             to 1h",
            &format!(
                "f:3: section 'main' (netvitals): option 'intervall': unknown; allowed: {}",
                OPTIONS[0].1
            ),
            "f:6: section 'es' (output): list 'gzip': has one value; write option",
            "f:8: section 'output-2' (output): option 'enabled' 'maybe': not a truth value; \
             allowed: true false 1 0 yes no on off",
            "f:4: section 'es' (output): option 'url': is required",
            "f:7: section 'output-2' (output): option 'type': is required",
        ],
    );
    wrong(
        "option a b\nconfig cron\n\toption x y\nconfig output 'a-b'\n\toption type none\n\
         config probe 'x' x\nconf\n",
        &[
            "f:1: an option before the first section",
            "f:2: section type 'cron': unknown; allowed: netvitals, output, probe, device, \
             schedule, connmonitor, connspy",
            "f:4: not a name; allowed: letters, digits, _",
            "f:6: a word too many; a value with blanks needs quotes",
            "f:7: not a statement; allowed: package, config, option, list",
        ],
    );
}

#[test]
fn sections_of_one_name_are_one() {
    let text = "config output a\n\toption type stdout\nconfig probe b\n\toption host h\n\
                config output a\n\toption enabled 0\n";
    let configuration = good(text);
    let outputs: Vec<_> = configuration.sections("output").collect();
    assert_eq!((outputs.len(), outputs[0].boolean("enabled")), (1, false));
    wrong(
        "config output a\n\toption type stdout\nconfig probe a\n\toption host h\n",
        &["f:3: section 'a' (probe): the name belongs to a section (output) already, in line 1"],
    );
    wrong(
        "config netvitals a\nconfig netvitals\n",
        &["f:2: section 'netvitals-2' (netvitals): there is one already, in line 1; allowed: one"],
    );
    good("config netvitals a\nconfig netvitals a\n");
}

#[test]
fn the_last_of_an_option_wins_and_lists_grow() {
    let text = "config netvitals a\n\toption interval 1s\n\toption interval 2s\n\
                \tlist interface a\n\tlist interface b\n\toption user x\n";
    let main = good(text).main;
    assert_eq!(main.duration("interval"), Duration::from_secs(2));
    assert_eq!(main.list("interface").collect::<Vec<_>>(), ["a", "b"]);
    let main = good(&format!("{text}\toption interface c\n\tlist interface d\n")).main;
    assert_eq!(main.list("interface").collect::<Vec<_>>(), ["c", "d"]);
    let text = "config netvitals a\n\toption interval 1\n\toption interval 0\n";
    wrong(
        text,
        &["f:3: section 'a' (netvitals): option 'interval' '0': not in range; allowed: 1s to 1h"],
    );
}

#[test]
fn a_newer_file_is_named_as_such() {
    wrong(
        "config netvitals a\n\toption new 1\n\toption config_version 2\nconfig what\n",
        &[
            "f:3: section 'a' (netvitals): option 'config_version' '2': written for a newer \
             netvitals",
        ],
    );
    let main = "config netvitals x";
    wrong_line(
        main,
        "option config_version 0",
        "option 'config_version' '0': not a version; allowed: 1",
    );
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(
        noise: Vec<u8>,
        lines in prop::collection::vec(any_line(), 0..20),
    ) {
        let _ = parse("f", &noise);
        let _ = parse("f", lines.join("\n").as_bytes());
    }

    #[test]
    fn sections_are_read_in_any_order(order in Just(0..8_usize).prop_flat_map(|all| {
        Just(all.collect::<Vec<_>>()).prop_shuffle()
    })) {
        let sections: Vec<&str> = EXAMPLE.split("\nconfig ").collect();
        let mut text = String::new();
        for i in order {
            text += "config ";
            text += sections[i].trim_start_matches("config ");
            text += "\n";
        }
        let configuration = parse("f", text.as_bytes()).unwrap();
        prop_assert_eq!(configuration.sections("output").count(), 2);
        prop_assert!(configuration.main.has("interval"));
    }
}

/// A line of a configuration, mostly.
fn any_line() -> impl Strategy<Value = String> {
    let options: Vec<String> = OPTIONS
        .iter()
        .flat_map(|(_, names)| names.split(", "))
        .map(str::to_owned)
        .collect();
    let kinds: Vec<&str> = OPTIONS.map(|(kind, _)| kind).to_vec();
    let values = "[a-z0-9./:*,'\" -]{0,12}|1|file|elastic|5s|02:00:00:00:00:01|\\PC{0,8}";
    prop_oneof![
        (prop::sample::select(kinds), "[a-c]{0,1}")
            .prop_map(|(kind, name)| format!("config {kind} {name}")),
        (prop::sample::select(options.clone()), values)
            .prop_map(|(o, v)| format!("option {o} {v}")),
        (prop::sample::select(options), values).prop_map(|(o, v)| format!("list {o} '{v}'")),
        "\\PC{0,20}",
    ]
}
