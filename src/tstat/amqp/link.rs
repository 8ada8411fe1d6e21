// SPDX-License-Identifier: MIT OR Apache-2.0
//! The line to a broker, plain or TLS: made, written and read without waiting longer than the
//! caller's patience.

use core::fmt;
use core::time::Duration;
use std::io::{self, Read, Write};

use super::pause::{Cut, Pause};
use crate::limits::TSTAT_PEM_BYTES_MAX;
use crate::sys::clock;
use crate::sys::files::{self, File};
use crate::sys::poll::{AsFd, BorrowedFd};
use crate::sys::resolver::{ResolveError, Resolver, SocketAddr};
use crate::sys::tcp::Connection;
use crate::tls::client::{Client, ClientError, Identity, Session};
use crate::tls::{self, Remedies};
use crate::tstat::settings::{Rabbit, TlsOptions};

/// For the name, and for each of its addresses.
const CONNECT_MAX: Duration = Duration::from_secs(5);

const REMEDIES: Remedies = Remedies {
    unknown_issuer: "name its CA with ca_certs in [ssl_options]",
    not_tls: "is it the port without TLS (5672)? That of TLS is 5671; or set use_ssl = False",
};

/// Why there is no line, or none any more.
#[derive(Debug)]
pub enum LinkError {
    /// The name has no address.
    Resolve(ResolveError),
    /// None of the addresses answers; what the last one said.
    Connect(io::Error),
    /// TLS failed, in words.
    Tls(String),
    /// What the connection says.
    Broken(io::Error),
}

impl LinkError {
    /// Whether only a person can mend it.
    pub fn lasts(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    fn of(error: io::Error) -> Self {
        match tls::explain_io_with(&error, &REMEDIES) {
            Some(text) => Self::Tls(text),
            None => Self::Broken(error),
        }
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(error) => write!(f, "the name has no address: {error}; correct `host`"),
            Self::Connect(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                f.write_str("nobody listens there; does the broker run, are host and port right?")
            }
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Tls(text) => f.write_str(text),
            Self::Broken(error) => write!(f, "the connection broke: {error}"),
        }
    }
}

/// TLS as the settings want it; `None` when they want none.
///
/// # Errors
/// What is wrong with a file, in words for the user.
pub fn client(settings: &Rabbit) -> Result<Option<Client>, String> {
    let Some(options) = &settings.tls else {
        return Ok(None);
    };
    let cas = match &options.ca_certs {
        _ if options.insecure => None,
        Some(path) => Some(read("ca_certs", path)?),
        None => Some(read("ca_certs", tls::SYSTEM_BUNDLE)?),
    };
    let identity = match &options.certfile {
        None => None,
        Some(chain) => {
            let key = options.keyfile.as_ref().unwrap_or(chain);
            Some((read("certfile", chain)?, read("keyfile", key)?))
        }
    };
    let identity = identity.as_ref();
    let client = Client::new(
        cas.as_deref(),
        identity.map(|(chain, key)| Identity { chain, key }),
    );
    client
        .map(Some)
        .map_err(|error| wrong_file(options, &error))
}

fn wrong_file(options: &TlsOptions, error: &ClientError) -> String {
    let (key, path) = match error {
        ClientError::NoCa => ("ca_certs", options.ca_certs.as_ref()),
        ClientError::NoKey => (
            "keyfile",
            options.keyfile.as_ref().or(options.certfile.as_ref()),
        ),
        ClientError::NoCertificate | ClientError::Rustls(_) => {
            ("certfile", options.certfile.as_ref())
        }
    };
    let path = path.map_or(tls::SYSTEM_BUNDLE, String::as_str);
    format!("{key} in [ssl_options], {path}: {error}")
}

fn read(key: &str, path: &str) -> Result<Vec<u8>, String> {
    let read =
        files::c_path(path).and_then(|path| File::open(&path)?.read_to_end(TSTAT_PEM_BYTES_MAX));
    read.map_err(|error| {
        format!(
            "cannot read {key} of [ssl_options], {path}: {error}; put it there, or name another"
        )
    })
}

/// A line to a broker.
#[derive(Debug)]
pub struct Link {
    connection: Connection,
    tls: Option<Session>,
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// Why not; or, as [`Cut`], that there was no time for it.
    pub fn open(
        settings: &Rabbit,
        client: Option<&Client>,
        resolver: &Resolver,
        pause: &Pause<'_>,
    ) -> Result<Result<Self, LinkError>, Cut> {
        let host = settings.host.as_str();
        let patience = pause.left(clock::mono()).min(CONNECT_MAX);
        let addresses = match resolver.resolve(host, settings.port, patience) {
            Ok(addresses) => addresses,
            Err(error) => return Ok(Err(LinkError::Resolve(error))),
        };
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            match reach(address, pause)? {
                Ok(connection) => return Ok(Self::begin(connection, settings, client)),
                Err(error) => last = error,
            }
        }
        Ok(Err(LinkError::Connect(last)))
    }

    fn begin(
        connection: Connection,
        settings: &Rabbit,
        client: Option<&Client>,
    ) -> Result<Self, LinkError> {
        let name = settings.tls.as_ref();
        let name = name.and_then(|options| options.server_hostname.as_deref());
        let name = name.unwrap_or(settings.host.trim_matches(['[', ']']));
        let tls = client.map(|client| client.begin(name)).transpose();
        Ok(Self {
            connection,
            tls: tls
                .map_err(|error| LinkError::Tls(format!("`{name}` is no host name: {error}")))?,
        })
    }

    /// Writes what the line takes; how much that was.
    ///
    /// # Errors
    /// When the line is of no use any more.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, LinkError> {
        let Self { connection, tls } = self;
        let written = match tls {
            _ if bytes.is_empty() => return Ok(0),
            None => connection.write(bytes),
            Some(tls) => tls.write(connection, bytes),
        };
        not_now(written).map(Option::unwrap_or_default)
    }

    /// Reads what came; `None` when nothing did, zero when the broker hung up.
    ///
    /// # Errors
    /// When the line is of no use any more.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, LinkError> {
        let Self { connection, tls } = self;
        not_now(match tls {
            None => connection.read(buffer),
            Some(tls) => tls.read(connection, buffer),
        })
    }

    /// Whether TLS has something to send.
    pub fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(Session::wants_write)
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

fn reach(address: SocketAddr, pause: &Pause<'_>) -> Result<io::Result<Connection>, Cut> {
    let connection = match Connection::start(address.ip(), address.port()) {
        Ok(connection) => connection,
        Err(error) => return Ok(Err(error)),
    };
    let end = clock::mono().after(CONNECT_MAX);
    let is_made = pause.for_write(connection.as_fd(), end)?;
    Ok(if is_made {
        // What goes out is whole frames: the end of one is not to wait for the next.
        let made = connection.result().and_then(|()| connection.send_at_once());
        made.map(|()| connection)
    } else {
        Err(io::ErrorKind::TimedOut.into())
    })
}

/// `None` when it would have to wait.
fn not_now<T>(result: io::Result<T>) -> Result<Option<T>, LinkError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
            _ => Err(LinkError::of(error)),
        },
    }
}
