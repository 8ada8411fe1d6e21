// SPDX-License-Identifier: MIT OR Apache-2.0
//! What options may not hold, and what excludes what: the exact words.

use super::*;

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

#[track_caller]
fn output(kind: &str, line: &str, expected: &str) {
    let start = format!("config output x\n\toption type {kind}");
    wrong_line(&start, line, expected);
}

#[test]
fn an_output_has_what_its_type_has() {
    let api = "api\n\toption url h";
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
    good("config output x\n\toption type elastic\n\toption url h\n\toption enabled 0\n");
}

#[test]
fn values_of_outputs_have_their_words() {
    let (elastic, api) = ("elastic\n\toption url h", "api\n\toption url h");
    output(
        elastic,
        "option index Upper",
        "option 'index' 'Upper': not an index; allowed: lower case letters, digits, . _ - + and \
         not - _ + at the start",
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
    wrong_line(
        "config netvitals x",
        "option forget_after 3m",
        "option 'forget_after': forget_after 3m must be longer than inactive_after 180s",
    );
    wrong_line(
        "config netvitals x",
        "option inactive_after 1d",
        "option 'inactive_after': forget_after 1d must be longer than inactive_after 1d",
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
