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
            other if is_of_ca(other) => format!(
                "the server's certificate is that of a CA itself, as self-signed ones often are; \
                 make it with basicConstraints=CA:FALSE, then {}",
                remedies.unknown_issuer
            ),
            other => format!("the server's certificate is not valid: {other}"),
        },
        Error::InvalidMessage(_) => format!("the answer is not TLS; {}", remedies.not_tls),
        Error::AlertReceived(alert) => format!("the server refused TLS: {alert:?}"),
        other => format!("TLS failed: {other}"),
    }
}

/// Whether a CA's own certificate was shown, which is for signing others (RFC 5280, 4.2.1.9).
fn is_of_ca(error: &CertificateError) -> bool {
    // The error is of a crate below rustls, which tells its name alone.
    matches!(error, CertificateError::Other(other) if other.0.to_string() == "CaUsedAsEndEntity")
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

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{ServerName, UnixTime};

    /// Self-signed, as openssl makes them: of a CA, for the name `h`, for a hundred years.
    const SELF_SIGNED: &[u8] = b"-----BEGIN CERTIFICATE-----\n\
MIIBfjCCASOgAwIBAgIUNvE9C6O4xZeGjTOeuQTSsqzmpC0wCgYIKoZIzj0EAwIw\n\
DDEKMAgGA1UEAwwBaDAgFw0yNjExMjEyMDA4MDdaGA8yMTI2MTAyODIwMDgwN1ow\n\
DDEKMAgGA1UEAwwBaDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABN8qBshqr8QH\n\
UqfCCQcloZX9d28sb+J2QDbOOdwGLyDiUX9s+yOKFMYtg5cC8Rt/pShwHxmKhSKR\n\
n7VaBzBa/86jYTBfMB0GA1UdDgQWBBRLQ28CUjXnZXdJWrAflXwO7bfhrTAfBgNV\n\
HSMEGDAWgBRLQ28CUjXnZXdJWrAflXwO7bfhrTAPBgNVHRMBAf8EBTADAQH/MAwG\n\
A1UdEQQFMAOCAWgwCgYIKoZIzj0EAwIDSQAwRgIhAO5LKERuvJZlA63hF4pm4F8t\n\
HoQAwAL/VFhD2g/9rXHgAiEAmIumLwxAVGKZb8PLM31BisofzmGq7NBS9TtCXpBt\n\
cPk=\n\
-----END CERTIFICATE-----";

    #[test]
    fn a_self_signed_certificate_comes_with_a_remedy() {
        let certificate = certificates(SELF_SIGNED).remove(0);
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let builder = WebPkiServerVerifier::builder_with_provider(roots.into(), provider());
        let name = ServerName::try_from("h").unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(2_000_000_000));
        let judge = builder.build().unwrap();
        let judged = judge.verify_server_cert(&certificate, &[], &name, &[], now);
        let said = explain(&judged.unwrap_err());
        for words in ["of a CA itself", "CA:FALSE", "--ca FILE"] {
            assert!(said.contains(words), "{said}");
        }
    }
}
