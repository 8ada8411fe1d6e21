// SPDX-License-Identifier: MIT OR Apache-2.0
//! Standard output and standard error, and what they are connected to.

// The widths of the fields differ from CPU to CPU.
#![allow(clippy::useless_conversion)]

use std::io::{self, IsTerminal};

use rustix::fs::fstat;
use rustix::stdio;

/// Writes all of `bytes` to standard output.
///
/// # Errors
/// What write(2) says; `BrokenPipe` when nobody reads any more.
pub fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    super::files::write_all(stdio::stdout(), bytes)
}

/// Writes a line to standard error; that nobody can be told when this fails is the caller's lot.
pub fn write_stderr(line: &[u8]) {
    let _ = super::files::write_all(stdio::stderr(), line);
}

/// Whether a person reads standard error.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Device and inode of standard error, as JOURNAL_STREAM names it (systemd.exec(5)).
///
/// # Errors
/// When standard error is closed.
pub fn stderr_identity() -> io::Result<(u64, u64)> {
    let status = fstat(stdio::stderr())?;
    Ok((status.st_dev.into(), status.st_ino.into()))
}
