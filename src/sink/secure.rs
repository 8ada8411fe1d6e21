// SPDX-License-Identifier: MIT OR Apache-2.0
//! https: whom an output trusts, and what a failed handshake means.

use std::sync::Arc;

use ureq::Error;
use ureq::config::ConfigBuilder;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::typestate::AgentScope;
use ureq::unversioned::transport::{
    ConnectionDetails, Connector, RustlsConnector, TcpConnector, Transport,
};

use super::http::Trust;
use crate::sys::files::{self, File};
use crate::tls;

/// Whether this build speaks https.
pub const AVAILABLE: bool = true;

/// A file of CA certificates is not read beyond this. Public bundles have 0.25 MiB.
const BUNDLE_BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// Opens connections, straight to the server: no variable of the environment names a proxy.
pub fn connector() -> impl Connector {
    TcpConnector::default().chain(Tls::default())
}

/// TLS, as the agent is set up. Of requests with settings of their own, which here are a time limit
/// and nothing else, ureq takes the certificates apart anew for each connection, and no session is
/// resumed.
#[derive(Debug, Default)]
struct Tls(RustlsConnector);

impl<In: Transport> Connector<In> for Tls {
    type Out = <RustlsConnector as Connector<In>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let details = ConnectionDetails {
            request_level: false,
            uri: details.uri,
            addrs: details.addrs.clone(),
            config: details.config,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        self.0.connect(&details, chained)
    }
}

/// Makes a client trust whom `trust` says.
///
/// # Errors
/// When the file of certificates cannot be read or holds none, in words for the user.
pub fn configure(
    builder: ConfigBuilder<AgentScope>,
    trust: &Trust,
) -> Result<ConfigBuilder<AgentScope>, String> {
    if !trust.https {
        return Ok(builder);
    }
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(tls::provider());
    let tls = if trust.insecure {
        tls.disable_verification(true)
    } else {
        let path = trust.ca.as_deref().unwrap_or(tls::SYSTEM_BUNDLE);
        tls.root_certs(roots(path)?)
    };
    Ok(builder.tls_config(tls.build()))
}

fn roots(path: &str) -> Result<RootCerts, String> {
    let read =
        files::c_path(path).and_then(|path| File::open(&path)?.read_to_end(BUNDLE_BYTES_MAX));
    let pem = read.map_err(|error| {
        format!("cannot read the CA certificates {path}: {error}; name a PEM file with --ca")
    })?;
    let certificates: Vec<_> = tls::certificates(&pem)
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect();
    if certificates.is_empty() {
        return Err(format!(
            "{path} holds no certificate in PEM; name another file with --ca"
        ));
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}

/// What an error of TLS means, and what to do; `None` when it is another.
pub fn explain(error: &Error) -> Option<String> {
    match error {
        Error::Rustls(error) => Some(tls::explain(error)),
        Error::Io(error) => tls::explain_io(error),
        Error::Tls(text) => Some(format!("TLS failed: {text}")),
        _ => None,
    }
}
