// SPDX-License-Identifier: MIT OR Apache-2.0
//! A log line by line, through one buffer, and a line field by field.

use std::io;

use memchr::memchr;

use crate::limits::{TSTAT_COLUMNS_MAX, TSTAT_ROW_BYTES_MAX};

/// Lines of what `read` gives, without their ends; a carriage return before one goes with it.
#[derive(Debug)]
pub struct Lines {
    buffer: Vec<u8>,
    /// What of the buffer is not yet handed out.
    start: usize,
    end: usize,
    ended: bool,
    /// The rest of a line that was too long is still to be skipped.
    skipping: bool,
    /// Bytes that were handed out or skipped, with their line ends.
    consumed: u64,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line.
    Whole(&'a [u8]),
    /// A line that is longer than the buffer.
    TooLong,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            buffer: vec![0; TSTAT_ROW_BYTES_MAX],
            start: 0,
            end: 0,
            ended: false,
            skipping: false,
            consumed: 0,
        }
    }
}

impl Lines {
    /// Begins with another file.
    pub fn reset(&mut self) {
        (self.start, self.end, self.consumed) = (0, 0, 0);
        (self.ended, self.skipping) = (false, false);
    }

    /// Bytes of all lines so far, with their ends.
    pub fn consumed(&self) -> u64 {
        self.consumed
    }

    /// The next line; `None` after the last one. An end without a line end ends a line.
    ///
    /// # Errors
    /// What `read` says.
    pub fn next(
        &mut self,
        read: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<Option<Line<'_>>> {
        // Where the search goes on after more was read.
        let mut searched = self.start;
        loop {
            if let Some(at) = memchr(b'\n', &self.buffer[searched..self.end]) {
                let (start, end) = (self.start, searched + at);
                self.start = end + 1;
                return Ok(Some(self.hand_out(start, end, 1)));
            }
            if self.ended {
                let (start, end) = (self.start, self.end);
                if start == end && !self.skipping {
                    return Ok(None);
                }
                self.start = end;
                return Ok(Some(self.hand_out(start, end, 0)));
            }
            if self.end - self.start == self.buffer.len() {
                self.skipping = true;
            }
            if self.skipping {
                self.consumed += (self.end - self.start) as u64;
                self.start = self.end;
            }
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            searched = self.end;
            let len = read(&mut self.buffer[self.end..])?;
            self.end += len.min(self.buffer.len() - self.end);
            self.ended = len == 0;
        }
    }

    fn hand_out(&mut self, start: usize, end: usize, line_end: u64) -> Line<'_> {
        self.consumed += (end - start) as u64 + line_end;
        if core::mem::take(&mut self.skipping) {
            return Line::TooLong;
        }
        let line = &self.buffer[start..end];
        Line::Whole(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// Where the fields of a line end. They are separated by exactly one blank.
#[derive(Debug)]
pub struct Fields {
    /// As many as there are fields; of more than fit the first ones are overwritten.
    ends: [u32; TSTAT_COLUMNS_MAX],
    count: usize,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            ends: [0; TSTAT_COLUMNS_MAX],
            count: 0,
        }
    }
}

impl Fields {
    /// Splits a line of at most [`TSTAT_ROW_BYTES_MAX`] bytes; false when it has more fields than
    /// there may be, and [`Fields::len`] says how many.
    pub fn split(&mut self, line: &[u8]) -> bool {
        let mut count = 0;
        for (i, byte) in line.iter().enumerate() {
            // Without a branch: fields are so short that none would be foreseen.
            self.ends[count % TSTAT_COLUMNS_MAX] = i as u32;
            count += usize::from(*byte == b' ');
        }
        self.ends[count % TSTAT_COLUMNS_MAX] = line.len() as u32;
        self.count = count + 1;
        self.count <= TSTAT_COLUMNS_MAX
    }

    /// How many there are, at least one.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no line was split yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The field at `column`, which is below [`Fields::len`], of the line that was split.
    pub fn get<'a>(&self, line: &'a [u8], column: u16) -> &'a [u8] {
        let column = usize::from(column) % TSTAT_COLUMNS_MAX;
        let start = match column {
            0 => 0,
            _ => self.ends[column - 1] as usize + 1,
        };
        line.get(start..self.ends[column] as usize)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lines of `text`, which comes in pieces of `piece` bytes.
    fn lines(text: &[u8], piece: usize) -> Vec<Option<Vec<u8>>> {
        let (mut rest, mut found) = (text, Vec::new());
        let mut read = |space: &mut [u8]| {
            let len = piece.min(space.len()).min(rest.len());
            space[..len].copy_from_slice(&rest[..len]);
            rest = &rest[len..];
            Ok(len)
        };
        let mut lines = Lines::default();
        while let Some(line) = lines.next(&mut read).unwrap() {
            found.push(match line {
                Line::Whole(line) => Some(line.to_vec()),
                Line::TooLong => None,
            });
        }
        assert_eq!(lines.consumed(), text.len() as u64);
        found
    }

    #[test]
    fn a_line_longer_than_the_buffer_is_skipped_whole() {
        for (len, fits) in [
            (TSTAT_ROW_BYTES_MAX - 1, true),
            (TSTAT_ROW_BYTES_MAX, false),
            (3 * TSTAT_ROW_BYTES_MAX + 7, false),
        ] {
            let long = vec![b'x'; len];
            let text = [b"a\n", &long[..], b"\nb"].concat();
            let expected = fits.then(|| long.clone());
            for piece in [1_000, 70_000, usize::MAX] {
                let found = lines(&text, piece);
                assert_eq!(
                    found,
                    [Some(b"a".to_vec()), expected.clone(), Some(b"b".to_vec())]
                );
            }
        }
    }

    #[test]
    fn fields_are_separated_by_one_blank() {
        let mut fields = Fields::default();
        let line = b"a  bc ";
        assert!(fields.split(line));
        let found: Vec<_> = (0..4).map(|i| fields.get(line, i)).collect();
        assert_eq!(
            (fields.len(), &found[..]),
            (4, &[&b"a"[..], b"", b"bc", b""][..])
        );
        assert!(fields.split(b""));
        assert_eq!((fields.len(), fields.get(b"", 0)), (1, &b""[..]));
        for (blanks, expected) in [(TSTAT_COLUMNS_MAX - 1, true), (TSTAT_COLUMNS_MAX, false)] {
            assert_eq!(fields.split(&vec![b' '; blanks]), expected);
            assert_eq!(fields.len(), blanks + 1);
        }
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_text(text in "[ab\r\n]{0,60}", piece in 1_usize..9) {
            let whole = text.strip_suffix('\n').unwrap_or(&text);
            let bare = |line: &str| line.strip_suffix('\r').unwrap_or(line).as_bytes().to_vec();
            let cut = |line: &str| Some(bare(line));
            let expected: Vec<_> = match text.is_empty() {
                true => Vec::new(),
                false => whole.split('\n').map(cut).collect(),
            };
            prop_assert_eq!(lines(text.as_bytes(), piece), expected);
        }

        #[test]
        fn fields_are_those_of_the_line(line in "[ab ]{0,300}") {
            let mut fields = Fields::default();
            let expected: Vec<_> = line.split(' ').map(str::as_bytes).collect();
            prop_assert_eq!(fields.split(line.as_bytes()), expected.len() <= TSTAT_COLUMNS_MAX);
            prop_assert_eq!(fields.len(), expected.len());
            if expected.len() <= TSTAT_COLUMNS_MAX {
                let found: Vec<_> = (0..expected.len())
                    .map(|i| fields.get(line.as_bytes(), i as u16))
                    .collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
