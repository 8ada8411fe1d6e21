// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ways out on this machine: a file, one array a line, and standard output. What was written is
//! confirmed.

use std::io;

use super::carrier::{Carrier, CarrierError, Slice, Tally};
use crate::sink::file::{FileSink, Keep};
use crate::sys::signal::Signals;
use crate::time::Mono;

/// Slices that were confirmed at once.
#[derive(Debug, Default)]
pub(super) struct AtOnce {
    numbers: Vec<u64>,
    pub(super) tally: Tally,
}

impl AtOnce {
    /// Notes that a slice went out and has arrived.
    pub(super) fn confirm(&mut self, slice: &Slice<'_>) {
        self.numbers.push(slice.number);
        self.tally.messages += 1;
        self.tally.confirmed += 1;
    }

    /// Hands over what was noted.
    pub(super) fn hand_over(&mut self, on_confirmed: &mut dyn FnMut(u64)) {
        self.numbers.drain(..).for_each(on_confirmed);
    }
}

/// A file that slices are added to.
#[derive(Debug)]
pub struct ToFile {
    sink: FileSink,
    path: String,
    line: Vec<u8>,
    done: AtOnce,
}

impl ToFile {
    /// Adds to `path`; its directory is made (one level) when it is absent.
    ///
    /// # Errors
    /// When there is no directory and none can be made.
    pub fn open(path: &str) -> Result<Self, CarrierError> {
        let (directory, name) = match path.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some((directory, name)) => (directory, name),
            None => (".", path),
        };
        let sink = FileSink::open(directory, name, Keep::All(None)).map_err(|error| {
            CarrierError::SetUpWrong(format!("cannot write to {path}: {error}"))
        })?;
        Ok(Self {
            sink,
            path: path.to_owned(),
            line: Vec::new(),
            done: AtOnce::default(),
        })
    }
}

impl Carrier for ToFile {
    fn offer(&mut self, slice: &Slice<'_>) -> Result<(), CarrierError> {
        self.line.clear();
        self.line.extend_from_slice(slice.body);
        self.line.push(b'\n');
        self.sink.put(&self.line).map_err(|error| {
            CarrierError::Down(format!("cannot write to {}: {error}", self.path))
        })?;
        self.done.confirm(slice);
        Ok(())
    }

    fn confirmed(&mut self, on_confirmed: &mut dyn FnMut(u64)) {
        self.done.hand_over(on_confirmed);
    }

    fn settle(&mut self, _: Option<Mono>) -> Result<(), CarrierError> {
        Ok(())
    }

    fn tally(&self) -> Tally {
        self.done.tally
    }
}

/// Standard output, for people who want to see what would be sent.
#[derive(Debug)]
pub struct ToStdout<'a> {
    signals: &'a Signals,
    line: Vec<u8>,
    done: AtOnce,
}

impl<'a> ToStdout<'a> {
    /// Waits for its reader until one of `signals` comes.
    pub fn new(signals: &'a Signals) -> Self {
        Self {
            signals,
            line: Vec::new(),
            done: AtOnce::default(),
        }
    }
}

impl Carrier for ToStdout<'_> {
    fn offer(&mut self, slice: &Slice<'_>) -> Result<(), CarrierError> {
        self.line.clear();
        self.line.extend_from_slice(slice.body);
        self.line.push(b'\n');
        match self.signals.write_stdout(&self.line) {
            Ok(()) => {
                self.done.confirm(slice);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(CarrierError::Interrupted),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(CarrierError::Closed),
            Err(error) => Err(CarrierError::Down(format!(
                "cannot write to standard output: {error}; see where it is redirected to"
            ))),
        }
    }

    fn confirmed(&mut self, on_confirmed: &mut dyn FnMut(u64)) {
        self.done.hand_over(on_confirmed);
    }

    fn settle(&mut self, _: Option<Mono>) -> Result<(), CarrierError> {
        Ok(())
    }

    fn tally(&self) -> Tally {
        self.done.tally
    }
}
