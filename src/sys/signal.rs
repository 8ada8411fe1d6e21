// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals as something to wait for (signalfd(2)), so that no handler ever runs.

use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

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
    pub fn wait_until(&self, moment: Mono, bell: Option<&Doorbell>) -> io::Result<Woken> {
        loop {
            let left = moment.since(clock::mono());
            let timeout = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let signals = self.fd.as_fd();
            // Without a bell the signals are watched twice, which costs nothing.
            let bell_fd = bell.map_or(signals, AsFd::as_fd);
            let mut fds = [signals, bell_fd].map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
            match poll(&mut fds, Some(&timeout)) {
                Ok(0) if clock::mono() >= moment => return Ok(Woken::Due),
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) if !fds[0].revents().is_empty() => return Ok(Woken::Terminate),
                Ok(_) => {
                    bell.inspect(|bell| bell.hush());
                    return Ok(Woken::Rung);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
