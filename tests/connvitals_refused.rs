// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals connvitals` where it cannot do what it is asked, or may not: each case has its line.

#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "support/path.rs"]
mod path;
mod support;

use std::process::{Command, Output};

use path::{at_a_path, connvitals, sh, told};
use support::{EXE, refused};

#[test]
fn odd_words_are_refused() {
    for (words, said) in [
        ("", &["0 hosts are named"][..]),
        ("-p -3 10.3.0.2", &["'--pings' '-3'", "0 to 1000"]),
        ("-p 1001 10.3.0.2", &["'--pings' '1001'"]),
        ("-H 256 10.3.0.2", &["'--hops' '256'", "0 to 255"]),
        ("-H -1 10.3.0.2", &["'--hops' '-1'"]),
        (
            "--payload-size 65508 10.3.0.2",
            &["'--payload-size' '65508'", "0 to 65507"],
        ),
        ("--timeout 1ms 10.3.0.2", &["--timeout", "10ms to 1m"]),
        ("--spacing 2m 10.3.0.2", &["--spacing", "0 to 1m"]),
        ("--rate 0 10.3.0.2", &["--rate", "1 to 100000"]),
        (
            "--trace-mode tcp 10.3.0.2",
            &["'--trace-mode' 'tcp'", "udp, icmp"],
        ),
        ("--ports 22,,80 10.3.0.2", &["--ports", "1 to 65535"]),
        ("--ports 0 10.3.0.2", &["--ports", "'0'"]),
        ("--ports 65536 10.3.0.2", &["--ports", "'65536'"]),
        ("-46 10.3.0.2", &["-4 excludes -6"]),
        ("-x 10.3.0.2", &["-x", "connvitals --help"]),
    ] {
        let output = connvitals(words);
        refused(&output, 2, said);
        assert!(
            output.stderr.starts_with(b"connvitals: error: "),
            "{output:?}"
        );
    }
    let hosts = "10.3.0.2 ".repeat(4_097);
    refused(&connvitals(&hosts), 2, &["4097 hosts", "4096"]);
}

#[test]
fn help_and_version_need_nothing() {
    let said = |words: &str| {
        let output = connvitals(words);
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(said("-h").contains("--payload-size"));
    assert!(said("--version").starts_with("netvitals "));
    assert_eq!(said("-V"), said("--version"));
}

/// Runs it as somebody who has no rights here; `None` where nobody can be that.
fn without_rights(words: &str) -> Option<Output> {
    let mut command = Command::new("unshare");
    command.args(["--user", EXE, "connvitals"]);
    let output = command.args(words.split(' ')).output().unwrap();
    if output.stderr.starts_with(b"unshare:") {
        support::skip::skip(&String::from_utf8_lossy(&output.stderr));
        return None;
    }
    Some(output)
}

#[test]
fn without_rights_the_remedy_is_named() {
    at_a_path("without_rights_the_remedy_is_named", |_| {
        sh("echo '1 0' >/proc/sys/net/ipv4/ping_group_range");
        for words in ["10.3.0.2", "-tP 10.3.0.2", "fd03::2"] {
            if let Some(output) = without_rights(words) {
                let remedies = ["cap_net_raw+ep", "run as root", "ping_group_range"];
                refused(&output, 1, &remedies);
                let said = b"EE: Exception: sending ICMP is not allowed";
                assert!(output.stderr.starts_with(said), "{output:?}");
            }
        }
        // Connections need no rights.
        if let Some(output) = without_rights("-sP 10.3.0.2") {
            assert!(output.status.success(), "{output:?}");
        }
    });
}

#[test]
fn without_rights_datagrams_do_where_they_are_allowed() {
    at_a_path("without_rights_datagrams_do_where_they_are_allowed", |_| {
        sh("echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range");
        let Some(output) = without_rights("-t -p3 10.3.0.2 10.8.0.1 127.0.0.1") else {
            return;
        };
        assert!(output.status.success(), "{output:?}");
        let warnings = String::from_utf8(output.stderr).unwrap();
        assert_eq!(warnings.lines().count(), 1, "{warnings}");
        assert!(warnings.contains("traces by ICMP"), "{warnings}");
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].ends_with("\t0.000"), "{text}");
        let hop = |line: usize| lines[line].split('\t').next().unwrap();
        assert_eq!(
            [hop(2), hop(3), hop(4)],
            ["10.1.0.1", "10.2.0.2", "10.3.0.2"],
            "{text}"
        );
        assert_eq!(lines[6], "-1.000\t-1.000\t-1.000\t-1.000\t100.000");
    });
}

#[test]
fn a_broadcast_address_is_said_to_be_one() {
    at_a_path("a_broadcast_address_is_said_to_be_one", |_| {
        let output = connvitals("-p3 10.1.0.255");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            text,
            "10.1.0.255\n-1.000\t-1.000\t-1.000\t-1.000\t100.000\n"
        );
        let warnings = String::from_utf8(output.stderr).unwrap();
        assert_eq!(warnings.lines().count(), 1, "{warnings}");
        assert!(
            warnings.starts_with("WW: cannot send to 10.1.0.255: ")
                && warnings.contains("broadcast"),
            "{warnings}"
        );
    });
}

#[test]
fn two_runs_at_once_do_not_hear_each_other() {
    at_a_path("two_runs_at_once_do_not_hear_each_other", |_| {
        let runs: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| told("-v -p50 --spacing 2ms 10.3.0.2")))
            .collect();
        for run in runs {
            let text = run.join().unwrap();
            assert!(text.ends_with("\t0.000\n"), "{text}");
        }
    });
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_tls_https_is_none_and_one_warning_says_why() {
    at_a_path("without_tls_https_is_none_and_one_warning_says_why", |_| {
        path::serve("10.3.0.2", 443, drop);
        let output = connvitals("-jsP 10.3.0.2 10.3.0.102");
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.matches(r#""https":"None""#).count(), 2, "{text}");
        let warnings = String::from_utf8(output.stderr).unwrap();
        assert_eq!(warnings.lines().count(), 1, "{warnings}");
        assert!(warnings.contains("no TLS"), "{warnings}");
    });
}

#[cfg(feature = "tls")]
#[path = "support/secure.rs"]
mod secure;

#[cfg(feature = "tls")]
#[test]
fn a_certificate_need_not_be_valid_and_what_it_is_worth_is_told_when_asked() {
    let name = "a_certificate_need_not_be_valid_and_what_it_is_worth_is_told_when_asked";
    at_a_path(name, |_| {
        if !path::has("openssl") {
            return support::skip::skip("openssl is not installed");
        }
        secure::serve_https("10.3.0.2", b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n");
        let plain = told("-jsP server.test");
        assert!(
            plain.contains(r#""response code":"200","server":"x"},"mysql""#),
            "{plain}"
        );
        let judged = told("-jP --tls server.test");
        let tls =
            r#""server":"x","tls":{"valid":false,"days":57,"error":"unknown issuer"}},"mysql""#;
        assert!(judged.contains(tls), "{judged}");
        assert!(
            !told("-sP server.test").contains("None, "),
            "text has no extra"
        );
    });
}
