// SPDX-License-Identifier: MIT OR Apache-2.0
//! The person at the terminal: keys, the size of the screen, and the wait for all that comes.

use std::io;

use super::report::Report;
use crate::cmd::lan::cannot;
use crate::cmd::observer::Observer;
use crate::failure::Failure;
use crate::sys::clock;
use crate::sys::poll::{self, AsFd, Until};
use crate::sys::signal::{self, Hint, Hints, Signals, Woken};
use crate::sys::terminal::{self, Keys};
use crate::time::Mono;

/// What there is of a person.
pub(super) struct Desk {
    live: Option<Live>,
}

/// A person who sees a live table.
struct Live {
    /// `None` while the terminal is not ours: in the background of a shell.
    keys: Option<Keys>,
    resized: Hints,
    stop: Hints,
}

impl Desk {
    /// Listens to the keys when a live table is shown.
    pub(super) fn open(json: bool) -> Result<Self, Failure> {
        let shown = !json && terminal::stdout_size().is_some();
        let live = shown.then(Live::open).transpose();
        Ok(Self {
            live: live.map_err(|error| cannot("wait for signals", &error))?,
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
        if let Some(live) = &mut self.live {
            live.listen();
        }
        loop {
            let now = clock::mono();
            let fd = signals.as_fd();
            // What there is not is a second look at the signals.
            let [keys, resized, stop] = self.live.as_ref().map_or([fd; 3], |live| {
                let keys = live.keys.as_ref().map_or(fd, AsFd::as_fd);
                [keys, live.resized.as_fd(), live.stop.as_fd()]
            });
            let [lan, frames, events] = observer.descriptors();
            let wanted = [fd, keys, resized, stop, lan, frames, events];
            let due = observer.next_due(now).min(moment);
            // Also when the moment has passed: who is always late must end all the same.
            let wanted = wanted.map(|fd| (fd, Until::Readable));
            let ready = poll::wait(wanted, Some(due.since(now)));
            let [terminate, pressed, _, _, observed @ ..] =
                ready.map_err(|error| cannot("wait for frames", &error))?;
            if terminate || (pressed && self.live.as_mut().is_some_and(Live::ends)) {
                return Ok(Woken::Terminate);
            }
            if self.live.as_mut().is_some_and(Live::has_changed) {
                report.draw(signals)?;
            }
            observer.turn(observed, clock::mono());
            if now >= moment {
                return Ok(Woken::Due);
            }
        }
    }
}

impl Live {
    fn open() -> io::Result<Self> {
        Ok(Self {
            resized: Hints::hold(Hint::Resize)?,
            stop: Hints::hold(Hint::Stop)?,
            keys: Keys::listen(),
        })
    }

    /// Listens to the keys if the terminal has become ours.
    fn listen(&mut self) {
        if self.keys.is_none() {
            self.keys = Keys::listen();
        }
    }

    /// Whether what is shown must be drawn anew. Stops for as long as the person wants; the
    /// terminal is the shell's then.
    fn has_changed(&mut self) -> bool {
        let stopped = self.stop.taken();
        if stopped {
            self.keys = None;
            signal::stop();
            self.listen();
        }
        self.resized.taken() || (stopped && self.keys.is_some())
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
