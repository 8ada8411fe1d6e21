// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netmon` as a user meets it: options, input, exit status.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, Instant};

mod support;
use support::tempdir::TempDir;
use support::*;

#[test]
fn a_live_run_shows_every_interface_of_the_machine() {
    let output = netmon(&["--interval", "100ms"]);
    let object = object(&output);
    let table = fs::read_to_string("/proc/net/dev").unwrap();
    for line in table.lines().skip(2) {
        let name = line.rsplit_once(':').unwrap().0.trim();
        assert!(object.contains_key(name), "{name} is missing");
    }
    assert!(stderr(&output).is_empty());
}

#[test]
fn options_have_many_spellings() {
    for args in [
        &["--inter_face", "a*", "--pprint"][..],
        &["--interface=a*", "--p-print"],
        &["-ia*"],
        &["-i=a*", "-v"],
        &["-vi", "a*"],
        &["-vvia*"],
    ] {
        let output = replay(
            format!("{HEADER}{}{}", line("ab"), line("b")).as_bytes(),
            args,
        );
        let keys: Vec<_> = object(&output).keys().cloned().collect();
        assert_eq!(keys, ["ab", "host"], "{args:?}");
    }
}

#[test]
fn wrong_usage_is_named_and_ends_with_2() {
    for (args, words) in [
        (
            &["--interval", "0"][..],
            &["--interval", "'0'", "100ms to 1d"][..],
        ),
        (
            &["--interval", "-3"],
            &["--interval", "'-3'", "100ms to 1d"],
        ),
        (&["--interval", "99ms"], &["100ms to 1d"]),
        (&["--interval"], &["--interval", "needs a value"]),
        (&["--count", "x"], &["--count", "'x'"]),
        (&["--bogus=\u{1b}[2J"], &["no option '--bogus'", "--help"]),
        (&["--\u{1b}[2J\n"], &["\\u{1b}[2J\\u{a}"]),
        (&["-x"], &["no option '-x'"]),
        (&["--pprint=1"], &["takes no value"]),
        (&["surplus"], &["surplus"]),
        (&["--replay", "a"], &["--replay", "needs 2 values"]),
        (
            &["--replay", "a", "b", "--elapsed", "0"],
            &["--elapsed", "'0'"],
        ),
        (&["--replay", "a", "b", "--count", "2"], &["--replay"]),
        (&["--elapsed", "1"], &["--replay"]),
        (&["--logappend"], &["--logpath"]),
        (&["--logpath", "x", "--rotate-kib", "1"], &["--logappend"]),
        (
            &["--logpath", "x", "--logappend=maybe"],
            &["--logappend", "'maybe'", "yes no"],
        ),
        (&["--esuser", "x"], &["--es", "--eshost"]),
        (&["--spool", "/tmp/x"], &["--spool", "--eshost"]),
        (&["--eshost", "ftp://x"], &["--eshost", "not an address"]),
        (&["--eshost", "u:p@x"], &["--eshost", "not belong"]),
        (&["--eshost", "x", "--esindex", "A"], &["--esindex", "'A'"]),
        (&["--netmon"], &["no option"]),
        (&["---pprint_"], &["no option"]),
        (&["--quiet", "-v"], &["--quiet"]),
    ] {
        refused(&netmon(args), 2, words);
    }
    refused(
        &Command::new(EXE).arg("netmom").output().unwrap(),
        2,
        &["no applet 'netmom'"],
    );
    refused(
        &Command::new(EXE)
            .arg("netmon")
            .env("NETVITALS_LOG", "loud")
            .output()
            .unwrap(),
        2,
        &["NETVITALS_LOG", "'loud'", "info"],
    );
}

#[test]
fn help_and_version_need_nothing() {
    let bare = |args: &[&str]| Command::new(EXE).args(args).env_clear().output().unwrap();
    let version = concat!("netvitals ", env!("CARGO_PKG_VERSION"), "\n");
    for args in [
        &["-V"][..],
        &["--version"],
        &["netmon", "-V"],
        &["netmon", "--bogus", "--version"],
    ] {
        let expected = if args.contains(&"--bogus") {
            Some(2)
        } else {
            Some(0)
        };
        assert_eq!(bare(args).status.code(), expected);
    }
    assert_eq!(bare(&["netmon", "-vV"]).stdout, version.as_bytes());
    for args in [
        &[][..],
        &["-h"],
        &["--help"],
        &["netmon", "-h"],
        &["netmon", "--logpath", "x", "--help"],
    ] {
        let output = bare(args);
        assert!(
            output.status.success() && output.stdout.starts_with(version.as_bytes()),
            "{args:?}"
        );
    }
    let help = String::from_utf8(bare(&["netmon", "--help"]).stdout).unwrap();
    let examples = help.split_once("Examples:").unwrap().1;
    assert_eq!(examples.matches("$ netmon").count(), 2);
    assert!(
        help.contains("-V, --version") && help.contains("--eshost"),
        "{help}"
    );
    assert!(
        String::from_utf8(bare(&["--licenses"]).stdout)
            .unwrap()
            .contains("Copyright")
    );
}

#[test]
fn a_link_named_like_an_applet_is_that_applet() {
    let directory = TempDir::new();
    let link = directory.path().join("netmon");
    symlink(EXE, &link).unwrap();
    let bare = Command::new(&link).output().unwrap();
    assert_eq!(bare.status.code(), Some(1), "as the original");
    assert!(bare.stdout.windows(9).any(|w| w == b"--logpath") && bare.stderr.is_empty());
    let run = Command::new(&link)
        .args(["--interval", "100ms"])
        .output()
        .unwrap();
    assert!(object(&run).contains_key("host"));
}

#[test]
fn windows_follow_each_other() {
    let start = Instant::now();
    let output = netmon(&["--interval", "100ms", "--count", "5", "-i", "lo"]);
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(500), "{took:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 5);
    assert!(
        text.lines()
            .all(|line| line.starts_with("{\"lo\":{\"recv_bytes\":"))
    );
}

#[test]
fn files_that_are_not_proc_net_dev_are_errors() {
    refused(&replay(b"", &[]), 1, &["head lines"]);
    refused(&replay(b"one line\n", &[]), 1, &["head lines"]);
    refused(
        &replay(line("eth0").repeat(3).as_bytes(), &[]),
        1,
        &["head lines"],
    );
    refused(
        &netmon(&["--replay", "/nonexistent", "/dev/null"]),
        1,
        &["/nonexistent", "No such file"],
    );
    refused(
        &netmon(&["--replay", "/", "/"]),
        1,
        &["cannot read '/'", "directory"],
    );
    assert_eq!(
        object(&replay(HEADER.as_bytes(), &[]))
            .keys()
            .collect::<Vec<_>>(),
        ["host"]
    );
}

#[test]
fn an_unreadable_proc_is_an_error() {
    let script = format!("mount -t tmpfs none /proc && exec {EXE} netmon");
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", &script])
        .output()
        .unwrap();
    if stderr(&output).contains("unshare:") {
        return skip::skip("user namespaces are not allowed");
    }
    refused(&output, 1, &["cannot read '/proc/net/dev'", "mount /proc"]);
}

#[test]
fn more_interfaces_than_the_table_holds_are_left_out_counted_and_said() {
    let lines: String = (0..10_000).map(|i| line(&format!("if{i}"))).collect();
    let output = replay(format!("{HEADER}{lines}").as_bytes(), &[]);
    assert_eq!(object(&output).len(), 1_024 + 1);
    assert!(
        stderr(&output).contains("interfaces left out: 8976"),
        "{output:?}"
    );
    let output = replay(format!("{HEADER}{lines}").as_bytes(), &["-i", "if999*"]);
    assert_eq!(object(&output).len(), 11 + 1);
    assert!(stderr(&output).is_empty());
}

#[test]
fn odd_names_and_broken_lines_do_no_harm() {
    let mut text = HEADER.as_bytes().to_vec();
    for name in [
        "host",
        "a\"\\b",
        "\u{1F600}",
        "\u{1b}[31m",
        "twice",
        "twice",
    ] {
        text.extend_from_slice(line(name).as_bytes());
    }
    text.extend_from_slice(b"bad\xff\xfe: 1 2 3\nx\xff:");
    text.extend_from_slice(" 7".repeat(16).as_bytes());
    let output = replay(&text, &[]);
    let keys: Vec<_> = object(&output).keys().cloned().collect();
    assert_eq!(
        keys,
        [
            "\u{1b}[31m",
            "a\"\\b",
            "host",
            "twice",
            "x\u{fffd}",
            "\u{1F600}"
        ]
    );
    for words in [
        "interfaces left out: 1, named like a key",
        "lines left out: 1, a line before",
        "lines left out: 1, not a name",
    ] {
        assert!(stderr(&output).contains(words), "{words}: {output:?}");
    }
    assert!(stderr(&replay(&text, &["-i", "none*"])).contains("no interface matches"));
    assert!(stderr(&replay(&text, &["--quiet"])).is_empty());
}

#[test]
fn a_full_standard_output_is_an_error() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = Command::new(EXE)
        .args(["netmon", "--interval", "100ms"])
        .stdout(full)
        .output()
        .unwrap();
    refused(&output, 1, &["standard output", "No space left"]);
}

#[test]
fn a_broken_first_copy_is_said_too() {
    let directory = TempDir::new();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("before"), format!("{HEADER}eth0: 1 2 3\n")).unwrap();
    fs::write(path("after"), format!("{HEADER}{}", line("eth0"))).unwrap();
    let output = netmon(&["--replay", &path("before"), &path("after")]);
    assert_eq!(object(&output).len(), 1);
    assert!(
        stderr(&output).contains("before: lines left out: 1"),
        "{output:?}"
    );
}
