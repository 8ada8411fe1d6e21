// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netmon` to servers: what is asked, what each answer leads to, what the user is told.
#![cfg(feature = "http")]

use std::process::Command;
use std::time::{Duration, Instant};

use miniserde::json::{self, Value};

mod support;
use support::sending::*;
use support::server::{Reply, Request, Server};
use support::tempdir::TempDir;
use support::{EXE, refused, stderr};

#[test]
fn a_document_is_created_under_its_identity_with_its_time_in_front() {
    let server = Server::start(|_, _| status(201));
    done(&elastic(&server, &[]));
    let [
        Request {
            method, path, body, ..
        },
    ] = &server.requests()[..]
    else {
        panic!()
    };
    assert_eq!(method, "PUT");
    let identity = path.strip_prefix("/netmon/_create/").unwrap();
    assert_eq!(sequence(identity), 1);
    let text = std::str::from_utf8(body).unwrap();
    let times = text.strip_prefix("{\"timestamp\":\"").unwrap();
    assert_eq!(&times[26..43], "\",\"@timestamp\":\"2");
    assert_eq!(&times[65..76], "Z\",\"lo\":{\"r");
    let Value::Object(object) = json::from_str(text).unwrap() else {
        panic!()
    };
    assert_eq!(object.len(), 4);
}

#[test]
fn requests_have_the_forms_of_old_and_new_servers() {
    let server = Server::start(|_, _| status(201));
    done(&elastic(
        &server,
        &["--estype", "netmon", "--esindex", "not-netmon"],
    ));
    done(&elastic(&server, &["--es-auto-id"]));
    done(&elastic(&server, &["--es-auto-id", "--estype", "t"]));
    let [typed, auto, auto_typed] = &server.requests()[..] else {
        panic!()
    };
    assert_eq!(typed.method, "PUT");
    let identity = typed.path.strip_prefix("/not-netmon/netmon/").unwrap();
    assert_eq!(
        sequence(identity.strip_suffix("?op_type=create").unwrap()),
        1
    );
    assert_eq!(
        (auto.method.as_str(), auto.path.as_str()),
        ("POST", "/netmon/_doc")
    );
    assert_eq!(auto_typed.path, "/netmon/t");
    for request in server.requests() {
        assert_eq!(request.header("content-type"), "application/json");
        assert_eq!(
            request.header("user-agent"),
            concat!("netvitals/", env!("CARGO_PKG_VERSION"))
        );
    }
}

#[test]
fn secrets_come_from_options_files_and_the_environment() {
    let directory = TempDir::new();
    let file = directory.path().join("secret");
    std::fs::write(&file, "p@sSw0rD\nsecond line\n").unwrap();
    let file = file.to_str().unwrap();
    let server = Server::start(|_, _| status(201));
    let basic = "Basic dXNlcjpwQHNTdzByRA==";
    let url = format!("http://{}", server.address);
    let environment = [
        ("NETVITALS_ES_USER", "user"),
        ("NETVITALS_ES_PASSWORD", "p@sSw0rD"),
        ("NETVITALS_API_KEY", "from-environment"),
    ];
    for (args, expected) in [
        (
            &["--eshost", &url, "--esuser", "user", "--espwd", "p@sSw0rD"][..],
            basic,
        ),
        (
            &["--eshost", &url, "--es-user=user", "--es-pwd-file", file],
            basic,
        ),
        (&["--eshost", &url], basic),
        (
            &["--eshost", &url, "--es-api-key-file", file],
            "ApiKey p@sSw0rD",
        ),
        (&["--api-url", &url, "--api-key", "k"], "Bearer k"),
        (&["--apiurl", &url], "Bearer from-environment"),
    ] {
        let mut command = Command::new(EXE);
        command
            .args(["netmon", "--interval", "100ms"])
            .args(args)
            .envs(environment);
        done(&command.output().unwrap());
        assert_eq!(
            server.requests().last().unwrap().header("authorization"),
            expected
        );
    }
    refused(
        &netmon(&["--eshost", &url, "--es-api-key-file", "/nonexistent"]),
        1,
        &["secret", "read"],
    );
    refused(
        &netmon(&["--eshost", &url, "--esuser", "u"]),
        2,
        &["--espwd"],
    );
}

#[test]
fn what_only_a_person_can_mend_ends_a_single_run_at_once() {
    for (code, words) in [
        (400, &["400 Bad Request"][..]),
        (401, &["401 Unauthorized", "password"]),
        (
            403,
            &["403 Forbidden", "right to create documents in 'netmon'"],
        ),
        (404, &["404 Not Found", "is this Elasticsearch"]),
        (413, &["413"]),
    ] {
        let server = Server::start(move |_, _| status(code));
        let start = Instant::now();
        refused(&elastic(&server, &[]), 1, words);
        assert!(start.elapsed() < Duration::from_secs(3));
        assert_eq!(server.requests().len(), 1);
    }
    let reason = r#"{"error":{"type":"illegal_argument_exception","reason":"Limit of total fields
        [1000] has been exceeded"},"status":400}"#;
    let server = Server::start(move |_, _| Reply::Status(400, "", reason.replace('\n', " ")));
    refused(
        &elastic(&server, &[]),
        1,
        &["--interface", "index.mapping.total_fields.limit"],
    );
}

#[test]
fn what_passes_is_tried_again() {
    let reply = |number, _: &Request| match number {
        0 => Reply::Status(503, "", "OpenSearch Security not initialized.".to_owned()),
        1 => Reply::Status(429, "retry-after: 1\r\n", String::new()),
        2 => Reply::Bytes(b"HTTP/1.1".to_vec()),
        _ => status(409),
    };
    let server = Server::start(reply);
    let start = Instant::now();
    done(&elastic(&server, &[]));
    assert!(
        start.elapsed() >= Duration::from_secs(1),
        "Retry-After is obeyed"
    );
    let paths: Vec<_> = server
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert_eq!(paths.len(), 4);
    assert!(
        paths.iter().all(|path| *path == paths[0]),
        "a repeat has the same identity"
    );
}

#[test]
fn hostile_servers_cost_little_time_and_are_named() {
    let redirect = "location: http://192.0.2.1/there\r\n";
    for (reply, code, words) in [
        (Reply::Never, 1, &["no answer within"][..]),
        (Reply::Endless, 0, &[]),
        (
            Reply::Bytes(b"\x00\x01garbage\r\n\r\n".to_vec()),
            1,
            &["not HTTP"],
        ),
        (Reply::Bytes(Vec::new()), 1, &["not delivered"]),
        (
            Reply::Status(307, redirect, String::new()),
            1,
            &["307", "http://192.0.2.1/there"],
        ),
    ] {
        let server = Server::start(move |_, _| reply.clone());
        let start = Instant::now();
        let output = elastic(&server, &["--timeout", "300ms", "--retry-secs", "1"]);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(
            words.iter().all(|word| stderr(&output).contains(word)),
            "{output:?}"
        );
        assert!(start.elapsed() < Duration::from_secs(4));
    }
}

#[test]
fn one_output_does_not_hold_up_another() {
    let hanging = Server::start(|_, _| Reply::Never);
    let fine = Server::start(|_, _| status(200));
    let url = format!("http://{}/in/box", fine.address);
    let output = elastic(
        &hanging,
        &["--api-url", &url, "--retry-secs", "1", "--timeout", "5s"],
    );
    refused(&output, 1, &["elastic", "no answer within"]);
    assert_eq!(fine.requests().len(), 1);
}

#[test]
fn an_api_gets_documents_with_a_key_that_names_them() {
    let server = Server::start(|_, _| status(204));
    done(&api(&server, &["--api-key", "k"]));
    done(&api(
        &server,
        &["--batch", "10", "--batch-age", "5s", "--count", "3"],
    ));
    let [single, array] = &server.requests()[..] else {
        panic!("{:?}", server.requests())
    };
    for request in [single, array] {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/in/box")
        );
        assert_eq!(request.header("content-type"), "application/json");
    }
    assert_eq!(single.header("authorization"), "Bearer k");
    assert_eq!(sequence(single.header("idempotency-key")), 1);
    assert!(matches!(
        json::from_str(single.text()).unwrap(),
        Value::Object(_)
    ));
    assert!(array.header("idempotency-key").ends_with("-1+3"));
    let Value::Array(documents) = json::from_str(array.text()).unwrap() else {
        panic!()
    };
    assert_eq!(documents.len(), 3);
    refused(&api(&Server::start(|_, _| status(409)), &[]), 1, &["409"]);
}

#[test]
fn what_a_build_leaves_out_is_named() {
    let server = Server::start(|_, _| status(201));
    let gzip = elastic(&server, &["--gzip"]);
    let https = netmon(&[
        "--interval",
        "100ms",
        "--api-url",
        "https://127.0.0.1:9/",
        "--retry-secs",
        "0",
    ]);
    if cfg!(feature = "gzip") {
        done(&gzip);
        let request = server.requests().pop().unwrap();
        assert_eq!(request.header("content-encoding"), "gzip");
        assert_eq!(request.body[..2], [0x1f, 0x8b]);
    } else {
        refused(&gzip, 2, &["--gzip", "feature 'gzip'"]);
    }
    if cfg!(feature = "tls") {
        refused(&https, 1, &["connection refused"]);
    } else {
        refused(&https, 2, &["https", "feature 'tls'"]);
    }
}

#[test]
fn certificates_that_cannot_be_read_are_named() {
    if !cfg!(feature = "tls") {
        return;
    }
    for (file, words) in [
        ("/nonexistent", "No such file"),
        ("/etc/passwd", "no certificate"),
    ] {
        let args = [
            "--interval",
            "100ms",
            "--eshost",
            "https://127.0.0.1:9",
            "--ca",
            file,
        ];
        refused(
            &netmon(&args),
            1,
            &["elastic https://127.0.0.1:9", file, words, "--ca"],
        );
    }
}

#[test]
fn options_for_servers_need_one_and_secrets_are_not_repeated() {
    for args in [
        &["--es-pwd-file", "x"][..],
        &["--timeout", "1s"],
        &["--gzip"],
        &["--ca", "x"],
    ] {
        refused(
            &netmon(args),
            2,
            &[args[0].split('=').next().unwrap().get(..4).unwrap()],
        );
    }
    for args in [
        ["--eshost", "http://u:hunter2@127.0.0.1"],
        ["--api-url", "http://h/x?token=hunter2"],
    ] {
        let output = netmon(&args);
        refused(&output, 2, &[args[0]]);
        assert!(!stderr(&output).contains("hunter2"), "{output:?}");
    }
    let server =
        Server::start(|_, _| Reply::Status(302, "location: https://x/in/box/there\r\n", "".into()));
    let output = api(&server, &[]);
    refused(&output, 1, &["302", "https://x/…/there"]);
    assert!(!stderr(&output).contains("in/box"));
}

#[test]
fn plain_http_needs_no_certificates() {
    let server = Server::start(|_, _| status(201));
    let script = format!(
        "mount -t tmpfs none /etc/ssl && exec {EXE} netmon --interval 100ms --eshost {}",
        server.address
    );
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", &script])
        .output()
        .unwrap();
    if stderr(&output).contains("unshare:") || stderr(&output).contains("mount:") {
        return support::skip::skip("user namespaces or mounts are not allowed");
    }
    done(&output);
}
