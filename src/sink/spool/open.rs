// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is in the directory: at the start, and what other processes added since.

use std::io;

use crate::limits::{SPOOL_COMMIT_BYTES, SPOOL_SEGMENT_BYTES};
use crate::sink::batch::Origin;
use crate::time::Wall;

use super::cursor::Cursor;
use super::name::{Name, SegmentId, parse_cursor};
use super::record::{self, Header};
use super::scan::{self, Window};
use super::store::Store;
use super::table::{Position, Segment, Table, on_disk};
use super::{Foreign, Limits, Output, Spool, SpoolError, if_found, is_full};

impl<S: Store> Spool<S> {
    /// Opens the spool in `store` for the documents of `origin`. `outputs` holds the identity of
    /// each output (the hash of its type, URL and index), in the order of their numbers here.
    ///
    /// # Errors
    /// When the directory cannot be read, or, with its lock, not be written to.
    pub fn open(
        mut store: S,
        origin: Origin,
        outputs: &[u64],
        limits: Limits,
    ) -> Result<Self, SpoolError> {
        let locked = store.lock()?;
        let (least, most) = SPOOL_SEGMENT_BYTES.into_inner();
        let buffer_bytes = match limits.commit_interval.is_zero() {
            true => 0,
            false => SPOOL_COMMIT_BYTES,
        };
        let output = |identity: &u64| Output {
            identity: *identity,
            dropped: 0,
            in_hand: 0,
            in_hand_oldest: Wall::from_us(0),
            behind: true,
        };
        let mut spool = Self {
            store,
            header: record::header(&origin),
            origin,
            limits,
            segment_bytes_max: (limits.bytes_max / 64).clamp(least, most),
            locked,
            outputs: outputs.iter().map(output).collect(),
            table: Table::new(outputs.len() + 1),
            current: None,
            reading: None,
            window: Window::new(),
            number_next: 1,
            foreign: Foreign::default(),
            buffer: Vec::with_capacity(buffer_bytes),
            commit_due: None,
            told_denied: false,
            full_said: false,
            torn: 0,
            corrupt: 0,
        };
        spool.measure()?;
        if locked {
            spool.recover()?;
        }
        Ok(spool)
    }

    /// Reads all that earlier processes left.
    fn recover(&mut self) -> Result<(), SpoolError> {
        let mut identities = Vec::new();
        self.store
            .list(&mut |name, _| identities.extend(parse_cursor(name)))?;
        let mut cursors: Vec<Option<Cursor>> = Vec::new();
        for index in 0..self.outputs.len() {
            cursors.push(self.load_cursor(self.outputs[index].identity)?);
        }
        let mut frozen = Vec::new();
        for identity in identities {
            if self
                .outputs
                .iter()
                .any(|output| output.identity == identity)
            {
                continue;
            }
            let cursor = self.load_cursor(identity)?.unwrap_or_default();
            frozen.push((identity, cursor));
        }
        let segments = self.segments()?;
        for id in &segments {
            let abandoned = frozen.iter().map(|(_, cursor)| cursor.offset(*id)).min();
            let offset = |column: usize| match cursors.get(column) {
                Some(Some(cursor)) => cursor.offset(*id),
                Some(None) => Position::UNWANTED,
                None => abandoned.unwrap_or(Position::UNWANTED),
            };
            self.adopt(*id, &offset)?;
            if let Ok(index) = self.table.find(*id) {
                self.settle(index);
            }
        }
        self.measure()?;
        self.remove_finished()?;
        while self.bytes() > self.limits.bytes_max && self.drop_oldest()? {}
        for (identity, cursor) in frozen {
            self.freeze(identity, &cursor, &segments)?;
        }
        for output in 0..self.outputs.len() {
            while let Err(error) = self.persist(output) {
                if !is_full(&error) || !self.drop_oldest()? {
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// Puts every output between the first and the last record of a segment just read; later
    /// records of a segment that is still written are for all of them.
    fn settle(&mut self, index: usize) {
        let outputs = self.outputs.len();
        let (segment, positions) = self.table.row(index);
        for position in &mut positions[..outputs] {
            let offset = position.confirmed.offset;
            if offset == Position::UNWANTED {
                position.confirmed.records = segment.records;
            }
            position.confirmed.offset = offset.clamp(segment.start, segment.end);
            position.read = position.confirmed;
        }
    }

    /// Notes what an output that is no longer configured still waits for, and nothing newer.
    fn freeze(&mut self, identity: u64, cursor: &Cursor, segments: &[SegmentId]) -> io::Result<()> {
        let kept = segments.iter().filter(|id| self.table.find(**id).is_ok());
        let waits = kept.map(|id| (*id, cursor.offset(*id)));
        let frozen = Cursor {
            frozen: true,
            entries: waits.filter(|(_, o)| *o != Position::UNWANTED).collect(),
        };
        if frozen.entries.is_empty() {
            if_found(self.store.remove(Name::cursor(identity).as_c_str()))?;
        } else if frozen != *cursor {
            match self.replace_cursor(identity, &frozen) {
                // As it was, it waits for more than it should; that is no loss.
                Err(error) if is_full(&error) => {}
                result => result?,
            }
        }
        Ok(())
    }

    /// The cursor of an output; `None` when it never had one.
    fn load_cursor(&mut self, identity: u64) -> io::Result<Option<Cursor>> {
        let name = Name::cursor(identity);
        let Some(file) = if_found(self.store.open(name.as_c_str()))? else {
            return Ok(None);
        };
        let (len, _) = self.store.status(&file)?;
        // Larger than any that this program writes: damaged, and not worth the memory.
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0).min(1 << 20)];
        let mut filled = 0;
        while filled < bytes.len() {
            match self
                .store
                .read_at(&file, filled as u64, &mut bytes[filled..])?
            {
                0 => break,
                more => filled += more,
            }
        }
        let cursor = Cursor::decode(&bytes[..filled]);
        if cursor.is_none() {
            self.corrupt += 1;
            log::warn!("spool: {name} is damaged; that output gets everything again");
        }
        Ok(Some(cursor.unwrap_or_default()))
    }

    /// The segments in the directory, oldest first.
    fn segments(&self) -> io::Result<Vec<SegmentId>> {
        let mut segments = Vec::new();
        self.store
            .list(&mut |name, _| segments.extend(SegmentId::parse(name)))?;
        segments.sort_unstable();
        Ok(segments)
    }

    /// Reads what other processes added since.
    pub(super) fn rescan(&mut self) -> Result<(), SpoolError> {
        let segments = self.segments()?;
        for index in (0..self.table.len()).rev() {
            let segment = self.table.segments()[index];
            let gone = segment.file_bytes > 0 && segments.binary_search(&segment.id).is_err();
            if gone && !self.is_current(segment.id) {
                self.forget(index);
            }
        }
        let abandoned = self.outputs.len();
        for id in segments {
            let known = self.table.find(id).map(|at| self.table.segments()[at].done);
            if known != Ok(true) && !self.is_current(id) {
                self.adopt(id, &|column| match column == abandoned {
                    true => Position::UNWANTED,
                    false => 0,
                })?;
            }
        }
        self.measure()?;
        while self.bytes() > self.limits.bytes_max && self.drop_oldest()? {}
        Ok(())
    }

    /// Reads the records of a segment that is not in the table yet, or grew.
    fn adopt(&mut self, id: SegmentId, offset: &dyn Fn(usize) -> u64) -> Result<(), SpoolError> {
        let file = match if_found(self.store.open(id.name().as_c_str())) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                // Of another user, as of a cron job of root: not ours to send.
                if !core::mem::replace(&mut self.told_denied, true) {
                    let name = id.name();
                    log::warn!(
                        "spool: {} belongs to another user: {error}; run all as one user",
                        name.as_c_str().to_string_lossy()
                    );
                }
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        // Asked first: if it is final now, then so is the length read after.
        let done = self.store.try_lock(&file)?;
        let (len, linked) = self.store.status(&file)?;
        if !linked {
            return Ok(());
        }
        if self.table.find(id).is_err() {
            match scan::header(&self.store, &file)? {
                Header::Whole(_, start) => {
                    while self.table.is_full() && self.drop_oldest()? {}
                    let segment = Segment {
                        id,
                        file_bytes: len,
                        start,
                        end: start,
                        records: 0,
                        done,
                    };
                    self.table
                        .insert(segment, &|column| offset(column).max(start));
                }
                // Its writer is about to begin it.
                _ if !done => return Ok(()),
                Header::Torn => return self.discard(id, len, true),
                Header::Corrupt => return self.discard(id, len, false),
            }
        }
        self.index(id, &file, len, done)
    }

    fn index(
        &mut self,
        id: SegmentId,
        file: &S::File,
        len: u64,
        done: bool,
    ) -> Result<(), SpoolError> {
        let Ok(index) = self.table.find(id) else {
            return Ok(());
        };
        let row = self.table.row(index);
        let corrupt = self.window.index((&self.store, file), row, len);
        self.window.reset();
        self.corrupt += corrupt?;
        let (segment, _) = self.table.row(index);
        segment.file_bytes = len;
        segment.done = done;
        if done && len > segment.end {
            self.torn += 1;
            // Otherwise it is counted again after the next start.
            if self.store.truncate(file, segment.end).is_ok() {
                segment.file_bytes = segment.end;
            }
        }
        Ok(())
    }

    /// Removes a file without a header.
    fn discard(&mut self, id: SegmentId, len: u64, torn: bool) -> Result<(), SpoolError> {
        if torn {
            self.torn += u64::from(len > 0);
        } else {
            self.corrupt += 1;
            log::warn!("spool: the header of {} is damaged; removed", id.name());
        }
        if_found(self.store.remove(id.name().as_c_str()))?;
        Ok(())
    }

    /// Looks what the files take from the limit that the table does not know, and which number is
    /// free.
    pub(super) fn measure(&mut self) -> io::Result<()> {
        let mut all = Foreign::default();
        let next = &mut self.number_next;
        self.store.list(&mut |name, len| {
            if let Some(id) = SegmentId::parse(name) {
                all.bytes += on_disk(len);
                all.segments += 1;
                *next = (*next).max(id.number.saturating_add(1));
            }
        })?;
        let known = self.table.segments().iter().filter(|s| s.file_bytes > 0);
        self.foreign = Foreign {
            bytes: all.bytes.saturating_sub(self.table.bytes()),
            segments: all.segments.saturating_sub(known.count()),
        };
        Ok(())
    }
}
