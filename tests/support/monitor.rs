// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals connmonitor` while it runs, and the shapes of what it writes.
#![allow(dead_code)]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::path::{has, serve_http, serve_mysql};
use crate::support::{EXE, Guarded};

const NGINX: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.18.0 (Ubuntu)\r\n\r\n";

/// Whether https is checked, and served here.
pub fn https() -> bool {
    cfg!(feature = "tls") && has("openssl")
}

/// What the recorded runs found at the server.
pub fn services() {
    serve_http("10.3.0.2", NGINX);
    let missing = b"HTTP/1.0 404 File not found\r\nConnection: close\r\n\r\n";
    serve_http("10.3.0.102", missing);
    serve_mysql("10.3.0.2", "5.7.2-log");
    serve_mysql("10.3.0.102", "10.11.6-MariaDB");
    #[cfg(feature = "tls")]
    if has("openssl") {
        crate::secure::serve_https("10.3.0.2", NGINX);
        crate::secure::serve_https("10.3.0.102", missing);
    }
}

/// For how long anything is waited for.
const LONG: Duration = Duration::from_secs(30);

type Heard = Arc<(Mutex<String>, Condvar)>;

/// A run.
pub struct Monitor {
    pub child: Guarded,
    stdout: Heard,
    stderr: Heard,
    readers: Vec<JoinHandle<()>>,
}

/// What it was in the end.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub lasted: Duration,
}

impl Monitor {
    /// Starts it with these words, and `input` on standard input.
    pub fn start(words: &[&str], input: &str) -> Self {
        let mut command = Command::new(EXE);
        command.arg("connmonitor").args(words).env("TZ", "UTC");
        command.stdin(Stdio::piped());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Whoever names a file does not read it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let (stdout, stderr) = (Heard::default(), Heard::default());
        let readers = vec![
            read(child.stdout.take().unwrap(), stdout.clone()),
            read(child.stderr.take().unwrap(), stderr.clone()),
        ];
        Self {
            child: Guarded(child),
            stdout,
            stderr,
            readers,
        }
    }

    /// What standard output took until now.
    pub fn stdout(&self) -> String {
        self.stdout.0.lock().unwrap().clone()
    }

    /// What standard error took until now.
    pub fn stderr(&self) -> String {
        self.stderr.0.lock().unwrap().clone()
    }

    /// Waits until standard output is as wanted; what it is then.
    #[track_caller]
    pub fn until(&self, wanted: impl Fn(&str) -> bool) -> String {
        match wait(&self.stdout, LONG, wanted) {
            Ok(text) => text,
            Err(text) => panic!("it wrote {text} and {}", self.stderr()),
        }
    }

    /// Waits until standard error is as wanted; what it is then.
    #[track_caller]
    pub fn until_error(&self, wanted: impl Fn(&str) -> bool) -> String {
        self.until_error_within(LONG, wanted)
    }

    /// The same, for so long.
    #[track_caller]
    pub fn until_error_within(&self, long: Duration, wanted: impl Fn(&str) -> bool) -> String {
        match wait(&self.stderr, long, wanted) {
            Ok(text) => text,
            Err(text) => panic!("it said {text} and wrote {}", self.stdout()),
        }
    }

    /// Waits for so many more records than there are.
    #[track_caller]
    pub fn more(&self, count: usize) -> String {
        let before = records(&self.stdout()).len();
        self.until(|text| records(text).len() >= before + count)
    }

    pub fn signal(&self, signal: Signal) {
        self.child.signal(signal);
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let start = Instant::now();
        let code = self.child.wait(Duration::from_secs(10));
        let lasted = start.elapsed();
        drop(self.child);
        self.readers
            .into_iter()
            .for_each(|reader| reader.join().unwrap());
        Ended {
            code,
            stdout: self.stdout.0.lock().unwrap().clone(),
            stderr: self.stderr.0.lock().unwrap().clone(),
            lasted,
        }
    }

    /// Ends it as a service manager does; all must be well, and over in time.
    #[track_caller]
    pub fn terminate(self) -> Ended {
        self.signal(Signal::TERM);
        let ended = self.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.lasted < Duration::from_secs(3), "{ended:?}");
        ended
    }
}

fn read(mut from: impl Read + Send + 'static, to: Heard) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut piece = [0; 4_096];
        while let Ok(len @ 1..) = from.read(&mut piece) {
            let text = str::from_utf8(&piece[..len]).unwrap();
            to.0.lock().unwrap().push_str(text);
            to.1.notify_all();
        }
    })
}

/// What was heard when it was as wanted, or else after long.
fn wait(heard: &Heard, long: Duration, wanted: impl Fn(&str) -> bool) -> Result<String, String> {
    let guard = heard.0.lock().unwrap();
    let waited = heard
        .1
        .wait_timeout_while(guard, long, |text| !wanted(text));
    let (text, over) = waited.unwrap();
    match over.timed_out() {
        false => Ok(text.clone()),
        true => Err(text.clone()),
    }
}

/// Waits until something is so that nobody tells.
#[track_caller]
pub fn until(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The records of a text that are complete, of either form.
pub fn records(text: &str) -> Vec<String> {
    let mut records: Vec<String> = Vec::new();
    let complete = text.rfind('\n').map_or("", |end| &text[..=end]);
    for line in complete.lines().filter(|line| !line.is_empty()) {
        let is_inside =
            line.contains('\t') || line == "*" || is_ctime(line) || line.starts_with("[[");
        match records.last_mut() {
            Some(record) if is_inside && !line.starts_with('{') => *record += &format!("{line}\n"),
            _ => records.push(format!("{line}\n")),
        }
    }
    // More of the last one may follow.
    if records
        .last()
        .is_some_and(|record| !record.starts_with('{'))
        && !text.ends_with("\n\n")
    {
        records.pop();
    }
    records
}

fn is_ctime(line: &str) -> bool {
    let days = ["Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "];
    line.len() == 24 && days.iter().any(|day| line.starts_with(day))
}

/// A record with `#` for every number of three or six decimals, `-` for one below zero, and `@` for
/// a time.
pub fn shape(record: &str) -> String {
    let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    let mut shape = String::new();
    for line in record.lines() {
        let mut rest = if is_ctime(line) { "@" } else { line };
        while let Some(start) = rest.find(is_number) {
            let tail = &rest[start..];
            let end = start + tail.find(|c| !is_number(c)).unwrap_or(tail.len());
            let (word, before) = (&rest[start..end], &rest[..start]);
            let decimals = word
                .split_once('.')
                .map_or(0, |(_, decimals)| decimals.len());
            let number = word.matches('.').count() == 1 && [3, 6].contains(&decimals);
            shape += before;
            shape += match (number, word.starts_with('-')) {
                (true, false) => "#",
                (true, true) => "-",
                (false, _) => word,
            };
            rest = &rest[end..];
        }
        shape += rest;
        shape += "\n";
    }
    shape
}

/// The shapes of all records.
pub fn shapes(text: &str) -> BTreeSet<String> {
    records(text).iter().map(|record| shape(record)).collect()
}

/// A recorded text of 3.0.3 or 4.1.3 without its faults: tests that are off (`on` tells: pings,
/// traces, port checks) are left out, a trace has one hop in a line, servers have their names and
/// versions in full.
pub fn repaired(text: &str, on: [bool; 3]) -> String {
    let mut repaired = String::new();
    for line in text.lines() {
        let columns = line.split('\t').count();
        if let Some(hops) = line.strip_prefix("[[") {
            let hops = hops.strip_suffix("]]").unwrap().split("], [");
            for hop in hops.filter(|_| on[1]) {
                repaired += &hop.replace('"', "").replace(", ", "\t");
                repaired.push('\n');
            }
            continue;
        }
        let is_off = columns == 5 && !on[0] || columns == 3 && !on[2];
        if line.starts_with('{') || !is_off {
            repaired += line;
            repaired.push('\n');
        }
    }
    for (old, new) in [
        ("Unkown", "Unknown"),
        ("5.7.2\n", "5.7.2-log\n"),
        ("5.7.2\"", "5.7.2-log\""),
        ("10.11\n", "10.11.6-MariaDB\n"),
        ("10.11\"", "10.11.6-MariaDB\""),
    ] {
        repaired = repaired.replace(old, new);
    }
    if https() {
        repaired
    } else {
        without_https(&repaired)
    }
}

fn without_https(text: &str) -> String {
    let mut without = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        while let Some(at) = line.find("\"https\":{") {
            let end = at + line[at..].find('}').unwrap() + 1;
            line.replace_range(at..end, "\"https\":\"None\"");
        }
        let columns: Vec<&str> = line.split('\t').collect();
        if columns.len() == 3 && !line.starts_with('{') {
            line = format!("{}\tNone\t{}", columns[0], columns[2]);
        }
        without += &line;
        without.push('\n');
    }
    without
}
