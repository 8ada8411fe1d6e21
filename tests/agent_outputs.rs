// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent's documents where they arrive: every request as documented, every body valid.
#![cfg(feature = "http")]

use std::time::{Duration, Instant};

#[path = "support/agent.rs"]
mod agent;
#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/layout.rs"]
#[allow(dead_code)]
mod layout;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "board/src/lan.rs"]
#[allow(dead_code)]
mod living;
#[path = "board/src/outbox.rs"]
mod outbox;
#[path = "support/schema.rs"]
mod schema;
#[path = "support/snapshot.rs"]
mod snapshot;
mod support;
#[path = "board/src/traffic.rs"]
#[allow(dead_code)]
mod traffic;
#[path = "support/traffic.rs"]
mod wire;

use agent::Agent;
use lan::{OURS, inside};
use schema::Schema;
use snapshot::{Snapshot, check_run, text};
use support::server::{Reply, Request, Server};
use support::tempdir::TempDir;

const KEY: &str = "s3cr3t";

fn created() -> Reply {
    Reply::Status(201, "", String::new())
}

/// Waits for so many requests.
#[track_caller]
fn await_requests(server: &Server, agent: &Agent, count: usize) {
    let start = Instant::now();
    while server.requests().len() < count {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "{}",
            agent.errors()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The id that the document must have.
fn identity(snapshot: &Snapshot) -> String {
    let (start, sequence) = (snapshot.start_id(), snapshot.sequence());
    format!("{}-agent-{start}-{sequence}", text(&snapshot.0, "serverId"))
}

/// What every request has, whatever is sent.
#[track_caller]
fn check_head(request: &Request, method: &str, authorization: &str) {
    assert_eq!(request.method, method);
    assert_eq!(request.header("authorization"), authorization);
    let agent = concat!("netvitals/", env!("CARGO_PKG_VERSION"));
    assert_eq!(request.header("user-agent"), agent);
}

/// A file with this `output` section, for a router called gw.
fn file(directory: &TempDir, server: &Server, section: &str) -> String {
    let url = format!("http://{}", server.address);
    let main = format!(
        "config netvitals\n\toption server_id 'gw'\n\toption interval '1s'\n\t\
         list interface '{OURS}'\n\toption spool ''\n"
    );
    let content = main + &section.replace("URL", &url);
    let path = lan::file(directory, "netvitals", &content);
    path.to_str().unwrap().to_owned()
}

#[test]
fn an_api_gets_each_document_as_documented() {
    inside("an_api_gets_each_document_as_documented", || {
        wire::quiet();
        let directory = TempDir::new();
        std::fs::write(directory.path().join("key"), format!("{KEY}\n")).unwrap();
        let server = Server::start(|_, _| created());
        let key_file = directory.path().join("key").display().to_string();
        let section = format!(
            "config output 'api'\n\toption type 'api'\n\toption url 'URL/in/box'\n\t\
             option api_key_file '{key_file}'\n"
        );
        let agent = Agent::start_with(&file(&directory, &server, &section), &["-v"]);
        await_requests(&server, &agent, 3);
        let ended = agent.terminate();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.errors.contains(KEY), "{}", ended.errors);
        let schema = Schema::new();
        let mut snapshots = Vec::new();
        for request in server.requests() {
            check_head(&request, "POST", &format!("Bearer {KEY}"));
            assert_eq!(request.path, "/in/box");
            assert_eq!(request.header("content-type"), "application/json");
            let snapshot = Snapshot::parse(&schema, request.text());
            assert_eq!(request.header("idempotency-key"), identity(&snapshot));
            assert!(
                request
                    .text()
                    .starts_with("{\"messageType\":\"realtimeSnapshot\",")
            );
            snapshots.push(snapshot);
        }
        check_run(&snapshots);
        assert_eq!(text(&snapshots[0].0, "serverId"), "gw");
    });
}

#[test]
fn an_api_gets_arrays_when_it_wants_them() {
    inside("an_api_gets_arrays_when_it_wants_them", || {
        wire::quiet();
        let directory = TempDir::new();
        // The first answer does not help: the array is repeated unchanged.
        let server = Server::start(|number, _| match number {
            0 => Reply::Status(503, "retry-after: 1\r\n", String::new()),
            _ => created(),
        });
        let section = "config output 'api'\n\toption type 'api'\n\toption url 'URL/'\n\t\
                       option batch '3'\n\toption batch_age '2s'\n";
        let agent = Agent::start_with(&file(&directory, &server, section), &[]);
        await_requests(&server, &agent, 3);
        assert_eq!(agent.terminate().code, Some(0));
        let (schema, requests) = (Schema::new(), server.requests());
        assert_eq!(requests[0].body, requests[1].body);
        let mut snapshots = Vec::new();
        for request in &requests[1..] {
            check_head(request, "POST", "");
            let array = request.text().trim_end();
            let inner = array
                .strip_prefix('[')
                .and_then(|text| text.strip_suffix(']'));
            // No document holds this, nor a line end within.
            let bodies = inner.unwrap().split(",{\"messageType\"");
            let first = snapshots.len();
            for (number, body) in bodies.enumerate() {
                let head = if number == 0 { "" } else { "{\"messageType\"" };
                snapshots.push(Snapshot::parse(&schema, &format!("{head}{body}")));
            }
            let count = snapshots.len() - first;
            assert!((1..=3).contains(&count));
            let key = format!("{}+{count}", identity(&snapshots[first]));
            assert_eq!(request.header("idempotency-key"), key);
        }
        check_run(&snapshots);
    });
}

#[test]
fn elasticsearch_gets_each_document_under_its_id_with_its_time_in_front() {
    let name = "elasticsearch_gets_each_document_under_its_id_with_its_time_in_front";
    inside(name, || {
        wire::quiet();
        let directory = TempDir::new();
        let server = Server::start(|_, _| created());
        let section = "config output 'es'\n\toption type 'elastic'\n\toption url 'URL'\n\t\
                       option user 'u'\n\toption password 'p'\n";
        let agent = Agent::start_with(&file(&directory, &server, section), &[]);
        await_requests(&server, &agent, 3);
        assert_eq!(agent.terminate().code, Some(0));
        let schema = Schema::new();
        let mut snapshots = Vec::new();
        for request in server.requests() {
            check_head(&request, "PUT", "Basic dTpw");
            assert_eq!(request.header("content-type"), "application/json");
            let body = request.text();
            let rest = body.split_once(",\"messageType\"").unwrap().1;
            let snapshot = Snapshot::parse(&schema, &format!("{{\"messageType\"{rest}"));
            let time = text(&snapshot.0, "snapshotTime");
            let front = format!("{{\"@timestamp\":\"{time}\",\"host\":\"gw\",\"messageType\"");
            assert!(body.starts_with(&front), "{body}");
            let path = format!("/netvitals/_create/{}", identity(&snapshot));
            assert_eq!(request.path, path);
            snapshots.push(snapshot);
        }
        check_run(&snapshots);
    });
}
