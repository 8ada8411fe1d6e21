// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals as something to wait for (signalfd(2)), so that no handler ever runs.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use crate::sys::clock;
use crate::sys::doorbell::Doorbell;
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
}

impl Signals {
    /// Holds the signals back from now on, in this thread and those that it starts.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    #[allow(unsafe_code)]
    pub fn hold() -> io::Result<Self> {
        // SAFETY: sigset_t is a plain array of integers, for which all zeros are a valid value;
        // sigemptyset(3) then makes it the empty set.
        let mut set = unsafe { core::mem::zeroed::<libc::sigset_t>() };
        // SAFETY: `set` is ours and initialised above; the signal numbers are valid ones; a null
        // pointer is allowed where no previous mask is wanted (sigprocmask(2)).
        let fd = unsafe {
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGTERM);
            libc::sigaddset(&raw mut set, libc::SIGINT);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, core::ptr::null_mut());
            libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: signalfd(2) just returned this descriptor and nobody else knows it.
        Ok(Self {
            fd: unsafe { OwnedFd::from_raw_fd(fd) },
        })
    }

    /// Sleeps until `moment`, or until a signal has come or the bell was rung, even before the call.
    ///
    /// # Errors
    /// When the kernel refuses to wait (poll(2): out of memory).
    #[allow(unsafe_code)]
    pub fn wait_until(&self, moment: Mono, bell: Option<&Doorbell>) -> io::Result<Woken> {
        loop {
            // Whole milliseconds suffice, and rustix 1.1 passes wrong ones of mips to ppoll(2).
            let left_ms = moment.since(clock::mono()).as_micros().div_ceil(1_000);
            let timeout_ms = libc::c_int::try_from(left_ms).unwrap_or(libc::c_int::MAX);
            let signals = self.fd.as_fd();
            // Without a bell the signals are watched twice, which costs nothing.
            let bell_fd = bell.map_or(signals, AsFd::as_fd);
            let mut fds = [signals, bell_fd].map(|fd| libc::pollfd {
                fd: fd.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            });
            // SAFETY: `fds` holds two descriptors, which are borrowed above and so open.
            match unsafe { libc::poll(fds.as_mut_ptr(), 2, timeout_ms) } {
                0 if clock::mono() >= moment => return Ok(Woken::Due),
                0 => {}
                1.. if fds[0].revents != 0 => return Ok(Woken::Terminate),
                1.. => {
                    bell.inspect(|bell| bell.hush());
                    return Ok(Woken::Rung);
                }
                _ => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(error);
                    }
                }
            }
        }
    }
}
