// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where `netmon` writes to: newest or all, put aside, full and read-only disks.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output};

use miniserde::json::{self, Value};

mod support;
use support::tempdir::TempDir;
use support::*;

#[test]
fn the_file_holds_the_newest_document_or_all() {
    let directory = TempDir::new();
    let logs = directory.path().join("new");
    let path = logs.to_str().unwrap();
    let run = |args: &[&str]| {
        let output = replay(HEADER.as_bytes(), &[&["--logpath", path], args].concat());
        assert!(
            output.status.success() && output.stdout.is_empty(),
            "{output:?}"
        );
        fs::read_to_string(logs.join("netmon.log"))
            .unwrap()
            .lines()
            .count()
    };
    assert_eq!(
        (run(&[]), run(&[]), run(&["--logappend", "False"])),
        (1, 1, 1)
    );
    assert_eq!(
        (
            run(&["--logappend"]),
            run(&["--logappend", "True"]),
            run(&["--log_append=1"])
        ),
        (2, 3, 4)
    );
    assert_eq!(
        fs::read_dir(&logs).unwrap().count(),
        1,
        "nothing else is left behind"
    );
    let output = replay(HEADER.as_bytes(), &["--logpath", path, "--pprint"]);
    assert!(
        output.stdout.starts_with(b"{\n    \"host\": "),
        "printed besides"
    );
    assert_eq!(run(&[]), 1);
}

#[test]
fn an_appended_line_after_a_torn_one_stands_alone() {
    let directory = TempDir::new();
    let log = directory.path().join("netmon.log");
    fs::write(&log, "{\"torn").unwrap();
    let output = replay(
        HEADER.as_bytes(),
        &[
            "--logpath",
            directory.path().to_str().unwrap(),
            "--logappend",
        ],
    );
    assert!(output.status.success());
    let text = fs::read_to_string(&log).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(json::from_str::<Value>(text.lines().last().unwrap()).is_ok());
}

#[test]
fn files_are_put_aside_before_they_grow_too_large() {
    let directory = TempDir::new();
    let path = directory.path().to_str().unwrap();
    let interfaces: String = (0..2).map(|i| line(&format!("if{i}"))).collect();
    for _ in 0..9 {
        let text = format!("{HEADER}{interfaces}");
        let args = [
            "--logpath",
            path,
            "--logappend",
            "--rotate-kib",
            "1",
            "--keep",
            "2",
        ];
        assert!(replay(text.as_bytes(), &args).status.success());
    }
    let mut files: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                entry.metadata().unwrap().len(),
            )
        })
        .collect();
    files.sort();
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["netmon.log", "netmon.log.1", "netmon.log.2"]);
    assert!(
        files.iter().all(|(_, len)| (1..=1_024).contains(len)),
        "{files:?}"
    );
}

#[test]
fn permissions_stay_and_what_is_no_file_is_not_replaced() {
    let directory = TempDir::new();
    let path = directory.path().to_str().unwrap();
    let log = directory.path().join("netmon.log");
    fs::write(&log, "old\n").unwrap();
    fs::set_permissions(&log, fs::Permissions::from_mode(0o640)).unwrap();
    let inode = fs::metadata(&log).unwrap().ino();
    assert!(
        replay(HEADER.as_bytes(), &["--logpath", path])
            .status
            .success()
    );
    let status = fs::metadata(&log).unwrap();
    assert_eq!(status.mode() & 0o7777, 0o640);
    assert_ne!(
        status.ino(),
        inode,
        "a reader of the old file keeps it whole"
    );
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    for args in [
        &["--logpath", path][..],
        &["--logpath", path, "--logappend"],
    ] {
        assert_eq!(replay(HEADER.as_bytes(), args).status.code(), Some(1));
        assert!(log.is_dir());
    }
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let output = replay(HEADER.as_bytes(), &["--logpath", file.to_str().unwrap()]);
    refused(&output, 1, &["--logpath", "not a directory"]);
    let output = replay(HEADER.as_bytes(), &["--logpath", "/nonexistent/deeper"]);
    refused(
        &output,
        1,
        &["--logpath '/nonexistent/deeper'", "No such file"],
    );
}

/// Runs a shell script in a mount namespace of its own.
fn in_mount_namespace(script: &str, directory: &Path) -> Option<Output> {
    let mut unshare = Command::new("unshare");
    unshare
        .args(["-rm", "sh", "-euc", script])
        .current_dir(directory)
        .env("EXE", EXE);
    let output = unshare.output().unwrap();
    if stderr(&output).contains("unshare:") || stderr(&output).contains("mount:") {
        skip::skip("user namespaces or mounts are not allowed");
        return None;
    }
    Some(output)
}

#[test]
fn a_full_or_read_only_disk_leaves_the_old_file_as_it_was() {
    let directory = TempDir::new();
    fs::write(
        directory.path().join("dev"),
        format!("{HEADER}{}", line("eth0")),
    )
    .unwrap();
    let script = r#"
        mkdir disk && mount -t tmpfs -o size=16k none disk
        printf 'old\n' > disk/netmon.log
        head -c 65536 /dev/zero > disk/filler 2>/dev/null || true
        for append in False True; do
            status=0
            "$EXE" netmon --replay dev dev --logpath disk --logappend $append || status=$?
            echo "status $status, $(ls disk | tr '\n' ' ')$(cat disk/netmon.log | head -c 20)"
        done
        rm disk/filler
        mount -o remount,ro disk
        for append in False True; do
            status=0
            "$EXE" netmon --replay dev dev --logpath disk --logappend $append || status=$?
            echo "status $status, $(cat disk/netmon.log | head -c 20)"
        done"#;
    let Some(output) = in_mount_namespace(script, directory.path()) else {
        return;
    };
    let shown = String::from_utf8(output.stdout.clone()).unwrap();
    let lines: Vec<_> = shown.lines().collect();
    // The page of the old file has room, so that appending to it can do what replacing cannot.
    assert_eq!(lines[0], "status 1, filler netmon.log old", "{output:?}");
    assert!(
        lines[1].starts_with("status 0, filler netmon.log old"),
        "{output:?}"
    );
    assert!(
        lines
            .iter()
            .filter(|line| line.starts_with("status 1, old"))
            .count()
            == 2,
        "{output:?}"
    );
    assert!(
        stderr(&output).contains("No space left on device"),
        "{output:?}"
    );
    assert_eq!(
        stderr(&output).matches("Read-only file system").count(),
        2,
        "{output:?}"
    );
}

#[test]
fn a_line_that_finds_no_room_is_taken_back() {
    let directory = TempDir::new();
    let lines: String = (0..100).map(|i| line(&format!("if{i}"))).collect();
    fs::write(directory.path().join("dev"), format!("{HEADER}{lines}")).unwrap();
    let script = r#"
        mkdir disk && mount -t tmpfs -o size=48k none disk
        for i in 1 2 3 4; do
            "$EXE" netmon --replay dev dev --logpath disk --logappend || echo failed
        done
        cp disk/netmon.log ."#;
    let Some(output) = in_mount_namespace(script, directory.path()) else {
        return;
    };
    assert!(String::from_utf8(output.stdout).unwrap().contains("failed"));
    let text = fs::read_to_string(directory.path().join("netmon.log")).unwrap();
    assert!(text.ends_with("}\n") && text.lines().count() >= 1);
    assert!(
        text.lines()
            .all(|line| json::from_str::<Value>(line).is_ok())
    );
}

#[test]
fn a_link_is_neither_followed_nor_replaced() {
    let directory = TempDir::new();
    let victim = directory.path().join("victim");
    fs::write(&victim, "victim\n").unwrap();
    std::os::unix::fs::symlink(&victim, directory.path().join("netmon.log")).unwrap();
    let path = directory.path().to_str().unwrap();
    for args in [
        &["--logpath", path][..],
        &["--logpath", path, "--logappend"],
    ] {
        refused(
            &replay(HEADER.as_bytes(), args),
            1,
            &["not an ordinary file", "remove it"],
        );
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "victim\n");
}

#[test]
fn a_limit_of_the_file_size_is_an_error_and_leaves_no_half_line() {
    let directory = TempDir::new();
    let lines: String = (0..100).map(|i| line(&format!("if{i}"))).collect();
    fs::write(directory.path().join("dev"), format!("{HEADER}{lines}")).unwrap();
    for append in ["False", "True"] {
        let script = format!(
            "ulimit -f 8; exec {EXE} netmon --replay dev dev --logpath log --logappend {append}"
        );
        let mut command = Command::new("sh");
        let output = command
            .args(["-c", &script])
            .current_dir(directory.path())
            .output()
            .unwrap();
        refused(&output, 1, &["netmon.log", "File too large", "ulimit -f"]);
    }
    let left: Vec<_> = fs::read_dir(directory.path().join("log"))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 1, "no temporary file stays: {left:?}");
    assert_eq!(
        fs::read(directory.path().join("log/netmon.log")).unwrap(),
        b""
    );
}

#[test]
fn a_file_that_somebody_holds_is_not_waited_for() {
    let directory = TempDir::new();
    let path = directory.path().to_str().unwrap();
    let log = fs::File::create(directory.path().join("netmon.log")).unwrap();
    log.lock().unwrap();
    let start = std::time::Instant::now();
    let output = replay(HEADER.as_bytes(), &["--logpath", path, "--logappend"]);
    refused(&output, 1, &["another process holds it"]);
    assert!(start.elapsed() < std::time::Duration::from_secs(3));
}

#[test]
fn writers_side_by_side_lose_and_tear_nothing() {
    let directory = TempDir::new();
    let path = directory.path().to_str().unwrap().to_owned();
    fs::write(
        directory.path().join("dev"),
        format!("{HEADER}{}", line("eth0")),
    )
    .unwrap();
    let writer = || {
        let dev = format!("{path}/dev");
        let log = format!("{path}/log");
        for _ in 0..20 {
            let args = ["--replay", &dev, &dev, "--logpath", &log, "--logappend"];
            let output = netmon(&[&args[..], &["--rotate-kib", "2", "--keep", "99"]].concat());
            assert!(output.status.success(), "{output:?}");
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(writer);
        }
    });
    let mut count = 0;
    for entry in fs::read_dir(directory.path().join("log")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(text.len() <= 2_048, "{}", text.len());
        assert!(
            text.lines()
                .all(|line| json::from_str::<Value>(line).is_ok())
        );
        count += text.lines().count();
    }
    assert_eq!(count, 80);
}
