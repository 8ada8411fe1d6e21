// SPDX-License-Identifier: MIT OR Apache-2.0
//! Documents under way to servers, and what the user is told of them in the end.

use core::time::Duration;

use super::quoted;
use crate::encode::snapshot::{Output, Spool};
use crate::failure::{Exit, Failure};
use crate::sink::shipper::{LAST_TRY, Patience, Progress, Shipper};
use crate::sys::clock;
use crate::sys::signal::{Signals, Woken};
use crate::time::{Mono, Wall};

/// After a signal: time to send, and a little more for a request that is under way.
const LAST_SENDS: Duration = Duration::from_millis(2_200);
const GRACE: Duration = Duration::from_millis(500);

/// For how long documents in memory are sent to an output that is no longer configured.
const RETIREMENT: Duration = Duration::from_secs(30);

/// Documents under way.
#[derive(Debug)]
pub struct Sending {
    pub(super) shipper: Shipper,
    pub(super) patience: Patience,
    /// Another process sends what is in the spool.
    pub(super) sends: bool,
    pub(super) directory: Option<String>,
    pub(super) retry: Duration,
    /// What the user calls each server, and its type.
    pub(super) labels: Vec<(String, &'static str)>,
}

impl Sending {
    /// Hands over a document that ends in a line end.
    pub fn offer(&mut self, wall: Wall, document: &[u8]) {
        self.shipper.offer(wall, document);
    }

    /// Hands over what happened at each server.
    pub fn each(&self, now: Wall, mut each: impl FnMut(&Output<'_>)) {
        self.shipper.each_progress(|index, progress| {
            let Some((name, kind)) = self.labels.get(index) else {
                return;
            };
            let error = progress.last_error.as_ref();
            each(&Output {
                name,
                kind,
                queue: progress.queue,
                oldest_s: progress.oldest.map(|oldest| now.since(oldest).as_secs()),
                sent: progress.sent,
                retried: progress.retried,
                dropped: progress.dropped,
                dead_lettered: progress.dead_lettered,
                last_error: error.map(|(text, when)| (text.as_str(), *when)),
            });
        });
    }

    /// What happened to the files of the spool; `None` without one.
    pub fn spool(&self) -> Option<Spool> {
        let counters = self.shipper.spooled()?;
        Some(Spool {
            bytes: counters.bytes,
            limit_bytes: counters.limit_bytes,
            torn: counters.torn,
            corrupt: counters.corrupt,
        })
    }

    /// Sends what waits, for as long from `begun` on as one run may try; after a signal,
    /// `terminated`, for less than three seconds. Then says what became of the documents.
    ///
    /// # Errors
    /// When an output did not take all of them and no spool keeps them.
    pub fn finish(self, signals: &Signals, terminated: bool, begun: Mono) -> Result<(), Failure> {
        self.shipper.flush();
        let mut terminated = terminated;
        if !terminated && signals.heard().is_some() {
            // It came while a document was written, and waits to be taken.
            let _ = signals.wait_until(clock::mono(), None);
            terminated = true;
        }
        let mut patience = if terminated { LAST_SENDS } else { self.retry };
        let mut until = begun.after(patience);
        self.shipper.close(until);
        while !self.shipper.is_done() {
            // A try that is under way at the end gets its time, unless a signal presses.
            let grace = if patience == LAST_SENDS {
                GRACE
            } else {
                GRACE + LAST_TRY
            };
            match signals.wait_until(until.after(grace), Some(self.shipper.bell())) {
                Ok(Woken::Rung) => {}
                Ok(Woken::Terminate) if patience > LAST_SENDS => {
                    patience = LAST_SENDS;
                    until = clock::mono().after(patience);
                    self.shipper.close(until);
                }
                Ok(Woken::Due | Woken::Terminate) | Err(_) => break,
            }
        }
        self.shipper.flush();
        let result = self.report();
        self.shipper.leave();
        result
    }

    /// Makes way for others: what waits in the spool is theirs, and `None` is left; without a spool
    /// it is sent for a while longer, see [`Self::is_over`].
    pub fn retire(self) -> Option<Self> {
        let now = clock::mono();
        if self.directory.is_none() {
            self.shipper.close(now.after(RETIREMENT));
            return Some(self);
        }
        self.shipper.close(now);
        self.shipper.flush();
        self.shipper.leave();
        None
    }

    /// Whether whoever retired has sent what it could; says what it could not.
    pub fn is_over(&self) -> bool {
        let is_over = self.shipper.is_done();
        if is_over {
            // What is lost is said, and no more can be done.
            let _ = self.report();
        }
        is_over
    }

    fn report(&self) -> Result<(), Failure> {
        let mut failed = false;
        for (name, progress) in self.shipper.progress() {
            log::info!("{name}: {}", Counters(&progress, clock::wall()));
            failed |= self.report_one(&name, &progress);
        }
        if failed {
            Err(Failure::silent(Exit::Failed))
        } else {
            Ok(())
        }
    }

    /// Says what went wrong with one output; whether that is a failure of the run.
    fn report_one(&self, name: &str, progress: &Progress) -> bool {
        let &Progress {
            queue,
            in_memory,
            dropped,
            dead_lettered,
            ..
        } = progress;
        let why = progress
            .last_error
            .as_ref()
            .map_or("no time was left", |(text, _)| text);
        if let (false, Some(directory), 0) = (self.sends, &self.directory, in_memory + dropped) {
            log::warn!(
                "{name}: left in spool {} for who sends from it",
                quoted(directory)
            );
            return false;
        }
        if matches!(self.patience, Patience::Once(_)) {
            if queue + dropped + dead_lettered > 0 {
                log::error!("{name}: not delivered: {why}");
            }
            return queue + dropped + dead_lettered > 0;
        }
        if dropped + dead_lettered > 0 {
            log::error!(
                "{name}: documents dropped: {dropped}, refused by the server: {dead_lettered}; \
                 {why}"
            );
        }
        if in_memory > 0 {
            log::error!("{name}: documents not delivered: {in_memory}; {why}");
        }
        if let Some(directory) = &self.directory
            && queue > in_memory
        {
            let left = queue - in_memory;
            log::warn!(
                "{name}: documents left in spool {}: {left}; {why}",
                quoted(directory)
            );
        }
        dropped + dead_lettered + in_memory > 0
    }
}

/// The counters of an output in one line.
struct Counters<'a>(&'a Progress, Wall);

impl core::fmt::Display for Counters<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (
            Progress {
                queue,
                oldest,
                sent,
                retried,
                dropped,
                dead_lettered,
                last_error,
                ..
            },
            now,
        ) = (self.0, self.1);
        write!(f, "queue {queue}")?;
        if let Some(oldest) = oldest {
            write!(f, " (oldest {} s)", now.since(*oldest).as_secs())?;
        }
        write!(f, ", sent {sent}, retried {retried}, dropped {dropped}")?;
        write!(f, ", dead-lettered {dead_lettered}")?;
        match last_error {
            Some((text, when)) => write!(f, ", last error at {}Z: {text}", when.utc()),
            None => f.write_str(", no error"),
        }
    }
}
