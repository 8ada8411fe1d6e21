// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals status`: when the agent counts as running, and what is said when it does not.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use miniserde::json::{self, Object, Value};
use support::skip::skip;
use support::tempdir::TempDir;
use support::{EXE, object, stderr};

/// A snapshot with all that `status` passes on.
const SNAPSHOT: &str = include_str!("state/snapshot.json");

/// A state file, as this process could have written it just now.
struct Made {
    directory: TempDir,
    pid: u32,
    boot_id: String,
    uptime_ms: u64,
    interval: &'static str,
}

fn uptime_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    u64::try_from(now.tv_sec * 1_000 + now.tv_nsec / 1_000_000).unwrap()
}

impl Made {
    fn new() -> Self {
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        Self {
            directory: TempDir::new(),
            pid: std::process::id(),
            boot_id: boot_id.trim().to_owned(),
            uptime_ms: uptime_ms(),
            interval: "5",
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("state.json")
    }

    fn text(&self) -> String {
        let Self {
            pid,
            boot_id,
            uptime_ms,
            interval,
            ..
        } = self;
        format!(
            "{{\"schemaVersion\":1,\"version\":\"0.1.0\",\"pid\":{pid},\
             \"startId\":\"9c1f0a7be2d34c55\",\"bootId\":\"{boot_id}\",\
             \"startedTime\":\"2026-11-21T00:00:00.000Z\",\
             \"writtenTime\":\"2026-11-21T00:39:24.972Z\",\"writtenUptimeMs\":{uptime_ms},\
             \"intervalSeconds\":{interval},\"configFile\":\"/etc/config/netvitals\",\
             \"snapshot\":{SNAPSHOT}}}\n"
        )
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }

    fn ask(&self, args: &[&str]) -> Output {
        self.write(&self.text());
        ask(&self.path(), args)
    }
}

fn ask(path: &Path, args: &[&str]) -> Output {
    Command::new(EXE)
        .arg("status")
        .args(args)
        .arg("--state-file")
        .arg(path)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn value(text: &str) -> Object {
    match json::from_str(text).unwrap() {
        Value::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

/// Not running, for a reason with all `words`, in both forms.
#[track_caller]
fn down(path: &Path, words: &[&str]) -> Object {
    let text = ask(path, &[]);
    let answer = ask(path, &["--json"]);
    for output in [&text, &answer] {
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(stderr(output).is_empty(), "{output:?}");
    }
    let answer = value(stdout(&answer));
    assert!(matches!(answer["running"], Value::Bool(false)));
    let Value::String(reason) = &answer["reason"] else {
        panic!("no reason: {answer:?}");
    };
    let first = stdout(&text).lines().next().unwrap();
    assert!(first.starts_with("agent     not running: "), "{first}");
    for word in words {
        assert!(reason.contains(word), "no {word:?} in {reason}");
        assert!(first.contains(word), "no {word:?} in {first}");
    }
    answer
}

#[test]
fn what_runs_is_shown_as_the_documents_say() {
    let made = Made::new();
    let output = made.ask(&["--json"]);
    assert!(output.status.success(), "{output:?}");
    let (start, network) = made
        .text()
        .split_once(",\"snapshot\"")
        .map(|(a, _)| a.to_owned())
        .zip(SNAPSHOT.split_once("\"capture\":").map(|(_, b)| b))
        .unwrap();
    let (capture, health) = network.split_once("},\"health\":").unwrap();
    let health = health.strip_suffix('}').unwrap();
    let age = value(stdout(&output));
    let Value::Number(age) = &age["ageSeconds"] else {
        panic!("no age");
    };
    let expected = format!(
        "{{\"running\":true,\"ageSeconds\":{age},{},\"sequence\":17,\"clockSynced\":false,\
         \"capture\":{capture},\"health\":{health},\"devicesActive\":1,\"devicesKnown\":2}}\n",
        start.strip_prefix('{').unwrap()
    );
    assert_eq!(stdout(&output), expected);
}

#[test]
fn people_see_what_matters_and_nothing_that_steers_their_terminal() {
    let made = Made::new();
    let output = made.ask(&[]);
    assert!(output.status.success(), "{output:?}");
    let text = stdout(&output);
    for line in [
        "agent     running\n".to_owned(),
        format!(
            "process   {}, netvitals 0.1.0, as 'gw' since 2026-11-21T00:00:00.000Z\n",
            made.pid
        ),
        "config    /etc/config/netvitals\n".to_owned(),
        "window    17, of 5 s, until 2026-11-21T00:39:24.972Z, ".to_owned(),
        "clock     not synchronised\n".to_owned(),
        "capture   ring on lan1 lan2: 12 frames seen, 1 lost\n".to_owned(),
        "          bpf: operation not permitted (CAP_BPF)\n".to_owned(),
        "unseen    switch-local ring-loss\n".to_owned(),
        "devices   1 active, 2 known\n".to_owned(),
        "spool     8.19 kB of 4.19 MB, 0 torn, 5 corrupt\n".to_owned(),
        "OUTPUT  TYPE     QUEUE  OLDEST  SENT  DROPPED  REFUSED  LAST ERROR\n".to_owned(),
        "es      elastic      2     9 s    15        3        4  2026-11-21T00:39:18.001Z connect \
         \\u{1b}[2J\\u{202e}192.0.2.9:9200: timed out\n"
            .to_owned(),
        "stdout  stdout       0            17        0        0\n".to_owned(),
    ] {
        assert!(text.contains(&line), "no {line:?} in {text}");
    }
    assert!(!text.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn without_a_file_nothing_is_known() {
    let directory = TempDir::new();
    let path = directory.path().join("state.json");
    for path in [&path, &path.join("deeper")] {
        let answer = down(path, &["there is none", "--state-file"]);
        assert_eq!(answer.len(), 2, "{answer:?}");
    }
    fs::write(&path, "").unwrap();
    down(&path.join("deeper"), &["there is none"]);
    let output = ask(Path::new(""), &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("option 'state_file' is empty"));
}

#[test]
fn one_that_has_ended_does_not_run() {
    let mut made = Made::new();
    let mut child = Command::new("true").spawn().unwrap();
    made.pid = child.id();
    made.write(&made.text());
    // Ended, and not waited for: the number is still there.
    let ended = format!("process {} has ended", made.pid);
    while !fs::read_to_string(format!("/proc/{}/stat", made.pid))
        .unwrap()
        .contains(") Z ")
    {
        std::thread::yield_now();
    }
    down(&made.path(), &[&ended]);
    child.wait().unwrap();
    let answer = down(&made.path(), &[&ended]);
    // What was known last is shown all the same.
    assert!(answer.contains_key("ageSeconds") && answer.contains_key("health"));
    made.pid = 0;
    made.write(&made.text());
    down(&made.path(), &["process 0 has ended"]);
    made.pid = u32::MAX;
    made.write(&made.text());
    down(&made.path(), &["process 4294967295 has ended"]);
}

#[test]
fn another_process_with_its_number_is_not_it() {
    let mut made = Made::new();
    // Written before this process began.
    made.uptime_ms = 1;
    made.interval = "3600";
    made.write(&made.text());
    down(&made.path(), &["has ended"]);
}

#[test]
fn one_that_does_not_write_does_not_run() {
    let mut made = Made::new();
    made.interval = "0.05";
    made.write(&made.text());
    assert!(ask(&made.path(), &[]).status.success());
    made.uptime_ms = made.uptime_ms.saturating_sub(6_000);
    // Older than what it seems to have written.
    made.pid = 1;
    made.write(&made.text());
    down(
        &made.path(),
        &["nothing was written for 6 s", "5 s are expected"],
    );
}

#[test]
fn one_of_another_boot_does_not_run() {
    let mut made = Made::new();
    made.boot_id = "0f5e7c1e-7a51-4c7e-9a30-51f6ac2f8a11".to_owned();
    made.write(&made.text());
    let answer = down(&made.path(), &["the machine was started again"]);
    assert!(!answer.contains_key("ageSeconds") && answer.contains_key("capture"));
    let mut made = Made::new();
    made.uptime_ms += 3_600_000;
    made.write(&made.text());
    down(&made.path(), &["the machine was started again"]);
}

#[test]
fn what_no_agent_wrote_is_refused() {
    let made = Made::new();
    let (text, path) = (made.text(), made.path());
    let mut cases: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "not what an agent writes"),
        (b"{}\n".to_vec(), "not what an agent writes"),
        (b"\xff\xfe\n".to_vec(), "not what an agent writes"),
        (vec![b'['; 1 << 20], "not what an agent writes"),
        (
            text.replace('\n', "").into_bytes(),
            "not what an agent writes",
        ),
        (
            text.replace(",\"health\"", ",\n\"health\"").into_bytes(),
            "not what an agent writes",
        ),
        (
            text.replace("\"pid\":", "\"pid\":-").into_bytes(),
            "not what an agent writes",
        ),
        (vec![b' '; 8 * 1_024 * 1_024 + 64 * 1_024 + 1], "too large"),
    ];
    let newer = text.replacen("\"schemaVersion\":1", "\"schemaVersion\":2", 1);
    cases.push((newer.into_bytes(), "newer netvitals"));
    cases.push((b"{\"schemaVersion\":2}\n".to_vec(), "newer netvitals"));
    for len in (0..text.len()).step_by(97) {
        cases.push((text.as_bytes()[..len].to_vec(), "not what an agent writes"));
    }
    for (bytes, word) in cases {
        fs::write(&path, &bytes).unwrap();
        let answer = down(&path, &[word]);
        assert_eq!(answer.len(), 2, "{answer:?}");
    }
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let directory = TempDir::new();
    down(directory.path(), &["not an ordinary file"]);
    down(Path::new("/dev/zero"), &["not an ordinary file"]);
    let fifo = directory.path().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    down(&fifo, &["not an ordinary file"]);
}

#[test]
fn the_configuration_says_where_the_file_is() {
    let made = Made::new();
    made.write(&made.text());
    let config = made.directory.path().join("config");
    let ask = |text: &str| {
        fs::write(&config, text).unwrap();
        let mut command = Command::new(EXE);
        command.args(["status", "--json"]);
        command.env("NETVITALS_CONFIG", &config).output().unwrap()
    };
    let named = format!(
        "config netvitals\n option state_file '{}'\n",
        made.path().display()
    );
    let answer = object(&ask(&named));
    assert!(matches!(answer["running"], Value::Bool(true)));
    let none = ask("config netvitals\n option state_file ''\n");
    assert!(stdout(&none).contains("none is kept"), "{none:?}");
    // A configuration that cannot be used hides nothing.
    let broken = ask("config netvitals\n option state_fil 'x'\n");
    assert!(stdout(&broken).contains("/var/run/netvitals/state.json") || broken.status.success());
}

/// In a container with an identity of its own, where the service sees that of the machine.
#[test]
fn the_boot_is_that_which_the_process_sees() {
    if !rustix::process::getuid().is_root() {
        return skip("only root can be in another mount namespace than its process");
    }
    let made = Made::new();
    made.write(&made.text());
    let other = made.directory.path().join("boot_id");
    fs::write(&other, "0f5e7c1e-7a51-4c7e-9a30-51f6ac2f8a11\n").unwrap();
    let script = "mount --bind \"$0\" /proc/sys/kernel/random/boot_id && \
                  cat /proc/sys/kernel/random/boot_id && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(other)
        .args([EXE, "status", "--state-file"])
        .arg(made.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        stdout(&output).starts_with("0f5e7c1e-"),
        "not another identity: {output:?}"
    );
}
