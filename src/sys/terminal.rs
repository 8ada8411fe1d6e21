// SPDX-License-Identifier: MIT OR Apache-2.0
//! Standard output and standard error, and what they are connected to.

// The widths of the fields differ from CPU to CPU.
#![allow(clippy::useless_conversion)]

use std::io::{self, IsTerminal};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::fstat;
use rustix::stdio;

/// Writes all of `bytes` to standard output.
///
/// # Errors
/// What write(2) says; `BrokenPipe` when nobody reads any more.
pub fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    super::files::write_all(stdio::stdout(), bytes)
}

/// Writes a line to standard error, unless its reader lets it wait for longer than a second: the
/// log must not stop what it reports on. Says whether it was written.
pub fn write_stderr(line: &[u8]) -> bool {
    let patience = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    let stderr = stdio::stderr();
    let mut fds = [PollFd::from_borrowed_fd(stderr, PollFlags::OUT)];
    let ready = poll(&mut fds, Some(&patience)).is_ok_and(|count| count > 0);
    ready && super::files::write_all(stderr, line).is_ok()
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
