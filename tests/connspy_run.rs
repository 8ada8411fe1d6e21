// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs of `connspy`: where it reads and writes, what it refuses, and what it does when memory or
//! disk end.
#![cfg(feature = "connspy")]

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, TryRecvError};

mod support;
use support::tempdir::TempDir;
use support::{EXE, refused, skip, stderr};

const DAY: &str = "1565647200 a h\n1565647201 b h\n1565650900 c h\n";

fn connspy(args: &[&str]) -> Command {
    let mut command = Command::new(EXE);
    command.arg("connspy").args(args);
    command
}

fn run(args: &[&str]) -> Output {
    connspy(args).output().unwrap()
}

/// Writes `content` to a file in `directory`; its path.
fn file(directory: &TempDir, name: &str, content: &[u8]) -> String {
    let path = directory.path().join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// `content` as gzip(1) packs it.
fn packed(content: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip");
    let gzip = gzip.arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut gzip = gzip.spawn().unwrap();
    gzip.stdin.take().unwrap().write_all(content).unwrap();
    let mut packed = Vec::new();
    gzip.stdout
        .take()
        .unwrap()
        .read_to_end(&mut packed)
        .unwrap();
    assert!(gzip.wait().unwrap().success());
    packed
}

#[track_caller]
fn printed(output: &Output, rows: &str) {
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), rows);
    assert_eq!(stderr(output), "");
}

/// Exit status 1 and all `words` on standard error, with these rows.
#[track_caller]
fn failed(output: &Output, rows: &str, words: &[&str]) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), rows);
    for word in words {
        assert!(stderr(output).contains(word), "no {word:?} in {output:?}");
    }
}

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
        &["'/no/such/log'", "No such file"],
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

/// A log of so many hosts that connect to `h`, each twice, and its rows; host 3 does so thrice.
fn many_hosts(path: &Path, count: u64) -> String {
    let mut log = String::new();
    let mut rows = String::new();
    let host = |number: u64| number * 7_368_787 % 15_485_863;
    for number in 0..count {
        writeln!(log, "1565647200 host-{} h", host(number)).unwrap();
        writeln!(rows, "host-{}", host(number)).unwrap();
    }
    for number in (0..count).rev().chain([3]) {
        writeln!(log, "1565647201 host-{} H", host(number)).unwrap();
    }
    fs::write(path, log).unwrap();
    rows
}

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

/// The output of a run, and the largest resident set that it had.
fn peak(args: &[&str]) -> (Output, u64) {
    let child = connspy(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (done, is_done) = mpsc::channel::<()>();
    let watcher = std::thread::spawn(move || {
        let mut peak_kib = 0;
        // Ends when the run does.
        while is_done.try_recv() != Err(TryRecvError::Disconnected) {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with("VmHWM:"));
            let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
            peak_kib = kib.unwrap_or(0).max(peak_kib);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        peak_kib
    });
    let output = child.wait_with_output().unwrap();
    drop(done);
    (output, watcher.join().unwrap())
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
