// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state file of `netvitals agent`: where it is written, where not, and what is said then.

mod support;

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use miniserde::json::Value;
use netvitals::cmd::agent::state::{Facts, StateFile};
use netvitals::sys::clock;
use support::tempdir::TempDir;
use support::{EXE, Guarded, object};

const SNAPSHOT: &[u8] = b"{\"sequence\":1}\n";

fn open(path: &Path) -> StateFile {
    let facts = Facts {
        start_id: 7,
        boot_id: String::new(),
        started: clock::mono(),
        interval: Duration::from_secs(5),
        config_file: None,
    };
    StateFile::open(path.to_str().unwrap(), facts).unwrap()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_newest_snapshot_is_there_for_its_group_to_read() {
    let directory = TempDir::new();
    let path = directory.path().join("netvitals/state.json");
    let mut state = open(&path);
    let made = path.parent().unwrap();
    assert_eq!(fs::metadata(made).unwrap().mode() & 0o7777, 0o755);
    assert!(!path.exists());
    state.write(SNAPSHOT);
    assert!(text(&path).ends_with("\"snapshot\":{\"sequence\":1}}\n"));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    // What somebody else made of it does not stay.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    state.set(Duration::from_secs(7), Some("/etc/other".to_owned()));
    state.write(b"{}\n");
    let expected = "\"intervalSeconds\":7,\"configFile\":\"/etc/other\",\"snapshot\":{}}\n";
    assert!(text(&path).ends_with(expected), "{}", text(&path));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(
        fs::read_dir(made).unwrap().count(),
        1,
        "a neighbour was left"
    );
}

#[test]
fn a_directory_that_vanishes_is_made_again() {
    let directory = TempDir::new();
    let path = directory.path().join("netvitals/state.json");
    let mut state = open(&path);
    for _ in 0..2 {
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        state.write(SNAPSHOT);
        assert!(path.exists());
    }
    // One level is made, no more, and that it cannot be is no reason to end.
    let deep = directory.path().join("a/b/state.json");
    let mut state = open(&deep);
    state.write(SNAPSHOT);
    assert!(!deep.exists());
    fs::create_dir(directory.path().join("a")).unwrap();
    state.write(SNAPSHOT);
    assert!(deep.exists());
}

#[test]
fn what_is_no_file_is_left_alone() {
    let directory = TempDir::new();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("precious"), "x").unwrap();
    symlink(at("precious"), at("link")).unwrap();
    symlink(at("nowhere"), at("dangling")).unwrap();
    fs::create_dir(at("directory")).unwrap();
    for name in ["link", "dangling", "directory"] {
        let mut state = open(&at(name));
        state.write(SNAPSHOT);
        assert!(!fs::symlink_metadata(at(name)).unwrap().is_file(), "{name}");
    }
    assert_eq!(text(&at("precious")), "x");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4);
}

/// An agent that sees little and sends nothing.
struct Agent {
    process: Guarded,
    directory: TempDir,
}

impl Agent {
    fn start(state_file: &Path, config: &str) -> Self {
        let directory = TempDir::new();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("config"), config).unwrap();
        let mut command = Command::new(EXE);
        command.args([
            "agent",
            "-i",
            "lo",
            "--capture",
            "off",
            "--discovery",
            "off",
            "--no-ptr",
        ]);
        command.arg("--state-file").arg(state_file);
        command.arg("--config").arg(at("config"));
        command.args(["--output", "stdout"]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.stderr(File::create(at("stderr")).unwrap()).spawn();
        Self {
            process: Guarded(process.unwrap()),
            directory,
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn said(&self) -> String {
        text(&self.at("stderr"))
    }

    #[track_caller]
    fn wait(&self, what: &str, is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            let late = start.elapsed() > Duration::from_secs(20);
            assert!(!late, "{what}: {}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

const EACH_SECOND: &str = "config netvitals\n option interval '1s'\n";

#[test]
fn a_failure_is_said_once_until_it_works_again() {
    let directory = TempDir::new();
    let path = directory.path().join("state.json");
    symlink("/dev/null", &path).unwrap();
    let agent = Agent::start(&path, EACH_SECOND);
    let failures = || agent.said().matches("cannot write the state file").count();
    agent.wait("not said", || failures() == 1);
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(failures(), 1, "{}", agent.said());
    assert!(agent.said().contains("not an ordinary file; remove it"));
    fs::remove_file(&path).unwrap();
    agent.wait("not said", || agent.said().contains("written again"));
    assert!(path.exists());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    agent.wait("not said", || failures() == 2);
}

#[test]
fn what_status_says_of_a_living_agent_is_in_its_file() {
    let directory = TempDir::new();
    let path = directory.path().join("state.json");
    let mut agent = Agent::start(&path, EACH_SECOND);
    let ask = || {
        let mut command = Command::new(EXE);
        command
            .args(["status", "--json", "--state-file"])
            .arg(&path);
        command.output().unwrap()
    };
    agent.wait("not running", || ask().status.success());
    let answer = object(&ask());
    let Value::Number(pid) = &answer["pid"] else {
        panic!("{answer:?}");
    };
    assert_eq!(pid.to_string(), agent.process.0.id().to_string());
    let Value::String(config) = &answer["configFile"] else {
        panic!("{answer:?}");
    };
    assert_eq!(*config, agent.at("config").to_str().unwrap());
    // Stopped, it does not write: three windows and five seconds are too long.
    agent.process.signal(rustix::process::Signal::STOP);
    agent.wait("still running", || !ask().status.success());
    let silent = String::from_utf8(ask().stdout).unwrap();
    assert!(silent.contains("nothing was written for "), "{silent}");
    agent.process.signal(rustix::process::Signal::CONT);
    agent.wait("not running", || ask().status.success());
    agent.process.0.kill().unwrap();
    agent.process.0.wait().unwrap();
    let ended = String::from_utf8(ask().stdout).unwrap();
    assert!(ended.contains("has ended"), "{ended}");
}
