// SPDX-License-Identifier: MIT OR Apache-2.0
//! Documents to standard output, one write each, as they come.

use std::io;

use crate::sys::terminal;

/// Writes a document.
///
/// # Errors
/// What write(2) says; `BrokenPipe` when nobody reads any more, which is no fault.
pub fn put(document: &[u8]) -> io::Result<()> {
    terminal::write_stdout(document)
}
