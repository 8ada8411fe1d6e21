// SPDX-License-Identifier: MIT OR Apache-2.0
//! TLS towards a server whose certificate need not be valid: what it is worth is noted, not judged.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{self, CryptoProvider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};

/// How to talk to servers.
#[derive(Debug)]
pub struct Checker {
    provider: Arc<CryptoProvider>,
    /// For talks that note nothing.
    plain: Arc<ClientConfig>,
    judge: Option<Judge>,
}

/// Judges as any client would; without a single CA, everybody is of an unknown issuer.
type Judge = Option<Arc<WebPkiServerVerifier>>;

impl Checker {
    /// Judges nothing yet.
    ///
    /// # Errors
    /// When the provider of cryptography has nothing to offer.
    pub fn new() -> Result<Self, Error> {
        let provider = super::provider();
        let plain = Arc::new(configuration(Note::new(&provider, None))?);
        Ok(Self {
            provider,
            plain,
            judge: None,
        })
    }

    /// Can note of certificates what they are worth, as the CAs of this PEM file see it.
    pub fn judge_by(&mut self, bundle: impl FnOnce() -> Vec<u8>) {
        let provider = &self.provider;
        self.judge.get_or_insert_with(|| {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(super::certificates(&bundle()));
            let (roots, provider) = (Arc::new(roots), Arc::clone(provider));
            let builder = WebPkiServerVerifier::builder_with_provider(roots, provider);
            builder.build().ok()
        });
    }

    /// Begins to talk to a server; `name` is a host name, or an address. With `judging`, what its
    /// certificate is worth is noted.
    ///
    /// # Errors
    /// When `name` is neither.
    pub fn begin(&self, name: &str, judging: bool) -> io::Result<Session> {
        let server = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let (config, note) = match self.judge.as_ref().filter(|_| judging) {
            None => (Arc::clone(&self.plain), None),
            Some(judge) => {
                let note = Note::new(&self.provider, Some(judge.clone()));
                let config = configuration(Arc::clone(&note)).map_err(io::Error::other)?;
                (Arc::new(config), Some(note))
            }
        };
        let connection = ClientConnection::new(config, server).map_err(io::Error::other)?;
        Ok(Session { connection, note })
    }
}

/// A talk with one server.
#[derive(Debug)]
pub struct Session {
    connection: ClientConnection,
    note: Option<Arc<Note>>,
}

impl Session {
    /// Says `text` as soon as the handshake allows it.
    ///
    /// # Errors
    /// When it does not find room.
    pub fn say(&mut self, text: &[u8]) -> io::Result<()> {
        self.connection.writer().write_all(text)
    }

    /// Sends `stream` what it takes without waiting.
    ///
    /// # Errors
    /// What the stream says.
    pub fn send(&mut self, stream: &mut impl Write) -> io::Result<()> {
        while self.connection.wants_write() {
            match self.connection.write_tls(stream) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Exchanges with `stream` what can be exchanged without waiting, and puts what was understood
    /// into `buffer`. Zero: the server ended the talk.
    ///
    /// # Errors
    /// `WouldBlock` when nothing new came; else that it is not TLS, or what the stream says.
    pub fn exchange(
        &mut self,
        stream: &mut (impl Read + Write),
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        loop {
            self.send(stream)?;
            match self.connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            if self.connection.read_tls(stream)? == 0 {
                return Ok(0);
            }
            let understood = self.connection.process_new_packets();
            understood.map_err(io::Error::other)?;
        }
    }

    /// Whether it waits for the stream to take more, rather than for the server.
    pub fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    /// What is wrong with the server's certificate, in a few words, nothing when it is valid; and
    /// its DER. `None` when nobody wants to know, or there was none yet.
    pub fn certificate(&self) -> Option<(String, &[u8])> {
        let der = self.connection.peer_certificates()?.first()?;
        let found = self.note.as_ref()?.found.lock();
        let found = found.unwrap_or_else(PoisonError::into_inner);
        Some((found.as_ref().map(reason).unwrap_or_default(), der))
    }
}

fn configuration(note: Arc<Note>) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&note.provider))
        .with_protocol_versions(rustls::ALL_VERSIONS)?
        .dangerous()
        .with_custom_certificate_verifier(note)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn reason(error: &Error) -> String {
    let Error::InvalidCertificate(error) = error else {
        return error.to_string();
    };
    match error {
        CertificateError::UnknownIssuer => "unknown issuer".into(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "for another name".into()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "not valid yet".into()
        }
        other if super::is_of_ca(other) => "of a CA itself".into(),
        other => other.to_string(),
    }
}

/// Accepts whatever comes.
pub(super) fn nobody_is_judged(provider: &Arc<CryptoProvider>) -> Arc<dyn ServerCertVerifier> {
    Note::new(provider, None)
}

/// Accepts whatever comes, and notes the first thing that is wrong with it.
#[derive(Debug)]
struct Note {
    provider: Arc<CryptoProvider>,
    judge: Option<Judge>,
    found: Mutex<Option<Error>>,
}

impl Note {
    fn new(provider: &Arc<CryptoProvider>, judge: Option<Judge>) -> Arc<Self> {
        Arc::new(Self {
            provider: Arc::clone(provider),
            judge,
            found: Mutex::new(None),
        })
    }

    fn note<T>(&self, judged: Result<T, Error>) {
        if let Err(error) = judged {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.get_or_insert(error);
        }
    }
}

impl ServerCertVerifier for Note {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.judge {
            Some(Some(judge)) => self.note(judge.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            )),
            Some(None) => self.note::<()>(Err(CertificateError::UnknownIssuer.into())),
            None => {}
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.judge.is_some() {
            let algorithms = &self.provider.signature_verification_algorithms;
            let judged = crypto::verify_tls12_signature(message, certificate, signed, algorithms);
            self.note(judged);
        }
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.judge.is_some() {
            let algorithms = &self.provider.signature_verification_algorithms;
            let judged = crypto::verify_tls13_signature(message, certificate, signed, algorithms);
            self.note(judged);
        }
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
