// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `connspy` does when memory or disk end.
#![cfg(feature = "connspy")]

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

mod support;
use support::tempdir::TempDir;
use support::{EXE, skip, stderr};

#[path = "support/logs.rs"]
mod logs;
use logs::{failed, file, many_hosts, peak, printed, run};

#[test]
fn a_million_hosts_are_exact_within_the_memory_limit() {
    let directory = TempDir::new();
    let path = directory.path().join("log");
    let rows = many_hosts(&path, 1_000_000);
    let log = path.to_str().unwrap();
    let scratch = TempDir::new();
    let temp_dir = scratch.path().to_str().unwrap();
    let args = [
        "--to",
        "h",
        "--memory-mib",
        "8",
        "--temp-dir",
        temp_dir,
        log,
    ];
    let (output, peak_kib) = peak(&args);
    assert!(output.status.success(), "{output:?}");
    assert!(
        output.stdout == rows.as_bytes(),
        "{} bytes",
        output.stdout.len()
    );
    // The limit, what is merged at once, the program; without the limit it is four times as much.
    assert!(peak_kib < (8 + 16) * 1_024, "{peak_kib} KiB");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn the_busiest_of_a_million_hosts_is_found() {
    let directory = TempDir::new();
    let path = directory.path().join("log");
    many_hosts(&path, 1_000_000);
    let log = path.to_str().unwrap();
    let temp_dir = directory.path().to_str().unwrap();
    let args = [
        "--busiest_from_host",
        "--json",
        "--hourly",
        "--threads",
        "2",
    ];
    let args = [
        &args[..],
        &["--memory-mib", "8", "--temp-dir", temp_dir, log],
    ]
    .concat();
    let row = r#"{"hour":1565647200,"group":"most","host":"host-6620498","connections":3}"#;
    printed(&run(&args), &format!("{row}\n"));
}

#[test]
fn without_a_directory_too_many_hosts_are_refused_or_estimated() {
    let directory = TempDir::new();
    let path = directory.path().join("log");
    many_hosts(&path, 1_000_000);
    let log = path.to_str().unwrap();
    let output = run(&["--to", "h", "--memory-mib", "8", "--hourly", log]);
    failed(
        &output,
        "",
        &["8 MiB", "--temp-dir", "--memory-mib", "--approximate"],
    );

    let output = run(&[
        "--to",
        "h",
        "--memory-mib",
        "8",
        "--approximate",
        "--hourly",
        "--json",
        log,
    ]);
    let row = String::from_utf8(output.stdout).unwrap();
    let estimate = row
        .strip_prefix(r#"{"hour":1565647200,"group":"to","hosts":"#)
        .unwrap();
    let estimate = estimate.strip_suffix(",\"error_percent\":0.81}\n").unwrap();
    let estimate: i64 = estimate.parse().unwrap();
    assert!((estimate - 1_000_000).abs() < 40_000, "{estimate}");
}

/// A part of `tests/long.sh`: 150 MB of names.
#[test]
#[ignore = "takes minutes without optimisation"]
fn ten_million_hosts_are_exact_within_the_memory_limit() {
    let directory = TempDir::new();
    let path = directory.path().join("log");
    let rows = many_hosts(&path, 10_000_000);
    let scratch = directory.path().to_str().unwrap();
    let log = path.to_str().unwrap();
    let args = [
        "--to",
        "h",
        "--memory-mib",
        "16",
        "--temp-dir",
        scratch,
        log,
    ];
    let (output, peak_kib) = peak(&args);
    assert!(output.status.success(), "{:?}", output.status);
    assert!(
        output.stdout == rows.as_bytes(),
        "{} bytes",
        output.stdout.len()
    );
    assert!(peak_kib < (16 + 16) * 1_024, "{peak_kib} KiB");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn the_busiest_host_is_found_among_estimates() {
    let directory = TempDir::new();
    let mut log = String::new();
    for number in 0..400_000_u64 {
        let host = number * 7_368_787 % 15_485_863;
        writeln!(log, "1565647200 host-{host} h").unwrap();
        if number % 100 == 0 {
            writeln!(log, "1565647200 busy h").unwrap();
        }
    }
    let log = file(&directory, "log", log.as_bytes());
    let output = run(&[
        "--busiest_from_host",
        "--approximate",
        "--memory-mib",
        "1",
        &log,
    ]);
    let row = String::from_utf8(output.stdout).unwrap();
    let text = row
        .strip_prefix("MOST\tbusy")
        .unwrap_or_else(|| panic!("{row}"));
    let numbers: Vec<u64> = text
        .split(|c: char| !c.is_ascii_digit())
        .flat_map(str::parse)
        .collect();
    let (count, error) = match numbers[..] {
        [count, error] => (count, error),
        _ => (4_000, 0),
    };
    assert!(count >= 4_000 && count - error <= 4_000, "{row}");
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let directory = TempDir::new();
    let path = directory.path().join("log");
    many_hosts(&path, 200_000);
    // What a file may have is as hard a limit as a full disk, and needs no rights.
    let script =
        "ulimit -f 1024; exec \"$0\" connspy --to h --hourly --memory-mib 1 --temp-dir . log";
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script, EXE])
        .current_dir(directory.path());
    failed(
        &shell.output().unwrap(),
        "",
        &["--temp-dir", "File too large", "--memory-mib"],
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);

    let script = "mkdir disk; mount -t tmpfs -o size=1m none disk
        $0 connspy --to h --hourly --memory-mib 1 --temp-dir disk log || status=$?
        ls -A disk; rmdir disk 2>/dev/null; exit $status";
    let mut unshare = Command::new("unshare");
    unshare
        .args(["-rm", "sh", "-c", script, EXE])
        .current_dir(directory.path());
    let output = unshare.output().unwrap();
    if stderr(&output).contains("unshare:") || stderr(&output).contains("mount:") {
        skip::skip("user namespaces or mounts are not allowed");
        return;
    }
    failed(&output, "", &["--temp-dir", "No space left"]);
}

/// A log with one connection in each of so many hours.
fn hours(directory: &TempDir, count: u64) -> String {
    let mut log = String::new();
    for hour in 0..count {
        writeln!(log, "{} host-{hour} h", 1_565_647_200 + hour * 3_600).unwrap();
    }
    file(directory, "log", log.as_bytes())
}

#[test]
fn more_open_hours_than_memory_holds_are_told() {
    let directory = TempDir::new();
    let log = hours(&directory, 4_000);
    let temp_dir = directory.path().to_str().unwrap();
    for way in [["--approximate"].as_slice(), &["--temp-dir", temp_dir]] {
        let args = ["--busiest_host", "--hourly", "--memory-mib", "1"];
        let late = ["--max_log_late_seconds", "999999999", &log];
        failed(
            &run(&[&args, way, &late].concat()),
            "",
            &[
                "open hours",
                "1 MiB",
                "--memory-mib",
                "--max_log_late_seconds",
            ],
        );
    }
}

#[test]
fn every_hour_keeps_a_busiest_host_however_little_memory_there_is() {
    let directory = TempDir::new();
    let log = hours(&directory, 1_500);
    let args = ["--busiest_host", "--hourly", "--approximate"];
    let bounds = ["--memory-mib", "1", "--max_log_late_seconds", "999999999"];
    let output = run(&[&args[..], &bounds, &[&log]].concat());
    let rows = String::from_utf8(output.stdout).unwrap();
    assert_eq!(rows.lines().count(), 1_500);
    for (hour, row) in rows.lines().enumerate() {
        let start = format!("{}.0\tMOST\thost-{hour}", 1_565_647_200 + hour * 3_600);
        assert!(row.starts_with(&start), "{row}");
    }
}
