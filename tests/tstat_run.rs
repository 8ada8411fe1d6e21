// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs of `tstat-send` from end to end: files, servers, signals, wrong words.
#![cfg(feature = "tstat")]

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use netvitals::sys::files::c_path;
use netvitals::sys::tree::Directory;
use netvitals::tstat::walk::{Place, Visitor, walk};
use rustix::process::Signal;

mod support;
use support::sending::status;
use support::server::{Reply, Server};
use support::tempdir::TempDir;
use support::tstat::*;
use support::{EXE, Guarded, refused, stderr};

/// Ten slices in two directories.
fn two() -> TempDir {
    let log = udp_log(230);
    tree(&[
        ("1.out/log_udp_complete", &log),
        ("2.out/log_udp_complete", &log),
    ])
}

fn config(root: &Path, text: &str) -> String {
    let path = root.join("config.ini");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn send(root: &TempDir, transport: &str, text: &str, more: &[&str]) -> Output {
    let config = config(root.path(), text);
    let options = ["-c", &config, "-t", transport, "-b", "0", "-S", "s"];
    tstat_send(root.path(), &[&options[..], more].concat())
}

fn is_marked(root: &TempDir, directory: &str) -> bool {
    root.path().join(directory).join(".processed").exists()
}

fn api_at(server: &Server) -> String {
    let address = server.address;
    let (host, port) = (address.ip(), address.port());
    format!("[api]\nhost = {host}\nport = {port}\npath = /in\napi_key = geheim\n")
}

#[test]
fn a_file_gets_each_message_as_a_line_once() {
    let root = two();
    let to = root.path().join("out.json");
    let text = format!("[file]\npath = {}\n", to.display());
    let output = send(&root, "file", &text, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout.is_empty());
    assert!(stderr(&output).starts_with("2 directories done; 460 rows, 920 objects, 0 below"));
    let written = fs::read_to_string(&to).unwrap();
    let log = udp_log(230);
    let expected = messages("", &log, 0.0, false).repeat(2);
    same_json(&written, &expected, "file");
    assert_eq!(written.lines().count(), 10);
    assert_eq!(
        fs::read(root.path().join("1.out/.processed")).unwrap(),
        b"processed"
    );
    assert!(!root.path().join("1.out/.progress").exists());
    assert_eq!(send(&root, "file", &text, &[]).status.code(), Some(0));
    assert_eq!(fs::read_to_string(&to).unwrap(), written);
}

#[test]
fn an_api_gets_arrays_with_names_that_a_repeat_keeps() {
    let root = two();
    let tries = AtomicUsize::new(0);
    let server = Server::start(move |_, _| match tries.fetch_add(1, Ordering::Relaxed) {
        3 => status(503),
        _ => status(201),
    });
    let output = send(&root, "api", &api_at(&server), &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stderr(&output).contains("10 messages, 10 confirmed, 1 retried"));
    assert!(stderr(&output).contains("503") && stderr(&output).contains("; trying again in"));
    let requests = server.requests();
    let name = |i: usize| requests[i].header("idempotency-key").to_owned();
    assert_eq!((requests.len(), name(3)), (11, name(4)));
    assert!(name(0).starts_with("tstat-1.out-0-") && name(10).starts_with("tstat-2.out-4-"));
    assert_eq!(requests[0].header("authorization"), "Bearer geheim");
    assert_eq!(
        (requests[0].path.as_str(), requests[0].method.as_str()),
        ("/in", "POST")
    );
    let bodies: Vec<_> = [0, 1, 2, 3, 5]
        .iter()
        .map(|i| requests[*i].text().to_owned())
        .collect();
    same_json(
        &bodies.join("\n"),
        &messages("", &udp_log(230), 0.0, false),
        "API",
    );
}

#[test]
fn elasticsearch_gets_each_object_as_a_document_with_a_name_of_its_own() {
    let root = tree(&[("1.out/log_udp_complete", &udp_log(51))]);
    let server = Server::start(|_, request| {
        if request.method == "PUT" {
            return status(201);
        }
        let count = request.text().lines().count() / 2;
        let items = vec![r#"{"create":{"status":201}}"#; count].join(",");
        Reply::Status(200, "", format!("{{\"items\":[{items}]}}"))
    });
    let (host, port) = (server.address.ip(), server.address.port());
    let text = format!("[elasticsearch]\nhost = {host}\nport = {port}\nindex = flows\n");
    let output = send(&root, "elasticsearch", &text, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let requests = server.requests();
    assert_eq!(requests[0].path, "/_bulk");
    let lines: Vec<_> = requests[0].text().lines().collect();
    assert_eq!(lines.len(), 200);
    let id = |i: usize| {
        lines[2 * i]
            .split("\"_id\":\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
    };
    assert!(id(0).starts_with("tstat-1.out-0-") && id(0).ends_with("-0"));
    assert_eq!(id(99), format!("{}-99", id(0).strip_suffix("-0").unwrap()));
    let objects = lines
        .iter()
        .skip(1)
        .step_by(2)
        .copied()
        .collect::<Vec<_>>()
        .join(",");
    let expected = messages("", &udp_log(51), 0.0, false);
    same_json(
        &format!("[{objects}]"),
        expected.lines().next().unwrap(),
        "documents",
    );
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].text().matches("\"flow\"").count(), 2);
}

#[test]
fn a_document_that_is_refused_keeps_its_directory_unmarked_and_nothing_else() {
    let root = two();
    let server = Server::start(|number, request| {
        let count = request.text().lines().count() / 2;
        let mut items = vec![r#"{"create":{"status":201}}"#; count];
        if number == 1 {
            items[7] = r#"{"create":{"status":400,"error":{"type":"mapper","reason":"r"}}}"#;
        }
        Reply::Status(200, "", format!("{{\"items\":[{}]}}", items.join(",")))
    });
    let (host, port) = (server.address.ip(), server.address.port());
    let text = format!("[elasticsearch]\nhost = {host}\nport = {port}\n");
    let output = send(&root, "elasticsearch", &text, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("1.out: elasticsearch http://"),
        "{output:?}"
    );
    assert!(stderr(&output).contains("1 objects were refused: 400 Bad Request: mapper: r"));
    assert_eq!(
        (is_marked(&root, "1.out"), is_marked(&root, "2.out")),
        (false, true)
    );
    assert_eq!(server.requests().len(), 10);
    // Only that slice goes out again.
    assert_eq!(
        send(&root, "elasticsearch", &text, &[]).status.code(),
        Some(0)
    );
    assert_eq!(server.requests().len(), 11);
    assert!(is_marked(&root, "1.out"));
}

#[test]
fn a_refused_key_ends_the_run_and_marks_nothing() {
    let root = two();
    let server = Server::start(|_, _| status(401));
    let output = send(&root, "api", &api_at(&server), &["-v"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(server.requests().len(), 1);
    assert!(
        stderr(&output).contains("401 Unauthorized; check the API key"),
        "{output:?}"
    );
    assert!(!stderr(&output).contains("geheim"));
    assert!(!is_marked(&root, "1.out") && !is_marked(&root, "2.out"));
}

/// A run whose server answers the first `k` requests and leaves the next as `then` says, until it
/// gets a signal; the names that the server heard then, and in the next run.
fn interrupted(k: usize, then: fn() -> Reply) -> (Vec<String>, Vec<String>) {
    let root = two();
    let (reached, heard) = mpsc::channel();
    let well = Arc::new(AtomicUsize::new(k));
    let limit = well.clone();
    let server = Server::start(
        move |number, _| match number < limit.load(Ordering::Relaxed) {
            true => status(201),
            false => {
                let _ = reached.send(());
                then()
            }
        },
    );
    let config = config(root.path(), &api_at(&server));
    let mut command = Command::new(EXE);
    command.arg("tstat-send").arg("-d").arg(root.path());
    command.args(["-c", &config, "-t", "api", "-b", "0"]);
    let mut run = Guarded(command.stderr(Stdio::null()).spawn().unwrap());
    heard.recv_timeout(Duration::from_secs(20)).unwrap();
    run.signal(Signal::TERM);
    assert_eq!(run.wait(Duration::from_secs(8)), Some(0), "at {k}");
    let names = |from: usize| {
        let requests = server.requests();
        let names = requests[from..]
            .iter()
            .map(|r| r.header("idempotency-key").to_owned());
        names.collect::<Vec<_>>()
    };
    let first = names(0);
    well.store(usize::MAX, Ordering::Relaxed);
    let options = ["-c", &config, "-t", "api", "-b", "0"];
    assert_eq!(tstat_send(root.path(), &options).status.code(), Some(0));
    assert!(is_marked(&root, "1.out") && is_marked(&root, "2.out"));
    (first.clone(), names(first.len()))
}

#[test]
fn a_signal_keeps_what_was_confirmed_and_the_next_run_sends_the_rest() {
    for k in [0, 3, 5, 7] {
        for then in [|| status(503), || Reply::Never] {
            let (first, second) = interrupted(k, then);
            assert_eq!(second.len(), 10 - k, "at {k}");
            assert_eq!(second[0], first[k]);
            assert!(first[..k].iter().all(|name| !second.contains(name)));
        }
    }
}

#[test]
fn where_nothing_can_be_written_nothing_is_sent() {
    let root = two();
    let server = Server::start(|_, _| status(201));
    let config = config(root.path(), &api_at(&server));
    // As on a full disk: not one byte can be added to any file.
    let mut command = Command::new("sh");
    let line = "ulimit -f 0; exec \"$0\" tstat-send -d \"$1\" -c \"$2\" -t api -b 0";
    let output = command
        .args(["-c", line, EXE])
        .arg(root.path())
        .arg(&config)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(
        stderr(&output).matches("cannot write .progress").count(),
        2,
        "{output:?}"
    );
    assert!(server.requests().is_empty());
    assert!(!is_marked(&root, "1.out"));
}

#[test]
fn without_a_transport_nothing_is_marked_and_no_configuration_is_needed() {
    let root = two();
    let output = tstat_send(root.path(), &["-N", "-b", "0", "--single"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        output.stdout.iter().filter(|byte| **byte == b'\n').count(),
        5
    );
    assert_eq!(fs::read_dir(root.path().join("1.out")).unwrap().count(), 1);
    assert!(
        tstat_send(root.path(), &["-N", "--quiet"])
            .stderr
            .is_empty()
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let root = tree(&[("1.out/log_udp_complete", &udp_log(20_000))]);
    let mut command = Command::new(EXE);
    command
        .arg("tstat-send")
        .arg("-d")
        .arg(root.path())
        .args(["-N", "-b", "0"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn what_is_wrong_is_said_before_anything_is_done() {
    let root = two();
    let check = |text: &str, transport: &str, words: &[&str]| {
        let output = send(&root, transport, text, &[]);
        refused(&output, 2, words);
        assert!(!is_marked(&root, "1.out"));
    };
    check(
        "[api]\n",
        "rabbit",
        &["config.ini: there is no section [rabbit]"],
    );
    check(
        "[api]\nport = 1\n",
        "api",
        &["config.ini: [api] lacks host"],
    );
    check(
        "[api]\nhost = h\nport = x\n",
        "api",
        &["[api] port: 'x' is not a number from 1"],
    );
    check(
        "[file\npath = x\n",
        "file",
        &["config.ini:1: not understood"],
    );
    check(
        "[file]\npath = ${NO_SUCH_VARIABLE}\n",
        "file",
        &["NO_SUCH_VARIABLE, which is not set"],
    );
    let run = |options: &[&str]| tstat_send(root.path(), options);
    refused(
        &run(&["-c", "/no/such.ini"]),
        2,
        &["/no/such.ini", "--config"],
    );
    refused(
        &run(&["-t", "carrier-pigeon"]),
        2,
        &["rabbit, api, elasticsearch, file"],
    );
    refused(&run(&["-N", "-T", "-3"]), 2, &["option '--threshold'"]);
    let output = Command::new(EXE).arg("tstat_send").output().unwrap();
    refused(&output, 2, &["'--directory' is required"]);
    refused(
        &tstat_send(Path::new("/no/such"), &["-N"]),
        2,
        &["/no/such"],
    );
}

/// Removes each directory that it sees.
struct Remover(usize);

impl Visitor for Remover {
    fn visit(&mut self, _: &Directory, place: &Place) -> ControlFlow<()> {
        fs::remove_dir_all(&place.path).unwrap();
        self.0 += 1;
        ControlFlow::Continue(())
    }

    fn blocked(&mut self, place: &Place, error: &io::Error) {
        panic!("{}: {error}", place.path);
    }
}

#[test]
fn a_directory_that_goes_while_it_is_read_is_no_failure_of_the_search() {
    let root = two();
    let path = root.path().to_str().unwrap();
    let tree = Directory::open(&c_path(path).unwrap()).unwrap();
    let mut remover = Remover(0);
    assert!(walk(&tree, &Place::root(path), &mut remover).is_continue());
    assert_eq!(remover.0, 2);
}
