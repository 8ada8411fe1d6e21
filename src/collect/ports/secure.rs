// SPDX-License-Identifier: MIT OR Apache-2.0
//! https: the talk over TLS, and what the certificate is worth.

use std::io;

use crate::codec::certificate;
use crate::failure::Failure;
use crate::model::name;
use crate::model::probe::Certificate;
use crate::sys::clock;
use crate::sys::files::{self, File};
pub use crate::tls::check::Session;
use crate::tls::{self, check};

/// Whether this build speaks TLS.
pub const AVAILABLE: bool = true;

/// A file of CA certificates is not read beyond this. Public bundles have 0.25 MiB.
const BUNDLE_BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// How to talk to servers.
#[derive(Debug)]
pub struct Checker(check::Checker);

impl Checker {
    /// Judges nothing yet.
    ///
    /// # Errors
    /// When there is no cryptography.
    pub fn new() -> Result<Self, Failure> {
        check::Checker::new()
            .map(Self)
            .map_err(|error| Failure::failed(format_args!("TLS: {error}; please report this")))
    }

    /// Can find out what certificates are worth, by the CAs of the system; reads them once.
    pub fn judge(&mut self) {
        self.0.judge_by(|| {
            let path = files::c_path(tls::SYSTEM_BUNDLE);
            let read = path.and_then(|path| File::open(&path)?.read_to_end(BUNDLE_BYTES_MAX));
            read.unwrap_or_else(|error| {
                let path = tls::SYSTEM_BUNDLE;
                log::warn!("{path}: {error}; no certificate is valid without it");
                Vec::new()
            })
        });
    }

    /// Begins to talk to a server.
    ///
    /// # Errors
    /// When `name` is neither a name nor an address.
    pub fn begin(&self, name: &str, judging: bool) -> io::Result<Session> {
        self.0.begin(name, judging)
    }
}

/// What the server's certificate is worth; `None` when nobody wants to know.
pub fn certificate(session: &Session) -> Option<Certificate> {
    const DAY_US: i64 = 86_400_000_000;
    let (error, der) = session.certificate()?;
    let days = certificate::not_after(der).and_then(|end| {
        let left_us = i64::try_from(end.us()).ok()? - i64::try_from(clock::wall().us()).ok()?;
        i32::try_from(left_us.div_euclid(DAY_US)).ok()
    });
    Some(Certificate {
        error: name::lossy(error.as_bytes()),
        days,
    })
}
