// SPDX-License-Identifier: MIT OR Apache-2.0
//! An https server with a certificate that nobody trusts.

use std::io::{Read, Write};

use rustls::{ServerConnection, StreamOwned};

use crate::path::serve;
use crate::support::certificate;

/// Serves these bytes to everybody who asks, at port 443; the certificate is that of
/// [`certificate::server_config`].
pub fn serve_https(address: &str, answer: &'static [u8]) {
    let config = certificate::server_config();
    serve(address, 443, move |stream| {
        let connection = ServerConnection::new(config.clone()).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let _ = stream.read(&mut [0; 1_000]);
        let _ = stream.write_all(answer);
        stream.conn.send_close_notify();
        let _ = stream.flush();
    });
}
