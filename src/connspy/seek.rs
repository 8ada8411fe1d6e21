// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where in a large file a range of time begins, found by looking at few places of it.
//!
//! # What may be passed over
//!
//! Let W be the greatest time of all records before some line end. Where W < `time_init`, nothing
//! before it is within the range; nor can W, which is less than `time_end` then, have ended the
//! reading or closed an hour that the range touches. So to begin there gives the rows of a full
//! scan, exactly.
//!
//! # How W is known without reading
//!
//! It is not, but a stretch of records tells it, if one of them is not late: its time is at least
//! W - L there (L: how late a line can be). So a stretch whose greatest time is less than
//! `time_init` - L proves that W is less than `time_init` at the end of the stretch. Each proof
//! stands for itself; that times grow along the file makes the search short, not right.
//!
//! # What is guaranteed
//!
//! The rows are those of a full scan for every file in which, of any [`STRETCH_RECORDS`] records in
//! a row, one at least is no more than L behind the greatest time before it. Records of whatever
//! other time do no harm, as the halves of broken lines, that often are records of 1970. What is
//! seen on the way and contradicts the condition makes it a full scan. No search can do more: one
//! record of the year 9999 in a place that was not looked at would have ended a full scan there.

use std::io;

use memchr::memchr;

use super::input::BUFFER_BYTES;
use super::line::{self, Line};
use super::plan::Query;

/// Records of a stretch: with every second line late, 64 in a row that all are so do not happen.
pub const STRETCH_RECORDS: usize = 64;

/// Bytes that are read rather than searched: less than what a look into the middle would spare.
pub const NEAR_BYTES: u64 = 64 * 1_024;

/// Bytes read at once; a stretch of ordinary lines has less.
const PIECE_BYTES: usize = 8 * 1_024;

/// The range, as far as the search needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The first moment of it.
    pub time_init_us: u64,
    /// How late a line can be.
    pub late_us: u64,
}

impl Wanted {
    /// What there is to be searched for; `None` when the range begins with the log.
    pub fn of(query: &Query) -> Option<Self> {
        (query.time_init_us > 0).then_some(Self {
            time_init_us: query.time_init_us,
            late_us: query.late_us,
        })
    }
}

/// What the search looks for; other than the constants only in tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grain {
    /// Records of a stretch.
    pub records: usize,
    /// Where the search ends, in bytes.
    pub near_bytes: u64,
    /// Bytes read at once.
    pub piece_bytes: usize,
    /// Bytes of the longest line; longer ones are no records.
    pub line_bytes_max: usize,
}

impl Default for Grain {
    fn default() -> Self {
        Self {
            records: STRETCH_RECORDS,
            near_bytes: NEAR_BYTES,
            piece_bytes: PIECE_BYTES,
            line_bytes_max: BUFFER_BYTES,
        }
    }
}

/// Fills the start of a buffer with what a file has at an offset; 0 beyond its end.
pub type ReadAt<'a> = &'a mut dyn FnMut(&mut [u8], u64) -> io::Result<usize>;

/// The start of the line from which on a file of `len` bytes has to be read.
///
/// # Errors
/// What reading says.
pub fn start(read_at: ReadAt<'_>, len: u64, wanted: Wanted) -> io::Result<u64> {
    start_with(Grain::default(), read_at, len, wanted)
}

/// The same, looking otherwise.
///
/// # Errors
/// What reading says.
pub fn start_with(grain: Grain, read_at: ReadAt<'_>, len: u64, wanted: Wanted) -> io::Result<u64> {
    // A stretch is proof when it is older than this.
    let Some(proof_us) = wanted.time_init_us.checked_sub(wanted.late_us) else {
        return Ok(0);
    };
    if proof_us == 0 || len <= grain.near_bytes {
        return Ok(0);
    }
    let mut search = Search {
        grain,
        read_at,
        buffer: vec![0; grain.piece_bytes],
    };
    let mut seen = Vec::new();
    // All that begins before `low` is proven to be before the range.
    let (mut low, mut high) = (0, len);
    let mut middle = 0;
    while high - low > grain.near_bytes {
        let stretch = search.stretch(middle, high)?;
        seen.extend(stretch);
        match stretch {
            Some(stretch) if stretch.newest_us < proof_us => low = stretch.end,
            // The very first one decides whether there is anything to search.
            _ if middle == 0 => return Ok(0),
            _ => high = middle,
        }
        middle = low + high.saturating_sub(low) / 2;
    }
    Ok(if is_plausible(seen, wanted.late_us) {
        low
    } else {
        0
    })
}

/// Records in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    /// The greatest time of them.
    newest_us: u64,
    /// Behind the last one's line end.
    end: u64,
}

/// Whether in all stretches there can be a record that is not too late.
fn is_plausible(mut seen: Vec<Stretch>, late_us: u64) -> bool {
    seen.sort_unstable_by_key(|stretch| stretch.end);
    let mut newest_us = 0;
    seen.iter().all(|stretch| {
        newest_us = newest_us.max(stretch.newest_us);
        stretch.newest_us.saturating_add(late_us) >= newest_us
    })
}

struct Search<'a> {
    grain: Grain,
    read_at: ReadAt<'a>,
    /// A piece, or more for a line that is longer.
    buffer: Vec<u8>,
}

impl Search<'_> {
    /// The first records that begin at `from` or later; `None` when there are not as many whole
    /// lines of them before `to`.
    fn stretch(&mut self, from: u64, to: u64) -> io::Result<Option<Stretch>> {
        // With the byte before, which may be a line end.
        let mut offset = from.saturating_sub(1);
        let mut is_inside = from > 0;
        let (mut count, mut newest_us) = (0, 0);
        // Bytes of a line whose end is not read yet, at the start of the buffer.
        let mut waiting = 0;
        while offset < to {
            let room = usize::try_from(to - offset).unwrap_or(usize::MAX);
            let space = &mut self.buffer[waiting..];
            let space_len = space.len().min(room);
            let len = (self.read_at)(&mut space[..space_len], offset)?;
            if len == 0 {
                break;
            }
            let (mut at, end) = (0, waiting + len);
            while let Some(len) = memchr(b'\n', &self.buffer[at..end]) {
                let line = &self.buffer[at..at + len];
                at += len + 1;
                if core::mem::take(&mut is_inside) {
                    continue;
                }
                if line.len() >= self.grain.line_bytes_max {
                    continue;
                }
                if let Line::Record(record) = line::parse(line) {
                    newest_us = record.at_us.max(newest_us);
                    count += 1;
                }
                if count == self.grain.records {
                    let end = offset + (at - waiting) as u64;
                    return Ok(Some(Stretch { newest_us, end }));
                }
            }
            offset += len as u64;
            waiting = self.keep(at..end, &mut is_inside);
        }
        Ok(None)
    }

    /// Moves the start of a line to the start of the buffer, and makes room for the rest of it;
    /// how much that is.
    fn keep(&mut self, line: core::ops::Range<usize>, is_inside: &mut bool) -> usize {
        let len = line.len();
        if *is_inside || len >= self.grain.line_bytes_max {
            *is_inside = true;
            return 0;
        }
        self.buffer.copy_within(line, 0);
        if self.buffer.len() - len < self.grain.piece_bytes {
            self.buffer.resize(len + self.grain.piece_bytes, 0);
        }
        len
    }
}

#[cfg(test)]
mod tests;
