// SPDX-License-Identifier: MIT OR Apache-2.0
//! `.progress`: which slices of a directory were confirmed, so that a run that was cut goes on
//! where it stopped.
//!
//! A line that says what the slices were made of, then a line for each range that was confirmed,
//! added when it is. A line that a crash cut off is not counted: its slices go out again, with the
//! names they had.

use std::io;

use crate::sys::files::File;
use crate::sys::tree::Directory;

/// The file's name.
pub const NAME: &core::ffi::CStr = c".progress";

/// First word of the file; another form has another one.
pub const FORM: &str = "tstat-progress-1";

/// Bytes of a file that is read. A slice takes at most 20: a log of 10 GB has half a million.
const BYTES_MAX: usize = 32 * 1_024 * 1_024;

/// Numbers in ranges, which are few as long as they come almost in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Adds the numbers `first` to `last`.
    pub fn add(&mut self, first: u64, last: u64) {
        // Those that touch it become one with it.
        let start = self
            .0
            .partition_point(|&(_, end)| end.saturating_add(1) < first);
        let end = self
            .0
            .partition_point(|&(begin, _)| begin <= last.saturating_add(1));
        let touched = &self.0[start..end.max(start)];
        let first = touched.first().map_or(first, |range| range.0.min(first));
        let last = touched.last().map_or(last, |range| range.1.max(last));
        self.0.splice(start..end.max(start), [(first, last)]);
    }

    /// Whether `number` is among them.
    pub fn contains(&self, number: u64) -> bool {
        let at = self.0.partition_point(|&(_, end)| end < number);
        self.0.get(at).is_some_and(|&(first, _)| first <= number)
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum, (first, last)| {
            sum.saturating_add(last - first).saturating_add(1)
        })
    }
}

/// What the file of a directory said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// There was none, or nothing was confirmed.
    Nothing,
    /// Slices of just these logs and options.
    Ours,
    /// Slices of other logs, other options or another destination, which do not count.
    Stale,
}

/// The open file.
#[derive(Debug)]
pub struct Journal {
    file: File,
    /// Its length, all of it whole lines.
    bytes: u64,
    confirmed: Ranges,
    /// Those that are not yet written.
    fresh: Ranges,
}

impl Journal {
    /// Opens the file of `directory` for slices of which `key`, one line, says what they are made
    /// of.
    ///
    /// # Errors
    /// When it cannot be made, read or written.
    pub fn open(directory: &Directory, key: &str) -> io::Result<(Self, Found)> {
        let file = directory.append(NAME)?;
        let status = file.status()?;
        if !status.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not an ordinary file",
            ));
        }
        let content = file.read_to_end(BYTES_MAX)?;
        let head = format!("{FORM} {key}\n");
        let ours = content.strip_prefix(head.as_bytes());
        let confirmed = ours.map(parse).unwrap_or_default();
        // A first line alone, whole or not, says of no slice that it was confirmed.
        let begun = memchr::memchr(b'\n', &content).is_some_and(|at| at + 1 < content.len());
        let found = match (begun, ours) {
            (true, None) => Found::Stale,
            _ if confirmed == Ranges::default() => Found::Nothing,
            _ => Found::Ours,
        };
        // Also after a crash within a line.
        let whole = ours.is_some_and(|lines| lines.is_empty() || lines.ends_with(b"\n"));
        let mut journal = Self {
            file,
            bytes: content.len() as u64,
            confirmed,
            fresh: Ranges::default(),
        };
        if !whole {
            journal.file.truncate(0)?;
            journal.bytes = 0;
            journal.add(&(head + &lines(&journal.confirmed)))?;
        }
        Ok((journal, found))
    }

    /// Slices that were confirmed, by this run or one before.
    pub fn confirmed(&self) -> &Ranges {
        &self.confirmed
    }

    /// Notes that a slice was confirmed.
    pub fn note(&mut self, number: u64) {
        self.confirmed.add(number, number);
        self.fresh.add(number, number);
    }

    /// Writes down what was noted.
    ///
    /// # Errors
    /// What write(2) says; it is tried again next time.
    pub fn write(&mut self) -> io::Result<()> {
        let text = lines(&self.fresh);
        if !text.is_empty() {
            self.add(&text)?;
            self.fresh.0.clear();
        }
        Ok(())
    }

    /// Adds whole lines; what of them does not fit on the disk is taken back, so that the next
    /// ones do not become one with it.
    fn add(&mut self, text: &str) -> io::Result<()> {
        let result = self.file.write_all(text.as_bytes());
        match result {
            Ok(()) => self.bytes += text.len() as u64,
            Err(_) => self.file.truncate(self.bytes)?,
        }
        result
    }
}

fn lines(ranges: &Ranges) -> String {
    let mut text = String::new();
    for &(first, last) in &ranges.0 {
        match first == last {
            true => text += &format!("{first}\n"),
            false => text += &format!("{first}-{last}\n"),
        }
    }
    text
}

/// The ranges in whole lines; what is no range does not count.
fn parse(mut lines: &[u8]) -> Ranges {
    let mut ranges = Ranges::default();
    while let Some(at) = memchr::memchr(b'\n', lines) {
        let text = core::str::from_utf8(&lines[..at]).unwrap_or_default();
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        if let (Ok(first), Ok(last)) = (first.parse::<u64>(), last.parse())
            && first <= last
        {
            ranges.add(first, last);
        }
        lines = &lines[at + 1..];
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_are_sets(steps in proptest::collection::vec((0_u64..40, 0_u64..6), 0..30)) {
            let (mut ranges, mut set) = (Ranges::default(), std::collections::BTreeSet::new());
            for (first, len) in steps {
                ranges.add(first, first + len);
                set.extend(first..=first + len);
            }
            let held: Vec<_> = (0..60).filter(|n| ranges.contains(*n)).collect();
            prop_assert_eq!(&held, &set.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(ranges.count(), set.len() as u64);
            prop_assert!(ranges.0.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }

        #[test]
        fn any_content_is_read_without_panic(content: Vec<u8>) {
            let _ = parse(&content).count();
        }
    }
}
