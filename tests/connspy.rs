// SPDX-License-Identifier: MIT OR Apache-2.0
//! `connspy` against recorded cases, byte for byte; `tests/conformance/connspy` says where from.
#![cfg(feature = "connspy")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use miniserde::json::{self, Object, Value};

mod support;
use support::EXE;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/connspy/cases")
}

/// Runs an applet in the directory of a case.
fn run(case: &Path, applet: &str, args: &[&str]) -> Output {
    let mut command = Command::new(EXE);
    let command = command.arg(applet).args(args).current_dir(case);
    command.output().unwrap()
}

fn read(case: &Path) -> Object {
    let text = std::fs::read_to_string(case.join("case.json")).unwrap();
    match json::from_str(&text).unwrap() {
        Value::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

fn text(object: &Object, key: &str) -> String {
    match object.get(key) {
        Some(Value::String(text)) => text.clone(),
        other => panic!("{key}: {other:?}"),
    }
}

/// A count; what a case does not name is 0.
fn count(object: &Object, key: &str) -> u64 {
    match object.get(key) {
        Some(Value::Number(json::Number::U64(count))) => *count,
        None => 0,
        other => panic!("{key}: {other:?}"),
    }
}

#[track_caller]
fn check(case: &Path, applet: &str, args: &[&str], expected: &str) {
    let output = run(case, applet, args);
    assert!(output.status.success(), "{case:?} {output:?}");
    let expected = std::fs::read_to_string(case.join(expected)).unwrap();
    let written = String::from_utf8(output.stdout).unwrap();
    assert_eq!(written, expected, "{case:?} {applet} {args:?}");
}

#[test]
fn every_case_gives_the_same_bytes() {
    let mut seen = 0;
    for entry in std::fs::read_dir(cases()).unwrap() {
        let case = entry.unwrap().path();
        let object = read(&case);
        let line = text(&object, "doc_cli");
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        for threads in ["--threads=1", "--threads=2"] {
            check(
                &case,
                "connspy",
                &[&words[..], &[threads]].concat(),
                "expected.txt",
            );
        }
        if case.join("expected-both.txt").exists() {
            let unsaid = |word: &&&str| !["--busiest_from_host", "--hourly"].contains(*word);
            let words: Vec<&str> = words.iter().filter(unsaid).copied().collect();
            check(&case, "connspy-stream", &words, "expected-both.txt");
            let both = [&words[..], &["--hourly", "--busiest_host"]].concat();
            check(&case, "connspy", &both, "expected-both.txt");
        }
        let told = run(&case, "connspy", &[&words[..], &["--summary"]].concat());
        let told = String::from_utf8(told.stderr).unwrap();
        let counts = format!(
            " {} malformed, {} late, {} rows\n",
            count(&object, "malformed_lines"),
            count(&object, "late_lines_dropped"),
            std::fs::read_to_string(case.join("expected.txt"))
                .unwrap()
                .lines()
                .count()
        );
        assert!(
            told.ends_with(&counts) && told.lines().count() == 1,
            "{case:?} {told}"
        );
        seen += 1;
    }
    assert_eq!(seen, 17);
}
