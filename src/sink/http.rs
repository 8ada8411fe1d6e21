// SPDX-License-Identifier: MIT OR Apache-2.0
//! One HTTP exchange: a request goes out, an answer comes back, within bounds of time and memory.

use core::fmt;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ureq::http::{HeaderName, HeaderValue};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as UreqResolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Agent, Error, Timeout, http};

use super::secure;
use crate::sys::clock;
use crate::sys::resolver::{ResolveError, Resolver, SocketAddr};
use crate::time::Mono;

/// Whom an output trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// There is somebody to trust: the address is https.
    pub https: bool,
    /// File of CA certificates; the system's when absent.
    pub ca: Option<String>,
    /// Trusts anybody.
    pub insecure: bool,
}

impl Trust {
    /// Sees whether it can be followed.
    ///
    /// # Errors
    /// When it cannot, in words for the user.
    pub fn check(&self) -> Result<(), String> {
        secure::configure(Agent::config_builder(), self).map(drop)
    }
}

/// How long an exchange may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// To resolve the name, to connect, and to agree on TLS.
    pub connect: Duration,
    /// From the first step to the end of the answer.
    pub total: Duration,
}

/// How the body is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Under the address that the request names.
    Put,
    /// As the server sees fit.
    Post,
}

/// What a client says.
#[derive(Debug)]
pub struct Request<'a> {
    /// What to do with the body.
    pub method: Method,
    /// Where to.
    pub url: &'a str,
    /// Name and value of further header fields.
    pub headers: &'a [(&'static str, &'a str)],
    /// The body.
    pub body: &'a [u8],
    /// How much of the answer's body is read at most.
    pub answer_bytes_max: u64,
}

/// What a server says.
#[derive(Debug, Default)]
pub struct Answer {
    /// The status code (RFC 9110).
    pub status: u16,
    /// How long the server asks to wait; dates are not understood.
    pub retry_after: Option<Duration>,
    /// Where a redirect points to.
    pub location: Option<String>,
    /// As much of the body as came and was wanted.
    pub body: Vec<u8>,
    /// There was more of it.
    pub cut: bool,
}

/// Keeps connections to servers.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    times: Times,
    /// The server has answered before.
    answered: AtomicBool,
}

impl Client {
    /// A client that asks `resolver` for names.
    ///
    /// # Errors
    /// When `trust` cannot be followed, in words for the user.
    pub fn new(trust: &Trust, times: Times, resolver: Arc<Resolver>) -> Result<Self, String> {
        let builder = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("netvitals/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(times.connect))
            .timeout_connect(Some(times.connect))
            .max_response_header_size(16 * 1_024)
            .input_buffer_size(16 * 1_024)
            .output_buffer_size(16 * 1_024)
            .max_idle_connections(1);
        let config = secure::configure(builder, trust)?.build();
        let agent = Agent::with_parts(
            config,
            secure::connector(),
            Names {
                resolver,
                last: Mutex::new(None),
            },
        );
        Ok(Self {
            agent,
            times,
            answered: AtomicBool::new(false),
        })
    }

    /// Sends a request and reads the answer, in `at_most` or the configured time if that is less.
    ///
    /// # Errors
    /// When no answer came, in words for the user.
    pub fn send(&self, request: &Request<'_>, at_most: Duration) -> Result<Answer, String> {
        let total = self.times.total.min(at_most);
        self.exchange(request, total)
            .map_err(|error| self.explain(&error, request.url, total))
    }

    fn exchange(&self, request: &Request<'_>, total: Duration) -> Result<Answer, Error> {
        let mut outgoing = http::Request::new(request.body);
        *outgoing.method_mut() = match request.method {
            Method::Put => http::Method::PUT,
            Method::Post => http::Method::POST,
        };
        *outgoing.uri_mut() = request.url.parse().map_err(http::Error::from)?;
        for (name, value) in request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(http::Error::from)?;
            let value = HeaderValue::from_str(value).map_err(http::Error::from)?;
            outgoing.headers_mut().append(name, value);
        }
        let configured = self.agent.configure_request(outgoing);
        let outgoing = configured.timeout_global(Some(total)).build();
        let response = self.agent.run(outgoing)?;
        self.answered.store(true, Ordering::Relaxed);
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let seconds = header(http::header::RETRY_AFTER).and_then(|value| value.trim().parse().ok());
        let mut answer = Answer {
            status: response.status().as_u16(),
            retry_after: seconds.map(Duration::from_secs),
            location: header(http::header::LOCATION).map(str::to_owned),
            body: Vec::new(),
            cut: false,
        };
        // A body that breaks off is for its reader to judge; the status has come.
        let mut reader = response
            .into_body()
            .into_reader()
            .take(request.answer_bytes_max);
        let _ = reader.read_to_end(&mut answer.body);
        answer.cut = reader.limit() == 0;
        Ok(answer)
    }

    fn explain(&self, error: &Error, url: &str, total: Duration) -> String {
        if let Some(text) = secure::explain(error) {
            return text;
        }
        match error {
            Error::Timeout(Timeout::Resolve) => "the name was not resolved in time".to_owned(),
            Error::Timeout(Timeout::Connect) => {
                format!(
                    "no connection within {:?}; is the server reachable?",
                    self.times.connect
                )
            }
            Error::Timeout(_) => format!("no answer within {total:.0?}"),
            Error::HostNotFound => "the name is unknown; check it, or the name server".to_owned(),
            Error::Io(error) => match error.kind() {
                std::io::ErrorKind::ConnectionRefused => {
                    "connection refused; is the server running there?".to_owned()
                }
                std::io::ErrorKind::UnexpectedEof if self.answered.load(Ordering::Relaxed) => {
                    "the connection was closed without an answer".to_owned()
                }
                std::io::ErrorKind::UnexpectedEof => {
                    let other = if url.starts_with("https:") {
                        "http://"
                    } else {
                        "https://"
                    };
                    format!("closed without an answer; does the port speak {other} instead?")
                }
                _ => format!("the connection failed: {error}"),
            },
            Error::Protocol(_) | Error::LargeResponseHeader(..) => {
                let other = if url.starts_with("https:") {
                    "http://"
                } else {
                    "https://"
                };
                format!("the answer is not HTTP ({error}); does the port speak {other} instead?")
            }
            other => other.to_string(),
        }
    }
}

/// How long an address is used again without asking for it.
const ADDRESS_AGE_MAX: Duration = Duration::from_secs(60);

/// Names for ureq, from our own thread: ureq would start one for each name and leave it behind.
/// While the resolver fails, the last addresses that it gave are used.
struct Names {
    resolver: Arc<Resolver>,
    last: Mutex<Option<(Mono, Vec<SocketAddr>)>>,
}

/// Asked for by ureq, shown by nobody.
impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl UreqResolver for Names {
    fn resolve(
        &self,
        uri: &http::Uri,
        _: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().ok_or(Error::HostNotFound)?;
        let default_port = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let port = uri.port_u16().unwrap_or(default_port);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::mono();
        let fresh = |(when, _): &&(Mono, _)| now.since(*when) < ADDRESS_AGE_MAX;
        if last.as_ref().filter(fresh).is_none() {
            match self.resolver.resolve(host, port, *timeout.after) {
                Ok(found) => *last = Some((now, found)),
                Err(_) if last.is_some() => {}
                Err(ResolveError::TimedOut) => return Err(Error::Timeout(Timeout::Resolve)),
                Err(ResolveError::Unknown(_)) => return Err(Error::HostNotFound),
            }
        }
        let mut addresses = self.empty();
        // ureq keeps at most 16.
        let found = last.iter().flat_map(|(_, found)| found).take(16);
        found.for_each(|address| addresses.push(*address));
        if addresses.is_empty() {
            Err(Error::HostNotFound)
        } else {
            Ok(addresses)
        }
    }
}
