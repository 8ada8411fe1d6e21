// SPDX-License-Identifier: MIT OR Apache-2.0
//! The run of `netmon`: window after window, each to every output.

use core::num::NonZeroU64;
use core::time::Duration;
use std::ffi::CString;

use super::{Plan, Source};
use crate::cmd::{quoted, stdout_failure};
use crate::collect::interfaces::{Interfaces, ReadError};
use crate::encode::json::Style;
use crate::encode::netmon as document;
use crate::engine::schedule::Cadence;
use crate::failure::Failure;
use crate::limits::{INTERFACES_MAX, NETMON_DOCUMENT_BYTES_MAX};
use crate::model::interface::{LeftOut, Sample, Window};
use crate::sink::file::{FileError, FileSink, Keep};
use crate::sink::stdout;
use crate::sys::files::{File, Root};
use crate::sys::signal::{Signals, Woken};
use crate::sys::{clock, host};
use crate::time::Mono;

/// What stays from window to window; nothing in it grows.
pub(super) struct Job {
    interfaces: Interfaces,
    earlier: Box<Sample>,
    later: Box<Sample>,
    host: String,
    buffer: Box<[u8]>,
    file: Option<(String, FileSink)>,
    stdout: Option<Style>,
    said: LeftOut,
    chosen_by_pattern: bool,
    /// Documents that the file did not take since the last one that it took, and in all.
    failing_count: u64,
    failed_count: u64,
}

impl Job {
    pub(super) fn new(plan: &Plan) -> Result<Self, Failure> {
        let file = match &plan.directory {
            Some(directory) => Some(open_file(directory, plan.keep)?),
            None => None,
        };
        Ok(Self {
            interfaces: Interfaces::new(plan.selection.clone(), document::RESERVED),
            earlier: Box::default(),
            later: Box::default(),
            host: host::name(),
            buffer: vec![0; NETMON_DOCUMENT_BYTES_MAX].into_boxed_slice(),
            file,
            stdout: plan.stdout,
            said: LeftOut::default(),
            chosen_by_pattern: !plan.selection.is_all(),
            failing_count: 0,
            failed_count: 0,
        })
    }

    /// Does all that `plan` wants.
    pub(super) fn run(&mut self, plan: &Plan) -> Result<(), Failure> {
        match &plan.source {
            Source::Live { interval, count } => self.live(*interval, *count)?,
            Source::Replay {
                before,
                after,
                elapsed_us,
            } => {
                self.replay(before, after, *elapsed_us)?;
            }
        }
        match self.failed_count {
            0 => Ok(()),
            count => Err(Failure::failed(format_args!(
                "{count} documents were not written"
            ))),
        }
    }

    fn live(&mut self, interval: Duration, count: u64) -> Result<(), Failure> {
        const PROC: &str = "/proc/net/dev";
        let remedy = "is /proc mounted, and may you read it?";
        let failed = |error: ReadError| unreadable(PROC, &error, remedy);
        let cannot_wait = |error| Failure::failed(format_args!("cannot wait for signals: {error}"));
        let root = Root::system().map_err(|error| failed(error.into()))?;
        let signals = Signals::hold().map_err(cannot_wait)?;
        let mut start = clock::mono();
        self.interfaces
            .read(&root, &mut self.later)
            .map_err(failed)?;
        let mut cadence = Cadence::new(start, interval);
        let mut left = count;
        loop {
            core::mem::swap(&mut self.earlier, &mut self.later);
            let woken = signals
                .wait_until(cadence.next_due(), None)
                .map_err(cannot_wait)?;
            let end = clock::mono();
            self.interfaces
                .read(&root, &mut self.later)
                .map_err(failed)?;
            cadence.ran(end);
            self.tell_left_out(PROC);
            self.write(elapsed_us(start, end), count == 1)?;
            if woken == Woken::Terminate || left == 1 {
                return Ok(());
            }
            left = left.saturating_sub(1);
            start = end;
        }
    }

    fn replay(&mut self, before: &str, after: &str, elapsed_us: NonZeroU64) -> Result<(), Failure> {
        for (path, sample) in [(before, &mut self.earlier), (after, &mut self.later)] {
            let remedy = "name a copy of /proc/net/dev";
            let file = CString::new(path).map_err(|_| std::io::ErrorKind::InvalidInput.into());
            file.and_then(|path| File::open(&path))
                .map_err(ReadError::from)
                .and_then(|file| self.interfaces.read_file(&file, sample))
                .map_err(|error| unreadable(path, &error, remedy))?;
        }
        self.tell_left_out(after);
        self.write(elapsed_us, true)
    }

    /// Encodes the window and hands it to each output; `only` says that no other will come.
    fn write(&mut self, elapsed_us: NonZeroU64, only: bool) -> Result<(), Failure> {
        let window = Window {
            earlier: &self.earlier,
            later: &self.later,
            elapsed_us,
        };
        if let Some(style) = self.stdout {
            let document = encode(window, &self.host, style, &mut self.buffer)?;
            stdout::put(document).map_err(stdout_failure)?;
        }
        let Some((path, sink)) = &self.file else {
            return Ok(());
        };
        let document = encode(window, &self.host, Style::Compact, &mut self.buffer)?;
        match sink.put(document) {
            Ok(()) if self.failing_count > 0 => {
                log::warn!(
                    "{}: written again, after {} lost",
                    quoted(path),
                    self.failing_count
                );
                self.failing_count = 0;
            }
            Ok(()) => {}
            Err(error) if only => return Err(unwritable(path, &error)),
            Err(error) => {
                if self.failing_count == 0 {
                    log::error!("{}; going on", unwritable(path, &error));
                }
                self.failing_count += 1;
                self.failed_count += 1;
            }
        }
        Ok(())
    }

    /// Says what is missing from the newest sample, each kind once.
    fn tell_left_out(&mut self, path: &str) {
        let LeftOut {
            malformed,
            repeated,
            reserved,
            beyond,
        } = self.later.left_out;
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
            log::warn!("{path}: interface 'host' left out: the document's own key has that name");
        }
        if first(&mut self.said.beyond, beyond) {
            log::warn!(
                "{path}: interfaces left out: {beyond}, more than {INTERFACES_MAX}; \
                 choose them with --interface"
            );
        }
        if self.chosen_by_pattern && self.later.is_empty() {
            self.chosen_by_pattern = false;
            log::warn!("{path}: no interface matches --interface");
        }
    }
}

fn encode<'b>(
    window: Window<'_>,
    host: &str,
    style: Style,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], Failure> {
    document::document(window, host, style, buffer)
        .map_err(|error| Failure::failed(format_args!("document: {error}; please report this")))
}

fn open_file(directory: &str, keep: Keep) -> Result<(String, FileSink), Failure> {
    match FileSink::open(directory, "netmon.log", keep) {
        Ok(sink) => Ok((format!("{directory}/netmon.log"), sink)),
        Err(error) => Err(Failure::failed(format_args!(
            "--logpath {}: cannot use the directory: {error}",
            quoted(directory)
        ))),
    }
}

fn unwritable(path: &str, error: &FileError) -> Failure {
    Failure::failed(format_args!("cannot write {}: {error}", quoted(path)))
}

fn unreadable(path: &str, error: &ReadError, remedy: &str) -> Failure {
    Failure::failed(format_args!(
        "cannot read {}: {error}; {remedy}",
        quoted(path)
    ))
}

fn elapsed_us(start: Mono, end: Mono) -> NonZeroU64 {
    let elapsed = end.since(start).as_micros();
    NonZeroU64::new(u64::try_from(elapsed).unwrap_or(u64::MAX)).unwrap_or(NonZeroU64::MIN)
}
