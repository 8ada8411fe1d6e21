// SPDX-License-Identifier: MIT OR Apache-2.0
//! Addresses of servers as users write them.

use core::fmt;

use ureq::http::Uri;

use super::secure;

/// Why an address is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointError {
    /// It is not an address of HTTP.
    NotHttp,
    /// It is https, and this build has no TLS.
    NoTls,
    /// It holds a user or password, which messages would show.
    Secret,
    /// It has a part after `?` or `#`.
    Query,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttp => "not an address; allowed: [http[s]://]host[:port][/path]",
            Self::NoTls => "https needs a build with the feature 'tls'",
            Self::Secret => "user and password do not belong into an address; use their options",
            Self::Query => "nothing may follow the path",
        })
    }
}

/// Brings an address to the form `scheme://host:port/path`, without a slash at the end. Without a
/// scheme it is http, without a port `default_port`, for https `default_tls_port`.
///
/// # Errors
/// When it is no address, or one that this build cannot reach.
pub fn normalise(
    text: &str,
    default_port: u16,
    default_tls_port: u16,
) -> Result<String, EndpointError> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    if whole.contains(['?', '#']) {
        return Err(EndpointError::Query);
    }
    let uri: Uri = whole.parse().map_err(|_| EndpointError::NotHttp)?;
    let default_port = match uri.scheme_str() {
        Some("http") => default_port,
        Some("https") if !secure::AVAILABLE => return Err(EndpointError::NoTls),
        Some("https") => default_tls_port,
        _ => return Err(EndpointError::NotHttp),
    };
    let authority = uri.authority().ok_or(EndpointError::NotHttp)?;
    if authority.as_str().contains('@') {
        return Err(EndpointError::Secret);
    }
    let port = match authority.as_str().strip_prefix(authority.host()) {
        Some("") => default_port,
        Some(port) => port
            .trim_start_matches(':')
            .parse()
            .map_err(|_| EndpointError::NotHttp)?,
        None => return Err(EndpointError::NotHttp),
    };
    if authority.host().is_empty() || port == 0 {
        return Err(EndpointError::NotHttp);
    }
    let scheme = uri.scheme_str().unwrap_or_default();
    let path = uri.path().trim_end_matches('/');
    Ok(format!("{scheme}://{}:{port}{path}", authority.host()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, EndpointError>) {
        assert_eq!(
            normalise(text, 9_200, 443),
            expected.map(str::to_owned),
            "{text}"
        );
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        check("localhost", Ok("http://localhost:9200"));
        check("localhost:80", Ok("http://localhost:80"));
        check("192.0.2.9", Ok("http://192.0.2.9:9200"));
        check(
            "[2001:db8::1]:9201/a/b/",
            Ok("http://[2001:db8::1]:9201/a/b"),
        );
        check("http://[::1]", Ok("http://[::1]:9200"));
    }

    #[test]
    fn https_needs_tls() {
        let expected = if secure::AVAILABLE {
            Ok("https://h:443")
        } else {
            Err(EndpointError::NoTls)
        };
        check("https://h", expected);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "http://",
            ":80",
            "ftp://h",
            "h:x",
            "h:99999",
            "h:0",
            "a b",
            "http:///x",
        ] {
            check(bad, Err(EndpointError::NotHttp));
        }
        check("http://u:p@h", Err(EndpointError::Secret));
        check("h/?q", Err(EndpointError::Query));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text: String) {
            let _ = normalise(&text, 9_200, 443);
        }
    }
}
