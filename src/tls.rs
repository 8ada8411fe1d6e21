// SPDX-License-Identifier: MIT OR Apache-2.0
//! TLS: the one provider of cryptography, whom we trust, and what its errors mean to a user.

pub mod check;

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

/// What a failed handshake means, and what to do.
pub fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => {
                "the server's certificate is of an unknown issuer; name its CA with --ca FILE"
                    .into()
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
        Error::InvalidMessage(_) => {
            "the answer is not TLS; does the server speak plain http:// at this port?".into()
        }
        Error::AlertReceived(alert) => format!("the server refused TLS: {alert:?}"),
        other => format!("TLS failed: {other}"),
    }
}

/// The same for an error that came through a stream; `None` when it is not one of TLS.
pub fn explain_io(error: &std::io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref::<Error>().map(explain)
}
