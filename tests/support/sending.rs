// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs of `netmon` that send to a server of the test.

use std::process::{Command, Output};

use super::server::{Reply, Request, Server};
use super::{EXE, stderr};

pub fn status(status: u16) -> Reply {
    Reply::Status(status, "", String::new())
}

pub fn netmon(args: &[&str]) -> Output {
    let mut command = Command::new(EXE);
    command.args(["netmon", "-i", "lo"]).args(args);
    command.output().unwrap()
}

/// One run of one window, to Elasticsearch at `server`.
pub fn elastic(server: &Server, args: &[&str]) -> Output {
    let address = server.address.to_string();
    netmon(&[&["--interval", "100ms", "--eshost", &address][..], args].concat())
}

pub fn api(server: &Server, args: &[&str]) -> Output {
    let url = format!("http://{}/in/box", server.address);
    netmon(&[&["--interval", "100ms", "--api-url", &url][..], args].concat())
}

#[track_caller]
pub fn done(output: &Output) {
    assert_eq!((output.status.code(), stderr(output)), (Some(0), ""));
    assert!(output.stdout.is_empty());
}

/// `HOST-netmon-STARTID-SEQUENCE` at the end of a path or key.
pub fn sequence(identity: &str) -> u64 {
    let mut parts = identity.rsplit('-');
    let sequence = parts.next().unwrap().parse().unwrap();
    assert_eq!(parts.next().unwrap().len(), 16);
    assert_eq!(parts.next(), Some("netmon"));
    sequence
}

/// Answers each item of a bulk request by its sequence and how often it came.
pub fn bulk(request: &Request, answer: impl Fn(u64) -> u16) -> Reply {
    let actions = request.text().lines().step_by(2);
    let items = actions.map(|action| {
        let identity = action
            .split("\"_id\":\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let status = answer(sequence(identity));
        let error = if status > 299 {
            r#","error":{"type":"t","reason":"r"}"#
        } else {
            ""
        };
        format!("{{\"create\":{{\"status\":{status}{error}}}}}")
    });
    let items = items.collect::<Vec<_>>().join(",");
    Reply::Status(200, "", format!("{{\"errors\":true,\"items\":[{items}]}}"))
}
