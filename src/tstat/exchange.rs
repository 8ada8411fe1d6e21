// SPDX-License-Identifier: MIT OR Apache-2.0
//! One HTTP exchange after the other in a thread of its own, so that a server that is slow to
//! answer keeps nobody from hearing a signal.

use core::time::Duration;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
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

/// The thread, as others see it.
#[derive(Debug)]
pub(super) struct Exchange {
    jobs: Sender<Job>,
    done: Receiver<Done>,
    bell: Arc<Doorbell>,
}

/// How long an answer is waited for after a signal.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Exchange {
    /// Starts the thread, in which an exchange takes at most `total`.
    ///
    /// # Errors
    /// When the process may have no further thread or descriptor.
    pub(super) fn start(client: Client, total: Duration) -> io::Result<Self> {
        let (jobs, to_do) = channel::<Job>();
        let (answers, done) = channel();
        let bell = Arc::new(Doorbell::new()?);
        let rung = Arc::clone(&bell);
        thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || {
                while let Ok(job) = to_do.recv() {
                    let result = send(&client, &job, total);
                    // Nobody may be waiting any more.
                    let _ = answers.send((job, result));
                    rung.ring();
                }
            })?;
        Ok(Self { jobs, done, bell })
    }

    /// Sends `job` and waits for the answer; `None` when a signal came, and none soon after it.
    pub(super) fn run(&self, job: Job, signals: &Signals) -> Option<Done> {
        self.jobs.send(job).ok()?;
        let mut deadline = None;
        loop {
            if let Ok(done) = self.done.try_recv() {
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
            match signals.wait_until(until, Some(&self.bell)) {
                Ok(Woken::Terminate) if deadline.is_some() => return None,
                Ok(_) => {}
                Err(_) => return None,
            }
        }
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
