// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent's loop: one cadence, window after window, without a gap between them.

use core::time::Duration;

use super::document::Documents;
use super::meters::Meters;
use super::probes::Probes;
use super::reload::Orders;
use super::settings::Settings;
use super::state::StateFile;
use crate::cmd::lan::cannot;
use crate::cmd::observer::Observer;
use crate::cmd::outlets::Outlets;
use crate::cmd::outputs::Outputs;
use crate::encode::bandwidth::Window;
use crate::encode::device::Stamp;
use crate::engine::schedule::Cadence;
use crate::failure::Failure;
use crate::sys::clock;
use crate::sys::poll::{self, AsFd, Until};
use crate::sys::signal::{Hints, Signals, Woken};
use crate::time::Mono;

/// The last window is sent unless it is shorter than this, or than half an interval.
const LAST_WINDOW_MIN: Duration = Duration::from_millis(100);

/// Everything at work.
pub(super) struct Agent {
    pub(super) orders: Orders,
    pub(super) outputs: Outputs,
    pub(super) settings: Settings,
    pub(super) observer: Observer,
    pub(super) meters: Meters,
    pub(super) probes: Probes,
    pub(super) documents: Documents,
    pub(super) outlets: Outlets,
    pub(super) state: Option<StateFile>,
    pub(super) signals: Signals,
    /// SIGHUP.
    pub(super) hangup: Hints,
}

impl Agent {
    /// Goes on until a signal comes, or for one window.
    ///
    /// # Errors
    /// When nobody takes the documents.
    pub(super) fn run(mut self) -> Result<(), Failure> {
        let measured = self.windows();
        let terminated = matches!(measured, Ok(Woken::Terminate));
        let finished = self.outlets.finish(&self.signals, terminated);
        match measured {
            Err(failure) if !failure.is_silent() => Err(failure),
            _ => finished.and(measured.map(drop)),
        }
    }

    fn windows(&mut self) -> Result<Woken, Failure> {
        let mut begun = clock::mono();
        self.observer.capture.begin_window();
        let mut cadence = Cadence::new(begun, self.settings.interval);
        loop {
            let woken = self.wait(cadence.next_due())?;
            if woken == Woken::Rung {
                let interval = self.settings.interval;
                self.reload();
                if self.settings.interval != interval {
                    cadence = Cadence::new(begun, self.settings.interval);
                }
                continue;
            }
            let both = clock::both();
            let now = both.mono;
            let duration = now.since(begun);
            let shortest = LAST_WINDOW_MIN.min(self.settings.interval / 2);
            if woken == Woken::Terminate && self.documents.sequence > 0 && duration < shortest {
                return Ok(woken);
            }
            let end = Stamp {
                wall: both.wall(),
                mono: now,
            };
            self.window(Window { end, duration })?;
            begun = now;
            cadence.ran(now);
            if woken == Woken::Terminate || self.settings.once {
                return Ok(woken);
            }
        }
    }

    /// Ends a window and begins the next one.
    fn window(&mut self, window: Window) -> Result<(), Failure> {
        let (end, now) = (window.end, window.end.mono);
        self.observer.end_window(true, now);
        if core::mem::take(&mut self.observer.links_changed) {
            self.meters.speeds.forget();
        }
        self.meters.read(&self.observer.lan.sources.root, now);
        self.probes.turn();
        let Self {
            documents,
            observer,
            meters,
            probes,
            outlets,
            ..
        } = self;
        let document = documents.make(observer, meters, probes, outlets, &window);
        let shipped = outlets.ship(end.wall, document);
        if let Some(state) = &mut self.state {
            state.write(document);
        }
        let printed = match self.settings.once {
            true => outlets.print(document, &self.signals),
            false => outlets.print_soon(document),
        };
        self.observer.capture.begin_window();
        self.meters.begin_window();
        self.observer.forget(self.settings.forget_after, now);
        shipped.and(printed)
    }

    /// Serves the observer until `moment` or a signal.
    fn wait(&mut self, moment: Mono) -> Result<Woken, Failure> {
        loop {
            let now = clock::mono();
            let [lan, frames, events] = self.observer.descriptors();
            let (signals, hangup) = (self.signals.as_fd(), self.hangup.as_fd());
            // Without probes, the signals are watched in their shape, which costs nothing.
            let probed = self.probes.descriptor().unwrap_or(signals);
            let wanted = [signals, hangup, probed, lan, frames, events];
            let due = self.observer.next_due(now).min(moment);
            let due = self.probes.next_due().map_or(due, |probe| probe.min(due));
            let wanted = wanted.map(|fd| (fd, Until::Readable));
            let [terminate, reload, probed, observed @ ..] =
                poll::wait(wanted, Some(due.since(now)))
                    .map_err(|error| cannot("wait for frames", &error))?;
            // Taken, so that what is sent at the end is waited for until the next one.
            if terminate && self.taken()? {
                return Ok(Woken::Terminate);
            }
            if reload && self.hangup.taken() {
                return Ok(Woken::Rung);
            }
            let then = clock::mono();
            if probed || self.probes.next_due().is_some_and(|due| due <= then) {
                self.probes.turn();
            }
            self.observer.turn(observed, then);
            // Last, so that signals are heard even when every window takes too long.
            if now >= moment {
                return Ok(Woken::Due);
            }
        }
    }

    /// Whether there is a signal to end.
    fn taken(&self) -> Result<bool, Failure> {
        let woken = self.signals.wait_until(clock::mono(), None);
        let woken = woken.map_err(|error| cannot("wait for signals", &error))?;
        Ok(woken == Woken::Terminate)
    }
}
