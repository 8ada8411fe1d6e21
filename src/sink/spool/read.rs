// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sending side: documents come out, and how far each output is gets written down.

use std::io;

use crate::sink::batch::{Batch, Document};

use super::cursor::Cursor;
use super::name::Name;
use super::record::{self, Header};
use super::scan::{self, Found};
use super::store::Store;
use super::table::Place;
use super::{Reading, Spool, SpoolError, if_found, is_full};

impl<S: Store> Spool<S> {
    /// Adds to `batch` the documents that `output` did not take yet, until the batch holds
    /// `documents_max` of them or would exceed `bytes_max`; an empty batch gets at least one if any
    /// waits. When none is known, looks for those of other processes. Without the lock of the
    /// directory there are none.
    ///
    /// # Errors
    /// When a segment could not be read; what the batch got before stays taken.
    pub fn take(
        &mut self,
        output: usize,
        batch: &mut Batch,
        documents_max: usize,
        bytes_max: usize,
    ) -> Result<(), SpoolError> {
        if !self.locked {
            return Ok(());
        }
        let before = batch.len();
        self.take_known(output, batch, documents_max, bytes_max)?;
        if batch.is_empty() && batch.len() == before {
            self.rescan()?;
            self.take_known(output, batch, documents_max, bytes_max)?;
        }
        Ok(())
    }

    fn take_known(
        &mut self,
        output: usize,
        batch: &mut Batch,
        documents_max: usize,
        bytes_max: usize,
    ) -> Result<(), SpoolError> {
        let mut index = 0;
        self.window.reset();
        while index < self.table.len() {
            let segment = self.table.segments()[index];
            let read = self.table.positions(index)[output].read;
            if read.offset >= segment.end {
                index += 1;
                self.window.reset();
                continue;
            }
            if !batch.is_empty() && batch.len() >= documents_max {
                break;
            }
            match self.push(index, read.offset, batch, bytes_max) {
                Ok(Pushed::Moved(offset)) => {
                    let records = match offset >= segment.end {
                        true => segment.records,
                        false => read.records + 1,
                    };
                    self.table.row(index).1[output].read = Place { offset, records };
                }
                Ok(Pushed::NoRoom) => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.forget(index),
                Err(error) => return Err(error.into()),
            }
        }
        self.window.reset();
        Ok(())
    }

    /// Adds the first document at `offset` or after it.
    fn push(
        &mut self,
        index: usize,
        offset: u64,
        batch: &mut Batch,
        bytes_max: usize,
    ) -> io::Result<Pushed> {
        let segment = self.table.segments()[index];
        let (origin, document, end) = match self.find(index, offset)? {
            Where::Buffered(at) => {
                let bytes = &self.buffer[at..];
                let len = record::len(bytes).unwrap_or_default();
                match record::parse(&bytes[..len as usize]) {
                    Some(document) => (&self.origin, document, offset + len),
                    None => return Ok(Pushed::Moved(segment.end)),
                }
            }
            Where::File(Some(found)) => {
                let document = Document {
                    sequence: found.sequence,
                    wall: found.wall,
                    body: self.window.body(&found),
                };
                let own = self.is_current(segment.id);
                let reading = self.reading.as_ref().filter(|_| !own);
                let origin = reading.map_or(&self.origin, |reading| &reading.origin);
                (origin, document, found.end)
            }
            Where::File(None) => {
                // Damaged since it was counted.
                self.corrupt += 1;
                return Ok(Pushed::Moved(segment.end));
            }
        };
        if !batch.is_empty() && batch.bytes() + document.body.len() > bytes_max {
            return Ok(Pushed::NoRoom);
        }
        batch.push(origin, document);
        Ok(Pushed::Moved(end))
    }

    /// Where the first record at `offset` or after it is.
    fn find(&mut self, index: usize, offset: u64) -> io::Result<Where> {
        let segment = self.table.segments()[index];
        let mut end = segment.end;
        if let Some(current) = self.current.as_ref().filter(|c| c.id == segment.id) {
            end = current.written.offset;
            if offset >= end {
                return Ok(Where::Buffered((offset - end) as usize));
            }
            if let Some(file) = &current.file {
                let found = self.window.next(&self.store, file, offset, end)?;
                return Ok(Where::File(found));
            }
        }
        if self
            .reading
            .as_ref()
            .is_none_or(|reading| reading.id != segment.id)
        {
            let file = self.store.open(segment.id.name().as_c_str())?;
            self.reading = match scan::header(&self.store, &file)? {
                Header::Whole(origin, _) => Some(Reading {
                    id: segment.id,
                    file,
                    origin,
                }),
                Header::Torn | Header::Corrupt => None,
            };
        }
        let Some(reading) = &self.reading else {
            return Ok(Where::File(None));
        };
        let found = self.window.next(&self.store, &reading.file, offset, end)?;
        Ok(Where::File(found))
    }

    /// All that the output took is decided: it is not sent again, and segments that no output
    /// waits for are removed.
    ///
    /// # Errors
    /// When that could not be written down; this process goes on as if it were.
    pub fn confirm(&mut self, output: usize) -> Result<(), SpoolError> {
        self.outputs[output].in_hand = 0;
        for index in 0..self.table.len() {
            let segment = self.table.segments()[index];
            let position = &mut self.table.row(index).1[output];
            let (before, after) = (position.confirmed, position.read);
            if before == after {
                continue;
            }
            position.confirmed = after;
            let written = self.on_file(index);
            if before.offset < written {
                self.outputs[output].behind = true;
            }
            if after.offset < segment.end
                && let Ok(Some(wall)) = self.stamp(index, after.offset)
            {
                self.table.row(index).1[output].oldest = wall;
            }
        }
        self.remove_finished()?;
        if self.outputs[output].behind && self.locked && self.limits.commit_interval.is_zero() {
            match self.persist(output) {
                // Not worth a document; the next time.
                Err(error) if is_full(&error) => {}
                result => result?,
            }
        }
        Ok(())
    }

    /// When the first record at `offset` or after it was stamped.
    fn stamp(&mut self, index: usize, offset: u64) -> io::Result<Option<crate::time::Wall>> {
        self.window.reset();
        Ok(match self.find(index, offset)? {
            Where::File(found) => found.map(|found| found.wall),
            Where::Buffered(at) => {
                let bytes = &self.buffer[at..];
                let len = record::len(bytes).unwrap_or_default() as usize;
                record::parse(&bytes[..len]).map(|document| document.wall)
            }
        })
    }

    /// How much of a segment is in its file.
    fn on_file(&self, index: usize) -> u64 {
        let segment = &self.table.segments()[index];
        match &self.current {
            Some(current) if current.id == segment.id => current.written.offset,
            _ => segment.end,
        }
    }

    /// Writes down how far an output is.
    pub(super) fn persist(&mut self, output: usize) -> io::Result<()> {
        let mut entries = Vec::new();
        for (index, (segment, position)) in self.table.column(output).enumerate() {
            if segment.file_bytes > 0 && position.confirmed.records > 0 {
                let offset = position.confirmed.offset.min(self.on_file(index));
                entries.push((segment.id, offset));
            }
        }
        let frozen = false;
        let cursor = Cursor { frozen, entries };
        self.replace_cursor(self.outputs[output].identity, &cursor)?;
        self.outputs[output].behind = false;
        Ok(())
    }

    /// Replaces a cursor as a whole.
    pub(super) fn replace_cursor(&self, identity: u64, cursor: &Cursor) -> io::Result<()> {
        let (name, temporary) = (Name::cursor(identity), Name::cursor_temporary(identity));
        // Left behind by a process that was killed.
        if_found(self.store.remove(temporary.as_c_str()))?;
        let file = self.store.create(temporary.as_c_str())?;
        let durable = !self.limits.commit_interval.is_zero();
        let mut result = self.store.append(&file, [&cursor.encode(), &[]]);
        if durable {
            result = result.and_then(|()| self.store.sync(&file));
        }
        result = result.and_then(|()| self.store.rename(temporary.as_c_str(), name.as_c_str()));
        if durable {
            result = result.and_then(|()| self.store.sync_names());
        }
        if result.is_err() {
            // It is still there unless the last step failed.
            let _ = self.store.remove(temporary.as_c_str());
        }
        result
    }
}

/// What became of a document.
enum Pushed {
    /// The read position goes here.
    Moved(u64),
    /// The batch is full.
    NoRoom,
}

/// Where a record is.
enum Where {
    /// In the buffer, at this index.
    Buffered(usize),
    /// In the file and now in the window; or there is none.
    File(Option<Found>),
}
