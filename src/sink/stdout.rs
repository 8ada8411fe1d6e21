// SPDX-License-Identifier: MIT OR Apache-2.0
//! Documents and answers to standard output.

use core::time::Duration;
use std::io;

use crate::sys::signal::Signals;
use crate::sys::terminal;

/// Writes a document; a reader that lets it wait does so only until a signal comes.
///
/// # Errors
/// What write(2) says; `BrokenPipe` when nobody reads any more, which is no fault, `TimedOut`
/// after a signal.
pub fn put(document: &[u8], signals: &Signals) -> io::Result<()> {
    signals.write_stdout(document)
}

/// What a slow reader of standard output has not taken yet.
#[derive(Debug, Default)]
pub struct Rest(Vec<u8>);

impl Rest {
    /// Writes a document as far as its reader takes it soon; the rest of it before the next one.
    /// False when there is still a rest of the one before: then nothing of this one is written.
    ///
    /// # Errors
    /// What write(2) says; `BrokenPipe` when nobody reads any more, which is no fault.
    pub fn put(&mut self, document: &[u8], patience: Duration) -> io::Result<bool> {
        let written = Signals::write_some(&self.0, patience)?;
        self.0.drain(..written);
        if !self.0.is_empty() {
            return Ok(false);
        }
        let written = Signals::write_some(document, patience)?;
        self.0.extend_from_slice(&document[written..]);
        Ok(true)
    }
}

/// Writes text for a person.
///
/// # Errors
/// What write(2) says; `BrokenPipe` when nobody reads any more, which is no fault.
pub fn print(text: &str) -> io::Result<()> {
    terminal::write_stdout(text.as_bytes())
}
