// SPDX-License-Identifier: MIT OR Apache-2.0
//! `connspy` from outside: ranges that are sought, standard input with `--tail`, rows that move
//! elsewhere on SIGHUP, states that are of no use.
#![cfg(feature = "connspy")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

mod support;
use support::tempdir::TempDir;
use support::{EXE, Guarded, refused, stderr};

const PATIENCE: Duration = Duration::from_secs(60);

fn connspy(args: &[&str], stdin: Stdio) -> Output {
    let mut command = Command::new(EXE);
    command.arg("connspy").args(args).stdin(stdin);
    command.output().unwrap()
}

fn start(args: &[&str]) -> Guarded {
    let mut command = Command::new(EXE);
    let command = command.arg("connspy").args(args);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Guarded(command.spawn().unwrap())
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Waits until the file has so many lines.
#[track_caller]
fn wait_for_lines(path: &Path, count: usize) {
    let start = Instant::now();
    while text(path).lines().count() < count {
        assert!(start.elapsed() < PATIENCE, "{}", text(path));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_range_that_is_sought_gives_the_rows_of_a_full_scan() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/connspy");
    let log = cases.join("sample-10000.txt");
    let mut rows = 0;
    for hour in (1_565_647_200..1_565_733_600).step_by(3_600) {
        for host in ["zyla", "lynnsie", "aselin", "tanya"] {
            let [init, end] = [hour + 77, hour + 4_000].map(|time: u64| time.to_string());
            let common = ["--to_host", host, "--from_host", host, "--time_init", &init];
            let common = [&common[..], &["--time_end", &end, "--hourly"]].concat();
            let sought = connspy(
                &[&common[..], &[log.to_str().unwrap()]].concat(),
                Stdio::null(),
            );
            // Standard input is read from its start.
            let scanned = connspy(&common, File::open(&log).unwrap().into());
            assert!(sought.status.success());
            assert_eq!(sought.stdout, scanned.stdout, "{host} {hour}");
            rows += sought.stdout.iter().filter(|byte| **byte == b'\n').count();
        }
    }
    assert!(rows > 20, "{rows}");
}

#[test]
fn a_narrow_range_of_a_large_log_does_not_read_it() {
    let directory = TempDir::new();
    let path = directory.path().join("log");
    let mut log = std::io::BufWriter::new(File::create(&path).unwrap());
    let first = 1_565_647_200_u64;
    for second in 0..600_000 {
        let host = second % 977;
        writeln!(log, "{} source{host} target{}", first + second, host % 7).unwrap();
    }
    log.into_inner().unwrap();
    let [init, end] = [400_000, 400_060].map(|second| (first + second).to_string());
    let args = [
        "--summary",
        "--to_host",
        "target3",
        "--time_init",
        &init,
        "--time_end",
        &end,
    ];
    let sought = connspy(
        &[&args[..], &[path.to_str().unwrap()]].concat(),
        Stdio::null(),
    );
    let scanned = connspy(&args, File::open(&path).unwrap().into());
    assert_eq!(sought.stdout, scanned.stdout);
    assert!(!sought.stdout.is_empty());
    let lines = |output: &Output| -> u64 {
        let count = stderr(output).split(' ').next();
        count.unwrap().parse().unwrap()
    };
    // The lateness before and behind it, and what is read at once.
    assert_eq!(lines(&scanned), 400_361);
    assert!(lines(&sought) < 4_000, "{}", lines(&sought));
}

#[test]
fn standard_input_is_followed_to_its_end() {
    let args = ["--tail", "--hourly", "--to_host", "b"];
    let mut run = start(&args);
    let mut stdin = run.0.stdin.take().unwrap();
    let mut stdout = BufReader::new(run.0.stdout.take().unwrap());
    stdin
        .write_all(b"1565647200 a b\n1565651101 x y\n")
        .unwrap();
    let mut line = String::new();
    // The hour is over, and this is told at once.
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "1565647200.0\tTO\ta\n");
    stdin.write_all(b"1565651102 c b\n1565651103 d b").unwrap();
    drop(stdin);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "1565650800.0\tTO\tc\n1565650800.0\tTO\td\n");
    assert_eq!(run.wait(PATIENCE), Some(0));
}

#[test]
fn half_a_line_waits_for_its_end() {
    let directory = TempDir::new();
    let path = directory.path().join("log");
    let mut log = File::create(&path).unwrap();
    let mut run = start(&[
        "--tail",
        "--hourly",
        "--to_host",
        "b",
        path.to_str().unwrap(),
    ]);
    let mut stdout = BufReader::new(run.0.stdout.take().unwrap());
    log.write_all(b"1565647200 a b\n1565651101 x y\n15656")
        .unwrap();
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    log.write_all(b"51102 c b\n1565651103 d").unwrap();
    log.write_all(b"\n").unwrap();
    run.signal(Signal::TERM);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(line, "1565647200.0\tTO\ta\n");
    // The signal may be heard first.
    assert!(
        ["", "1565650800.0\tTO\tc\n"].contains(&rest.as_str()),
        "{rest}"
    );
    assert_eq!(run.wait(PATIENCE), Some(0));
}

#[test]
fn rows_go_to_a_new_file_after_sighup() {
    let directory = TempDir::new();
    let [path, rows, old] = ["log", "rows", "rows.1"].map(|name| directory.path().join(name));
    let mut log = File::create(&path).unwrap();
    let args = [
        "--tail",
        "--to_host",
        "b",
        "--output-file",
        rows.to_str().unwrap(),
    ];
    let mut run = start(&[&args[..], &[path.to_str().unwrap()]].concat());
    log.write_all(b"1565647200 a b\n").unwrap();
    wait_for_lines(&rows, 1);
    fs::rename(&rows, &old).unwrap();
    run.signal(Signal::HUP);
    let start = Instant::now();
    while !rows.exists() {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
    log.write_all(b"1565647201 c b\n").unwrap();
    wait_for_lines(&rows, 1);
    run.signal(Signal::TERM);
    assert_eq!(run.wait(PATIENCE), Some(0));
    assert_eq!((text(&old).as_str(), text(&rows).as_str()), ("a\n", "c\n"));
}

#[test]
fn a_signal_ends_the_wait_for_a_reader_of_rows() {
    let directory = TempDir::new();
    let path = directory.path().join("log");
    let lines = (0..9_000).map(|number| format!("1565647200 host-number-{number} b\n"));
    fs::write(&path, lines.collect::<String>()).unwrap();
    let mut run = start(&["--tail", "--to_host", "b", path.to_str().unwrap()]);
    let start = Instant::now();
    // The pipe takes half of all rows at most.
    while rustix::io::ioctl_fionread(run.0.stdout.as_ref().unwrap()).unwrap() < 30_000 {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
    run.signal(Signal::TERM);
    assert_eq!(run.wait(PATIENCE), Some(1));
}

#[test]
fn rows_that_were_written_after_the_state_are_taken_back() {
    let directory = TempDir::new();
    let [path, rows, state, aside] =
        ["log", "rows", "state", "aside"].map(|name| directory.path().join(name));
    fs::write(&path, "1565647200 a b\n").unwrap();
    let [path_text, rows_text, state_text] =
        [&path, &rows, &state].map(|path| path.to_str().unwrap());
    let args = ["--tail", "--to_host", "b", "--output-file", rows_text];
    let args = [&args[..], &["--state", state_text, path_text]].concat();
    let until = |count: usize| {
        let mut run = start(&args);
        wait_for_lines(&rows, count);
        run.signal(Signal::TERM);
        assert_eq!(run.wait(PATIENCE), Some(0));
    };
    until(1);
    fs::copy(&state, &aside).unwrap();
    let mut log = fs::OpenOptions::new().append(true).open(&path).unwrap();
    log.write_all(b"1565647201 c b\n1565647202 a b\n").unwrap();
    until(2);
    // As if it had been killed between the rows and the state.
    fs::copy(&aside, &state).unwrap();
    log.write_all(b"1565647203 d b\n").unwrap();
    until(3);
    assert_eq!(text(&rows), "a\nc\nd\n");
    // Put aside in the meantime, they are taken back there.
    fs::copy(&aside, &state).unwrap();
    let put_aside = directory.path().join("rows.1");
    fs::rename(&rows, &put_aside).unwrap();
    until(2);
    assert_eq!(text(&put_aside) + &text(&rows), "a\nc\nd\n");
}

#[test]
fn a_state_that_is_of_no_use_is_refused() {
    let directory = TempDir::new();
    let [path, state] = ["log", "state"].map(|name| directory.path().join(name));
    fs::write(&path, "1565647200 a b\n253402300799 a b\n").unwrap();
    let [path, state_text] = [&path, &state].map(|path| path.to_str().unwrap());
    let run = |more: &[&str]| {
        let args = ["--tail", "--time_end=1565650000", "--state", state_text];
        connspy(&[&args[..], more].concat(), Stdio::null())
    };
    let first = run(&["--to_host=b", path]);
    assert_eq!(
        (first.stdout.as_slice(), first.status.code()),
        (&b"a\n"[..], Some(0))
    );
    let [to, from] = ["'to_host b' then", "'to_host c' now"];
    refused(
        &run(&["--to_host=c", path]),
        2,
        &[to, from, "remove it to begin anew"],
    );
    refused(
        &run(&["--to_host=b", "--hourly", path]),
        2,
        &["'hourly false' then"],
    );
    refused(&run(&["--to_host=b", path, path]), 2, &["'nothing' then"]);
    let whole = fs::read(&state).unwrap();
    for (content, what) in [
        (&whole[..whole.len() - 9], "damaged"),
        (b"\n", "not a state"),
        (b"1565647200 a b\n", "not a state"),
        (&whole[..100], "damaged"),
    ] {
        fs::write(&state, content).unwrap();
        refused(
            &run(&["--to_host=b", path]),
            1,
            &[what, "remove it", "--state"],
        );
    }
    fs::remove_file(&state).unwrap();
    fs::create_dir(&state).unwrap();
    refused(
        &run(&["--to_host=b", path]),
        1,
        &["cannot open the state", "--state"],
    );
    let bare = ["--to_host=b", "--state", "x", path];
    refused(&connspy(&bare, Stdio::null()), 2, &["--state", "--tail"]);
    let packed = ["--to_host=b", "--tail", "x.gz"];
    refused(&connspy(&packed, Stdio::null()), 2, &["--tail", "packed"]);
    let nowhere = ["--to_host=b", "--tail", "--state", "/proc/none/state", path];
    refused(
        &connspy(&nowhere, Stdio::null()),
        1,
        &["cannot open the state", "choose"],
    );
}

#[test]
fn no_device_is_replaced_by_a_state() {
    let directory = TempDir::new();
    let [path, state] = ["log", "state"].map(|name| directory.path().join(name));
    fs::write(&path, "1565647200 a b\n253402300799 a b\n").unwrap();
    // A FIFO looks as empty as /dev/null.
    let made = Command::new("mkfifo").arg(&state).status().unwrap();
    assert!(made.success());
    let [path, state_text] = [&path, &state].map(|path| path.to_str().unwrap());
    let args = ["--to_host=b", "--tail", "--time_end=1565650000", "--state"];
    let output = connspy(&[&args[..], &[state_text, path]].concat(), Stdio::null());
    let words = ["cannot open the state", "not an ordinary file", "--state"];
    refused(&output, 1, &words);
    assert!(!fs::metadata(&state).unwrap().is_file());
}

#[test]
fn a_state_takes_the_place_of_no_log_and_of_no_rows() {
    let directory = TempDir::new();
    let [log, rows] = ["log", "rows"].map(|name| directory.path().join(name));
    fs::write(&log, "").unwrap();
    let path = directory.path().to_str().unwrap();
    let [log, other] = [format!("{path}/log"), format!("{path}/./log")];
    let rows = rows.to_str().unwrap();
    for state in [other.as_str(), rows] {
        let args = ["--to_host=b", "--tail", "--state", state, "--output-file"];
        let output = connspy(&[&args[..], &[rows, &log]].concat(), Stdio::null());
        refused(
            &output,
            2,
            &["one of the logs, or the file of rows", "--state"],
        );
        assert_eq!(fs::read(state).unwrap(), b"");
    }
}

#[test]
fn a_state_has_one_run_at_a_time() {
    let directory = TempDir::new();
    let [path, state] = ["log", "state"].map(|name| directory.path().join(name));
    fs::write(&path, "1565647200 a b\n").unwrap();
    // As mktemp(1) leaves it: nothing was kept yet.
    fs::write(&state, "").unwrap();
    let [path, state] = [&path, &state].map(|path| path.to_str().unwrap());
    let args = ["--to_host=b", "--tail", "--state", state, path];
    let mut first = start(&args);
    let mut rows = BufReader::new(first.0.stdout.take().unwrap()).lines();
    assert_eq!(rows.next().unwrap().unwrap(), "a");
    // Before and after the first has put newer ones in its place.
    for number in 0..3 {
        let words = ["another connspy has the state", "another file with --state"];
        refused(&connspy(&args, Stdio::null()), 1, &words);
        let mut log = File::options().append(true).open(path).unwrap();
        writeln!(log, "1565647201 d{number} b").unwrap();
        assert_eq!(rows.next().unwrap().unwrap(), format!("d{number}"));
    }
    first.signal(Signal::KILL);
    first.0.wait().unwrap();
    // What a killed one held is free.
    let mut log = File::options().append(true).open(path).unwrap();
    writeln!(log, "1565647202 e b").unwrap();
    let mut second = start(&args);
    let mut rows = BufReader::new(second.0.stdout.take().unwrap()).lines();
    assert!(rows.any(|row| row.unwrap() == "e"));
}
