// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names to addresses by getaddrinfo(3), which may block for long: in one thread of its own, that
//! is asked and answers in time or not at all.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::time::Duration;
use std::{fmt, io, thread};

/// Questions that may wait for the thread: one of each output, and then some.
const QUESTIONS_MAX: usize = 16;

/// Why there is no address.
#[derive(Debug)]
pub enum ResolveError {
    /// The resolver says so.
    Unknown(io::Error),
    /// No answer in time.
    TimedOut,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(error) => error.fmt(f),
            Self::TimedOut => f.write_str("no answer in time"),
        }
    }
}

type Answer = io::Result<Vec<SocketAddr>>;

struct Question {
    host: String,
    port: u16,
    reply: SyncSender<Answer>,
}

/// The thread's letterbox; the thread ends when it is dropped.
#[derive(Debug)]
pub struct Resolver {
    questions: SyncSender<Question>,
}

impl Resolver {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the process may have no further thread.
    pub fn start() -> io::Result<Self> {
        let (questions, asked) = mpsc::sync_channel::<Question>(QUESTIONS_MAX);
        thread::Builder::new()
            .name("resolver".to_owned())
            .spawn(move || {
                for Question { host, port, reply } in asked {
                    let answer = (host.as_str(), port).to_socket_addrs();
                    // Whoever asked may have given up meanwhile.
                    let _ = reply.send(answer.map(Iterator::collect));
                }
            })?;
        Ok(Self { questions })
    }

    /// The addresses of `host`, with `port`, in the order of preference (RFC 6724).
    ///
    /// # Errors
    /// When there are none, or none in time.
    pub fn resolve(
        &self,
        host: &str,
        port: u16,
        timeout: Duration,
    ) -> Result<Vec<SocketAddr>, ResolveError> {
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let (reply, answer) = mpsc::sync_channel(1);
        let question = Question {
            host: host.to_owned(),
            port,
            reply,
        };
        self.questions
            .try_send(question)
            .map_err(|_| ResolveError::TimedOut)?;
        match answer.recv_timeout(timeout) {
            Ok(answer) => answer.map_err(ResolveError::Unknown),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                Err(ResolveError::TimedOut)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_no_resolver() {
        let resolver = Resolver::start().unwrap();
        let address = |host| resolver.resolve(host, 80, Duration::ZERO).unwrap()[0].to_string();
        assert_eq!(address("127.0.0.1"), "127.0.0.1:80");
        assert_eq!(address("[::1]"), "[::1]:80");
    }

    #[test]
    fn a_name_of_this_machine_is_found() {
        let resolver = Resolver::start().unwrap();
        let found = resolver
            .resolve("localhost", 80, Duration::from_secs(10))
            .unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
    }

    #[test]
    fn a_thousand_questions_leave_no_threads_behind() {
        let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
        let resolver = Resolver::start().unwrap();
        let before = threads();
        for _ in 0..1_000 {
            let answer = resolver.resolve("no-such-name.invalid", 80, Duration::ZERO);
            assert!(answer.is_err());
        }
        // Other tests of this process come and go.
        assert!(threads() < before + 50, "{} and {before}", threads());
    }
}
