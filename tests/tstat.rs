// SPDX-License-Identifier: MIT OR Apache-2.0
//! `tstat-send --no-transport`: what objects come of which logs.
#![cfg(feature = "tstat")]

use std::fs;

mod support;
use support::tstat::*;
use support::{refused, stderr};

/// Runs it on a recorded case.
fn objects(root: &std::path::Path, more: &[&str]) -> String {
    let output = tstat_send(root, &[&["--no-transport", "--sensor", "s"], more].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn recorded_logs_make_the_recorded_messages() {
    let mut count = 0;
    for case in cases() {
        for threshold in ["0", "1", "1000", "25000"] {
            let expected =
                fs::read_to_string(case.join(format!("expected-T{threshold}.json-stream")));
            let options = [
                "-T",
                threshold,
                "-S",
                "sensor1",
                "--udp-durations",
                "ms",
                "-N",
            ];
            let output = tstat_send(&case.join("in"), &options);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            let ours = String::from_utf8(output.stdout).unwrap();
            let what = format!("{} at {threshold} MB", case.display());
            same_json(&ours, &expected.unwrap(), &what);
            count += 1;
        }
    }
    assert_eq!(count, 12);
}

#[test]
fn rejected_rows_are_told_one_by_one_and_counted() {
    let output = tstat_send(&cases()[1].join("in"), &["-N", "-T", "1"]);
    let said = stderr(&output);
    assert_eq!(said.matches("bad row").count(), 4, "{said}");
    assert_eq!(said.matches("unable to render").count(), 4, "{said}");
    let summary = said.lines().last().unwrap();
    for words in [
        "1 directory done; 240 rows, 10 objects, 458 below the threshold, 8 rejected",
        "(2 too few fields, 2 too many fields, 4 text for a number); 1 message, 1 confirmed",
    ] {
        assert!(summary.contains(words), "{summary}");
    }
}

#[test]
fn durations_of_udp_are_seconds_unless_it_is_said_otherwise() {
    for case in 0..cases().len() {
        let (tcp, udp) = (
            recorded(case, "log_tcp_complete"),
            recorded(case, "log_udp_complete"),
        );
        for (megabytes, bits_min) in [("0", 0.0), ("1", 8e6), ("1000", 8e9)] {
            let root = cases()[case].join("in");
            let ours = objects(&root, &["-T", megabytes]);
            same_json(&ours, &messages(&tcp, &udp, bits_min, false), "seconds");
            let ours = objects(&root, &["-T", megabytes, "--udp-durations", "ms"]);
            same_json(&ours, &messages(&tcp, &udp, bits_min, true), "milliseconds");
        }
    }
}

#[test]
fn a_real_udp_flow_of_four_seconds_lasted_four_seconds() {
    let header = recorded(2, "log_udp_complete")
        .lines()
        .next()
        .unwrap()
        .to_owned();
    let row = "10.0.0.1 5004 1591902179999.500000 4.027195 2000000 1500 0 0 16 10.0.0.2 5004 \
               0.000000 0.000000 0 0 0 0 16 -";
    let root = tree(&[("a.out/log_udp_complete", &format!("{header}\n{row}\n"))]);
    let ours = objects(root.path(), &["-b", "1"]);
    let expected = r#"[{"type":"flow","interval":600,"values":{"duration":4.03,
        "num_bits":16000000,"num_packets":1500,"bits_per_second":3973181.03,
        "packets_per_second":372.49},"meta":{"src_ip":"10.0.0.1","src_port":5004,
        "dst_ip":"10.0.0.2","dst_port":5004,"protocol":"udp","sensor_id":"s","instance_id":0,
        "flow_type":"tstat"},"start":1591902179,"end":1591902183}]"#;
    same_json(&ours, expected, "UDP");
}

/// The columns of `log` without those that `unwanted` chooses, header and rows.
fn without(log: &str, unwanted: impl Fn(&str) -> bool) -> String {
    let mut lines = log.lines();
    let header: Vec<_> = lines.next().unwrap().split(' ').collect();
    let bare = |column: &str| {
        let name = column.rsplit('#').next().unwrap();
        name.split(':').next().unwrap().to_owned()
    };
    let keep: Vec<_> = header
        .iter()
        .map(|column| !unwanted(&bare(column)))
        .collect();
    let cut = |line: &str| {
        let fields = line.split(' ').zip(&keep).filter(|(_, keep)| **keep);
        fields.map(|(field, _)| field).collect::<Vec<_>>().join(" ") + "\n"
    };
    log.lines().map(cut).collect()
}

#[test]
fn a_log_of_tstats_own_default_keeps_every_flow() {
    // 44 columns: the group core alone.
    let optional = [
        "rtt_",
        "ttl_",
        "mss",
        "sack_",
        "win_",
        "cwin_",
        "pkts_rto",
        "pkts_fs",
        "pkts_reor",
        "pkts_dup",
        "pkts_unk",
        "pkts_fc",
        "pkts_unrto",
        "pkts_unfs",
        "syn_retx",
        "f1323",
        "tm_opt",
    ];
    let core = without(&recorded(2, "log_tcp_complete"), |column| {
        let name = column.trim_start_matches("c_").trim_start_matches("s_");
        optional.iter().any(|start| name.starts_with(start))
    });
    let core = core.replacen("#15#", "#00#", 1);
    let root = tree(&[("a.out/log_tcp_complete", &core)]);
    let ours = objects(root.path(), &["-b", "0"]);
    same_json(&ours, &messages(&core, "", 0.0, false), "core");
    assert_eq!(
        ours.matches("\"tcp_mss\":null,\"tcp_max_seg_size\":null")
            .count(),
        54
    );
    assert_eq!(ours.matches("\"tcp_sack_cnt\":null").count(), 54);
    let bare = without(&core, |column| column.ends_with("_retx"));
    let root = tree(&[("a.out/log_tcp_complete", &bare)]);
    let ours = objects(root.path(), &["-b", "0"]);
    assert_eq!(ours.matches("\"tcp_rexmit_rate\":null").count(), 54);
}

#[test]
fn a_header_may_be_in_any_order_and_without_marks() {
    let udp = recorded(2, "log_udp_complete");
    let reversed = |line: &str| line.split(' ').rev().collect::<Vec<_>>().join(" ") + "\n";
    let turned: String = udp.lines().map(reversed).collect();
    let root = tree(&[("a.out/log_udp_complete", &turned)]);
    let expected = messages("", &udp, 0.0, false);
    // Its first field is not c_ip, and no mark says that it is a header.
    let output = tstat_send(root.path(), &["-N", "-b", "0"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let marked = format!("#{turned}");
    fs::write(root.path().join("a.out/log_udp_complete"), marked).unwrap();
    same_json(&objects(root.path(), &["-b", "0"]), &expected, "reversed");
    let (header, rows) = udp.split_once('\n').unwrap();
    let names = header
        .split(' ')
        .map(|column| column.split(':').next().unwrap());
    let header = names.collect::<Vec<_>>().join(" ").replace('#', "");
    fs::write(
        root.path().join("a.out/log_udp_complete"),
        format!("{header}\n{rows}"),
    )
    .unwrap();
    same_json(&objects(root.path(), &["-b", "0"]), &expected, "plain");
}

#[test]
fn a_log_that_cannot_be_understood_is_refused_and_the_next_one_is_read() {
    let good = udp_log(1);
    let tcp = recorded(2, "log_tcp_complete");
    let no_durat = without(&tcp, |column| column == "durat" || column == "s_bytes_uniq");
    let root = tree(&[
        ("1.out/log_tcp_complete", &no_durat),
        ("1.out/log_udp_complete", &good),
        ("2.out/log_udp_complete", &format!("\n{good}")),
        ("3.out/log_udp_complete", good.split_once('\n').unwrap().1),
        ("4.out/log_udp_complete", &good),
        ("5.out/log_udp_complete", ""),
        ("6.out/log_tcp_complete", "\n\n\n"),
    ]);
    let output = tstat_send(root.path(), &["-N", "-b", "0"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    for words in [
        "1.out: log_tcp_complete is refused: it lacks durat, s_bytes_uniq of tstat's column group \
         core",
        "2.out: log_udp_complete is refused: it begins with an empty line",
        "3.out: log_udp_complete is refused: its first line does not name the columns",
        "3 directories done, 3 failed; 1 row, 2 objects",
    ] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    assert_eq!(
        output.stdout.iter().filter(|byte| **byte == b'\n').count(),
        1
    );
}

#[test]
fn instance_and_sensor_are_what_was_given() {
    let root = tree(&[("a.out/log_udp_complete", &udp_log(1))]);
    let ours = objects(root.path(), &["-b", "0", "-I", "7", "-S", "a\"b"]);
    assert!(
        ours.contains("\"sensor_id\":\"a\\\"b\",\"instance_id\":\"7\""),
        "{ours}"
    );
}

#[test]
fn bytes_go_before_the_threshold_and_may_have_a_unit() {
    let root = cases()[2].join("in");
    let count = |options: &[&str]| objects(&root, options).matches("\"flow\"").count();
    assert_eq!(count(&[]), 3);
    assert_eq!(count(&["-b", "25Gb"]), 3);
    assert_eq!(count(&["--bytes=25000000000"]), 3);
    assert_eq!(count(&["--bytes", "25000000001"]), 2);
    assert_eq!(count(&["-b", "1GB"]), 5);
    assert_eq!(count(&["-b", "1000000k", "-T", "0"]), 5);
    assert_eq!(count(&["-T", "1"]), 10);
    for wrong in ["", "b", "1Xb", "1.5Gb", "-1", "99999999999999999999"] {
        let output = tstat_send(&root, &["-N", "-b", wrong]);
        refused(&output, 2, &["option '--bytes'"]);
    }
}
