// SPDX-License-Identifier: MIT OR Apache-2.0
//! Connections to https servers, one after another.
#![cfg(feature = "tls")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use netvitals::sink::http::{Client, Method, Request, Times, Trust};
use netvitals::sys::resolver::Resolver;
use rustls::{HandshakeKind, ServerConnection, StreamOwned};

mod support;
use support::certificate;
use support::skip::skip;

const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The second handshake takes no certificate, and none of the CAs is looked at again.
#[test]
fn a_session_is_resumed() {
    if Command::new("openssl").arg("version").output().is_err() {
        return skip("there is no openssl to make a certificate");
    }
    let (config, listener) = (
        certificate::server_config(),
        TcpListener::bind("127.0.0.1:0").unwrap(),
    );
    let url = format!("https://{}/index", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        [(); 2].map(|()| {
            let (stream, _) = listener.accept().unwrap();
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let (mut text, mut piece) = (Vec::new(), [0; 1_000]);
            while !text.ends_with(b"body") {
                let len = stream.read(&mut piece).unwrap();
                assert!(len > 0, "the request was cut off");
                text.extend_from_slice(&piece[..len]);
            }
            stream.write_all(ANSWER).unwrap();
            stream.conn.send_close_notify();
            stream.flush().unwrap();
            stream.conn.handshake_kind()
        })
    });
    let trust = Trust {
        https: true,
        ca: None,
        insecure: true,
    };
    let limit = Duration::from_secs(30);
    let times = Times {
        connect: limit,
        total: limit,
    };
    let client = Client::new(&trust, times, Arc::new(Resolver::start().unwrap())).unwrap();
    let request = Request {
        method: Method::Put,
        url: &url,
        headers: &[("content-type", "application/json")],
        body: b"body",
        answer_bytes_max: 100,
    };
    for _ in 0..2 {
        assert_eq!(client.send(&request, limit).unwrap().status, 201);
    }
    let kinds = server.join().unwrap();
    assert_eq!(
        kinds,
        [Some(HandshakeKind::Full), Some(HandshakeKind::Resumed)]
    );
}
