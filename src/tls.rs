// SPDX-License-Identifier: MIT OR Apache-2.0
//! TLS: the one provider of cryptography, whom we trust, and what its errors mean to a user.

pub mod check;
pub mod client;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, Error};

/// Where Debian, OpenWrt and most others keep the certificates of public CAs.
pub const SYSTEM_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The provider of all cryptography.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates of a PEM file (RFC 7468), as DER; those that cannot be read are left out.
pub fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).flatten().collect()
}

/// What a user can do, in the words of the protocol that is spoken through TLS.
#[derive(Clone, Copy, Debug)]
pub struct Remedies {
    /// The issuer of the certificate is not known.
    pub unknown_issuer: &'static str,
    /// The answer is not TLS.
    pub not_tls: &'static str,
}

/// Those of https.
const HTTPS: Remedies = Remedies {
    unknown_issuer: "name its CA with --ca FILE",
    not_tls: "does the server speak plain http:// at this port?",
};

/// What a failed handshake means, and what to do.
pub fn explain(error: &Error) -> String {
    explain_with(error, &HTTPS)
}

/// The same, for another protocol.
pub fn explain_with(error: &Error, remedies: &Remedies) -> String {
    match error {
        Error::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => {
                let remedy = remedies.unknown_issuer;
                format!("the server's certificate is of an unknown issuer; {remedy}")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the server's certificate is for another host name; use the name that it bears"
                    .into()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the server's certificate has expired; renew it, or set this machine's clock".into()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet; is the clock of this machine right?"
                    .into()
            }
            other => format!("the server's certificate is not valid: {other}"),
        },
        Error::InvalidMessage(_) => format!("the answer is not TLS; {}", remedies.not_tls),
        Error::AlertReceived(alert) => format!("the server refused TLS: {alert:?}"),
        other => format!("TLS failed: {other}"),
    }
}

/// The same for an error that came through a stream; `None` when it is not one of TLS.
pub fn explain_io(error: &std::io::Error) -> Option<String> {
    explain_io_with(error, &HTTPS)
}

/// The same for an error that came through a stream, for another protocol.
pub fn explain_io_with(error: &std::io::Error, remedies: &Remedies) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(explain_with(error, remedies))
}
