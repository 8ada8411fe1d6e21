// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waits that a signal or a deadline cuts short.

use core::time::Duration;

use crate::sys::clock;
use crate::sys::poll::{self, AsFd, BorrowedFd, Until};
use crate::sys::signal::Signals;
use crate::time::Mono;

/// Why a wait ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// SIGINT or SIGTERM came.
    Signal,
    /// The deadline is over.
    Deadline,
    /// The kernel refuses to wait: it is out of memory.
    Kernel,
}

/// How long may be waited, and what for.
#[derive(Clone, Copy, Debug)]
pub struct Pause<'a> {
    /// `None`: there was one already.
    pub signals: Option<&'a Signals>,
    /// `None`: as long as it takes.
    pub deadline: Option<Mono>,
}

impl Pause<'_> {
    /// What is left until the deadline.
    pub fn left(&self, now: Mono) -> Duration {
        self.deadline.map_or(Duration::MAX, |end| end.since(now))
    }

    /// Waits until `moment`.
    ///
    /// # Errors
    /// When a signal or the deadline comes first.
    pub fn until(&self, moment: Mono) -> Result<(), Cut> {
        self.wait(None, moment).map(drop)
    }

    /// Waits until `fd` takes bytes; false when `moment` came first.
    ///
    /// # Errors
    /// When a signal or the deadline comes first.
    pub fn for_write(&self, fd: BorrowedFd<'_>, moment: Mono) -> Result<bool, Cut> {
        self.wait(Some((fd, [Until::Writable; 2])), moment)
    }

    /// Waits until `fd` has bytes, or when `or_write` also takes some; false when `moment` came
    /// first.
    ///
    /// # Errors
    /// When a signal or the deadline comes first.
    pub fn for_read(&self, fd: BorrowedFd<'_>, or_write: bool, moment: Mono) -> Result<bool, Cut> {
        let second = match or_write {
            true => Until::Writable,
            false => Until::Readable,
        };
        self.wait(Some((fd, [Until::Readable, second])), moment)
    }

    fn wait(&self, fd: Option<(BorrowedFd<'_>, [Until; 2])>, moment: Mono) -> Result<bool, Cut> {
        let now = clock::mono();
        let end = self
            .deadline
            .map_or(moment, |deadline| deadline.min(moment));
        let timeout = Some(end.since(now));
        let signals = self
            .signals
            .map(|signals| (signals.as_fd(), Until::Readable));
        let fds = fd.map(|(fd, [first, second])| [(fd, first), (fd, second)]);
        // Whether the descriptor is ready, and whether a signal came.
        let woken = match (fds, signals) {
            (Some([first, second]), Some(signals)) => {
                poll::wait([first, second, signals], timeout).map(|[a, b, s]| (a || b, s))
            }
            (Some(fds), None) => poll::wait(fds, timeout).map(|[a, b]| (a || b, false)),
            (None, Some(signals)) => poll::wait([signals], timeout).map(|[s]| (false, s)),
            (None, None) => poll::wait([], timeout).map(|[]| (false, false)),
        };
        let (ready, signalled) = woken.map_err(|_| Cut::Kernel)?;
        if let (true, Some(signals)) = (signalled, self.signals) {
            // Taken out, and its time noted.
            let _ = signals.wait_until(now, None);
            return Err(Cut::Signal);
        }
        if !ready && self.deadline.is_some_and(|deadline| deadline <= moment) {
            return Err(Cut::Deadline);
        }
        Ok(ready)
    }
}
