// SPDX-License-Identifier: MIT OR Apache-2.0
//! The segment that this process appends to: begun, looked after, ended.

use std::{io, mem};

use crate::limits::SPOOL_SEGMENTS_MAX;

use super::name::SegmentId;
use super::store::Store;
use super::table::{Place, Position, Segment, on_disk};
use super::{Current, Spool, if_found};

/// How often a name for a new segment is tried; it fails only when another process, in the same
/// instant, looks whether its writer is alive.
const CREATE_TRIES: usize = 8;

/// Why a record was not written.
pub enum Refusal {
    /// The limit is reached.
    Limit,
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<S: Store> Spool<S> {
    /// Where the current segment is in the table.
    pub(super) fn current_index(&self) -> Option<usize> {
        let current = self.current.as_ref()?;
        self.table.find(current.id).ok()
    }

    /// Whether `bytes` more would make the current segment too long.
    pub(super) fn is_too_long(&self, bytes: u64) -> bool {
        self.current_index().is_some_and(|index| {
            let segment = &self.table.segments()[index];
            segment.records > 0 && segment.end + bytes > self.segment_bytes_max
        })
    }

    /// Makes sure of a current segment that has room for a record of `bytes`.
    pub(super) fn begin(&mut self, bytes: u64) -> Result<(), Refusal> {
        if self.buffer.is_empty() && self.is_too_long(bytes) {
            self.seal()?;
        }
        if self.current.is_some() {
            return Ok(());
        }
        self.measure()?;
        if self.table.len() + self.foreign.segments >= SPOOL_SEGMENTS_MAX {
            return Err(Refusal::Limit);
        }
        let id = self.next_id()?;
        let start = self.header.len() as u64;
        let segment = Segment {
            id,
            file_bytes: 0,
            start,
            end: start,
            records: 0,
            done: false,
        };
        let abandoned = self.outputs.len();
        self.table.insert(segment, &|column| {
            if column == abandoned {
                Position::UNWANTED
            } else {
                start
            }
        });
        let written = Place {
            offset: start,
            records: 0,
        };
        self.current = Some(Current {
            id,
            file: None,
            written,
        });
        Ok(())
    }

    fn next_id(&mut self) -> io::Result<SegmentId> {
        let number = self.number_next;
        // A segment each second would take 136 years; a name that somebody made up does not.
        self.number_next = number.checked_add(1).ok_or(io::ErrorKind::QuotaExceeded)?;
        let start_id = self.origin.start_id;
        Ok(SegmentId { number, start_id })
    }

    /// Makes the file of the current segment.
    pub(super) fn create(&mut self) -> io::Result<()> {
        for _ in 0..CREATE_TRIES {
            let Some(current) = &mut self.current else {
                break;
            };
            let name = current.id.name();
            let file = match self.store.create(name.as_c_str()) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
                result => Some(result?),
            };
            if let Some(file) = file {
                if self.store.try_lock(&file)? && self.store.status(&file)?.1 {
                    let result = self.store.append(&file, [&self.header, &[]]);
                    if result.is_err() {
                        drop(file);
                        let _ = self.store.remove(name.as_c_str());
                        return result;
                    }
                    current.file = Some(file);
                    let bytes = self.header.len() as u64;
                    if let Some(index) = self.current_index() {
                        self.table.row(index).0.file_bytes = bytes;
                    }
                    if !self.limits.commit_interval.is_zero() {
                        self.store.sync_names()?;
                    }
                    return Ok(());
                }
                if_found(self.store.remove(name.as_c_str()))?;
            }
            self.renumber()?;
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Gives the current segment, which has no file, a new name.
    fn renumber(&mut self) -> io::Result<()> {
        self.measure()?;
        let SegmentId { number, .. } = self.next_id()?;
        if let (Some(index), Some(current)) = (self.current_index(), &mut self.current) {
            self.table.renumber(index, number);
            current.id.number = number;
        }
        Ok(())
    }

    /// Makes sure that the file of the current segment is as this process left it.
    pub(super) fn look_after_current(&mut self) -> io::Result<()> {
        let Some(Current {
            file: Some(file),
            written,
            ..
        }) = &self.current
        else {
            return Ok(());
        };
        let (len, linked) = self.store.status(file)?;
        if !linked {
            return self.lose_file();
        }
        if len != written.offset {
            self.store.truncate(file, written.offset)?;
        }
        Ok(())
    }

    /// Goes on with a new segment when the file of the current one is removed.
    pub(super) fn lose_file(&mut self) -> io::Result<()> {
        let start = self.start();
        let (Some(index), Some(current)) = (self.current_index(), &mut self.current) else {
            return Ok(());
        };
        if self.buffer.is_empty() {
            self.forget(index);
            return Ok(());
        }
        let written = mem::replace(&mut current.written, start);
        current.file = None;
        self.count_dropped(index, written.records);
        let (segment, positions) = self.table.row(index);
        segment.cut_front(positions, written.offset, written.records);
        segment.file_bytes = 0;
        self.renumber()
    }

    fn start(&self) -> Place {
        let offset = self.header.len() as u64;
        Place { offset, records: 0 }
    }

    /// Ends the current segment, all of which is written.
    pub(super) fn seal(&mut self) -> io::Result<()> {
        let Some(index) = self.current_index() else {
            return Ok(());
        };
        self.current = None;
        let (segment, _) = self.table.row(index);
        segment.done = true;
        if !self.locked || segment.file_bytes == 0 {
            self.foreign.bytes += on_disk(segment.file_bytes);
            self.foreign.segments += usize::from(segment.file_bytes > 0);
            self.table.remove(index);
            return Ok(());
        }
        self.remove_finished()
    }
}
