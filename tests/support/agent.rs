// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals agent` while it runs, and the documents that it prints, each of which must be valid.
#![allow(dead_code)]

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::schema::Schema;
use crate::snapshot::Snapshot;
use crate::support::tempdir::TempDir;
use crate::support::{EXE, Guarded};

/// What is late is waited for so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// The process.
pub struct Agent {
    pub process: Guarded,
    pub directory: TempDir,
    schema: Schema,
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub snapshots: Vec<Snapshot>,
    pub errors: String,
    /// From the signal on.
    pub lasted: Duration,
}

impl Ended {
    /// The lines of standard error that hold `word`.
    pub fn lines_with(&self, word: &str) -> Vec<&str> {
        let lines = self.errors.lines();
        lines.filter(|line| line.contains(word)).collect()
    }
}

/// The words without which the machine's own files would be read and written.
fn command(args: &[&str]) -> Command {
    let mut command = Command::new(EXE);
    command.args(["agent", "--state-file", "", "--no-ptr"]);
    if !args.contains(&"--config") {
        command.args(["--config", "/dev/null"]);
    }
    command.args(args);
    command
}

impl Agent {
    /// Runs from now on, with windows of a second unless the words say otherwise.
    #[track_caller]
    pub fn start(args: &[&str]) -> Self {
        let interval: &[&str] = match args.contains(&"--interval") {
            true => &[],
            false => &["--interval", "1s"],
        };
        Self::start_command(command(&[interval, args].concat()))
    }

    /// The same; everything stands in the file.
    #[track_caller]
    pub fn start_with(config: &str, args: &[&str]) -> Self {
        Self::start_command(command(&[&["--config", config], args].concat()))
    }

    fn start_command(mut command: Command) -> Self {
        let directory = TempDir::new();
        let file = |name: &str| File::create(directory.path().join(name)).unwrap();
        command.stdin(Stdio::null()).stdout(file("stdout"));
        let process = command.stderr(file("stderr")).spawn().unwrap();
        Self {
            process: Guarded(process),
            directory,
            schema: Schema::new(),
        }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).unwrap()
    }

    pub fn errors(&self) -> String {
        self.read("stderr")
    }

    /// How many documents there are.
    pub fn count(&self) -> usize {
        self.read("stdout").matches('\n').count()
    }

    /// All of them.
    #[track_caller]
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let text = self.read("stdout");
        // A line may be half written.
        let lines = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        let snapshots = lines.map(|line| Snapshot::parse(&self.schema, line));
        snapshots.collect()
    }

    /// Waits for so many more.
    #[track_caller]
    pub fn more(&self, more: usize) -> Vec<Snapshot> {
        let wanted = self.count() + more;
        self.wait("no document", || self.count() >= wanted);
        self.snapshots()
    }

    /// Waits until standard error says `word` for the `times`th time.
    #[track_caller]
    pub fn says(&self, word: &str, times: usize) {
        self.wait(word, || self.errors().matches(word).count() >= times);
    }

    /// Waits for the first snapshot of which this holds; it and all before it.
    #[track_caller]
    pub fn until(&self, holds: impl Fn(&Snapshot) -> bool) -> Vec<Snapshot> {
        self.wait("no such document", || {
            self.snapshots().last().is_some_and(&holds)
        });
        self.snapshots()
    }

    #[track_caller]
    fn wait(&self, what: &str, mut done: impl FnMut() -> bool) {
        let start = Instant::now();
        while !done() {
            let last = || {
                self.read("stdout")
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .to_owned()
            };
            let late = start.elapsed() > PATIENCE;
            assert!(!late, "{what}: {}{}", self.errors(), last());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGHUP, and until it is done with it, which takes `-v`.
    #[track_caller]
    pub fn reload(&self) {
        let done = self.errors().matches("configuration read again").count();
        self.process.signal(rustix::process::Signal::HUP);
        self.says("configuration read again", done + 1);
    }

    /// SIGTERM, and until it has ended.
    #[track_caller]
    pub fn terminate(mut self) -> Ended {
        self.process.signal(rustix::process::Signal::TERM);
        self.end()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(&mut self) -> Ended {
        let start = Instant::now();
        let code = self.process.wait(PATIENCE);
        Ended {
            code,
            lasted: start.elapsed(),
            snapshots: self.snapshots(),
            errors: self.errors(),
        }
    }
}

/// Runs it to its end, as `--once` does.
#[track_caller]
pub fn run(args: &[&str]) -> Ended {
    Agent::start_command(command(args)).end()
}
