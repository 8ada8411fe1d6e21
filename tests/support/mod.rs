// SPDX-License-Identifier: MIT OR Apache-2.0
//! What several tests need: running the program, looking at what it said.
#![allow(dead_code)]

use std::fs;
use std::process::{Command, Output};

use miniserde::json::{self, Object, Value};

#[cfg(feature = "tls")]
pub mod certificate;
#[cfg(feature = "connspy")]
pub mod followed;
pub mod sending;
pub mod server;
pub mod skip;
pub mod tempdir;
#[cfg(feature = "tstat")]
pub mod tstat;
use tempdir::TempDir;

/// The program.
pub const EXE: &str = env!("CARGO_BIN_EXE_netvitals");
pub const HEADER: &str = "Inter-|   Receive  |  Transmit\n face |bytes    packets|bytes  packets\n";

pub fn netmon(args: &[&str]) -> Output {
    Command::new(EXE).arg("netmon").args(args).output().unwrap()
}

/// Runs `netmon` on a pair of files, the second of which holds `after`.
pub fn replay(after: &[u8], args: &[&str]) -> Output {
    let directory = TempDir::new();
    let path = directory.path().join("after");
    fs::write(&path, after).unwrap();
    let path = path.to_str().unwrap();
    netmon(&[&["--replay", path, path], args].concat())
}

pub fn line(name: &str) -> String {
    format!("{name}:{}\n", " 7".repeat(16))
}

pub fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The object on standard output.
#[track_caller]
pub fn object(output: &Output) -> Object {
    assert!(output.status.success(), "{output:?}");
    match json::from_str(std::str::from_utf8(&output.stdout).unwrap()).unwrap() {
        Value::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

/// One line on standard error with all `words`, nothing on standard output, this exit status.
#[track_caller]
pub fn refused(output: &Output, code: i32, words: &[&str]) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert_eq!(stderr(output).lines().count(), 1, "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    for word in words {
        assert!(stderr(output).contains(word), "no {word:?} in {output:?}");
    }
}

/// A process that does not outlive its test.
pub struct Guarded(pub std::process::Child);

impl Guarded {
    /// Sends a signal by its number.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// The exit code, or `None` when it has not ended in time.
    pub fn wait(&mut self, at_most: std::time::Duration) -> Option<i32> {
        let start = std::time::Instant::now();
        while start.elapsed() < at_most {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
