// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many documents at once, and those that a spool keeps for later.
#![cfg(feature = "http")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use miniserde::json::{self, Value};

mod support;
use support::sending::*;
use support::server::{Request, Server};
use support::tempdir::TempDir;
use support::{EXE, Guarded, refused, stderr};

#[test]
fn each_document_of_a_bulk_request_has_its_own_fate() {
    let server = Server::start(|number, request| {
        if request.path != "/_bulk" {
            return status(201);
        }
        bulk(request, |sequence| match (number, sequence) {
            (_, 1) => 201,
            (_, 2) => 409,
            (_, 3) => 400,
            (0, _) => 429,
            _ => 201,
        })
    });
    let directory = TempDir::new();
    let spool = directory.path().join("spool");
    let spool = spool.to_str().unwrap();
    let args = ["--count", "5", "--batch-age", "10s", "--spool", spool, "-v"];
    let output = elastic(&server, &args);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    for words in [
        "sent 4, retried 2, dropped 0, dead-lettered 1",
        "refused by the server: 1",
    ] {
        assert!(stderr(&output).contains(words), "{words}: {output:?}");
    }
    let paths: Vec<_> = server
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert_eq!(paths, ["/_bulk", "/_bulk"]);
    assert_eq!(
        server.requests()[0].header("content-type"),
        "application/x-ndjson"
    );
    let letters = std::fs::read_to_string(format!("{spool}/dead-letters.ndjson")).unwrap();
    let Value::Object(letter) = json::from_str(&letters).unwrap() else {
        panic!()
    };
    let keys: Vec<_> = letter.keys().map(String::as_str).collect();
    assert_eq!(keys, ["document", "output", "reason", "status", "time"]);
}

#[test]
fn a_batch_that_is_refused_whole_is_halved_down_to_the_bad_document() {
    let server = Server::start(|_, request| {
        let lines = request.text().lines().count();
        match request.path.as_str() {
            "/_bulk" if lines > 4 => status(413),
            "/_bulk" => bulk(request, |_| 201),
            path => status(if path.ends_with("-3") { 400 } else { 201 }),
        }
    });
    let output = elastic(&server, &["--count", "5", "--batch-age", "10s", "-v"]);
    assert_eq!(output.status.code(), Some(1));
    // Of 5 documents 2 are taken; of the other 3 the first stands alone at last.
    assert!(stderr(&output).contains("sent 4"), "{output:?}");
    assert!(
        stderr(&output).contains("refused by the server: 1"),
        "{output:?}"
    );
}

#[test]
fn what_a_spool_keeps_goes_with_the_next_run() {
    let directory = TempDir::new();
    let spool = directory.path().join("spool");
    let spool = spool.to_str().unwrap();
    let down = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_down = down.clone();
    let server = Server::start(move |_, request| {
        match (
            is_down.load(std::sync::atomic::Ordering::Relaxed),
            request.path.as_str(),
        ) {
            (true, _) => status(503),
            (false, "/_bulk") => bulk(request, |_| 201),
            (false, _) => status(201),
        }
    });
    let run = || elastic(&server, &["--spool", spool, "--retry-secs", "400ms"]);
    for _ in 0..2 {
        let output = run();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(
            stderr(&output)
                .lines()
                .filter(|line| line.contains("left in spool"))
                .count(),
            1
        );
    }
    let failed = server.requests().len();
    down.store(false, std::sync::atomic::Ordering::Relaxed);
    done(&run());
    // What was left may go before the new document, or with it.
    let requests = server.requests();
    let bodies = requests[failed..]
        .iter()
        .map(Request::text)
        .collect::<Vec<_>>()
        .join("\n");
    let times: Vec<_> = bodies.split("\"@timestamp\":\"").skip(1).collect();
    assert_eq!(times.len(), 3, "{bodies}");
    assert!(times.is_sorted(), "each keeps the time when it was made");
}

#[test]
fn a_spool_has_one_sender() {
    let directory = TempDir::new();
    let spool = directory.path().join("spool");
    let spool = spool.to_str().unwrap();
    let server = Server::start(|_, request| match request.path.as_str() {
        "/_bulk" => bulk(request, |_| 201),
        _ => status(201),
    });
    let address = server.address.to_string();
    let mut command = Command::new(EXE);
    command.args([
        "netmon", "--eshost", &address, "--spool", spool, "--count", "0",
    ]);
    let command = command
        .args(["--interval", "1d", "-v"])
        .stderr(Stdio::piped());
    let mut service = Guarded(command.spawn().unwrap());
    let mut says = BufReader::new(service.0.stderr.take().unwrap());
    says.read_line(&mut String::new()).unwrap();
    refused(
        &elastic(&server, &["--spool", spool, "--count", "2"]),
        1,
        &["another service"],
    );
    let single = elastic(&server, &["--spool", spool]);
    assert_eq!(single.status.code(), Some(0));
    assert!(stderr(&single).contains("left in spool"), "{single:?}");
    let start = Instant::now();
    while server.requests().is_empty() && start.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(
        server.requests().len(),
        1,
        "the service sends what the single run left"
    );
}
