// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the queue to the servers: one thread for each output, so that one that hangs holds up no
//! other, and none holds up the collection.
//!
//! A batch stays in its thread's hands until every document of it is decided: delivered, refused
//! for good, or left for the next run.

use core::time::Duration;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::batch::{Batch, Document};
use super::delivery::Delivery;
use super::queue::Queue;
use super::spool::Counters;
use super::target::Output;
use crate::limits::BATCH_BYTES_MAX;
use crate::sys::clock;
use crate::sys::doorbell::Doorbell;
use crate::time::{Mono, Wall};

/// The least time that a request gets, also when none is left.
pub const LAST_TRY: Duration = Duration::from_secs(2);

/// How hard the shipper tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// One document, for so long; what only a person can mend ends it at once.
    Once(Duration),
    /// One run, until it is told to close; the spool keeps the rest for the next one.
    Run,
    /// Until it is told to close, and again after a restart when there is a spool.
    Service,
}

/// What happened at one output since the start.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Documents that wait.
    pub queue: u64,
    /// When the oldest of them was stamped.
    pub oldest: Option<Wall>,
    /// Those that are lost when the process ends now.
    pub in_memory: u64,
    /// Documents that the server has.
    pub sent: u64,
    /// Documents sent once more.
    pub retried: u64,
    /// Documents that made room for newer ones.
    pub dropped: u64,
    /// Documents that the server refused for good.
    pub dead_lettered: u64,
    /// The last failure, and when it was.
    pub last_error: Option<(String, Wall)>,
}

/// What the threads share.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    bell: Doorbell,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) progress: Vec<Progress>,
    /// From here on only what waits is sent, and until when.
    pub(super) closing: Option<Mono>,
    running: usize,
    sequence: u64,
}

/// The threads, and the queue that they empty.
#[derive(Debug)]
pub struct Shipper {
    shared: Arc<Shared>,
    patience: Patience,
    names: Vec<String>,
}

impl Shipper {
    /// Starts a thread for each output; none when another process has the spool in hand. `sequence`
    /// documents were handed over before.
    ///
    /// # Errors
    /// When the system has no thread or descriptor left.
    pub fn start(
        queue: Queue,
        outputs: Vec<Output>,
        patience: Patience,
        sequence: u64,
    ) -> io::Result<Self> {
        let names = outputs.iter().map(|output| output.name.clone()).collect();
        let sends = queue.sends();
        let state = State {
            queue,
            progress: outputs.iter().map(|_| Progress::default()).collect(),
            closing: None,
            running: if sends { outputs.len() } else { 0 },
            sequence,
        };
        let (state, changed) = (Mutex::new(state), Condvar::new());
        let shared = Arc::new(Shared {
            state,
            changed,
            bell: Doorbell::new()?,
        });
        for (index, output) in outputs.into_iter().enumerate().filter(|_| sends) {
            let delivery = Delivery::new(shared.clone(), index, output, patience);
            let thread = thread::Builder::new().name(format!("output-{index}"));
            thread.spawn(move || delivery.run())?;
        }
        Ok(Self {
            shared,
            patience,
            names,
        })
    }

    /// Hands over a document and numbers it.
    pub fn offer(&self, wall: Wall, body: &[u8]) {
        let mut state = self.shared.lock();
        state.sequence += 1;
        let document = Document {
            sequence: state.sequence,
            wall,
            body,
        };
        let now = clock::mono();
        state.queue.append(document, now);
        if let Patience::Once(span) = self.patience {
            state.closing = Some(now.after(span));
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Sends what waits, then ends the threads, `until` then or before.
    pub fn close(&self, until: Mono) {
        let mut state = self.shared.lock();
        state.closing = Some(state.closing.map_or(until, |earlier| earlier.min(until)));
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Rings when the last thread has ended.
    pub fn bell(&self) -> &Doorbell {
        &self.shared.bell
    }

    /// Whether all threads have ended.
    pub fn is_done(&self) -> bool {
        self.shared.lock().running == 0
    }

    /// Writes what has not reached the disk yet.
    pub fn flush(&self) {
        self.shared.lock().queue.flush();
    }

    /// Leaves the spool in order, when the last thing about the documents was asked.
    pub fn leave(self) {
        self.shared.lock().queue.close();
    }

    /// Each output's name and what happened there.
    pub fn progress(&self) -> Vec<(String, Progress)> {
        let mut all = Vec::new();
        self.each_progress(|index, progress| {
            all.push((self.names[index].clone(), progress.clone()));
        });
        all
    }

    /// Hands over what happened at each output, by its number. Does not allocate.
    pub fn each_progress(&self, mut each: impl FnMut(usize, &Progress)) {
        let mut state = self.shared.lock();
        let State {
            queue, progress, ..
        } = &mut *state;
        for (index, progress) in progress.iter_mut().enumerate() {
            let waiting = queue.waiting(index);
            (progress.queue, progress.oldest) = (waiting.documents, waiting.oldest);
            progress.in_memory = queue.waiting_in_memory(index);
            progress.dropped = queue.dropped(index);
            each(index, progress);
        }
    }

    /// What happened to the files of the spool; `None` without one.
    pub fn spooled(&self) -> Option<Counters> {
        self.shared.lock().queue.counters()
    }
}

impl Shared {
    /// A thread that panicked has left nothing half done that matters.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes documents for output `index` until there are enough, or enough time has gone by.
    /// Waits for the first one; false when there is none and none will come.
    pub(super) fn fill(&self, index: usize, output: &Output, batch: &mut Batch) -> bool {
        let mut first_taken = None;
        let mut state = self.lock();
        loop {
            let now = clock::mono();
            if !is_full(batch, output) {
                state
                    .queue
                    .take(index, batch, output.batch_max, BATCH_BYTES_MAX);
            }
            let since = *first_taken.get_or_insert(now);
            let wait = if batch.is_empty() {
                first_taken = None;
                if state.closing.is_some() {
                    return false;
                }
                state.queue.idle_wait(now)
            } else {
                let due = since.after(output.batch_age);
                if is_full(batch, output) || now >= due || state.closing.is_some() {
                    return true;
                }
                due.since(now)
            };
            state.queue.commit(now);
            state = self
                .changed
                .wait_timeout(state, wait)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
    }

    /// How long a request may take: what is left until the thread has to end.
    pub(super) fn time_left(&self) -> Duration {
        let closing = self.lock().closing;
        closing.map_or(Duration::MAX, |until| {
            until.since(clock::mono()).max(LAST_TRY)
        })
    }

    /// Sleeps before another try; false when it is time to leave instead. The call to close wakes
    /// it, once, for a last try.
    pub(super) fn pause(&self, wait: Duration) -> bool {
        let start = clock::mono();
        let mut state = self.lock();
        let was_closing = state.closing.is_some();
        loop {
            let now = clock::mono();
            let due = start.after(wait);
            match state.closing {
                Some(until) if now >= until => return false,
                Some(_) if !was_closing => return true,
                // Nothing is gained by sleeping until it is too late.
                Some(until) if due > until => return false,
                _ if now >= due => return true,
                _ => {}
            }
            let wait = state.closing.map_or(due, |until| until.min(due)).since(now);
            state.queue.commit(now);
            let wait = wait.min(state.queue.idle_wait(now));
            state = self
                .changed
                .wait_timeout(state, wait)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
    }

    /// Says that a thread has ended.
    pub(super) fn ended(&self) {
        let mut state = self.lock();
        state.running = state.running.saturating_sub(1);
        if state.running == 0 {
            self.bell.ring();
        }
    }
}

fn is_full(batch: &Batch, output: &Output) -> bool {
    batch.len() >= output.batch_max || batch.bytes() >= BATCH_BYTES_MAX
}
