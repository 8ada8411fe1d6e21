// SPDX-License-Identifier: MIT OR Apache-2.0
//! The spool in real directories: shared, killed, full, read-only, gone, and not ours.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use netvitals::sink::spool::{Spool, SpoolError};
use netvitals::sys::spool_directory::SpoolDirectory;

#[path = "support/queue.rs"]
mod queue;
#[path = "support/skip.rs"]
mod skip;
#[path = "support/tempdir.rs"]
mod tempdir;
use queue::*;
use tempdir::TempDir;

const X: u64 = 0x1111;

fn open(path: &Path, start_id: u64) -> Result<Spool<SpoolDirectory>, SpoolError> {
    let directory = SpoolDirectory::at(path.to_str().unwrap())?;
    Spool::open(directory, origin(start_id), &[X], limits(64))
}

/// The test of this name in a process of its own, which works in the directory `path`.
fn again(test: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env("SPOOL_TEST_DIRECTORY", path);
    command
}

/// Where to work, in such a process.
fn here() -> Option<std::path::PathBuf> {
    std::env::var_os("SPOOL_TEST_DIRECTORY").map(Into::into)
}

#[test]
fn the_directory_is_made_and_private() {
    let directory = TempDir::new();
    let path = directory.path().join("netvitals/spool");
    let mut spool = open(&path, 1).unwrap();
    put(&mut spool, 1, 1, 100).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
    let files: Vec<_> = fs::read_dir(&path).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 2);
    for file in files {
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o600);
    }
    let deeper = directory.path().join("absent/netvitals/spool");
    assert!(
        open(&deeper, 1).is_err(),
        "no more than two levels are made"
    );
}

#[test]
fn what_others_could_have_put_there_is_refused() {
    let directory = TempDir::new();
    let shared = directory.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    let real = directory.path().join("real");
    fs::create_dir(&real).unwrap();
    symlink(&real, shared.join("link")).unwrap();
    symlink(&real, directory.path().join("mine")).unwrap();
    assert!(open(&shared.join("link"), 1).is_err());
    assert!(open(&shared.join("link/spool"), 1).is_err());
    let error = open(&shared, 1).unwrap_err().to_string();
    assert!(error.contains("others may write"), "{error}");
    assert!(open(&shared.join("spool"), 1).is_ok());
    assert!(open(&directory.path().join("mine/spool"), 1).is_ok());
    // Neither are links among the files followed, nor anything else taken for a segment.
    let spool = real.join("spool");
    symlink(
        "/etc/hostname",
        spool.join("0000000001-0000000000000001.seg"),
    )
    .unwrap();
    fs::create_dir(spool.join("0000000002-0000000000000001.seg")).unwrap();
    let mut spool = open(&spool, 2).unwrap();
    assert_eq!(take(&mut spool, 0), []);
    put(&mut spool, 2, 1, 100).unwrap();
    assert_eq!(take(&mut spool, 0), [(2, 1)]);
}

#[test]
fn two_share_a_directory_and_one_of_them_sends() {
    let directory = TempDir::new();
    let mut service = open(directory.path(), 1).unwrap();
    let mut run = open(directory.path(), 2).unwrap();
    assert!(service.holds_lock() && !run.holds_lock());
    put(&mut run, 2, 1, 100).unwrap();
    assert_eq!(take(&mut service, 0), [(2, 1)]);
    put(&mut run, 2, 2, 100).unwrap();
    drop(run);
    assert_eq!(take(&mut service, 0), [(2, 2)]);
    service.confirm(0).unwrap();
    service.close().unwrap();
    let names: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(open(directory.path(), 3).unwrap().holds_lock());
}

#[test]
fn killed_while_it_writes() {
    if let Some(path) = here() {
        let mut spool = open(&path, 1).unwrap();
        for sequence in 1.. {
            put(&mut spool, 1, sequence, 700).unwrap();
            println!("stored {sequence}");
            std::io::stdout().flush().unwrap();
        }
    }
    for lines in [1, 20, 63, 200] {
        let directory = TempDir::new();
        let mut child = again("killed_while_it_writes", directory.path());
        let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
        let mut stored = 0;
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut output = output.lines().map(Result::unwrap);
        let stored_line = |line: &String| line.rsplit_once("stored ")?.1.parse::<u64>().ok();
        while stored < lines {
            stored = stored.max(output.next().as_ref().and_then(stored_line).unwrap_or(0));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in output {
            stored = stored.max(stored_line(&line).unwrap_or(0));
        }
        let mut spool = open(directory.path(), 2).unwrap();
        assert!(spool.holds_lock());
        let documents = take(&mut spool, 0);
        let (first, last) = (documents[0].1, documents.last().unwrap().1);
        assert!(
            last == stored || last == stored + 1,
            "{stored} {documents:?}"
        );
        assert!(
            documents
                .iter()
                .map(|(_, sequence)| *sequence)
                .eq(first..=last)
        );
        assert!(first == 1 || documents.len() > 60);
        assert!(spool.counters().torn <= 1 && spool.counters().corrupt == 0);
    }
}

#[test]
fn a_vanished_directory_is_an_error() {
    let directory = TempDir::new();
    let path = directory.path().join("spool");
    let mut spool = open(&path, 1).unwrap();
    put(&mut spool, 1, 1, 100).unwrap();
    fs::remove_dir_all(&path).unwrap();
    for _ in 0..2 {
        match put(&mut spool, 1, 2, 100) {
            Err(SpoolError::Io(error)) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(spool.dropped(0), 1);
    // Files that somebody removed are another matter.
    let mut spool = open(&path, 2).unwrap();
    put(&mut spool, 2, 1, 100).unwrap();
    for entry in fs::read_dir(&path).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    put(&mut spool, 2, 2, 100).unwrap();
    assert_eq!(take(&mut spool, 0), [(2, 2)]);
    assert_eq!(spool.dropped(0), 1);
}

/// Runs the test of this name in a mount namespace of its own, on a tmpfs of 256 KiB.
fn in_mount_namespace(test: &str) -> Option<Output> {
    let directory = TempDir::new();
    let script = "mount -t tmpfs -o size=256k none . && exec \"$0\" \"$@\"";
    let inner = again(test, Path::new("."));
    let mut unshare = Command::new("unshare");
    unshare.args(["-rm", "sh", "-euc", script]);
    unshare.arg(inner.get_program()).args(inner.get_args());
    unshare
        .current_dir(directory.path())
        .env("SPOOL_TEST_DIRECTORY", directory.path());
    let output = unshare.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("unshare:") || stderr.contains("mount:") {
        skip::skip("user namespaces or mounts are not allowed");
        return None;
    }
    assert!(output.status.success(), "{output:?}");
    Some(output)
}

#[test]
fn a_full_tmpfs_costs_the_oldest_and_the_newest_arrive() {
    let Some(path) = here() else {
        in_mount_namespace("a_full_tmpfs_costs_the_oldest_and_the_newest_arrive");
        return;
    };
    let limits = limits(4_096);
    let directory = || SpoolDirectory::at(path.join("spool").to_str().unwrap()).unwrap();
    let mut spool = Spool::open(directory(), origin(1), &[X], limits).unwrap();
    for sequence in 1..=1_000 {
        put(&mut spool, 1, sequence, 1_000).unwrap();
    }
    let dropped = spool.dropped(0);
    assert!((750..900).contains(&dropped), "{dropped}");
    assert_eq!(spool.waiting(0).documents, 1_000 - dropped);
    let documents = take(&mut spool, 0);
    assert!(
        documents
            .iter()
            .map(|(_, sequence)| *sequence)
            .eq(dropped + 1..=1_000)
    );
    spool.confirm(0).unwrap();
    let confirmed = 1_000 - dropped;
    // Another program takes all that is left, and all that is freed: the newest stay.
    let filler = path.join("filler");
    for sequence in 1_001..=1_100 {
        put(&mut spool, 1, sequence, 1_000).unwrap();
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&filler);
        let _ = file.unwrap().write_all(&[0; 300_000]);
    }
    let dropped = spool.dropped(0);
    assert_eq!(take(&mut spool, 0).last(), Some(&(1, 1_100)));
    assert_eq!(spool.waiting(0).documents + dropped, 1_100 - confirmed);
    spool.confirm(0).unwrap();
    fs::remove_file(&filler).unwrap();
    put(&mut spool, 1, 1_101, 1_000).unwrap();
    assert_eq!(take(&mut spool, 0), [(1, 1_101)]);
    drop(spool);
    // Nor does a full disk keep it from starting.
    let _ = fs::write(&filler, vec![0; 300_000]);
    let mut spool = Spool::open(directory(), origin(2), &[X, 7], limits).unwrap();
    fs::remove_file(&filler).unwrap();
    put(&mut spool, 2, 1, 1_000).unwrap();
    assert_eq!(take(&mut spool, 1), [(2, 1)]);
}

#[test]
fn a_read_only_directory_is_an_error() {
    let Some(path) = here() else {
        in_mount_namespace("a_read_only_directory_is_an_error");
        return;
    };
    let spool = path.join("spool");
    put(&mut open(&spool, 1).unwrap(), 1, 1, 100).unwrap();
    let mut before = open(&spool, 2).unwrap();
    let remount = |how: &str| {
        let status = Command::new("mount").args(["-o", how]).arg(&path).status();
        assert!(status.unwrap().success());
    };
    remount("remount,ro");
    let error = put(&mut before, 2, 1, 100).unwrap_err();
    assert!(
        error.to_string().contains("Read-only file system"),
        "{error}"
    );
    assert_eq!(take(&mut before, 0), [(1, 1)]);
    drop(before);
    let error = open(&spool, 3).unwrap_err();
    assert!(
        error.to_string().contains("Read-only file system"),
        "{error}"
    );
    remount("remount,rw");
    assert_eq!(take(&mut open(&spool, 4).unwrap(), 0), [(1, 1)]);
}
