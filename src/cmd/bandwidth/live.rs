// SPDX-License-Identifier: MIT OR Apache-2.0
//! The person at the terminal: keys, the size of the screen, and the wait for all that comes.

use super::report::Report;
use crate::cmd::lan::cannot;
use crate::cmd::observer::Observer;
use crate::failure::Failure;
use crate::sys::clock;
use crate::sys::poll::{self, AsFd, Until};
use crate::sys::signal::{Hint, Hints, Signals, Woken};
use crate::sys::terminal::{self, Keys};
use crate::time::Mono;

/// What there is of a person.
pub(super) struct Desk {
    keys: Option<Keys>,
    resized: Option<Hints>,
}

impl Desk {
    /// Listens to the keys when a live table is shown.
    pub(super) fn open(json: bool) -> Result<Self, Failure> {
        let live = !json && terminal::stdout_size().is_some();
        let resized = live.then(|| Hints::hold(Hint::Resize)).transpose();
        Ok(Self {
            resized: resized.map_err(|error| cannot("wait for signals", &error))?,
            keys: if live { Keys::listen() } else { None },
        })
    }

    /// Serves the observer until `moment`, a signal or `q`.
    pub(super) fn wait(
        &mut self,
        signals: &Signals,
        observer: &mut Observer,
        report: &mut Report,
        moment: Mono,
    ) -> Result<Woken, Failure> {
        loop {
            let now = clock::mono();
            if now >= moment {
                return Ok(Woken::Due);
            }
            let fd = signals.as_fd();
            // What there is not is a second look at the signals.
            let keys = self.keys.as_ref().map_or(fd, AsFd::as_fd);
            let resized = self.resized.as_ref().map_or(fd, AsFd::as_fd);
            let [lan, frames, events] = observer.descriptors();
            let wanted = [fd, keys, resized, lan, frames, events].map(|fd| (fd, Until::Readable));
            let due = observer.next_due(now).min(moment);
            let ready = poll::wait(wanted, Some(due.since(now)));
            let [terminate, pressed, _, observed @ ..] =
                ready.map_err(|error| cannot("wait for frames", &error))?;
            if terminate || (pressed && self.ends()) {
                return Ok(Woken::Terminate);
            }
            observer.turn(observed, clock::mono());
            if self.resized.as_ref().is_some_and(Hints::taken) {
                report.draw(signals)?;
            }
        }
    }

    /// Whether a key was pressed that ends it. A terminal that is gone presses none.
    fn ends(&mut self) -> bool {
        let Some(keys) = &self.keys else {
            return false;
        };
        match keys.pressed() {
            Some(key) => matches!(key, b'q' | b'Q'),
            None => {
                self.keys = None;
                false
            }
        }
    }
}
