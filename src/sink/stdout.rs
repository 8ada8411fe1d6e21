// SPDX-License-Identifier: MIT OR Apache-2.0
//! Documents and answers to standard output.

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

/// Writes text for a person.
///
/// # Errors
/// What write(2) says; `BrokenPipe` when nobody reads any more, which is no fault.
pub fn print(text: &str) -> io::Result<()> {
    terminal::write_stdout(text.as_bytes())
}
