// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals agent` as another user, who may not read what root could: SIGHUP keeps the old
//! configuration until that is mended.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Signal, getuid};

mod support;

use support::tempdir::TempDir;
use support::{EXE, Guarded};

/// Nobody has this number.
const USER: &str = "64123";

#[test]
fn what_the_user_may_not_read_changes_nothing_at_sighup() {
    if !getuid().is_root() {
        return support::skip::skip("only root can become another user");
    }
    let directory = TempDir::new();
    let at = |name: &str| directory.path().join(name);
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    fs::write(
        at("config"),
        "config netvitals 'main'\n\toption interval '1s'\n",
    )
    .unwrap();
    fs::set_permissions(at("config"), Permissions::from_mode(0o600)).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--net", EXE, "agent", "-v", "--no-ptr", "--state-file", ""]);
    command
        .args(["--discovery", "off", "--user", USER, "--config"])
        .arg(at("config"));
    let errors = File::create(at("stderr")).unwrap();
    let documents = File::create(at("stdout")).unwrap();
    let command = command
        .stdin(Stdio::null())
        .stdout(documents)
        .stderr(errors);
    let mut agent = Guarded(command.spawn().unwrap());
    let said = || fs::read_to_string(at("stderr")).unwrap();
    let wait_for = |words: &str| {
        let start = Instant::now();
        while !said().contains(words) {
            let late = start.elapsed() > Duration::from_secs(20);
            assert!(!late, "no {words:?} in {}", said());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait_for("SIGHUP will change nothing until the agent's user may read it");
    assert!(
        said().contains(at("config").to_str().unwrap()),
        "{}",
        said()
    );
    agent.signal(Signal::HUP);
    wait_for("the old configuration goes on");
    fs::set_permissions(at("config"), Permissions::from_mode(0o644)).unwrap();
    agent.signal(Signal::HUP);
    wait_for("configuration read again");
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(Duration::from_secs(10)), Some(0), "{}", said());
    assert_eq!(said().matches("SIGHUP will change nothing").count(), 1);
}
