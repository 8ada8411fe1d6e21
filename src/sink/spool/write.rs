// SPDX-License-Identifier: MIT OR Apache-2.0
//! The collecting side: documents go in, the oldest go out when there is no room. Nothing here
//! allocates, as long as no other process fills the spool.

use std::io;

use crate::sink::batch::Document;
use crate::time::{Mono, Wall};

use super::current::Refusal;
use super::record::{self, HEAD_BYTES};
use super::store::Store;
use super::table::{Place, on_disk};
use super::{Current, Spool, SpoolError, is_full};

impl<S: Store> Spool<S> {
    /// Adds a document; the oldest are dropped, and counted, when there is no room. One that is
    /// larger than the limit counts as dropped itself.
    ///
    /// # Errors
    /// When it is not stored: the directory is gone or not writable, the disk is full of what
    /// other programs wrote, or the spool is and only the holder of its lock may drop something.
    pub fn append(&mut self, document: Document<'_>, now: Mono) -> Result<(), SpoolError> {
        let bytes = (HEAD_BYTES + document.body.len()) as u64;
        let alone = on_disk(self.header.len() as u64 + bytes);
        if alone > self.limits.bytes_max || u32::try_from(document.body.len()).is_err() {
            for output in &mut self.outputs {
                output.dropped += 1;
            }
            return Ok(());
        }
        let head = record::head(&document);
        let parts = [&head[..], document.body];
        if self.limits.commit_interval.is_zero() {
            self.write(parts, document.wall)
        } else {
            self.collect(parts, document.wall, now)
        }
    }

    /// When [`Spool::commit`] has something to do.
    pub fn next_commit(&self) -> Option<Mono> {
        self.commit_due
    }

    /// Writes what waits for the end of the commit interval, if that is over.
    ///
    /// # Errors
    /// When it could not be written; it waits on.
    pub fn commit(&mut self, now: Mono) -> Result<(), SpoolError> {
        if self.commit_due.is_none_or(|due| due > now) {
            return Ok(());
        }
        // On an error: not again before the next interval is over.
        self.commit_due = Some(now.after(self.limits.commit_interval));
        self.flush()
    }

    /// Writes all that is not yet on the medium.
    ///
    /// # Errors
    /// When it could not be written; it waits on.
    pub fn flush(&mut self) -> Result<(), SpoolError> {
        self.write_buffer()?;
        self.commit_due = None;
        for output in 0..self.outputs.len() {
            if self.locked && self.outputs[output].behind {
                self.persist(output)?;
            }
        }
        Ok(())
    }

    /// Writes all, and leaves no file behind when everything is confirmed.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn close(mut self) -> Result<(), SpoolError> {
        let result = self.flush();
        self.seal()?;
        result
    }

    /// Writes a record at once.
    fn write(&mut self, parts: [&[u8]; 2], wall: Wall) -> Result<(), SpoolError> {
        loop {
            match self.write_once(Some(parts)) {
                Ok(()) => break,
                Err(refusal) => self.make_room(refusal)?,
            }
        }
        self.note(parts, wall);
        self.written();
        Ok(())
    }

    /// Puts a record into the buffer, which is part of the current segment.
    fn collect(&mut self, parts: [&[u8]; 2], wall: Wall, now: Mono) -> Result<(), SpoolError> {
        let bytes = parts[0].len() + parts[1].len();
        let room = self.buffer.capacity();
        if self.buffer.len() + bytes > room || self.is_too_long(bytes as u64) {
            self.discard_confirmed();
        }
        if self.buffer.len() + bytes > room || self.is_too_long(bytes as u64) {
            match self.write_buffer() {
                Err(SpoolError::Full) => self.drop_buffer(),
                Err(SpoolError::Io(error)) if is_full(&error) => self.drop_buffer(),
                result => result?,
            }
        }
        if bytes > room {
            self.write(parts, wall)?;
            return Ok(self.sync()?);
        }
        loop {
            match self.begin(bytes as u64) {
                Ok(()) => break,
                Err(refusal) => self.make_room(refusal)?,
            }
        }
        for part in parts {
            self.buffer.extend_from_slice(part);
        }
        self.note(parts, wall);
        let due = now.after(self.limits.commit_interval);
        self.commit_due.get_or_insert(due);
        Ok(())
    }

    /// The buffer is full, and so is the disk.
    fn drop_buffer(&mut self) {
        if let Some(index) = self.current_index() {
            self.forget(index);
        }
    }

    /// Writes what is in the buffer, unless all outputs confirmed it; on an error it stays there.
    fn write_buffer(&mut self) -> Result<(), SpoolError> {
        loop {
            self.discard_confirmed();
            if self.buffer.is_empty() {
                return Ok(());
            }
            match self.write_once(None) {
                Ok(()) => break,
                Err(refusal) => self.make_room(refusal)?,
            }
        }
        self.written();
        self.buffer.clear();
        Ok(self.sync()?)
    }

    fn sync(&self) -> io::Result<()> {
        let file = self
            .current
            .as_ref()
            .and_then(|current| current.file.as_ref());
        file.map_or(Ok(()), |file| self.store.sync(file))
    }

    /// Counts a record at the end of the current segment.
    fn note(&mut self, parts: [&[u8]; 2], wall: Wall) {
        let bytes = (parts[0].len() + parts[1].len()) as u64;
        if let Some(index) = self.current_index() {
            let (segment, positions) = self.table.row(index);
            segment.add(positions, segment.end, segment.end + bytes, wall);
        }
    }

    /// All of the current segment is in its file.
    fn written(&mut self) {
        let (Some(index), Some(current)) = (self.current_index(), &mut self.current) else {
            return;
        };
        let (segment, positions) = self.table.row(index);
        // What was confirmed out of the buffer has its place in the file only now.
        for (output, position) in self.outputs.iter_mut().zip(positions) {
            output.behind |= position.confirmed.offset > current.written.offset;
        }
        segment.file_bytes = segment.end;
        current.written = Place {
            offset: segment.end,
            records: segment.records,
        };
    }

    /// Writes a record, or else the buffer, to the current segment.
    fn write_once(&mut self, record: Option<[&[u8]; 2]>) -> Result<(), Refusal> {
        self.look_after_current()?;
        let bytes = match record {
            Some([head, body]) => (head.len() + body.len()) as u64,
            None => self.buffer.len() as u64,
        };
        // Records in the buffer were given their segment when they came.
        if record.is_some() {
            self.begin(bytes)?;
        }
        let (mut offset, mut taken) = (self.header.len() as u64, 0);
        if let Some(Current {
            file: Some(_),
            written,
            ..
        }) = &self.current
        {
            (offset, taken) = (written.offset, on_disk(written.offset));
        }
        let growth = on_disk(offset + bytes) - taken;
        if self.bytes() + growth > self.limits.bytes_max {
            // Others may have removed something since.
            self.measure()?;
            if self.bytes() + growth > self.limits.bytes_max {
                return Err(Refusal::Limit);
            }
        }
        if taken == 0 {
            self.create()?;
        }
        let Some(Current {
            file: Some(file), ..
        }) = &self.current
        else {
            return Err(Refusal::Limit);
        };
        let parts = record.unwrap_or([&self.buffer, &[]]);
        let result = self.store.append(file, parts);
        if result.is_err() {
            // If this fails too, it is done before the next record.
            let _ = self.store.truncate(file, offset);
        }
        Ok(result?)
    }

    /// Makes room after a refusal, or says that there is none to be had.
    fn make_room(&mut self, refusal: Refusal) -> Result<(), SpoolError> {
        let error = match refusal {
            Refusal::Limit => SpoolError::Full,
            Refusal::Io(error) if is_full(&error) => {
                if !core::mem::replace(&mut self.full_said, true) {
                    log::warn!("spool: {error} on its disk: the oldest documents make room");
                }
                SpoolError::Io(error)
            }
            Refusal::Io(error) => return Err(SpoolError::Io(error)),
        };
        if self.drop_oldest()? {
            return Ok(());
        }
        if self.locked && self.foreign.bytes > 0 {
            // Other processes filled it, and were not asked for documents since.
            self.rescan()?;
            if self.drop_oldest()? {
                return Ok(());
            }
        }
        Err(error)
    }
}
