// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far a run is, for a person at a terminal, and what it did, in one line at its end.

use core::fmt::{self, Write as _};
use core::ops::ControlFlow;
use core::time::Duration;
use std::io;

use super::carrier::Tally;
use super::directory::{PROCESSED, log_name};
use super::layout::Protocol;
use super::reading::Counts;
use super::walk::{Place, Visitor, walk};
use crate::sys::tree::Directory;
use crate::sys::{clock, terminal};
use crate::term::progress::Progress;
use crate::time::Mono;

/// The run so far.
#[derive(Debug)]
pub struct Report {
    /// Rows and objects.
    pub counts: Counts,
    /// What the way out did.
    pub tally: Tally,
    /// Directories that are done.
    pub done: u64,
    /// Failures, each said when it happened.
    pub failed: u64,
    /// Directories that changed just now.
    pub young: u64,
    /// Directories that another process works on.
    pub locked: u64,
    /// Slices that a run before had sent.
    pub resumed: u64,
    /// Slices that were confirmed.
    pub confirmed: u64,
    start: Mono,
    bar: Progress,
    /// Bytes of all logs, if somebody wants to know.
    bytes_expected: u64,
    /// Bytes of logs that were read to their ends.
    bytes_passed: u64,
}

impl Default for Report {
    /// Nothing was done yet.
    fn default() -> Self {
        let start = clock::mono();
        Self {
            counts: Counts::default(),
            tally: Tally::default(),
            done: 0,
            failed: 0,
            young: 0,
            locked: 0,
            resumed: 0,
            confirmed: 0,
            start,
            bar: Progress::new(start),
            bytes_expected: 0,
            bytes_passed: 0,
        }
    }
}

impl Report {
    /// Looks how much there is to read below `root`, when a person will be shown.
    pub fn expect(&mut self, root: &Directory, place: &Place) {
        if terminal::stderr_is_terminal() {
            let mut sum = Sum(0);
            let _ = walk(root, place, &mut sum);
            self.bytes_expected = sum.0;
        }
    }

    /// Notes that a log of so many bytes was read to its end.
    pub(super) fn pass(&mut self, bytes: u64) {
        self.bytes_passed += bytes;
    }

    /// Shows how far it is, `bytes` into a log, when it is time to.
    pub(super) fn progress(&mut self, bytes: u64) {
        let now = clock::mono();
        let read = self.bytes_passed + bytes;
        let took = now.since(self.start).as_secs_f64().max(1e-3);
        let expected = self.bytes_expected.max(read);
        let left = took / (read.max(1) as f64) * (expected - read) as f64;
        let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
        if self.bar.is_due(left, now) {
            let percent = u128::from(read) * 100 / u128::from(expected.max(1));
            self.bar.show(
                format_args!(
                    "{percent}% of {} MB, {:.0} MB/s, {} slices confirmed, {} s left",
                    expected / 1_000_000,
                    read as f64 / 1e6 / took,
                    self.confirmed,
                    left.as_secs()
                ),
                now,
            );
        }
    }

    /// Takes the line of [`Report::progress`] away, before another is written.
    pub(super) fn hide(&mut self) {
        self.bar.clear();
    }

    /// Writes what was done, unless only errors are wanted.
    pub(super) fn show(&mut self) {
        self.hide();
        if log::max_level() > log::LevelFilter::Error {
            let mut line = String::new();
            // Writing to a string cannot fail.
            let _ = writeln!(line, "{}", Summary(self));
            terminal::write_stderr(line.as_bytes());
        }
    }
}

/// The line.
struct Summary<'a>(&'a Report);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let Counts {
            rows,
            objects,
            bytes,
            ..
        } = report.counts;
        write!(f, "{} directories done", report.done)?;
        for (count, what) in [
            (report.failed, "failed"),
            (report.young, "too young"),
            (report.locked, "left to another process"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        write!(
            f,
            "; {rows} rows, {objects} objects, {} below the threshold",
            report.counts.small
        )?;
        for (count, reason) in report.counts.rejected() {
            if count > 0 {
                write!(f, ", {count} rejected: {reason}")?;
            }
        }
        let Tally {
            messages,
            confirmed,
            retried,
            reconnected,
        } = report.tally;
        write!(
            f,
            "; {messages} messages, {confirmed} confirmed, {retried} retried"
        )?;
        for (count, what) in [
            (report.resumed, "confirmed before"),
            (reconnected, "connections made again"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        let took = clock::mono().since(report.start).as_secs_f64();
        let rate = bytes as f64 / 1e6 / took.max(1e-6);
        write!(
            f,
            "; {:.1} MB in {took:.1} s, {rate:.0} MB/s",
            bytes as f64 / 1e6
        )
    }
}

/// Bytes of the logs that are not yet processed.
struct Sum(u64);

impl Visitor for Sum {
    fn visit(&mut self, directory: &Directory, _: &Place) -> ControlFlow<()> {
        if matches!(directory.status(PROCESSED), Ok(None)) {
            for protocol in Protocol::ALL {
                if let Ok(Some(status)) = directory.status(log_name(protocol)) {
                    self.0 += status.bytes();
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn blocked(&mut self, _: &Place, _: &io::Error) {}
}
