// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finding records in a segment file, damaged ones included: what is no record is passed over up
//! to the next one whose CRC is right.

use std::io;

use crate::limits::SPOOL_WINDOW_BYTES;
use crate::time::Wall;

use super::record::{self, HEAD_BYTES, HEADER_BYTES_MAX, Header, MARK};
use super::store::Store;
use super::table::{Position, Segment};

/// A piece of one file; grows for a record that is larger.
#[derive(Debug)]
pub struct Window {
    bytes: Vec<u8>,
    /// Where the piece stands in the file.
    from: u64,
}

/// Where a whole record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub start: u64,
    pub end: u64,
    pub sequence: u64,
    pub wall: Wall,
}

impl Window {
    /// A piece of nothing.
    pub fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(SPOOL_WINDOW_BYTES),
            from: 0,
        }
    }

    /// Forgets the file, and gives back what a large record took.
    pub fn reset(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(SPOOL_WINDOW_BYTES);
    }

    /// What is at hand from `at` on.
    fn rest(&self, at: u64) -> &[u8] {
        let skip = at.checked_sub(self.from).map(usize::try_from);
        let skip = skip.and_then(Result::ok).unwrap_or(usize::MAX);
        self.bytes.get(skip..).unwrap_or_default()
    }

    /// What stands at `at`: `want` bytes, fewer only at the end of the file, perhaps more.
    fn cover<S: Store>(
        &mut self,
        store: &S,
        file: &S::File,
        at: u64,
        want: usize,
    ) -> io::Result<&[u8]> {
        if self.rest(at).len() < want {
            self.bytes.clear();
            self.bytes.resize(want.max(SPOOL_WINDOW_BYTES), 0);
            self.from = at;
            let mut len = 0;
            let result = loop {
                match store.read_at(file, at + len as u64, &mut self.bytes[len..]) {
                    Ok(0) => break Ok(()),
                    Ok(more) => len += more,
                    Err(error) => break Err(error),
                }
                if len == self.bytes.len() {
                    break Ok(());
                }
            };
            self.bytes.truncate(len);
            result?;
        }
        Ok(self.rest(at))
    }

    /// The first whole record that begins at `at` or later and ends at `end` or before.
    pub fn next<S: Store>(
        &mut self,
        store: &S,
        file: &S::File,
        mut at: u64,
        end: u64,
    ) -> io::Result<Option<Found>> {
        while at + HEAD_BYTES as u64 <= end {
            let head = self.cover(store, file, at, HEAD_BYTES)?;
            if let Some(len) = record::len(head).filter(|len| at + len <= end) {
                let want = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
                let bytes = self.cover(store, file, at, want)?;
                if let Some(document) = bytes.get(..want).and_then(record::parse) {
                    return Ok(Some(Found {
                        start: at,
                        end: at + len,
                        sequence: document.sequence,
                        wall: document.wall,
                    }));
                }
            }
            at += 1;
            match self.find_mark(store, file, at, end)? {
                Some(mark) => at = mark,
                None => break,
            }
        }
        Ok(None)
    }

    /// Where the next record may begin.
    fn find_mark<S: Store>(
        &mut self,
        store: &S,
        file: &S::File,
        mut at: u64,
        end: u64,
    ) -> io::Result<Option<u64>> {
        while at < end {
            let bytes = self.cover(store, file, at, MARK.len())?;
            if bytes.len() < MARK.len() {
                return Ok(None);
            }
            if let Some(skip) = bytes.windows(MARK.len()).position(|four| four == MARK) {
                return Ok(Some(at + skip as u64));
            }
            at += (bytes.len() - (MARK.len() - 1)) as u64;
        }
        Ok(None)
    }

    /// The body of the record found last.
    pub fn body(&self, found: &Found) -> &[u8] {
        let len = (found.end - found.start) as usize;
        &self.rest(found.start)[HEAD_BYTES..len]
    }

    /// Counts the records of `segment` from its end on, up to `bytes`; how many damaged regions
    /// lie between them.
    pub fn index<S: Store>(
        &mut self,
        (store, file): (&S, &S::File),
        (segment, positions): (&mut Segment, &mut [Position]),
        bytes: u64,
    ) -> io::Result<u64> {
        let mut corrupt = 0;
        self.reset();
        while let Some(found) = self.next(store, file, segment.end, bytes)? {
            corrupt += u64::from(found.start > segment.end);
            segment.add(positions, found.start, found.end, found.wall);
        }
        Ok(corrupt)
    }
}

/// The header of a segment file.
pub fn header<S: Store>(store: &S, file: &S::File) -> io::Result<Header> {
    let mut bytes = [0; HEADER_BYTES_MAX];
    let mut len = 0;
    while len < bytes.len() {
        match store.read_at(file, len as u64, &mut bytes[len..])? {
            0 => break,
            more => len += more,
        }
    }
    Ok(record::parse_header(&bytes[..len]))
}
