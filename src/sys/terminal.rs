// SPDX-License-Identifier: MIT OR Apache-2.0
//! Standard output and standard error, and what they are connected to.

// The widths of the fields differ from CPU to CPU.
#![allow(clippy::useless_conversion)]

use std::io::{self, IsTerminal};
use std::time::Duration;

use rustix::fs::{Dev, FileType, fstat};
use rustix::stdio;

use super::poll::{self, AsFd, BorrowedFd, Until};

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
    let stderr = stdio::stderr();
    let patience = Some(Duration::from_secs(1));
    let ready = poll::wait([(stderr, Until::Writable)], patience).is_ok_and(|[ready]| ready);
    ready && super::files::write_all(stderr, line).is_ok()
}

/// Whether a person reads standard error.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether standard output is /dev/null (null(4)).
pub fn stdout_is_null() -> bool {
    let null = rustix::fs::makedev(1, 3);
    fstat(stdio::stdout()).is_ok_and(|status| {
        let is_device = FileType::from_raw_mode(status.st_mode) == FileType::CharacterDevice;
        is_device && Dev::from(status.st_rdev) == null
    })
}

/// Columns and rows of the terminal that standard output is; `None` when it is none (ioctl_tty(2)).
#[allow(unsafe_code)]
pub fn stdout_size() -> Option<(usize, usize)> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCGWINSZ writes one `struct winsize`, which `size` is.
    let result = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    if result != 0 || size.ws_col == 0 || size.ws_row == 0 {
        // A serial line does not know its size.
        return Some((80, 24));
    }
    Some((size.ws_col.into(), size.ws_row.into()))
}

/// The keys of the person at the terminal, each at once and without an echo, until this is dropped
/// (termios(3)). Ctrl-C and Ctrl-Z stay signals.
#[derive(Debug)]
pub struct Keys(libc::termios);

impl Keys {
    /// Listens to standard input; `None` when that is no terminal, or not ours at the moment.
    #[allow(unsafe_code)]
    pub fn listen() -> Option<Self> {
        // SAFETY: a structure of integers, for which all zeros are valid.
        let mut mode = unsafe { core::mem::zeroed::<libc::termios>() };
        // SAFETY: tcgetattr(3) writes one termios, which `mode` is.
        let known = unsafe { libc::tcgetattr(libc::STDIN_FILENO, &raw mut mode) == 0 };
        if !known || !stdin_is_ours() {
            return None;
        }
        let keys = Self(mode);
        mode.c_lflag &= !(libc::ICANON | libc::ECHO);
        (mode.c_cc[libc::VMIN], mode.c_cc[libc::VTIME]) = (0, 0);
        // It would end us without a chance to put this back (_POSIX_VDISABLE).
        mode.c_cc[libc::VQUIT] = 0;
        set_mode(&mode).then_some(keys)
    }

    /// The next key that waits, as a byte; `None` when none does, or when it is for others: who
    /// reads in the background is stopped.
    pub fn pressed(&self) -> Option<u8> {
        if !stdin_is_ours() {
            return None;
        }
        let mut byte = [0];
        let len = rustix::io::read(stdio::stdin(), &mut byte).ok()?;
        (len == 1).then_some(byte[0])
    }
}

impl AsFd for Keys {
    fn as_fd(&self) -> BorrowedFd<'_> {
        stdio::stdin()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // In the background it is the shell's, who changes it is stopped.
        if stdin_is_ours() {
            set_mode(&self.0);
        }
    }
}

/// Whether this process is in the foreground of the terminal.
#[allow(unsafe_code)]
fn stdin_is_ours() -> bool {
    // SAFETY: neither takes a pointer.
    unsafe { libc::tcgetpgrp(libc::STDIN_FILENO) == libc::getpgrp() }
}

#[allow(unsafe_code)]
fn set_mode(mode: &libc::termios) -> bool {
    // SAFETY: `mode` is a termios that tcgetattr(3) filled.
    unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, mode) == 0 }
}

/// Device and inode of standard error, as JOURNAL_STREAM names it (systemd.exec(5)).
///
/// # Errors
/// When standard error is closed.
pub fn stderr_identity() -> io::Result<(u64, u64)> {
    let status = fstat(stdio::stderr())?;
    Ok((status.st_dev.into(), status.st_ino.into()))
}
