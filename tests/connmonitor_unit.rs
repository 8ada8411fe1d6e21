// SPDX-License-Identifier: MIT OR Apache-2.0
//! The systemd unit of connmonitor: checked by systemd where there is one, and its lines are run as
//! they stand there.

#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "support/monitor.rs"]
mod monitor;
#[path = "support/path.rs"]
mod path;
#[cfg(feature = "tls")]
#[path = "support/secure.rs"]
mod secure;
mod support;

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use monitor::until;
use path::{at_a_path, has};
use rustix::process::Signal;
use support::skip::skip;
use support::tempdir::TempDir;
use support::{EXE, Guarded};

const UNIT: &str = include_str!("../openwrt/systemd/connmonitor.service");

/// Where the package puts the program.
const INSTALLED: &str = "/usr/bin/netvitals";

/// Hosts that outlast a boot.
const LASTING: &str = "/etc/netvitals/hosts.conf";

/// The value of a line of the unit, with this program in the place of an installed one.
fn value(key: &str) -> String {
    let mut lines = UNIT.lines();
    let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    value.unwrap().replace(INSTALLED, EXE)
}

/// The words of a command, of which single quotes keep some together (systemd.service(5)).
fn words(line: &str, main_pid: u32) -> Vec<String> {
    let line = line
        .trim_start_matches('+')
        .replace("$MAINPID", &main_pid.to_string());
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

fn command(key: &str, main_pid: u32) -> Command {
    let words = words(&value(key), main_pid);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

fn appended(key: &str) -> File {
    let path = value(key);
    let path = path.strip_prefix("append:").unwrap();
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
}

/// Runs what is run before the start, with the file `lasting` in the place of the installed one:
/// afterwards there is `config`, which the unit's user may read.
fn prepare(config: &Path, lasting: &str) {
    // systemd sets the mask for every command of a unit.
    let masked = "umask \"$0\"; exec \"$@\"";
    let mut prepared = Command::new("/bin/sh");
    prepared.args(["-c", masked, &value("UMask")]);
    prepared.args(words(&value("ExecStartPre").replace(LASTING, lasting), 0));
    assert!(prepared.status().unwrap().success());
    let mode = std::fs::metadata(config).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "{mode:o}");
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    if !has("systemd-analyze") {
        return skip("systemd-analyze is not installed");
    }
    let directory = TempDir::new();
    let unit = directory.path().join("connmonitor.service");
    std::fs::write(&unit, UNIT.replace(INSTALLED, EXE)).unwrap();
    let output = Command::new("systemd-analyze")
        .arg("verify")
        .arg(unit)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        output.stdout.is_empty() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn it_starts_reloads_and_stops_by_the_lines_of_the_unit() {
    at_a_path(
        "it_starts_reloads_and_stops_by_the_lines_of_the_unit",
        |_| {
            let directory = TempDir::new();
            // The path has a /run of its own, and /var/run is the same.
            let logs = directory.path().to_str().unwrap();
            path::sh(&format!(
                "mount --bind {logs} /var/log; mount --bind /run /var/run || true"
            ));
            let config = Path::new("/var/run/connmonitor.conf");
            assert!(!config.exists());
            prepare(config, LASTING);
            let default = "1 1 1 10 41 40 1 500\nlocalhost\n";
            assert_eq!(std::fs::read_to_string(config).unwrap(), default);
            let mut start = command("ExecStart", 0);
            start
                .stdout(appended("StandardOutput"))
                .stderr(appended("StandardError"));
            let mut service = Guarded(start.spawn().unwrap());
            let log = || std::fs::read_to_string("/var/log/connmonitor.log").unwrap();
            until(|| log().contains("{\"addr\":\"127.0.0.1\",\"name\":\"localhost\",\"ping\":"));
            std::fs::write(config, "10.3.0.2 ping=50\n").unwrap();
            let reload = || command("ExecReload", service.0.id()).status().unwrap();
            assert!(reload().success());
            until(|| log().contains("\n10.3.0.2\n"));
            // As it is written before: systemd sends SIGTERM, and waits for so long.
            let patience: u64 = value("TimeoutStopSec").parse().unwrap();
            service.signal(Signal::TERM);
            assert_eq!(service.wait(Duration::from_secs(patience)), Some(0));
            assert_eq!(
                std::fs::read_to_string("/var/log/connmonitor.err").unwrap(),
                ""
            );
            // A boot later, the hosts are those that were put where they last.
            std::fs::remove_file(config).unwrap();
            let kept = directory.path().join("hosts.conf");
            std::fs::write(&kept, "10.3.0.2 ping=50\n").unwrap();
            std::fs::set_permissions(&kept, std::fs::Permissions::from_mode(0o600)).unwrap();
            prepare(config, kept.to_str().unwrap());
            assert_eq!(
                std::fs::read_to_string(config).unwrap(),
                "10.3.0.2 ping=50\n"
            );
            // What is there is not written again.
            assert!(command("ExecStartPre", 0).status().unwrap().success());
            assert_eq!(
                std::fs::read_to_string(config).unwrap(),
                "10.3.0.2 ping=50\n"
            );
        },
    );
}
