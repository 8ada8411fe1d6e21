// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the configuration file says, checked: one structure for each way out.

use core::fmt;

use crate::sink::identity;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Whether messages outlive a restart of the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistent {
    /// When the queue is declared durable.
    Auto,
    /// Always (delivery mode 2).
    Yes,
    /// Never (delivery mode 1).
    No,
}

/// `[rabbit]`, with `[rabbit_queue_options]` and `[ssl_options]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rabbit {
    /// Name or address of the broker.
    pub host: String,
    /// Its port, not 0.
    pub port: u16,
    /// Who we are.
    pub username: String,
    /// How we prove it.
    pub password: Secret,
    /// The virtual host; `/` when the file does not say.
    pub vhost: String,
    /// The queue that is declared.
    pub queue: String,
    /// The exchange that is published to; empty is the default one.
    pub exchange: String,
    /// With this key.
    pub routing_key: String,
    /// Seconds between signs of life; `None` leaves it to the broker, 0 is never.
    pub heartbeat_s: Option<u16>,
    /// Whether messages outlive a restart of the broker.
    pub persistent: Persistent,
    /// How the queue is declared.
    pub queue_options: QueueOptions,
    /// `None`: plain text.
    pub tls: Option<TlsOptions>,
}

/// `[rabbit_queue_options]`: how the queue is declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueOptions {
    /// Only asks whether it exists.
    pub passive: bool,
    /// It outlives a restart of the broker.
    pub durable: bool,
    /// It is for this connection only.
    pub exclusive: bool,
    /// It goes with its last consumer.
    pub auto_delete: bool,
    /// Further arguments (`x-message-ttl` …), in the order of the file.
    pub arguments: Vec<(String, Argument)>,
}

/// The value of a further argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// `true`, `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Anything else.
    Text(String),
}

/// `[ssl_options]`: TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// PEM file of the CAs that are trusted; the system's when absent.
    pub ca_certs: Option<String>,
    /// PEM file of our own certificate chain.
    pub certfile: Option<String>,
    /// PEM file of its key; in `certfile` when absent.
    pub keyfile: Option<String>,
    /// `cert_reqs` says that nobody is checked; warned of by who connects.
    pub insecure: bool,
    /// The name that the certificate must bear, when it is not the host's.
    pub server_hostname: Option<String>,
}

/// `[api]`, `[elasticsearch]`: a server of HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// `http://host:port/path`.
    pub url: String,
    /// The index, of Elasticsearch only.
    pub index: String,
    /// The `Authorization` field (RFC 9110), if the server wants one.
    pub authorization: Option<Secret>,
    /// PEM file of the CAs that are trusted; the system's when absent.
    pub ca: Option<String>,
}

/// Where slices go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A broker.
    Rabbit(Box<Rabbit>),
    /// An HTTP API that takes arrays.
    Api(Server),
    /// Elasticsearch, OpenSearch.
    Elastic(Server),
    /// A file, one array a line: its path.
    File(String),
}

impl Transport {
    /// What it is called in messages, and in the record of what it took: never with a secret.
    pub fn name(&self) -> String {
        match self {
            Self::Rabbit(rabbit) => {
                let Rabbit {
                    host,
                    port,
                    vhost,
                    exchange,
                    routing_key,
                    ..
                } = &**rabbit;
                format!(
                    "rabbit {host}:{port} vhost '{vhost}' exchange '{exchange}' key '{routing_key}'"
                )
            }
            // Without the path, in which some services put a secret.
            Self::Api(server) => format!("api {}", origin(&server.url)),
            Self::Elastic(server) => format!("elasticsearch {}/{}", server.url, server.index),
            Self::File(path) => format!("file {path}"),
        }
    }
}

impl Transport {
    /// Everything that tells one destination from another, as a number.
    pub fn identity(&self) -> u64 {
        let name = self.name();
        match self {
            Self::Rabbit(_) | Self::Elastic(_) | Self::File(_) => identity::hash(&[&name]),
            Self::Api(server) => identity::hash(&[&name, &server.url]),
        }
    }
}

fn origin(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}
