// SPDX-License-Identifier: MIT OR Apache-2.0
//! `tstat-cull`: what goes, and what must never go.
#![cfg(feature = "tstat")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use netvitals::sys::files::c_path;
use netvitals::sys::tree::Directory;

mod support;
use support::tempdir::TempDir;
use support::{EXE, refused, stderr};

const HOUR: Duration = Duration::from_secs(3_600);

fn cull(root: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(EXE);
    command.arg("tstat-cull").arg("-d").arg(root).args(more);
    command.output().unwrap()
}

/// A directory with a log, processed so long ago.
fn processed(root: &Path, path: &str, ago: Duration) {
    let path = root.join(path);
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("log_tcp_complete"), "x").unwrap();
    let mark = fs::File::create(path.join(".processed")).unwrap();
    mark.set_modified(SystemTime::now() - ago).unwrap();
}

fn remaining(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut search = vec![root.to_owned()];
    while let Some(path) = search.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                let path = entry.path();
                found.push(
                    path.strip_prefix(root)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned(),
                );
                search.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn only_what_was_processed_long_enough_ago_goes() {
    let root = TempDir::new();
    processed(root.path(), "old.out", 48 * HOUR);
    processed(root.path(), "x/old.out", 100 * HOUR);
    processed(root.path(), "new.out", 47 * HOUR);
    processed(root.path(), "old", 100 * HOUR);
    fs::create_dir(root.path().join("fresh.out")).unwrap();
    fs::write(root.path().join("fresh.out/log_tcp_complete"), "x").unwrap();
    let before = remaining(root.path());
    let output = cull(root.path(), &["--dry-run"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        stderr(&output).matches("would be removed").count(),
        2,
        "{output:?}"
    );
    assert_eq!(remaining(root.path()), before);
    assert_eq!(cull(root.path(), &[]).status.code(), Some(0));
    assert_eq!(remaining(root.path()), ["fresh.out", "new.out", "old", "x"]);
    assert_eq!(cull(root.path(), &["--ttl", "47"]).status.code(), Some(0));
    assert_eq!(remaining(root.path()), ["fresh.out", "old", "x"]);
}

#[test]
fn the_ttl_is_in_hours_or_has_a_unit() {
    for (ttl, stays) in [
        ("1", true),
        ("0.5", false),
        ("40m", true),
        ("1800s", false),
        ("1d", true),
    ] {
        let root = TempDir::new();
        processed(root.path(), "a.out", Duration::from_secs(35 * 60));
        assert_eq!(cull(root.path(), &["-t", ttl]).status.code(), Some(0));
        assert_eq!(remaining(root.path()).len(), usize::from(stays), "{ttl}");
    }
    let root = TempDir::new();
    refused(&cull(root.path(), &["-t", "soon"]), 2, &["option '--ttl'"]);
    let output = Command::new(EXE).arg("tstat_cull").output().unwrap();
    refused(&output, 2, &["'--directory' is required"]);
    refused(&cull(Path::new("/no/such"), &[]), 2, &["/no/such"]);
}

#[test]
fn a_mark_of_the_future_is_not_old() {
    let root = TempDir::new();
    processed(root.path(), "a.out", Duration::ZERO);
    let mark = fs::File::options()
        .append(true)
        .open(root.path().join("a.out/.processed"));
    mark.unwrap()
        .set_modified(SystemTime::now() + 1_000 * HOUR)
        .unwrap();
    assert_eq!(cull(root.path(), &["-t", "0"]).status.code(), Some(0));
    assert_eq!(remaining(root.path()), ["a.out"]);
}

#[test]
fn no_link_leads_out_of_the_tree() {
    let root = TempDir::new();
    let (tree, outside) = (root.path().join("tree"), root.path().join("outside"));
    processed(&outside, "b.out", 100 * HOUR);
    fs::create_dir_all(outside.join("kept")).unwrap();
    fs::write(outside.join("kept/file"), "x").unwrap();
    processed(&tree, "a.out", 100 * HOUR);
    symlink(&outside, tree.join("outside")).unwrap();
    symlink(outside.join("b.out"), tree.join("b.out")).unwrap();
    symlink(outside.join("kept"), tree.join("a.out/kept")).unwrap();
    symlink(outside.join("kept/file"), tree.join("a.out/file")).unwrap();
    // A directory that is no directory for logs, but whose mark is a link.
    fs::create_dir(tree.join("c.out")).unwrap();
    symlink(
        outside.join("b.out/.processed"),
        tree.join("c.out/.processed"),
    )
    .unwrap();
    assert_eq!(cull(&tree, &[]).status.code(), Some(0));
    assert!(!tree.join("a.out").exists() && tree.join("c.out").exists());
    assert!(outside.join("b.out/.processed").exists() && outside.join("kept/file").exists());
}

#[test]
fn a_directory_that_holds_one_to_keep_stays_whole() {
    let root = TempDir::new();
    processed(root.path(), "a.out", 100 * HOUR);
    processed(root.path(), "a.out/x/done.out", 100 * HOUR);
    processed(root.path(), "a.out/x/new.out", HOUR);
    processed(root.path(), "b.out/x/done.out", 100 * HOUR);
    processed(root.path(), "b.out", 100 * HOUR);
    let output = cull(root.path(), &[]);
    assert!(stderr(&output).contains("a.out: left, for directories in it are to stay"));
    assert_eq!(
        remaining(root.path()),
        ["a.out", "a.out/x", "a.out/x/new.out"]
    );
    assert!(root.path().join("a.out/log_tcp_complete").exists());
}

#[test]
fn what_another_process_works_on_stays() {
    let root = TempDir::new();
    processed(root.path(), "a.out", 100 * HOUR);
    let path = c_path(root.path().join("a.out").to_str().unwrap()).unwrap();
    let other = Directory::open(&path).unwrap();
    assert!(other.lock().unwrap());
    assert_eq!(cull(root.path(), &[]).status.code(), Some(0));
    assert_eq!(remaining(root.path()), ["a.out"]);
    drop(other);
    assert_eq!(cull(root.path(), &[]).status.code(), Some(0));
    assert!(remaining(root.path()).is_empty());
}
