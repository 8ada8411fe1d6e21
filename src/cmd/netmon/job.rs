// SPDX-License-Identifier: MIT OR Apache-2.0
//! The run of `netmon`: window after window.

use core::num::NonZeroU64;
use core::time::Duration;

use super::outlets::Outlets;
use super::{Plan, Source};
use crate::cmd::quoted;
use crate::collect::interfaces::{Interfaces, ReadError};
use crate::engine::schedule::Cadence;
use crate::failure::Failure;
use crate::limits::INTERFACES_MAX;
use crate::model::interface::{LeftOut, Sample, Window};
use crate::sys::clock;
use crate::sys::files::{self, File, Root};
use crate::sys::signal::{Signals, Woken};
use crate::time::in_us;

const PROC: &str = "/proc/net/dev";

/// A last window that a signal cut shorter than this says nothing.
const SHORTEST: Duration = Duration::from_millis(100);

/// What stays from window to window; nothing in it grows.
struct Job<'a> {
    signals: &'a Signals,
    outlets: &'a mut Outlets,
    interfaces: Interfaces,
    earlier: Box<Sample>,
    later: Box<Sample>,
    said: LeftOut,
    chosen_by_pattern: bool,
}

/// Does all that `plan` wants, and sees what was handed over through to its end.
///
/// # Errors
/// When something could not be read or written.
pub(super) fn run(plan: &Plan) -> Result<(), Failure> {
    // Before any thread starts, so that all of them hold the signals back.
    let signals = Signals::hold().map_err(cannot_wait)?;
    let mut outlets = Outlets::open(plan)?;
    let mut job = Job {
        signals: &signals,
        interfaces: Interfaces::new(plan.selection.clone(), outlets.reserved()),
        outlets: &mut outlets,
        earlier: Box::default(),
        later: Box::default(),
        said: LeftOut::default(),
        chosen_by_pattern: !plan.selection.is_all(),
    };
    let measured = match &plan.source {
        Source::Live { interval, count } => job.live(*interval, *count),
        Source::Replay {
            before,
            after,
            elapsed_us,
        } => job.replay(before, after, *elapsed_us),
    };
    let terminated = matches!(measured, Ok(Woken::Terminate));
    let finished = outlets.finish(&signals, terminated);
    // What failed first is said; what failed later, at the end, must not be hidden by a success.
    match measured {
        Err(failure) if !failure.is_silent() => Err(failure),
        _ => finished.and(measured.map(drop)),
    }
}

impl Job<'_> {
    /// Measures `count` windows (0: without end); says what ended them.
    fn live(&mut self, interval: Duration, count: u64) -> Result<Woken, Failure> {
        let root = Root::system().map_err(|error| unreadable_proc(&error.into()))?;
        let mut start = clock::mono();
        self.interfaces
            .read(&root, &mut self.earlier)
            .map_err(|error| unreadable_proc(&error))?;
        self.tell_left_out(PROC, false);
        let mut cadence = Cadence::new(start, interval);
        let (mut made, mut failing) = (0, false);
        log::info!("measuring windows of {interval:?}");
        loop {
            let woken = self
                .signals
                .wait_until(cadence.next_due(), None)
                .map_err(cannot_wait)?;
            let end = clock::mono();
            let elapsed = end.since(start);
            if woken == Woken::Terminate && made > 0 && elapsed < SHORTEST.min(interval / 2) {
                return Ok(woken);
            }
            cadence.ran(end);
            match self.interfaces.read(&root, &mut self.later) {
                Ok(()) => {
                    failing = false;
                    self.window_done(PROC, micros(elapsed))?;
                    core::mem::swap(&mut self.earlier, &mut self.later);
                    (start, made) = (end, made + 1);
                }
                Err(error) if count == 1 => return Err(unreadable_proc(&error)),
                // It may pass, as a want of descriptors does: the window goes on until then.
                Err(error) if !core::mem::replace(&mut failing, true) => {
                    log::error!("{}; trying again", unreadable_proc(&error));
                }
                Err(_) => {}
            }
            if woken == Woken::Terminate || made == count {
                log::info!("windows measured: {made}");
                return Ok(woken);
            }
        }
    }

    fn replay(
        &mut self,
        before: &str,
        after: &str,
        elapsed_us: NonZeroU64,
    ) -> Result<Woken, Failure> {
        for path in [before, after] {
            core::mem::swap(&mut self.earlier, &mut self.later);
            let file = files::c_path(path).and_then(|path| File::open(&path));
            file.map_err(ReadError::from)
                .and_then(|file| self.interfaces.read_file(&file, &mut self.later))
                .map_err(|error| unreadable(path, &error, "name a copy of /proc/net/dev"))?;
            self.tell_left_out(path, true);
        }
        self.window_done(after, elapsed_us)?;
        Ok(Woken::Due)
    }

    fn window_done(&mut self, path: &str, elapsed_us: NonZeroU64) -> Result<(), Failure> {
        self.tell_left_out(path, true);
        log::debug!("{} interfaces, window of {elapsed_us} us", self.later.len());
        let window = Window {
            earlier: &self.earlier,
            later: &self.later,
            elapsed_us,
        };
        self.outlets.write(window, self.signals)
    }

    /// Says what is missing from a sample, each kind once.
    fn tell_left_out(&mut self, path: &str, later: bool) {
        let sample = if later { &self.later } else { &self.earlier };
        let LeftOut {
            malformed,
            repeated,
            reserved,
            beyond,
        } = sample.left_out;
        let first = |said: &mut u32, count: u32| {
            core::mem::replace(said, count.max(*said)) == 0 && count > 0
        };
        if first(&mut self.said.malformed, malformed) {
            log::warn!("{path}: lines left out: {malformed}, not a name, a colon and 16 counters");
        }
        if first(&mut self.said.repeated, repeated) {
            log::warn!("{path}: lines left out: {repeated}, a line before has the same name");
        }
        if first(&mut self.said.reserved, reserved) {
            let keys = self.outlets.reserved().join("', '");
            log::warn!(
                "{path}: interfaces left out: {reserved}, named like a key of the document \
                 ('{keys}')"
            );
        }
        if first(&mut self.said.beyond, beyond) {
            log::warn!(
                "{path}: interfaces left out: {beyond}, more than {INTERFACES_MAX}; \
                 choose them with --interface"
            );
        }
        if self.chosen_by_pattern && sample.is_empty() {
            self.chosen_by_pattern = false;
            log::warn!("{path}: no interface matches --interface");
        }
    }
}

fn unreadable(path: &str, error: &ReadError, remedy: &str) -> Failure {
    Failure::failed(format_args!(
        "cannot read {}: {error}; {remedy}",
        quoted(path)
    ))
}

fn unreadable_proc(error: &ReadError) -> Failure {
    let remedy = match error {
        ReadError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => "mount /proc",
        _ => "may you read it, and are there open files to spare (ulimit -n)?",
    };
    unreadable(PROC, error, remedy)
}

fn cannot_wait(error: std::io::Error) -> Failure {
    Failure::failed(format_args!(
        "cannot wait for signals: {error}; raise ulimit -n"
    ))
}

fn micros(span: Duration) -> NonZeroU64 {
    NonZeroU64::new(in_us(span)).unwrap_or(NonZeroU64::MIN)
}
