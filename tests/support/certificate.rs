// SPDX-License-Identifier: MIT OR Apache-2.0
//! A server's side of TLS, with a certificate that nobody trusts.

use std::process::Command;
use std::sync::Arc;

use netvitals::tls;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::tempdir::TempDir;

/// For `server.test`, good for 57 days and an hour less than another one. It takes openssl(1).
pub fn server_config() -> Arc<ServerConfig> {
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
    Arc::new(config)
}
