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
    /// Bytes and rows of logs that were read to their ends.
    bytes_passed: u64,
    rows_passed: u64,
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
            rows_passed: 0,
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

    /// Notes that a log of so many bytes and rows was read to its end.
    pub(super) fn pass(&mut self, bytes: u64, rows: u64) {
        self.bytes_passed += bytes;
        self.rows_passed += rows;
    }

    /// Shows how far it is, `bytes` and `rows` into a log, when it is time to.
    pub(super) fn progress(&mut self, bytes: u64, rows: u64) {
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
                    "{percent}% of {} MB, {} rows, {:.0} MB/s, {} slices confirmed, {} s left",
                    expected / 1_000_000,
                    self.rows_passed + rows,
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

/// A number of things: `1 row`, `2 rows`.
struct Many(u64, &'static str);

impl fmt::Display for Many {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self(count, thing) = self;
        match (count, thing.strip_suffix('y')) {
            (1, _) => write!(f, "1 {thing}"),
            (_, Some(stem)) => write!(f, "{count} {stem}ies"),
            (_, None) => write!(f, "{count} {thing}s"),
        }
    }
}

/// The line.
struct Summary<'a>(&'a Report);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        write!(f, "{} done", Many(report.done, "directory"))?;
        for (count, what) in [
            (report.failed, "failed"),
            (report.young, "too young"),
            (report.locked, "left to another process"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        let counts = &report.counts;
        let (rows, objects) = (Many(counts.rows, "row"), Many(counts.objects, "object"));
        write!(
            f,
            "; {rows}, {objects}, {} below the threshold",
            counts.small
        )?;
        let rejected = counts.rejected();
        let sum: u64 = rejected.iter().map(|(count, _)| count).sum();
        write!(f, ", {sum} rejected")?;
        let mut before = " (";
        for (count, reason) in rejected.iter().filter(|(count, _)| *count > 0) {
            write!(f, "{before}{count} {reason}")?;
            before = ", ";
        }
        f.write_str(if sum > 0 { ")" } else { "" })?;
        let Tally {
            messages,
            confirmed,
            retried,
            reconnected,
        } = report.tally;
        let messages = Many(messages, "message");
        write!(f, "; {messages}, {confirmed} confirmed, {retried} retried")?;
        if report.resumed > 0 {
            write!(f, ", {} confirmed before", report.resumed)?;
        }
        if reconnected > 0 {
            write!(f, ", {} made again", Many(reconnected, "connection"))?;
        }
        let (took, megabytes) = (
            clock::mono().since(report.start).as_secs_f64(),
            counts.bytes as f64 / 1e6,
        );
        let rate = megabytes / took.max(1e-6);
        write!(f, "; {megabytes:.1} MB in {took:.1} s, {rate:.0} MB/s")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_tells_what_was_done() {
        let mut report = Report {
            done: 1,
            ..Report::default()
        };
        let line = Summary(&report).to_string();
        let expected = "1 directory done; 0 rows, 0 objects, 0 below the threshold, 0 rejected; \
                        0 messages, 0 confirmed, 0 retried; 0.0 MB in 0.0 s, 0 MB/s";
        assert_eq!(line, expected);
        (report.done, report.failed, report.young, report.resumed) = (2, 3, 4, 5);
        report.counts = Counts {
            rows: 1,
            text: 6,
            too_long: 7,
            ..Counts::default()
        };
        report.tally = Tally {
            messages: 1,
            confirmed: 1,
            retried: 8,
            reconnected: 9,
        };
        let line = Summary(&report).to_string();
        let expected = "2 directories done, 3 failed, 4 too young; 1 row, 0 objects, 0 below the \
                        threshold, 13 rejected (7 too long, 6 text for a number); 1 message, \
                        1 confirmed, 8 retried, 5 confirmed before, 9 connections made again; ";
        assert!(line.starts_with(expected), "{line}");
    }
}
