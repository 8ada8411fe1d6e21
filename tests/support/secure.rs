// SPDX-License-Identifier: MIT OR Apache-2.0
//! An https server with a certificate that nobody trusts.

use std::io::{Read, Write};
use std::process::Command;
use std::sync::Arc;

use netvitals::tls;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::path::serve;
use crate::support::tempdir::TempDir;

/// Serves these bytes to everybody who asks, at port 443; the certificate is for `server.test`, and
/// good for 57 days and an hour less than another one.
pub fn serve_https(address: &str, answer: &'static [u8]) {
    let directory = TempDir::new();
    let file = |name: &str| directory.path().join(name);
    let made = Command::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 58".split(' '))
        .args("-subj /CN=server.test -addext subjectAltName=DNS:server.test".split(' '))
        .args("-addext basicConstraints=critical,CA:FALSE".split(' '))
        .arg("-keyout")
        .arg(file("key"))
        .arg("-out")
        .arg(file("certificate"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let read = |name: &str| std::fs::read(file(name)).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&read("key")).unwrap();
    let config = ServerConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(tls::certificates(&read("certificate")), key)
        .unwrap();
    let config = Arc::new(config);
    serve(address, 443, move |stream| {
        let connection = ServerConnection::new(config.clone()).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let _ = stream.read(&mut [0; 1_000]);
        let _ = stream.write_all(answer);
        stream.conn.send_close_notify();
        let _ = stream.flush();
    });
}
