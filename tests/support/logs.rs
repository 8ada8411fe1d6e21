// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs of `connspy`, logs for them, and what they say.
#![allow(dead_code)]

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, TryRecvError};

use super::support::tempdir::TempDir;
use super::support::{EXE, stderr};

pub fn connspy(args: &[&str]) -> Command {
    let mut command = Command::new(EXE);
    command.arg("connspy").args(args);
    command
}

pub fn run(args: &[&str]) -> Output {
    connspy(args).output().unwrap()
}

/// Writes `content` to a file in `directory`; its path.
pub fn file(directory: &TempDir, name: &str, content: &[u8]) -> String {
    let path = directory.path().join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// `content` as gzip(1) packs it.
pub fn packed(content: &[u8]) -> Vec<u8> {
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
pub fn printed(output: &Output, rows: &str) {
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), rows);
    assert_eq!(stderr(output), "");
}

/// Exit status 1 and all `words` on standard error, with these rows.
#[track_caller]
pub fn failed(output: &Output, rows: &str, words: &[&str]) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), rows);
    for word in words {
        assert!(stderr(output).contains(word), "no {word:?} in {output:?}");
    }
}

/// A log of so many hosts that connect to `h`, each twice, and its rows; host 3 does so thrice.
pub fn many_hosts(path: &Path, count: u64) -> String {
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

/// The output of a run, and the largest resident set that it had.
pub fn peak(args: &[&str]) -> (Output, u64) {
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
