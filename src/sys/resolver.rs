// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names to addresses by getaddrinfo(3), which may block for long: in one thread of its own, that
//! is asked and answers in time or not at all.

pub use std::net::SocketAddr;
use std::net::ToSocketAddrs;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io, thread};

use super::doorbell::Doorbell;

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

/// What was found: addresses in the order of preference (RFC 6724).
pub type Answer = io::Result<Vec<SocketAddr>>;

#[derive(Debug)]
struct Question {
    number: u32,
    host: String,
    port: u16,
    /// The thread has it.
    asked: bool,
    answer: Option<Answer>,
    /// Whom to tell that it is answered, when nobody waits.
    bell: Option<Arc<Doorbell>>,
}

/// What the thread and those who ask share. (Channels of std would be 12 KB of code.)
#[derive(Debug, Default)]
struct Desk {
    /// Whoever asks takes his question away again.
    questions: Vec<Question>,
    number_next: u32,
    closed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    desk: Mutex<Desk>,
    changed: Condvar,
}

/// The thread's letterbox; the thread ends when it is dropped.
#[derive(Debug)]
pub struct Resolver {
    shared: Arc<Shared>,
}

impl Resolver {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the process may have no further thread.
    pub fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("resolver".to_owned())
            .spawn(move || of_thread.work())?;
        Ok(Self { shared })
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
        let mut desk = self.shared.lock();
        if desk.questions.len() == QUESTIONS_MAX {
            return Err(ResolveError::TimedOut);
        }
        let number = desk.put(host, port, None);
        self.shared.changed.notify_all();
        let unanswered = |desk: &mut Desk| desk.find(number).is_some_and(|q| q.answer.is_none());
        let waited = self
            .shared
            .changed
            .wait_timeout_while(desk, timeout, unanswered);
        let (mut desk, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let at = desk.questions.iter().position(|q| q.number == number);
        match at.and_then(|at| desk.questions.swap_remove(at).answer) {
            Some(answer) => answer.map_err(ResolveError::Unknown),
            None => Err(ResolveError::TimedOut),
        }
    }
}

impl Resolver {
    /// Asks for the addresses of `host` without waiting; `bell` is rung when there is an answer,
    /// which then has to be taken. Its number; `None` when too many questions wait.
    pub fn ask(&self, host: &str, bell: &Arc<Doorbell>) -> Option<u32> {
        let mut desk = self.shared.lock();
        let number =
            (desk.questions.len() < QUESTIONS_MAX).then(|| desk.put(host, 0, Some(bell.clone())));
        self.shared.changed.notify_all();
        number
    }

    /// The answer to the question of that number; `None` as long as there is none.
    pub fn take(&self, number: u32) -> Option<Answer> {
        let mut desk = self.shared.lock();
        let is_it = |q: &Question| q.number == number && q.answer.is_some();
        let at = desk.questions.iter().position(is_it)?;
        desk.questions.swap_remove(at).answer
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Desk {
    /// Adds a question; its number.
    fn put(&mut self, host: &str, port: u16, bell: Option<Arc<Doorbell>>) -> u32 {
        let number = self.number_next;
        self.number_next = number.wrapping_add(1);
        self.questions.push(Question {
            number,
            host: host.to_owned(),
            port,
            asked: false,
            answer: None,
            bell,
        });
        number
    }

    fn find(&mut self, number: u32) -> Option<&mut Question> {
        self.questions.iter_mut().find(|q| q.number == number)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers questions until there will be no more.
    fn work(&self) {
        let mut desk = self.lock();
        while !desk.closed {
            let Some(question) = desk.questions.iter_mut().find(|q| !q.asked) else {
                desk = self
                    .changed
                    .wait(desk)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            question.asked = true;
            let (number, port) = (question.number, question.port);
            let host = question.host.clone();
            drop(desk);
            let answer = (host.as_str(), port).to_socket_addrs();
            desk = self.lock();
            // Whoever asked may have given up meanwhile.
            if let Some(question) = desk.find(number) {
                question.answer = Some(answer.map(Iterator::collect));
                match &question.bell {
                    Some(bell) => bell.ring(),
                    None => self.changed.notify_all(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::poll::{self, AsFd, Until};

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
    fn an_answer_that_nobody_waits_for_rings() {
        let resolver = Resolver::start().unwrap();
        let bell = Arc::new(Doorbell::new().unwrap());
        let number = resolver.ask("localhost", &bell).unwrap();
        let limit = Some(Duration::from_secs(30));
        let rung = poll::wait([(bell.as_fd(), Until::Readable)], limit).unwrap();
        assert_eq!(rung, [true]);
        let found = resolver.take(number).unwrap().unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
        assert!(resolver.take(number).is_none());
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
