// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs of `connspy`: where it reads and writes, what it refuses, what it tells.
#![cfg(feature = "connspy")]

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Stdio;

mod support;
use support::tempdir::TempDir;
use support::{refused, stderr};

#[path = "support/logs.rs"]
mod logs;
use logs::{connspy, failed, file, packed, printed, run};

const DAY: &str = "1565647200 a h\n1565647201 b h\n1565650900 c h\n";

#[test]
fn wrong_usage_is_told() {
    for (args, words) in [
        (&["x"][..], &["--to_host", "--busiest_from_host"][..]),
        (
            &["--to", "a", "--time_init", "5", "--time_end", "4"],
            &["--time_end", "before"],
        ),
        (
            &["--to", "a", "--time_init", "yesterday"],
            &["--time_init", "'yesterday'", "seconds"],
        ),
        (
            &["--to", "a", "--max_log_late_seconds", "-1"],
            &["--max_log_late_seconds", "0 to"],
        ),
        (
            &["--to", "a", "--only_complete_hours"],
            &["--only_complete_hours", "--hourly"],
        ),
        (&["--busiest_host", "--busiest_from_host"], &["excludes"]),
        (
            &["--to", "a", "--approximate", "--temp-dir", "/tmp"],
            &["--approximate", "excludes"],
        ),
        (&["--to", "a", "--threads", "0"], &["--threads", "1 to"]),
        (
            &["--to", "a", "--tail", "--state", "no/log", "no/log"],
            &["--state", "one of the logs"],
        ),
    ] {
        refused(&run(args), 2, words);
    }
}

#[test]
fn a_file_that_is_not_there_is_told_before_anything_is_printed() {
    let directory = TempDir::new();
    let log = file(&directory, "log", DAY.as_bytes());
    refused(
        &run(&["--to", "h", &log, "/no/such/log"]),
        1,
        &["'/no/such/log'", "no such file"],
    );
    let path = directory.path().to_str().unwrap();
    failed(&run(&["--to", "h", path]), "", &[path, "directory"]);
}

#[test]
fn standard_input_is_read_to_its_end() {
    let mut command = connspy(&["--to", "H", "--hourly"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(DAY.as_bytes())
        .unwrap();
    let rows = "1565647200.0\tTO\ta\n1565647200.0\tTO\tb\n1565650800.0\tTO\tc\n";
    assert_eq!(
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap(),
        rows
    );
}

#[test]
fn a_row_is_printed_while_the_writer_waits() {
    let mut command = connspy(&["--to", "h"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"1565647200 a h\n1565647200 b").unwrap();
    let mut row = [0; 2];
    child.stdout.as_mut().unwrap().read_exact(&mut row).unwrap();
    assert_eq!(&row, b"a\n");
    stdin.write_all(b" h").unwrap();
    drop(stdin);
    let rest = child.wait_with_output().unwrap();
    assert_eq!(rest.stdout, b"b\n");
}

#[test]
fn packed_files_are_read_and_broken_ones_told() {
    let directory = TempDir::new();
    let halves = [packed(&DAY.as_bytes()[..20]), packed(&DAY.as_bytes()[20..])].concat();
    let log = file(&directory, "log.gz", &halves);
    printed(&run(&["--to", "h", &log]), "a\nb\nc\n");
    // Zeros between and behind members are no members: tapes fill up their blocks.
    let padding = vec![0; 70_000];
    let fourth = packed(b"1565690399 d h\n");
    let parts = [&halves[..], &padding, &fourth, &padding].concat();
    let padded = file(&directory, "padded.gz", &parts);
    printed(&run(&["--to", "h", &padded]), "a\nb\nc\nd\n");
    let parts = [&halves[..], &padding[..1], b"what is no member"].concat();
    let output = run(&["--to", "h", &file(&directory, "rest.gz", &parts)]);
    failed(&output, "a\nb\nc\n", &["rest.gz", "gzip"]);

    let mut long = String::new();
    for number in 0..50_000 {
        writeln!(
            long,
            "{} h{} h",
            1_565_647_200 + number / 50,
            number * 7_919 % 60_000
        )
        .unwrap();
    }
    let whole = packed(long.as_bytes());
    let cut = file(&directory, "cut.gz", &whole[..whole.len() / 2]);
    let output = run(&["--to", "h", &cut]);
    let rows = String::from_utf8(output.stdout.clone()).unwrap();
    failed(&output, &rows, &["cut.gz", "cut", "lines before"]);
    let first: String = long
        .lines()
        .take(1_000)
        .map(|line| &line[11..line.len() - 1])
        .collect();
    assert!(rows.replace('\n', " ").starts_with(&first) && rows.lines().count() < 50_000);

    let mut broken = whole.clone();
    broken[whole.len() / 2..whole.len() / 2 + 64].fill(0xff);
    let broken = file(&directory, "broken.gz", &broken);
    let output = run(&["--to", "h", "--hourly", &broken]);
    let rows = String::from_utf8(output.stdout.clone()).unwrap();
    failed(&output, &rows, &["broken.gz", "lines before"]);
    let plain = file(&directory, "plain.gz", DAY.as_bytes());
    failed(
        &run(&["--to", "h", &plain]),
        "",
        &["plain.gz", "gzip", "0 lines"],
    );
}

#[test]
fn rows_are_appended_to_a_file() {
    let directory = TempDir::new();
    let log = file(&directory, "log", DAY.as_bytes());
    let rows = file(&directory, "rows", b"before\n");
    for _ in 0..2 {
        printed(&run(&["--to", "h", "--output-file", &rows, &log]), "");
    }
    assert_eq!(
        fs::read_to_string(&rows).unwrap(),
        "before\na\nb\nc\na\nb\nc\n"
    );
    refused(
        &run(&["--to", "h", "--output-file", "/no/such", &log]),
        1,
        &["/no/such", "append"],
    );
}

#[test]
fn rows_do_not_go_into_a_log() {
    let directory = TempDir::new();
    let log = file(&directory, "log", DAY.as_bytes());
    let same = directory.path().join("same");
    fs::hard_link(&log, &same).unwrap();
    let same = same.to_str().unwrap();
    for tail in [&[][..], &["--tail"]] {
        let args = ["--to", "h", "--hourly", "--output-file", same, &log];
        refused(&run(&[&args, tail].concat()), 2, &["--output-file", &log]);
    }
    assert_eq!(fs::read(&log).unwrap(), DAY.as_bytes());
}

#[test]
fn the_words_of_the_service_are_understood() {
    let directory = TempDir::new();
    let log = file(&directory, "connections.log", DAY.as_bytes());
    let text = include_str!("openwrt/expected/full.txt");
    let own = text.split("<connspy> <--tail>").nth(1).unwrap();
    let lines = own.lines().map_while(|line| match line {
        "" => Some(""),
        line => line.strip_prefix("append_param <command> "),
    });
    let words = lines.flat_map(|line| {
        line.split(['<', '>'])
            .filter(|word| !word.trim().is_empty())
    });
    // Its files are in a directory of ours.
    let words: Vec<String> = words
        .map(|word| match word.rsplit_once('/') {
            Some((_, "my log")) => log.clone(),
            Some((_, name)) => format!("{}/{name}", directory.path().display()),
            None => word.to_owned(),
        })
        .collect();
    assert!(words.iter().any(|word| word == "--state"), "{words:?}");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = run(&[&["--tail", "--time_end", "1565640000"], &words[..]].concat());
    assert!(output.status.success(), "{output:?}");
    assert!(directory.path().join("connspy.state").exists());
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let directory = TempDir::new();
    let mut long = String::new();
    for number in 0..100_000 {
        writeln!(long, "1565647200 host{number} h").unwrap();
    }
    let log = file(&directory, "log", long.as_bytes());
    let mut command = connspy(&["--to", "h", &log]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn malformed_and_late_lines_are_counted_and_no_more_than_some_shown() {
    let directory = TempDir::new();
    let log = "ts from to\n".repeat(2_000) + DAY + "1 broken\x1b[2J line\n1570000000 z h\n5 a h\n";
    let log = file(&directory, "log", log.as_bytes());
    let output = run(&["--to", "h", "--hourly", &log]);
    let told = "2000 malformed lines skipped, 2 late lines dropped";
    assert!(
        stderr(&output).contains(told) && stderr(&output).lines().count() == 1,
        "{output:?}"
    );
    let output = run(&["--to", "h", "--hourly", "--summary", &log]);
    assert_eq!(
        stderr(&output),
        "2006 lines, 2000 malformed, 2 late, 4 rows\n"
    );
    let output = run(&["--to", "h", "--hourly", "-v", &log]);
    assert!(stderr(&output).lines().count() < 15, "{output:?}");
    assert!(stderr(&output).contains("'ts from to'"), "{output:?}");
}
