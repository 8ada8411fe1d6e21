// SPDX-License-Identifier: MIT OR Apache-2.0
//! `connspy --tail` while its log is renamed, cut, packed and removed, and while it is killed
//! itself: no line lost, none counted twice.
#![cfg(feature = "connspy")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

mod support;
use support::followed::{Log, Rotation, complete_rows, rows};
use support::tempdir::TempDir;
use support::{EXE, Guarded};

/// How long a run may take at most, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Arguments that count each line, to the end of what [`Log`] writes.
fn args(end: u64, more: &[&str]) -> Vec<String> {
    let fixed = "connspy --tail --hourly --json --to_host t --busiest_host --time_end";
    let end = end.to_string();
    let words = fixed
        .split(' ')
        .chain([end.as_str()])
        .chain(more.iter().copied());
    words.map(str::to_owned).collect()
}

fn start(args: &[String], log: &Log) -> Guarded {
    let mut command = Command::new(EXE);
    let command = command.args(args).arg(log.path()).stdout(Stdio::piped());
    Guarded(command.spawn().unwrap())
}

/// The output of a run that ends by itself.
#[track_caller]
fn output(mut run: Guarded) -> String {
    let mut stdout = run.0.stdout.take().unwrap();
    let text = std::io::read_to_string(&mut stdout).unwrap();
    assert_eq!(run.wait(PATIENCE), Some(0));
    text
}

/// Waits until the file at `path` has something in it.
#[track_caller]
fn wait_for(path: &Path) {
    let start = Instant::now();
    while fs::metadata(path).map_or(0, |metadata| metadata.len()) == 0 {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What is written of a log that is put aside 100 times.
#[track_caller]
fn rotated(rotation: Rotation) {
    let directory = TempDir::new();
    let mut log = Log::new(directory.path());
    (0..12).for_each(|_| log.write_some());
    let rows_file = directory.path().join("rows");
    let more = ["--output-file", rows_file.to_str().unwrap()];
    let run = start(&args(log.end_of(100), &more), &log);
    // What was put aside before it began is none of its business.
    wait_for(&rows_file);
    for _ in 0..100 {
        log.write_some();
        log.rotate(rotation);
    }
    log.finish();
    assert_eq!(output(run), "");
    same(&fs::read_to_string(rows_file).unwrap(), &rows(log.lines()));
}

/// The same rows; if not, the first that differ.
#[track_caller]
fn same(found: &str, expected: &str) {
    let differs = found.lines().zip(expected.lines()).find(|(a, b)| a != b);
    assert_eq!(differs, None);
    assert_eq!(found.len(), expected.len());
}

#[test]
fn a_log_that_is_renamed_and_made_anew_loses_nothing() {
    rotated(Rotation::Rename);
}

#[test]
fn a_log_that_is_copied_and_cut_loses_nothing() {
    rotated(Rotation::CopyAndCut);
}

#[test]
fn a_log_whose_old_parts_are_packed_loses_nothing() {
    rotated(Rotation::Pack);
}

#[track_caller]
fn killed(rotation: Rotation) {
    let directory = TempDir::new();
    let mut log = Log::new(directory.path());
    let [state, rows_file] = ["state", "rows"].map(|name| {
        let path = directory.path().join(name);
        path.to_str().unwrap().to_owned()
    });
    let args = args(
        log.end_of(100),
        &["--state", &state, "--output-file", &rows_file],
    );
    log.write_some();
    let mut run = start(&args, &log);
    wait_for(Path::new(&state));
    for turn in 0..100_u64 {
        log.write_some();
        if turn % 7 == 3 {
            // Also while it reads, and while it saves.
            std::thread::sleep(Duration::from_millis(turn % 40));
            drop(run);
            log.write_some();
            log.rotate(rotation);
            run = start(&args, &log);
        }
        log.rotate(rotation);
    }
    log.finish();
    assert_eq!(output(run), "");
    same(&fs::read_to_string(&rows_file).unwrap(), &rows(log.lines()));
    // All of it is done.
    assert_eq!(output(start(&args, &log)), "");
    same(&fs::read_to_string(&rows_file).unwrap(), &rows(log.lines()));
}

#[test]
fn whoever_is_killed_goes_on_where_it_was_in_a_log_that_is_renamed() {
    killed(Rotation::Rename);
}

#[test]
fn whoever_is_killed_goes_on_where_it_was_in_a_log_that_is_cut() {
    killed(Rotation::CopyAndCut);
}

#[test]
fn whoever_is_killed_goes_on_where_it_was_in_a_log_that_is_packed() {
    killed(Rotation::Pack);
}

/// Waits for the first row; a signal then, and all rows until the end.
#[track_caller]
fn output_after_signal(mut run: Guarded, signal: Signal) -> String {
    let mut stdout = BufReader::new(run.0.stdout.take().unwrap());
    let mut text = String::new();
    stdout.read_line(&mut text).unwrap();
    run.signal(signal);
    stdout.read_to_string(&mut text).unwrap();
    assert_eq!(run.wait(PATIENCE), Some(0));
    text
}

#[test]
fn a_signal_prints_what_is_open_or_keeps_it() {
    let directory = TempDir::new();
    let mut log = Log::new(directory.path());
    // Two hours and a half: once there is a row, all of it was read, because it was read at once.
    (0..20).for_each(|_| log.write_some());
    let (complete, all) = (complete_rows(log.lines()), rows(log.lines()));
    assert!(complete.len() > 1_000 && complete.len() < all.len());
    let all_args = |more: &[&str]| args(log.end_of(100), more);
    let run = start(&all_args(&[]), &log);
    assert_eq!(output_after_signal(run, Signal::TERM), all);
    let run = start(&all_args(&["--only_complete_hours"]), &log);
    assert_eq!(output_after_signal(run, Signal::INT), complete);
    let state = directory.path().join("state");
    let args = all_args(&["--state", state.to_str().unwrap()]);
    let run = start(&args, &log);
    assert_eq!(output_after_signal(run, Signal::TERM), complete);
    let run = start(&args, &log);
    (0..20).for_each(|_| log.write_some());
    log.finish();
    assert_eq!(complete + &output(run), rows(log.lines()));
}
