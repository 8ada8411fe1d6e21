// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration file as a whole: what is taken, and the exact words for what is not.

use core::time::Duration;

use proptest::prelude::*;

use super::probe::Probe;
use super::tables::{TYPES, fields, names};
use super::*;

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
            "f:3: section 'a' (netvitals): option 'config_version' '2': written for a newer netvitals",
        ],
    );
    let main = "config netvitals x";
    wrong_line(
        main,
        "option config_version 0",
        "option 'config_version' '0': not a version; allowed: 1",
    );
}

#[test]
fn each_kind_of_value_has_its_words() {
    let main = |line: &str, expected: &str| wrong_line("config netvitals x", line, expected);
    main(
        "option server_id ''",
        "option 'server_id' '': not a name; allowed: 1 to 64 bytes",
    );
    main(
        "option ring_kib 16385",
        "option 'ring_kib' '16385': not in range; allowed: 128 to 16384",
    );
    main(
        "option ring_kib 1k",
        "option 'ring_kib' '1k': not a number; allowed: 128 to 16384",
    );
    main(
        "option interval 3601",
        "option 'interval' '3601': not in range; allowed: 1s to 1h",
    );
    main(
        "option capture pcap",
        "option 'capture' 'pcap': not known; allowed: auto, ebpf, ring, off",
    );
    main(
        "list interface ''",
        "list 'interface' '': not a text; allowed: at least one letter",
    );
    main(
        "list range 10.0.0.0/33",
        "list 'range' '10.0.0.0/33': a wrong prefix length; allowed: 0 to 32",
    );
    let probe = |line: &str, expected: &str| {
        wrong_line("config probe x\n\toption host h", line, expected);
    };
    probe(
        "option ping 199ms",
        "option 'ping' '199ms': not a time between rounds; allowed: 0 = off, 200ms to 30d",
    );
    probe(
        "option host -x",
        "option 'host' '-x': not a host; allowed: a name or an address",
    );
    probe(
        "list port ftp",
        "list 'port' 'ftp': not a port; allowed: 1 to 65535, http, https, mysql",
    );
    wrong_line(
        "config device x\n\toption name y",
        "option mac 03:00:00:00:00:01",
        "option 'mac' '03:00:00:00:00:01': not a MAC address; allowed: a device's, as \
         02:00:00:00:01:01",
    );
}

#[test]
fn a_crontab_gets_nothing_but_words() {
    let schedule = |line: &str, expected: &str| {
        let start = "config schedule x\n\toption applet netmon\n\toption cron '* * * * *'";
        wrong_line(start, line, expected);
    };
    for text in ["a; b", "$(b)", "50%", "`b`", "'a", "a > b", "a\nb"] {
        let allowed = "words and quotes as in sh, none of ;&$<>()%` and bars, one line";
        let line = format!("option options '{}'", text.replace('\'', "'\\''"));
        let what = format!("option 'options' '{text}': not safe in a crontab; allowed: {allowed}");
        schedule(&line, &what);
    }
    schedule(
        "option cron '* * * *'",
        "option 'cron' '* * * *': not a time of cron; allowed: minute hour day month weekday, as \
         */5 * * * *",
    );
    schedule(
        "option applet agent",
        "option 'applet' 'agent': not known; allowed: netmon, devices, connvitals, tstat-send, \
         tstat-cull, connspy",
    );
}

#[test]
fn an_output_has_what_its_type_has() {
    let output = |kind: &str, line: &str, expected: &str| {
        let start = format!("config output x\n\toption type {kind}");
        wrong_line(&start, line, expected);
    };
    let (elastic, api) = ("elastic\n\toption url h", "api\n\toption url h");
    output(
        "stdout",
        "option path /x",
        "option 'path': only of type file",
    );
    output(
        "file\n\toption path x",
        "option url h",
        "option 'url': only of type elastic, api",
    );
    output(
        api,
        "option index x",
        "option 'index': only of type elastic",
    );
    output(
        "file",
        "option path /x/",
        "option 'path' '/x/': not the path of a file; allowed: one that does not end in /",
    );
    let file = "file\n\toption path /x";
    let append = ": only when appending (append, --logappend)";
    output(file, "option keep 2", &format!("option 'keep'{append}"));
    output(
        file,
        "option rotate_kib 2",
        &format!("option 'rotate_kib'{append}"),
    );
    output(
        "file\n\toption path x\n\toption append 1\n\toption rotate_kib 0",
        "option keep 2",
        "option 'keep': only with rotate_kib (--rotate-kib) above 0",
    );
    output(
        elastic,
        "option index Upper",
        "option 'index' 'Upper': not an index; allowed: lower case letters, digits, . _ - + and not - _ + at the start",
    );
    output(
        elastic,
        "option es_type a/b",
        "option 'es_type' 'a/b': not a type; allowed: letters, digits, _ -",
    );
    output(
        elastic,
        "option user a:b",
        "option 'user' 'a:b': not a user; allowed: anything without a colon",
    );
    output(
        api,
        "option batch 5001",
        "option 'batch' '5001': not in range; allowed: 1 to 5000",
    );
    output(
        api,
        "option timeout 99ms",
        "option 'timeout' '99ms': not in range; allowed: 100ms to 5m",
    );
    good("config output x\n\toption type elastic\n\toption url h\n\toption enabled 0\n");
}

#[test]
fn secrets_are_never_shown() {
    let output = |line: &str, expected: &str| {
        let start = "config output x\n\toption type elastic\n\toption url h\n\toption password p";
        wrong_line(start, line, expected);
    };
    output(
        "option password 'hunter\n2'",
        "option 'password': holds characters that cannot be sent",
    );
    output("option password ''", "option 'password': is empty");
    output(
        "option password_file /x",
        "option 'password_file': not together with password",
    );
    if cfg!(feature = "http") {
        let start = "config output x\n\toption type api";
        wrong_line(
            start,
            "option url http://u:hunter2@h",
            "option 'url': user and password do not belong into an address; use their options",
        );
        wrong_line(
            start,
            "option url ftp://h",
            "option 'url' 'ftp://h': not an address; allowed: [http[s]://]host[:port][/path]",
        );
    }
    let section = "config output x\n\toption type api\n\toption url h\n\toption api_key hunter2\n";
    assert!(!format!("{:?}", good(section)).contains("hunter2"));
}

#[test]
fn options_that_exclude_each_other_are_named() {
    wrong(
        "config output x\n\toption type elastic\n\toption url h\n\toption user u\n\
         \toption api_key k\n",
        &["f:5: section 'x' (output): option 'api_key': not together with user"],
    );
    let what = "forget_after (1d) must be longer than inactive_after (180s)";
    wrong_line(
        "config netvitals x",
        "option forget_after 3m",
        &format!("option 'forget_after': {what}"),
    );
    wrong_line(
        "config netvitals x",
        "option inactive_after 1d",
        &format!("option 'inactive_after': {what}"),
    );
    wrong_line(
        "config netvitals x\n\tlist range 10.0.0.0/17",
        "list range 10.1.0.0/16",
        "list 'range': 98300 addresses in all; allowed: 65536",
    );
    wrong_line(
        "config connmonitor x\n\toption file y\n\tlist output stdout",
        "list output es",
        "list 'output' 'es': there is no such output",
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
