// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netmon` at run time: signals, readers that leave or do not read, the log.

use std::fs;
use std::io::{BufRead, Read};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

mod support;
use support::tempdir::TempDir;
use support::*;

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(EXE)
        .args(["netmon", "--interval", "100ms", "--count", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
}

/// A run without end, whose first document has come.
fn endless(args: &[&str]) -> (Guarded, impl std::io::BufRead) {
    let mut command = Command::new(EXE);
    command
        .args(["netmon", "--count", "0", "--interval", "100ms"])
        .args(args);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    (Guarded(child), stdout)
}

#[test]
fn a_signal_ends_a_run_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let (mut run, _stdout) = endless(&["-i", "lo"]);
        run.signal(signal);
        assert_eq!(run.wait(Duration::from_secs(3)), Some(0));
    }
}

#[test]
fn a_signal_closes_the_first_window_early() {
    let mut command = Command::new(EXE);
    let command = command
        .args(["netmon", "--interval", "1d", "-v"])
        .stdout(Stdio::piped());
    let mut run = Guarded(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut stderr = std::io::BufReader::new(run.0.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("measuring"), "{line}");
    run.signal(Signal::TERM);
    assert_eq!(run.wait(Duration::from_secs(3)), Some(0));
    let mut text = String::new();
    run.0
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(text.starts_with("{\"") && text.ends_with("}\n"), "{text:?}");
}

#[test]
fn a_reader_that_does_not_read_cannot_keep_a_run_from_ending() {
    let (mut run, _stdout) = endless(&[]);
    // The pipe is full after a few seconds; meanwhile it is as good as any moment.
    std::thread::sleep(Duration::from_millis(1_500));
    run.signal(Signal::STOP);
    run.signal(Signal::CONT);
    run.signal(Signal::TERM);
    assert!(run.wait(Duration::from_secs(4)).is_some());
}

/// Both have but the three seconds of one.
#[cfg(feature = "http")]
#[test]
fn a_server_that_hangs_as_well_cannot_either() {
    let (_reader, mut writer) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut writer, &[b'\n'; 65_536]).unwrap();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    let mut command = Command::new(EXE);
    command.args(["netmon", "--count", "0", "--interval", "100ms", "-i", "lo"]);
    let command = command.args(["--api-url", &url, "--output", "stdout"]);
    let mut run = Guarded(command.stdout(writer).spawn().unwrap());
    let _hanging = server.accept().unwrap();
    run.signal(Signal::TERM);
    assert!(run.wait(Duration::from_millis(3_500)).is_some());
}

#[test]
fn a_signal_that_the_parent_ignores_stays_ignored() {
    let script = format!("trap '' INT; exec {EXE} netmon --count 0 --interval 100ms -i lo");
    let mut command = Command::new("sh");
    let command = command.args(["-c", &script]).stdout(Stdio::piped());
    let mut run = Guarded(command.spawn().unwrap());
    let mut stdout = std::io::BufReader::new(run.0.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    run.signal(Signal::INT);
    assert_eq!(run.wait(Duration::from_millis(400)), None);
    run.signal(Signal::TERM);
    assert_eq!(run.wait(Duration::from_secs(3)), Some(0));
}

#[test]
fn a_reader_that_leaves_does_not_end_the_file() {
    let directory = TempDir::new();
    let logs = directory.path().to_str().unwrap();
    let mut command = Command::new(EXE);
    command.args([
        "netmon",
        "--interval",
        "100ms",
        "--count",
        "4",
        "--pprint",
        "--logappend",
    ]);
    let command = command.args(["--logpath", logs]).stdout(Stdio::piped());
    let mut run = Guarded(command.spawn().unwrap());
    drop(run.0.stdout.take());
    assert_eq!(run.wait(Duration::from_secs(5)), Some(0));
    let written = fs::read_to_string(directory.path().join("netmon.log")).unwrap();
    assert_eq!(written.lines().count(), 4);
}

#[test]
fn the_log_is_as_loud_and_has_the_form_that_was_asked_for() {
    let text = HEADER.as_bytes();
    let says = |args: &[&str]| stderr(&replay(text, args)).to_owned();
    assert_eq!(says(&[]), "");
    assert!(
        says(&["-vv"]).starts_with("netmon: debug: 0 interfaces"),
        "{}",
        says(&["-vv"])
    );
    assert_eq!(says(&["-v", "--debug"]), says(&["--debug"]));
    let run = |level: &str, args: &[&str]| {
        let mut command = Command::new(EXE);
        let command = command.args(["netmon", "--interval", "100ms"]).args(args);
        command.env("NETVITALS_LOG", level).output().unwrap()
    };
    assert!(stderr(&run("INFO", &[])).contains("measuring"));
    assert!(stderr(&run("info", &["--quiet"])).is_empty());
    assert!(run("loud", &["--version"]).status.success());
    assert!(
        run("loud", &["-v"]).status.success(),
        "an option goes before the environment"
    );
    let directory = TempDir::new();
    let log = fs::File::create(directory.path().join("journal")).unwrap();
    let inode = log.metadata().unwrap().ino();
    let device = log.metadata().unwrap().dev();
    for (stream, expected) in [
        (format!("{device}:{inode}"), "<3>netmon: "),
        ("1:2".into(), "netmon: "),
    ] {
        let log = fs::File::create(directory.path().join("journal")).unwrap();
        let mut command = Command::new(EXE);
        command
            .args(["netmon", "--interval", "0"])
            .env("JOURNAL_STREAM", stream)
            .stderr(log);
        assert_eq!(command.status().unwrap().code(), Some(2));
        let said = fs::read_to_string(directory.path().join("journal")).unwrap();
        assert!(said.starts_with(expected), "{said}");
    }
}
