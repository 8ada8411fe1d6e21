// SPDX-License-Identifier: MIT OR Apache-2.0
//! What leaves the spool: segments that are finished, the oldest when there is no room, and those
//! that somebody removed.

use std::io;

use super::store::Store;
use super::table::{Place, Position};
use super::{Spool, if_found};

impl<S: Store> Spool<S> {
    /// Removes the oldest segment with anything in it; `false` when there is none, or only another
    /// process may.
    pub(super) fn drop_oldest(&mut self) -> io::Result<bool> {
        let bare = self
            .current
            .as_ref()
            .filter(|current| current.written.records == 0);
        let bare = bare.map(|current| current.id);
        let mut segments = self.table.segments().iter();
        let Some(index) = segments.position(|segment| Some(segment.id) != bare) else {
            return Ok(false);
        };
        if !self.locked {
            return Ok(false);
        }
        let id = self.table.segments()[index].id;
        if_found(self.store.remove(id.name().as_c_str()))?;
        if self.is_current(id) {
            self.lose_file()?;
        } else {
            self.forget(index);
        }
        Ok(true)
    }

    /// Takes a segment whose file is gone out of the table; what nobody took of it is dropped.
    pub(super) fn forget(&mut self, index: usize) {
        let segment = self.table.segments()[index];
        self.count_dropped(index, segment.records);
        if self.is_current(segment.id) {
            self.current = None;
            self.buffer.clear();
        }
        if self
            .reading
            .as_ref()
            .is_some_and(|reading| reading.id == segment.id)
        {
            self.reading = None;
        }
        self.table.remove(index);
    }

    /// Counts the first `records` records of a segment as dropped for each output that did not
    /// take them, and as in hand where it did.
    pub(super) fn count_dropped(&mut self, index: usize, records: u64) {
        for (output, position) in self.outputs.iter_mut().zip(self.table.positions(index)) {
            let read = position.read.records.min(records);
            let confirmed = position.confirmed.records.min(records);
            output.dropped += records - read;
            if read > confirmed {
                if output.in_hand == 0 {
                    output.in_hand_oldest = position.oldest;
                }
                output.in_hand += read - confirmed;
            }
        }
    }

    /// Removes the segments that nobody writes to and nobody waits for.
    pub(super) fn remove_finished(&mut self) -> io::Result<()> {
        if !self.locked {
            return Ok(());
        }
        for index in (0..self.table.len()).rev() {
            let segment = &self.table.segments()[index];
            let finished = |position: &Position| position.finished(segment);
            if segment.done && self.table.positions(index).iter().all(finished) {
                if_found(self.store.remove(segment.id.name().as_c_str()))?;
                self.forget(index);
            }
        }
        Ok(())
    }

    /// Takes out of the buffer what all outputs confirmed: it need not be written any more.
    pub(super) fn discard_confirmed(&mut self) {
        let (Some(index), Some(current)) = (self.current_index(), &self.current) else {
            return;
        };
        let written = current.written;
        let outputs = &self.table.positions(index)[..self.outputs.len()];
        let Some(least) = outputs
            .iter()
            .map(|p| p.confirmed)
            .min_by_key(|place| place.offset)
        else {
            return;
        };
        if least.offset <= written.offset {
            return;
        }
        let len = least.offset - written.offset;
        self.buffer.drain(..len as usize);
        let (segment, positions) = self.table.row(index);
        let upto = Place {
            offset: segment.start + len,
            records: least.records - written.records,
        };
        segment.cut_front(positions, upto.offset, upto.records);
    }
}
