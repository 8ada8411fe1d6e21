// SPDX-License-Identifier: MIT OR Apache-2.0
//! A bounded queue of finished documents in a directory, which outlives the process.
//!
//! Each process appends to segment files of its own and holds a lock on the one it writes to, so
//! that everybody can tell whether its end is final. Only the process that holds the lock of the
//! directory sends, and removes what is sent or too much. How far each output is stands in a small
//! file of its own, replaced as a whole.
//!
//! # What is kept when
//!
//! * Killed at any byte: all but the record that was being written; its torn part is cut off.
//! * Damaged in the middle: all records whose bytes are untouched; a damaged header takes its
//!   segment with it, because nobody can tell then whose documents these are.
//! * With a commit interval, records wait in RAM until it is over ([`Spool::commit`]), and are
//!   lost when the process is killed. Outputs are served from there as well, and what all of them
//!   confirmed before the commit is never written.
//! * Full: the oldest segment is dropped. What an output has in hand already is not counted as
//!   dropped: it is going to be decided.
//! * A new output begins with the documents of this process. What one waits for that is no longer
//!   configured stays until the limit drops it.
//! * After a crash between delivery and [`Spool::confirm`] a document comes again, with the same
//!   identity.

pub mod crc;
mod current;
mod cursor;
mod directory;
mod drop;
mod letters;
mod name;
mod open;
mod read;
mod record;
mod scan;
pub mod store;
mod table;
mod write;

use std::time::Duration;
use std::{fmt, io};

use crate::time::{Mono, Wall};

use super::batch::Origin;
use name::SegmentId;
use scan::Window;
use store::Store;
use table::Table;

/// How much the spool may hold, and how long in RAM alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all segment files, each rounded up to pages of 4 KiB.
    pub bytes_max: u64,
    /// How long records may wait before they are written; zero: not at all.
    pub commit_interval: Duration,
    /// Bytes of both files of dead letters; zero: there are none.
    pub dead_letter_bytes_max: u64,
}

/// Why the spool did not do what was asked.
#[derive(Debug)]
pub enum SpoolError {
    /// A step failed; what was in the spool before is as it was.
    Io(io::Error),
    /// The limit is reached and there is nothing that this process may drop.
    Full,
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Full => f.write_str("it is full, and this process may not drop what is in it"),
        }
    }
}

impl From<io::Error> for SpoolError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What an output has not yet confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// How many documents, those that it has in hand included.
    pub documents: u64,
    /// When the oldest of them was stamped.
    pub oldest: Option<Wall>,
}

/// What happened to the files, since this process opened them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// What all segment files take from the limit.
    pub bytes: u64,
    /// The limit.
    pub limit_bytes: u64,
    /// Ends cut off that a killed process had not written whole.
    pub torn: u64,
    /// Damaged regions passed over, cursors included.
    pub corrupt: u64,
}

/// The queue.
#[derive(Debug)]
pub struct Spool<S: Store> {
    store: S,
    origin: Origin,
    /// Of each segment of this process, ready to be written.
    header: Vec<u8>,
    limits: Limits,
    segment_bytes_max: u64,
    locked: bool,
    outputs: Vec<Output>,
    /// One column for each output, and a last one for those no longer configured.
    table: Table,
    current: Option<Current<S::File>>,
    reading: Option<Reading<S::File>>,
    window: Window,
    number_next: u32,
    /// What files that the table does not know take from the limit, and how many they are.
    foreign: Foreign,
    /// The end of the current segment that is not yet written.
    buffer: Vec<u8>,
    commit_due: Option<Mono>,
    /// That there are segments that may not be opened was said.
    told_denied: bool,
    /// That its disk has no room was said.
    full_said: bool,
    torn: u64,
    corrupt: u64,
}

#[derive(Debug)]
struct Output {
    identity: u64,
    dropped: u64,
    /// Documents in hand whose segment is gone, and the oldest of them.
    in_hand: u64,
    in_hand_oldest: Wall,
    /// The cursor in the directory is behind.
    behind: bool,
}

/// The segment that this process appends to.
#[derive(Debug)]
struct Current<F> {
    id: SegmentId,
    /// `None` until the first record has to be written.
    file: Option<F>,
    /// What is in the file; equal to the start of the first record when there is no file.
    written: table::Place,
}

/// The segment read last.
#[derive(Debug)]
struct Reading<F> {
    id: SegmentId,
    file: F,
    origin: Origin,
}

#[derive(Clone, Copy, Debug, Default)]
struct Foreign {
    bytes: u64,
    segments: usize,
}

impl<S: Store> Spool<S> {
    /// Whether this process holds the lock of the directory, and so sends.
    pub fn holds_lock(&self) -> bool {
        self.locked
    }

    /// How many documents wait for outputs that are no longer configured.
    pub fn abandoned(&self) -> u64 {
        let column = self.table.column(self.outputs.len());
        column.map(|(segment, p)| p.waiting(segment)).sum()
    }

    /// What the output has not yet confirmed.
    pub fn waiting(&self, output: usize) -> Waiting {
        let Output {
            in_hand,
            in_hand_oldest,
            ..
        } = self.outputs[output];
        let mut waiting = Waiting {
            documents: in_hand,
            oldest: (in_hand > 0).then_some(in_hand_oldest),
        };
        for (segment, position) in self.table.column(output) {
            let documents = position.waiting(segment);
            if documents > 0 {
                waiting.documents += documents;
                waiting.oldest.get_or_insert(position.oldest);
            }
        }
        waiting
    }

    /// Of those that wait, how many the output has in hand while their files had to make room: they
    /// are lost when the process ends before they are decided.
    pub fn only_in_hand(&self, output: usize) -> u64 {
        self.outputs[output].in_hand
    }

    /// How many documents were dropped before the output took them.
    pub fn dropped(&self, output: usize) -> u64 {
        self.outputs[output].dropped
    }

    /// What happened to the files.
    pub fn counters(&self) -> Counters {
        Counters {
            bytes: self.bytes(),
            limit_bytes: self.limits.bytes_max,
            torn: self.torn,
            corrupt: self.corrupt,
        }
    }

    fn bytes(&self) -> u64 {
        self.table.bytes() + self.foreign.bytes
    }

    /// Whether `id` is the segment that this process appends to.
    fn is_current(&self, id: SegmentId) -> bool {
        self.current
            .as_ref()
            .is_some_and(|current| current.id == id)
    }
}

/// Whether the disk has no room.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::WriteZero
    )
}

/// Nothing where there is nothing.
fn if_found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
