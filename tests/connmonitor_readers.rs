// SPDX-License-Identifier: MIT OR Apache-2.0
//! Standard output of `netvitals connmonitor` whose reader is slow or gone, or whose disk is full.

#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "support/path.rs"]
mod path;
mod support;

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use miniserde::json::{self, Value};
use path::{at_a_path, sh};
use rustix::process::Signal;
use support::tempdir::TempDir;
use support::{EXE, Guarded};

fn start(stdout: Stdio, directory: &TempDir) -> Guarded {
    let file = directory.path().join("hosts.conf");
    std::fs::write(&file, "1 1 1 1 41 3 1 10\n127.0.0.1\nlocalhost\n").unwrap();
    let mut command = Command::new(EXE);
    command.arg("connmonitor").arg(file).stdin(Stdio::null());
    Guarded(
        command
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    )
}

/// Waits for a line of standard error.
fn line(child: &mut Guarded) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\n") {
        let mut byte = [0];
        child
            .0
            .stderr
            .as_mut()
            .unwrap()
            .read_exact(&mut byte)
            .unwrap();
        text.extend(byte);
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn a_reader_that_does_not_read_misses_records_and_holds_up_nothing() {
    let name = "a_reader_that_does_not_read_misses_records_and_holds_up_nothing";
    at_a_path(name, |_| {
        let directory = TempDir::new();
        let mut child = start(Stdio::piped(), &directory);
        let said = line(&mut child);
        let begin =
            "EE: Exception: cannot write 'standard output': its reader does not read; going";
        assert!(said.starts_with(begin), "{said}");
        child.signal(Signal::TERM);
        // What was lost is an error.
        assert_eq!(child.wait(Duration::from_secs(3)), Some(1));
        let mut text = String::new();
        child
            .0
            .stdout
            .as_mut()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        let lines = text.lines().collect::<Vec<_>>();
        // Up to the last one, which nobody took, none is broken.
        assert!(
            lines[..lines.len() - 1]
                .iter()
                .all(|line| line.ends_with("}}")),
            "{text}"
        );
    });
}

#[test]
fn a_reader_that_is_gone_ends_it_quietly() {
    at_a_path("a_reader_that_is_gone_ends_it_quietly", |_| {
        let directory = TempDir::new();
        let mut child = start(Stdio::piped(), &directory);
        drop(child.0.stdout.take());
        assert_eq!(child.wait(Duration::from_secs(10)), Some(0));
        let mut errors = String::new();
        child
            .0
            .stderr
            .as_mut()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        assert_eq!(errors, "");
    });
}

#[test]
fn a_full_disk_is_said_once_and_it_goes_on_when_there_is_room() {
    let name = "a_full_disk_is_said_once_and_it_goes_on_when_there_is_room";
    at_a_path(name, |_| {
        let directory = TempDir::new();
        let disk = directory.path().join("disk");
        let place = disk.to_str().unwrap();
        sh(&format!(
            "mkdir {place} && mount -t tmpfs -o size=64k tmpfs {place}"
        ));
        let ballast = disk.join("ballast");
        std::fs::write(&ballast, vec![0; 48 * 1_024]).unwrap();
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(disk.join("log"));
        let mut child = start(log.unwrap().into(), &directory);
        let said = line(&mut child);
        let begin = "EE: Exception: cannot write 'standard output': No space left on device";
        assert!(said.starts_with(begin), "{said}");
        std::fs::remove_file(&ballast).unwrap();
        let said = line(&mut child);
        assert!(
            said.starts_with("WW: 'standard output': written again, after "),
            "{said}"
        );
        child.signal(Signal::TERM);
        assert_eq!(child.wait(Duration::from_secs(3)), Some(1));
        let text = std::fs::read_to_string(disk.join("log")).unwrap();
        let valid = |line: &str| json::from_str::<Value>(line).is_ok();
        assert!(text.lines().all(valid), "no line is torn: {text}");
        sh(&format!("umount {place}"));
    });
}
