// SPDX-License-Identifier: MIT OR Apache-2.0
//! A LAN for one test: two interfaces in a network namespace that the test runs itself in again, so
//! that nothing it sends can reach anybody.
#![allow(dead_code)]

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::skip::skip;
use crate::support::tempdir::TempDir;
use crate::support::{EXE, Guarded};
use crate::{frames, link};

const INSIDE: &str = "NETVITALS_TEST_INSIDE";

/// The router's side of the cable, where `netvitals` runs, and the other.
pub const OURS: &str = "lan0";
pub const THEIRS: &str = "peer0";

/// Runs the test `name` again in namespaces of its own, or, being there, `body`.
pub fn inside(name: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        let interfaces = std::fs::read_to_string("/proc/net/dev").unwrap();
        assert_eq!(
            interfaces.lines().count(),
            3,
            "not a namespace of our own: {interfaces}"
        );
        link::up("lo").unwrap();
        link::make_pair(OURS, THEIRS).unwrap();
        body();
        return;
    }
    let mut flags = vec!["--net", "--mount"];
    if !rustix::process::getuid().is_root() {
        flags.push("--map-root-user");
    }
    let probe = Command::new("unshare")
        .args(&flags)
        .args(["ip", "link"])
        .output();
    match probe {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            return skip(&format!("no network namespace: {}", why.trim()));
        }
        Err(error) => return skip(&format!("no network namespace: unshare: {error}")),
    }
    let test = std::env::current_exe().unwrap();
    let mut command = Command::new("unshare");
    command.args(&flags).arg(test);
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    let output = command.env(INSIDE, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "inside: {text}{errors}");
    assert!(text.contains("1 passed"), "the test did not run: {text}");
}

/// Runs ip(8).
pub fn ip(words: &str) {
    let output = Command::new("ip").args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {words}: {output:?}");
}

/// Runs `work` in a thread that has a namespace of its own, into which the other end moved.
pub fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let (named, name) = mpsc::channel();
    let (moved, wait) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        // SAFETY: neither takes pointers; only this thread goes to another namespace.
        let (result, id) = unsafe { (libc::unshare(libc::CLONE_NEWNET), libc::gettid()) };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        named.send(id).unwrap();
        wait.recv().unwrap();
        ip(&format!("link set {THEIRS} up"));
        work()
    });
    ip(&format!("link set {THEIRS} netns {}", name.recv().unwrap()));
    moved.send(()).unwrap();
    thread
}

/// Gives our side the address 10.9.0.1/24.
pub fn address() {
    ip(&format!("address add 10.9.0.1/24 dev {OURS}"));
}

/// Puts `content` in the place of the file `path` for this namespace.
pub fn replace_file(directory: &TempDir, path: &str, content: &str) {
    let name = path.replace('/', "_");
    let file = directory.path().join(name);
    std::fs::write(&file, content).unwrap();
    let mounted = Command::new("mount")
        .arg("--bind")
        .arg(file)
        .arg(path)
        .status();
    assert!(mounted.unwrap().success(), "{path}");
}

/// What `netvitals devices` said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub lasted: Duration,
    /// Most memory it had at once.
    pub peak_kib: u64,
}

impl Said {
    /// The lines of standard output that hold `word`.
    pub fn lines_with(&self, word: &str) -> Vec<&str> {
        self.stdout
            .lines()
            .filter(|line| line.contains(word))
            .collect()
    }

    /// One line on standard error with all words, nothing on standard output, this exit status.
    #[track_caller]
    pub fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stdout.is_empty(), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {self:?}");
        }
    }
}

/// `netvitals devices` while it runs.
pub struct Running {
    process: Guarded,
    directory: TempDir,
    start: Instant,
    peak_kib: u64,
}

impl Running {
    pub fn start(args: &[&str]) -> Self {
        let mut command = Command::new(EXE);
        command.arg("devices").args(args);
        Self::start_command(command)
    }

    pub fn start_command(mut command: Command) -> Self {
        let directory = TempDir::new();
        let file = |name: &str| File::create(directory.path().join(name)).unwrap();
        command.stdin(std::process::Stdio::null());
        command
            .env_remove(INSIDE)
            .stdout(file("stdout"))
            .stderr(file("stderr"));
        Self {
            process: Guarded(command.spawn().unwrap()),
            start: Instant::now(),
            directory,
            peak_kib: 0,
        }
    }

    fn read(&self, name: &str) -> String {
        let bytes = std::fs::read(self.directory.path().join(name)).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Standard output so far.
    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.process.signal(rustix::process::Signal::TERM);
    }

    /// Waits until standard output says `word`.
    #[track_caller]
    pub fn wait_for(&mut self, word: &str, at_most: Duration) -> String {
        let start = Instant::now();
        while start.elapsed() < at_most {
            if self.stdout().contains(word) {
                return self.stdout();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!(
            "no {word:?} in time: {} {}",
            self.stdout(),
            self.read("stderr")
        );
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(mut self) -> Said {
        loop {
            let status = format!("/proc/{}/status", self.process.0.id());
            let status = std::fs::read_to_string(status).unwrap_or_default();
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let peak = peak.and_then(|text| text.split_whitespace().next()?.parse().ok());
            self.peak_kib = self.peak_kib.max(peak.unwrap_or(0));
            if let Some(status) = self.process.0.try_wait().unwrap() {
                return Said {
                    code: status.code(),
                    stdout: self.read("stdout"),
                    stderr: self.read("stderr"),
                    lasted: self.start.elapsed(),
                    peak_kib: self.peak_kib,
                };
            }
            assert!(
                self.start.elapsed() < Duration::from_secs(60),
                "it does not end"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Runs `netvitals devices` to its end.
#[track_caller]
pub fn devices(args: &[&str]) -> Said {
    Running::start(args).finish()
}

/// Somebody at the other end of the cable, until this goes out of scope.
pub struct Peer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// Hands every frame of this Ethertype (3: all) to `on_frame`, and sends what it gives back.
    pub fn start(
        ethertype: u16,
        mut on_frame: impl FnMut(&[u8]) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        let socket = frames::Socket::open(THEIRS, ethertype).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let result = socket.serve_until(&stopped, |frame| {
                for answer in on_frame(frame) {
                    socket.send(&answer)?;
                }
                Ok(())
            });
            result.unwrap();
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

/// Sends frames from the other end.
pub fn send(frames: &[Vec<u8>]) -> io::Result<()> {
    let socket = frames::Socket::open(THEIRS, 0x88b5)?;
    frames.iter().try_for_each(|frame| socket.send(frame))
}

/// A file with this content.
pub fn file(directory: &TempDir, name: &str, content: &str) -> PathBuf {
    let path: &Path = directory.path();
    let path = path.join(name);
    std::fs::write(&path, content).unwrap();
    path
}
