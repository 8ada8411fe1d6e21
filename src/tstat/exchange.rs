// SPDX-License-Identifier: MIT OR Apache-2.0
//! One HTTP exchange after the other in a thread of its own, so that a server that is slow to
//! answer keeps nobody from hearing a signal.

use core::time::Duration;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use crate::sink::http::{Answer, Client, Method, Request};
use crate::sys::clock;
use crate::sys::doorbell::Doorbell;
use crate::sys::signal::{Signals, Woken};

/// What is to be sent; its buffers come back with the answer.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) answer_bytes_max: u64,
}

/// The answer, or why there is none.
type Done = (Job, Result<Answer, String>);

/// What lies between the thread and whoever asks it.
#[derive(Debug, Default)]
struct Desk {
    job: Option<Job>,
    done: Option<Done>,
    closed: bool,
}

/// What both have. (Channels of std would be 17 KB of code.)
#[derive(Debug)]
struct Shared {
    desk: Mutex<Desk>,
    changed: Condvar,
    bell: Doorbell,
}

/// The thread, as others see it; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Exchange(Arc<Shared>);

/// How long an answer is waited for after a signal.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what is asked until nothing more will be.
    fn work(&self, client: &Client, total: Duration) {
        let mut desk = self.lock();
        while !desk.closed {
            let Some(job) = desk.job.take() else {
                desk = self
                    .changed
                    .wait(desk)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(desk);
            let result = send(client, &job, total);
            desk = self.lock();
            // Nobody may be waiting any more.
            desk.done = Some((job, result));
            self.bell.ring();
        }
    }
}

impl Exchange {
    /// Starts the thread, in which an exchange takes at most `total`.
    ///
    /// # Errors
    /// When the process may have no further thread or descriptor.
    pub(super) fn start(client: Client, total: Duration) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            desk: Mutex::default(),
            changed: Condvar::new(),
            bell: Doorbell::new()?,
        });
        let of_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || of_thread.work(&client, total))?;
        Ok(Self(shared))
    }

    /// Sends `job` and waits for the answer; `None` when a signal came, and none soon after it.
    pub(super) fn run(&self, job: Job, signals: &Signals) -> Option<Done> {
        self.0.lock().job = Some(job);
        self.0.changed.notify_one();
        let mut deadline = None;
        loop {
            if let Some(done) = self.0.lock().done.take() {
                return Some(done);
            }
            let now = clock::mono();
            if deadline.is_none() && signals.is_asked_to_end() {
                deadline = Some(now.after(LAST_WORDS));
            }
            let until = deadline.unwrap_or(now.after(Duration::from_secs(60)));
            if deadline.is_some_and(|deadline| deadline <= now) {
                return None;
            }
            match signals.wait_until(until, Some(&self.0.bell)) {
                Ok(Woken::Terminate) if deadline.is_some() => return None,
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_one();
    }
}

fn send(client: &Client, job: &Job, total: Duration) -> Result<Answer, String> {
    let headers = job.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let request = Request {
        method: job.method,
        url: &job.url,
        headers: &headers,
        body: &job.body,
        answer_bytes_max: job.answer_bytes_max,
    };
    client.send(&request, total)
}
