// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the agent can still do after it gave its rights up: as the kernel sees each of its threads.
//!
//! Each test runs itself again, because nothing of this can be undone.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use netvitals::cmd::agent::rights::{Needs, settle};
use rustix::process::{Pid, Signal, Uid, WaitOptions, getuid, waitpid};
use support::skip::skip;
use support::tempdir::TempDir;
use support::{EXE, Guarded, object, stderr};

const INSIDE: &str = "NETVITALS_TEST_INSIDE";

/// Nobody has these numbers.
const USER: &str = "64123";

const NET_RAW: &str = "0000000000002000";
const NOTHING: &str = "0000000000000000";

const READS_CONNTRACK: Needs = Needs {
    reads_maps: false,
    reads_conntrack: true,
};

/// Runs the test `name` again as a process of one thread, or, being that, `body`.
fn alone(name: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return fork(body);
    }
    if !getuid().is_root() {
        return skip("rights can be given up by root only");
    }
    let test = std::env::current_exe().unwrap();
    let mut command = Command::new(test);
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    let output = command.env(INSIDE, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "inside: {text}{errors}");
    assert!(text.contains("1 passed"), "the test did not run: {text}");
}

/// Runs `body` in a process of one thread: a test is a second one, but is not copied by fork(2).
fn fork(body: impl FnOnce()) {
    // SAFETY: the other thread of this process only waits for this test, and holds nothing.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let result = catch_unwind(AssertUnwindSafe(body));
        // SAFETY: nothing of the parent's is to be done at this end.
        unsafe { libc::_exit(result.is_err().into()) };
    }
    let child = Pid::from_raw(child).unwrap();
    let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
    assert_eq!(status.exit_status(), Some(0));
}

/// What the kernel says of a thread; blanks between words are one.
fn status(task: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(task.join("status")).unwrap();
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    fields
        .map(|(key, value)| (key.to_owned(), words(value)))
        .collect()
}

/// How many threads a process has, all of which are as `expected` says.
#[track_caller]
fn threads(process: &str, expected: &[(&str, &str)]) -> usize {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let check = |task: std::io::Result<fs::DirEntry>| {
        let status = status(&task.unwrap().path());
        for (key, value) in expected {
            assert_eq!(status[*key], *value, "{key} in {status:?}");
        }
    };
    tasks.map(check).count()
}

/// Every thread, with one that starts now, is as `expected` says.
#[track_caller]
fn all_threads(expected: &[(&str, &str)]) {
    let before = threads("self", expected);
    let another = || threads("self", expected);
    let with_another = std::thread::scope(|scope| scope.spawn(another).join().unwrap());
    assert_eq!((before, with_another), (1, 2));
}

const NO_MORE: &[(&str, &str)] = &[
    ("CapInh", NOTHING),
    ("CapBnd", NOTHING),
    ("CapAmb", NOTHING),
    ("NoNewPrivs", "1"),
];

fn listens() -> bool {
    // SAFETY: no memory is involved.
    let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0) };
    socket >= 0
}

#[test]
fn root_keeps_what_taps_need() {
    alone("root_keeps_what_taps_need", || {
        let settled = settle(None, READS_CONNTRACK, &[]).unwrap();
        assert_eq!(
            settled.to_string(),
            "rights: user 0, group 0, no_new_privs; kept: CAP_NET_RAW to listen on interfaces that \
             come later"
        );
        all_threads(NO_MORE);
        all_threads(&[("CapEff", NET_RAW), ("CapPrm", NET_RAW), ("Uid", "0 0 0 0")]);
        assert!(listens());
        // The file is root's own: no right beyond is needed.
        let conntrack = fs::File::open("/proc/net/nf_conntrack");
        assert!(conntrack.is_ok() || !Path::new("/proc/net/nf_conntrack").exists());
        // A program that it starts has nothing at all.
        let child = Command::new("grep")
            .args(["Cap", "/proc/self/status"])
            .output()
            .unwrap();
        let child = String::from_utf8(child.stdout).unwrap();
        assert!(child.lines().count() == 5, "{child}");
        assert!(child.lines().all(|line| line.ends_with(NOTHING)), "{child}");
    });
}

#[test]
fn the_user_can_become_root_no_more() {
    alone("the_user_can_become_root_no_more", || {
        let settled = settle(Some(USER), READS_CONNTRACK, &[]).unwrap();
        assert!(
            settled.to_string().contains("user 64123, group 64123"),
            "{settled}"
        );
        assert!(
            settled
                .to_string()
                .contains("CAP_DAC_READ_SEARCH to read conntrack")
        );
        all_threads(NO_MORE);
        let both = "0000000000002004";
        let who = "64123 64123 64123 64123";
        all_threads(&[("CapEff", both), ("CapPrm", both)]);
        all_threads(&[("Uid", who), ("Gid", who), ("Groups", "")]);
        assert!(listens());
        assert!(fs::read("/etc/shadow").is_ok() || !Path::new("/etc/shadow").exists());
        assert!(fs::write("/etc/shadow.netvitals-test", "x").is_err());
        for thread in [false, true] {
            let root = || rustix::thread::set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT);
            let result = match thread {
                true => std::thread::spawn(root).join().unwrap(),
                false => root(),
            };
            assert_eq!(result, Err(rustix::io::Errno::PERM));
        }
        // Once more, with less: what is left is given up, too.
        settle(None, Needs::default(), &[]).unwrap();
        all_threads(&[("CapEff", NET_RAW), ("CapPrm", NET_RAW)]);
        let error = settle(Some("root"), Needs::default(), &[]).unwrap_err();
        assert!(
            error.to_string().contains("cannot become user 'root'"),
            "{error}"
        );
        assert!(error.to_string().contains("start as root"), "{error}");
    });
}

#[test]
fn a_user_by_name_has_its_groups() {
    alone("a_user_by_name_has_its_groups", || {
        let passwd = fs::read_to_string("/etc/passwd").unwrap();
        let nobody = passwd.lines().find_map(|line| line.strip_prefix("nobody:"));
        let Some(nobody) = nobody else {
            return skip("there is no user 'nobody'");
        };
        let mut fields = nobody.split(':').skip(1);
        let (uid, gid) = (fields.next().unwrap(), fields.next().unwrap());
        settle(Some("nobody"), Needs::default(), &[]).unwrap();
        let four = |id: &str| [id; 4].join(" ");
        all_threads(&[
            ("Uid", &four(uid)),
            ("Gid", &four(gid)),
            ("CapPrm", NET_RAW),
        ]);
    });
}

#[test]
fn who_has_no_rights_gives_up_what_there_is() {
    alone("who_has_no_rights_gives_up_what_there_is", || {
        let uid = Uid::from_raw(64_123);
        rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
        let settled = settle(None, READS_CONNTRACK, &["/nowhere"]).unwrap();
        assert!(settled.to_string().ends_with("kept: nothing"), "{settled}");
        all_threads(&[
            ("CapEff", NOTHING),
            ("CapPrm", NOTHING),
            ("NoNewPrivs", "1"),
        ]);
        // To become who one is takes no right.
        settle(Some(USER), Needs::default(), &[]).unwrap();
        assert!(!listens());
    });
}

#[test]
fn nothing_is_done_for_a_user_that_is_not_there() {
    alone("nothing_is_done_for_a_user_that_is_not_there", || {
        for (user, word) in [
            ("nobody-of-that-name", "not in /etc/passwd"),
            ("4294967295", "not in /etc/passwd"),
            ("", "not in /etc/passwd"),
        ] {
            let error = settle(Some(user), Needs::default(), &[]).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
        all_threads(&[("NoNewPrivs", "0"), ("Uid", "0 0 0 0")]);
    });
}

#[test]
fn threads_that_run_already_are_a_fault() {
    alone("threads_that_run_already_are_a_fault", || {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || stopped.recv());
        let error = settle(None, Needs::default(), &[]).unwrap_err();
        assert!(error.to_string().contains("threads run already"), "{error}");
        drop(stop);
        assert!(thread.join().unwrap().is_err());
    });
}

#[test]
fn only_directories_of_the_program_are_given() {
    alone("only_directories_of_the_program_are_given", || {
        let directory = TempDir::new();
        let at = |name: &str| directory.path().join(name);
        for name in [
            "netvitals/spool",
            "netvitals/shared",
            "others",
            "target/spool",
        ] {
            fs::create_dir_all(at(name)).unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o755)).unwrap();
            fs::write(at(name).join("file"), "x").unwrap();
        }
        fs::set_permissions(at("netvitals/shared"), fs::Permissions::from_mode(0o777)).unwrap();
        // Ways out of it.
        symlink(at("others"), at("netvitals/link")).unwrap();
        symlink(at("target"), at("sub")).unwrap();
        symlink(at("others/file"), at("netvitals/spool/link")).unwrap();
        fs::hard_link(at("others/file"), at("netvitals/spool/hard")).unwrap();
        fs::create_dir(at("netvitals/spool/deeper")).unwrap();
        let own = [
            "netvitals/spool",
            "netvitals/shared",
            "netvitals/link",
            "sub/spool",
            "others",
        ];
        let own = own.map(|name| at(name).to_str().unwrap().to_owned());
        let mut own: Vec<&str> = own.iter().map(String::as_str).collect();
        own.extend(["", "/nowhere", "a\0b"]);
        settle(Some(USER), READS_CONNTRACK, &own).unwrap();
        let owner = |name: &str| fs::symlink_metadata(at(name)).unwrap().uid();
        for name in ["netvitals/spool", "netvitals/spool/file"] {
            assert_eq!(owner(name), 64_123, "{name}");
        }
        for name in [
            "netvitals",
            "netvitals/shared",
            "netvitals/shared/file",
            "netvitals/spool/link",
            "netvitals/spool/hard",
            "netvitals/spool/deeper",
            "others",
            "others/file",
            "target/spool",
            "target/spool/file",
        ] {
            assert_eq!(owner(name), 0, "{name}");
        }
        fs::write(at("netvitals/spool/new"), "x").unwrap();
    });
}

/// `netvitals agent` where there is nobody to talk to, with a server that is not there.
fn agent(directory: &TempDir, args: &[&str]) -> Guarded {
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let mut command = Command::new("unshare");
    command.args([
        "--net",
        EXE,
        "agent",
        "--config",
        "/dev/null",
        "-v",
        "--interval",
        "1s",
    ]);
    command.args([
        "--no-ptr",
        "--discovery",
        "off",
        "--api-url",
        "http://127.0.0.1:9/",
    ]);
    command.args(["--state-file", &at("netvitals/state.json")]);
    command.args(["--spool", &at("netvitals/spool")]).args(args);
    let errors = fs::File::create(at("stderr")).unwrap();
    let process = command.stdin(Stdio::null()).stdout(Stdio::null());
    Guarded(process.stderr(errors).spawn().unwrap())
}

fn ask(directory: &TempDir) -> Output {
    let path = directory.path().join("netvitals/state.json");
    let mut command = Command::new(EXE);
    command.args(["status", "--json", "--state-file"]).arg(path);
    command.output().unwrap()
}

/// Runs the agent; each of its threads must be as `expected` says, and what it writes belong to
/// `uid`.
#[track_caller]
fn agent_is(args: &[&str], uid: u32, expected: &[(&str, &str)]) {
    if !getuid().is_root() {
        return skip("rights can be given up by root only");
    }
    let directory = TempDir::new();
    // As from a time when it was root's.
    fs::create_dir_all(directory.path().join("netvitals/spool")).unwrap();
    let mut agent = agent(&directory, args);
    let said = || fs::read_to_string(directory.path().join("stderr")).unwrap();
    let start = Instant::now();
    while !ask(&directory).status.success() {
        let late = start.elapsed() > Duration::from_secs(20);
        assert!(!late, "no state: {}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = agent.0.id().to_string();
    let count = threads(&pid, &[NO_MORE, expected].concat());
    assert!(count >= 2, "no thread sends: {}", said());
    assert!(said().contains("rights: user"), "{}", said());
    let state = fs::metadata(directory.path().join("netvitals/state.json")).unwrap();
    assert_eq!((state.uid(), state.mode() & 0o7777), (uid, 0o640));
    let answer = object(&ask(&directory));
    assert!(
        answer.contains_key("capture") && answer.contains_key("health"),
        "{answer:?}"
    );
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(Duration::from_secs(10)), Some(0), "{}", said());
    assert!(!said().contains("cannot write"), "{}", said());
    let ended = ask(&directory);
    assert!(ended.status.code() == Some(1) && stderr(&ended).is_empty());
    let ended = String::from_utf8(ended.stdout).unwrap();
    assert!(
        ended.contains(&format!("process {pid} has ended")),
        "{ended}"
    );
}

#[test]
fn no_thread_of_the_agent_has_more_than_it_needs() {
    let root = [("CapEff", NET_RAW), ("CapPrm", NET_RAW), ("Uid", "0 0 0 0")];
    agent_is(&[], 0, &root);
}

#[test]
fn every_thread_of_the_agent_is_the_user_s() {
    let four = "64123 64123 64123 64123";
    let user = [
        ("Uid", four),
        ("Gid", four),
        ("Groups", ""),
        ("CapPrm", NET_RAW),
    ];
    agent_is(&["--user", USER], 64_123, &user);
    let both = "0000000000002004";
    let user = [("Uid", four), ("CapEff", both), ("CapPrm", both)];
    agent_is(&["--user", USER, "--conntrack"], 64_123, &user);
}
