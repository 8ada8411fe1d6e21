// SPDX-License-Identifier: MIT OR Apache-2.0
//! TLS for protocols other than https: the same provider, the same trust; over a stream that never
//! waits.

use core::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Error, RootCertStore};

/// Who we are, for servers that want to know.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// PEM of the chain, our own certificate first.
    pub chain: &'a [u8],
    /// PEM of its private key.
    pub key: &'a [u8],
}

/// Why a client cannot be made.
#[derive(Debug)]
pub enum ClientError {
    /// The file of CAs holds no certificate in PEM.
    NoCa,
    /// The file of our own certificate holds none in PEM.
    NoCertificate,
    /// The file of the key holds no private key in PEM without a pass phrase.
    NoKey,
    /// Certificate and key do not fit together, or are of a kind that is not known.
    Rustls(Error),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCa | Self::NoCertificate => f.write_str("no certificate in PEM"),
            Self::NoKey => f.write_str("no private key in PEM that needs no pass phrase"),
            Self::Rustls(error) => error.fmt(f),
        }
    }
}

/// How to talk to servers.
#[derive(Clone, Debug)]
pub struct Client(Arc<ClientConfig>);

impl Client {
    /// Trusts the CAs of this PEM text; anybody without.
    ///
    /// # Errors
    /// When a certificate or a key is of no use.
    pub fn new(cas: Option<&[u8]>, identity: Option<Identity<'_>>) -> Result<Self, ClientError> {
        let provider = super::provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .map_err(ClientError::Rustls)?;
        let builder = match cas {
            None => builder
                .dangerous()
                .with_custom_certificate_verifier(super::check::nobody_is_judged(&provider)),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(super::certificates(pem));
                if roots.is_empty() {
                    return Err(ClientError::NoCa);
                }
                let judge = WebPkiServerVerifier::builder_with_provider(roots.into(), provider);
                let judge = judge.build().map_err(|_| ClientError::NoCa)?;
                builder.with_webpki_verifier(judge)
            }
        };
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = super::certificates(identity.chain);
                if chain.is_empty() {
                    return Err(ClientError::NoCertificate);
                }
                let key = PrivateKeyDer::from_pem_slice(identity.key);
                let key = key.map_err(|_| ClientError::NoKey)?;
                let config = builder.with_client_auth_cert(chain, key);
                config.map_err(ClientError::Rustls)?
            }
        };
        config.resumption = Resumption::disabled();
        Ok(Self(Arc::new(config)))
    }

    /// Begins to talk to a server; `name` is a host name, or an address.
    ///
    /// # Errors
    /// When `name` is neither.
    pub fn begin(&self, name: &str) -> io::Result<Session> {
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(&self.0), name);
        Ok(Session(connection.map_err(io::Error::other)?))
    }
}

/// A talk with one server.
#[derive(Debug)]
pub struct Session(ClientConnection);

impl Session {
    /// Takes what there is room for of `bytes`, and gives `stream` what it takes of all that.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room; what the stream says.
    pub fn write(&mut self, stream: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
        self.flush(stream)?;
        let len = self.0.writer().write(bytes)?;
        self.flush(stream)?;
        if len == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(len)
    }

    /// Gives `stream` what it takes.
    ///
    /// # Errors
    /// What the stream says.
    pub fn flush(&mut self, stream: &mut impl Write) -> io::Result<()> {
        while self.0.wants_write() {
            match self.0.write_tls(stream) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Puts what the server said into `buffer`. Zero: it ended the talk.
    ///
    /// # Errors
    /// `WouldBlock` when nothing new came; else that it is not TLS, that the server is not who it
    /// should be, or what the stream says.
    pub fn read(
        &mut self,
        stream: &mut (impl Read + Write),
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        loop {
            self.flush(stream)?;
            match self.0.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            if self.0.read_tls(stream)? == 0 {
                return Ok(0);
            }
            if let Err(error) = self.0.process_new_packets() {
                // The server may as well hear why.
                let _ = self.flush(stream);
                return Err(io::Error::other(error));
            }
        }
    }

    /// Whether the stream is to take more.
    pub fn wants_write(&self) -> bool {
        self.0.wants_write()
    }
}
