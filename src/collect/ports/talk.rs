// SPDX-License-Identifier: MIT OR Apache-2.0
//! One talk with a service, step by step: connect, perhaps TLS, perhaps a request, what it says.

use std::io::{self, Read, Write};

use core::net::Ipv6Addr;
use core::time::Duration;

use super::Check;
use super::secure::{self, Checker, Session};
use crate::codec::banner::{self, HEAD_BYTES_MAX, Mysql};
use crate::model::name;
use crate::model::probe::{Finding, Service};
use crate::sys::clock;
use crate::sys::poll::Until;
use crate::sys::ready::Ready;
use crate::sys::tcp::Connection;
use crate::sys::zone;
use crate::time::{Mono, in_ns};

/// What is said of a server that does not say what it is.
const UNKNOWN: &[u8] = b"Unknown";

#[derive(Debug)]
enum Step {
    Connecting,
    /// How much of the request was sent.
    Asking(usize),
    Hearing,
    Secure(Box<Session>),
}

/// A talk.
#[derive(Debug)]
pub(super) struct Talk {
    connection: Connection,
    step: Step,
    started: Mono,
    connected: Mono,
    deadline: Mono,
    /// How much of what the service says came.
    len: usize,
}

/// The start of what a service says.
pub(super) type Head = [u8; HEAD_BYTES_MAX];

/// Room for it.
pub(super) fn room() -> Box<Head> {
    Box::new([0; HEAD_BYTES_MAX])
}

impl Talk {
    /// Begins to connect; `slot` is its number among those that are waited for.
    ///
    /// # Errors
    /// When that fails at once.
    pub(super) fn begin(
        check: &Check<'_>,
        timeout: Duration,
        slot: u32,
        ready: &Ready,
    ) -> io::Result<Self> {
        let started = clock::mono();
        let connection = Connection::start(check.address, check.port)?;
        ready.add(&connection, slot, Until::Writable)?;
        Ok(Self {
            connection,
            step: Step::Connecting,
            started,
            connected: started,
            deadline: started.after(timeout),
            len: 0,
        })
    }

    /// When it is given up.
    pub(super) fn deadline(&self) -> Mono {
        self.deadline
    }

    /// Does what can be done without waiting; `None` as long as more has to come.
    ///
    /// # Errors
    /// Nobody takes the connection, or it is not the service that it should be.
    pub(super) fn go_on(
        &mut self,
        check: &Check<'_>,
        slot: u32,
        ready: &Ready,
        checker: &Checker,
        head: &mut Head,
    ) -> io::Result<Option<Finding>> {
        let hears = matches!(self.step, Step::Hearing | Step::Secure(_));
        if matches!(self.step, Step::Connecting) {
            self.connection.result()?;
            self.connected = clock::mono();
            self.step = match check.service {
                Service::Any => return Ok(Some(self.found(check.service, 0, b""))),
                Service::Mysql => Step::Hearing,
                Service::Http => Step::Asking(0),
                Service::Https => {
                    // What is no name on a certificate, as an address with its interface, is asked
                    // for by the address.
                    let address = || zone::plain(check.address).to_string();
                    let begun = checker.begin(check.name, check.judging);
                    let mut session =
                        begun.or_else(|_| checker.begin(&address(), check.judging))?;
                    session.say(check.request)?;
                    session.send(&mut self.connection)?;
                    Step::Secure(Box::new(session))
                }
            };
        }
        if let Step::Asking(sent) = &mut self.step {
            while let rest @ [_, ..] = &check.request[*sent..] {
                match self.connection.write(rest) {
                    Ok(len) => *sent += len,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        return Ok(None);
                    }
                    Err(error) => return Err(error),
                }
            }
            self.step = Step::Hearing;
        }
        // No answer is so fast that it would be there now.
        let found = match hears {
            true => self.hear(check.service, head)?,
            false => None,
        };
        if found.is_none() {
            let until = match &self.step {
                Step::Secure(session) if session.wants_write() => Until::Writable,
                _ => Until::Readable,
            };
            ready.change(&self.connection, slot, until)?;
        }
        Ok(found)
    }

    fn hear(&mut self, service: Service, head: &mut Head) -> io::Result<Option<Finding>> {
        loop {
            let room = &mut head[self.len..];
            let read = match &mut self.step {
                Step::Secure(session) => session.exchange(&mut self.connection, room),
                _ => self.connection.read(room),
            };
            let ended = match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Some(error),
                Ok(0) => Some(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => {
                    self.len += len;
                    None
                }
            };
            if let Some(found) = self.understand(service, &head[..self.len], ended.is_some())? {
                return Ok(Some(found));
            }
            // It ended before it said enough.
            ended.map_or(Ok(()), Err)?;
        }
    }

    /// What the service says; `None` as long as more has to come.
    fn understand(
        &self,
        service: Service,
        head: &[u8],
        ended: bool,
    ) -> io::Result<Option<Finding>> {
        let foreign = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        match service {
            Service::Http | Service::Https => {
                if !ended && !banner::http_is_complete(head) {
                    return Ok(None);
                }
                match banner::http(head) {
                    Some(http) => {
                        let server = http.server.unwrap_or(UNKNOWN);
                        Ok(Some(self.found(service, http.status, server)))
                    }
                    None if head.is_empty() => Ok(None),
                    None => Err(foreign("the answer is not HTTP")),
                }
            }
            Service::Mysql => match banner::mysql(head) {
                Mysql::Version(version) => Ok(Some(self.found(service, 0, version))),
                Mysql::Refused => {
                    log::info!("MySQL refuses us: too many connections, or see FLUSH HOSTS");
                    Ok(Some(self.found(service, 0, UNKNOWN)))
                }
                Mysql::Cut => Ok(None),
                Mysql::Foreign => Err(foreign("the greeting is not that of MySQL")),
            },
            Service::Any => Ok(Some(self.found(service, 0, b""))),
        }
    }

    fn found(&self, service: Service, status: u16, text: &[u8]) -> Finding {
        let end = match service {
            Service::Http | Service::Https => clock::mono(),
            Service::Mysql | Service::Any => self.connected,
        };
        let certificate = match &self.step {
            Step::Secure(session) => secure::certificate(session),
            _ => None,
        };
        Finding {
            rtt_ns: in_ns(end.since(self.started)),
            status,
            text: name::lossy(text),
            certificate: certificate.map(Box::new),
        }
    }
}

/// What the HTTP server of that name is asked.
pub(super) fn request(name: &str) -> Vec<u8> {
    // An address of IPv6 stands in brackets, without its interface (RFC 9110, 4.2.3).
    let address = name.trim_matches(['[', ']']).split('%').next();
    let name = match address.and_then(|address| address.parse::<Ipv6Addr>().ok()) {
        Some(address) => &*format!("[{address}]"),
        None => name,
    };
    let agent = concat!("netvitals/", env!("CARGO_PKG_VERSION"));
    format!(
        "HEAD / HTTP/1.1\r\nHost: {name}\r\nUser-Agent: {agent}\r\n\
         Accept: */*\r\nConnection: close\r\n\r\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv6_is_asked_for_in_brackets_without_its_interface() {
        for (name, expected) in [
            ("example.org", "example.org"),
            ("192.0.2.1", "192.0.2.1"),
            ("::1", "[::1]"),
            ("[::1]", "[::1]"),
            ("FE80:0::1%lan0", "[fe80::1]"),
        ] {
            let request = String::from_utf8(request(name)).unwrap();
            let host = request.split("Host: ").nth(1).unwrap().split("\r\n").next();
            assert_eq!(host, Some(expected));
        }
    }
}
