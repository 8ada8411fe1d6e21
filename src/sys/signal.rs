// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals as something to wait for (signalfd(2)), so that no handler ever runs.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

use core::time::Duration;

use rustix::fs::{FileType, fstat};
use rustix::io::Errno;

use crate::sys::clock;
use crate::sys::doorbell::Doorbell;
use crate::sys::poll::{self, Until};
use crate::time::Mono;

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The moment that was waited for has come.
    Due,
    /// SIGTERM or SIGINT: finish, send, leave.
    Terminate,
    /// The bell rang.
    Rung,
}

/// SIGTERM and SIGINT, held back until they are waited for.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
    /// When the first one was noticed: the time that is left counts from there.
    heard: Cell<Option<Mono>>,
}

/// What a pipe takes without waiting once it says that it can take anything (pipe(7)).
const PIPE_BUF: usize = 4_096;

/// How long writing may go on after a signal.
const LAST_WRITE: Duration = Duration::from_secs(2);

impl Signals {
    /// Writes all of `bytes` to standard output; waits for its reader only until a signal comes,
    /// and a little longer.
    ///
    /// # Errors
    /// What write(2) says; `BrokenPipe` when nobody reads any more, `TimedOut` after a signal.
    pub fn write_stdout(&self, mut bytes: &[u8]) -> io::Result<()> {
        let stdout = rustix::stdio::stdout();
        if FileType::from_raw_mode(fstat(stdout)?.st_mode) == FileType::RegularFile {
            return super::terminal::write_stdout(bytes);
        }
        while !bytes.is_empty() {
            if !self.wait_writable(stdout)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match rustix::io::write(stdout, &bytes[..bytes.len().min(PIPE_BUF)]) {
                Ok(len) => bytes = &bytes[len..],
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Writes what standard output takes within `patience`; how much that was. A file takes all at
    /// once, or what there is room for.
    ///
    /// # Errors
    /// What write(2) says when nothing was written; `BrokenPipe` when nobody reads any more.
    pub fn write_some(bytes: &[u8], patience: Duration) -> io::Result<usize> {
        let stdout = rustix::stdio::stdout();
        let is_file = FileType::from_raw_mode(fstat(stdout)?.st_mode) == FileType::RegularFile;
        let len_max = if is_file { usize::MAX } else { PIPE_BUF };
        let (end, mut written) = (clock::mono().after(patience), 0);
        while written < bytes.len() {
            let left = end.since(clock::mono());
            if !is_file && !poll::wait([(stdout, Until::Writable)], Some(left))?[0] {
                break;
            }
            let piece = &bytes[written..];
            match rustix::io::write(stdout, &piece[..piece.len().min(len_max)]) {
                Ok(len) => written += len,
                Err(Errno::INTR | Errno::AGAIN) => {}
                // The next one will say it again.
                Err(_) if written > 0 => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(written)
    }

    /// Waits until `fd` takes bytes; false when it does not, and a signal came.
    fn wait_writable(&self, fd: BorrowedFd<'_>) -> io::Result<bool> {
        loop {
            // Of all that is still to be written, not of each piece.
            let deadline = self.heard.get().map(|heard| heard.after(LAST_WRITE));
            let (writable, signalled) = match deadline {
                None => {
                    let wanted = [(fd, Until::Writable), (self.fd.as_fd(), Until::Readable)];
                    poll::wait(wanted, None)?.into()
                }
                // A signal waits: only the time that is left is to be watched.
                Some(deadline) => {
                    let left = Mono::since(deadline, clock::mono());
                    if left.is_zero() {
                        return Ok(false);
                    }
                    (poll::wait([(fd, Until::Writable)], Some(left))?[0], false)
                }
            };
            if signalled {
                self.hear();
            }
            if writable {
                return Ok(true);
            }
        }
    }

    /// Holds the signals back from now on, in this thread and those that it starts. One that is
    /// ignored, as by nohup(1) or in the background of a shell, stays so.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn hold() -> io::Result<Self> {
        Ok(Self {
            fd: hold_back(&[libc::SIGTERM, libc::SIGINT])?,
            heard: Cell::new(None),
        })
    }

    /// Sleeps until `moment`, or until a signal has come or the bell was rung, also if before the
    /// call.
    ///
    /// # Errors
    /// When the kernel refuses to wait (poll(2): out of memory).
    pub fn wait_until(&self, moment: Mono, bell: Option<&Doorbell>) -> io::Result<Woken> {
        let signals = self.fd.as_fd();
        // Without a bell the signals are watched twice, which costs nothing.
        let bell_fd = bell.map_or(signals, AsFd::as_fd);
        let wanted = [(signals, Until::Readable), (bell_fd, Until::Readable)];
        let [terminate, rung] = poll::wait(wanted, Some(moment.since(clock::mono())))?;
        if terminate {
            // Taken out, so that the next wait is for the next one.
            let _ = rustix::io::read(&self.fd, &mut [0; size_of::<libc::signalfd_siginfo>()]);
            self.hear();
            return Ok(Woken::Terminate);
        }
        if rung {
            bell.inspect(|bell| bell.hush());
            return Ok(Woken::Rung);
        }
        Ok(Woken::Due)
    }

    /// When the first signal was noticed; `None` before.
    pub fn heard(&self) -> Option<Mono> {
        self.heard.get()
    }

    /// Whether a signal has come, now or before; does not wait.
    pub fn is_asked_to_end(&self) -> bool {
        if self.heard.get().is_none() {
            let wanted = [(self.fd.as_fd(), Until::Readable)];
            if matches!(poll::wait(wanted, Some(Duration::ZERO)), Ok([true])) {
                self.hear();
            }
        }
        self.heard.get().is_some()
    }

    fn hear(&self) {
        self.heard.set(self.heard.get().or(Some(clock::mono())));
    }
}

impl AsFd for Signals {
    /// Readable when a signal waits.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Signals that do not end anything, held back until they are asked for.
#[derive(Debug)]
pub struct Hints(OwnedFd);

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// SIGHUP: read the configuration again.
    Reload = libc::SIGHUP as isize,
    /// SIGWINCH: the terminal has another size.
    Resize = libc::SIGWINCH as isize,
    /// SIGTSTP: the person at the terminal wants this out of the way.
    Stop = libc::SIGTSTP as isize,
}

impl Hints {
    /// Holds this signal back from now on, in this thread and those that it starts.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn hold(hint: Hint) -> io::Result<Self> {
        Ok(Self(hold_back(&[hint as libc::c_int])?))
    }

    /// Whether the signal came since the last call.
    pub fn taken(&self) -> bool {
        rustix::io::read(&self.0, &mut [0; size_of::<libc::signalfd_siginfo>()]).is_ok()
    }
}

impl AsFd for Hints {
    /// Readable when the signal came.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Stops this process as SIGTSTP does that was not held back, until it is continued.
#[allow(unsafe_code)]
pub fn stop() {
    // SAFETY: as in `hold_back`; raise(3) takes no pointers. It is this thread that the signal is
    // for, so it has stopped when the mask is set again.
    unsafe {
        let mut set = core::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTSTP);
        libc::raise(libc::SIGTSTP);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, core::ptr::null_mut());
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, core::ptr::null_mut());
    }
}

/// Blocks `signals`, as far as they are not ignored, and gives a descriptor to read them from.
#[allow(unsafe_code)]
fn hold_back(signals: &[libc::c_int]) -> io::Result<OwnedFd> {
    // SAFETY: sigset_t is a plain array of integers, for which all zeros are a valid value;
    // sigemptyset(3) then makes it the empty set.
    let mut set = unsafe { core::mem::zeroed::<libc::sigset_t>() };
    // SAFETY: `set` is ours and initialised above; the signal numbers are valid ones; a null
    // pointer is allowed where no previous mask is wanted (sigprocmask(2)).
    let fd = unsafe {
        libc::sigemptyset(&raw mut set);
        for &signal in signals {
            if !is_ignored(signal) {
                libc::sigaddset(&raw mut set, signal);
            }
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, core::ptr::null_mut());
        libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: signalfd(2) just returned this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[allow(unsafe_code)]
fn is_ignored(signal: libc::c_int) -> bool {
    // SAFETY: sigaction is a plain structure for which all zeros are a valid value.
    let mut action = unsafe { core::mem::zeroed::<libc::sigaction>() };
    // SAFETY: a null pointer asks for the present action only, which is written to `action`
    // (sigaction(2)).
    let result = unsafe { libc::sigaction(signal, core::ptr::null(), &raw mut action) };
    result == 0 && action.sa_sigaction == libc::SIG_IGN
}

/// Makes writing beyond the limit of a file's size (setrlimit(2)) an error like a full disk,
/// instead of the end of the process.
#[allow(unsafe_code)]
pub fn survive_file_size_limit() {
    // SAFETY: SIG_IGN is a valid action for SIGXFSZ, and no handler of ours is replaced.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}
