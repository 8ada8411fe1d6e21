// SPDX-License-Identifier: MIT OR Apache-2.0
//! In place of `secure` where the feature `tls` is left out.

use ureq::Error;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;
use ureq::unversioned::transport::{Connector, TcpConnector};

use super::http::Trust;

/// Whether this build speaks https.
pub const AVAILABLE: bool = false;

/// Opens connections, straight to the server: no variable of the environment names a proxy.
pub fn connector() -> impl Connector {
    TcpConnector::default()
}

/// Nothing to configure.
///
/// # Errors
/// None.
pub fn configure(
    builder: ConfigBuilder<AgentScope>,
    _: &Trust,
) -> Result<ConfigBuilder<AgentScope>, String> {
    Ok(builder)
}

/// No error is one of TLS.
pub fn explain(_: &Error) -> Option<String> {
    None
}
