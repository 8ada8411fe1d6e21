// SPDX-License-Identifier: MIT OR Apache-2.0
//! The segments that the spool knows, oldest first, and how far each output is in each of them.

use crate::limits::SPOOL_SEGMENTS_MAX;
use crate::time::Wall;

use super::name::SegmentId;

/// Files take whole pages on tmpfs, and blocks of this size elsewhere.
const PAGE_BYTES: u64 = 4_096;

/// What a file of `bytes` takes from the limit.
pub fn on_disk(bytes: u64) -> u64 {
    bytes.next_multiple_of(PAGE_BYTES)
}

/// A segment.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    pub id: SegmentId,
    /// Length of the file; 0 when there is none yet.
    pub file_bytes: u64,
    /// Where its first record begins.
    pub start: u64,
    /// Where its last whole record ends; of the own one, records not yet written included.
    pub end: u64,
    /// How many records it holds.
    pub records: u64,
    /// Nobody will write to it any more.
    pub done: bool,
}

/// A place between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub offset: u64,
    /// How many records stand before it.
    pub records: u64,
}

/// How far one output is in one segment.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    /// All before is decided.
    pub confirmed: Place,
    /// All before was taken.
    pub read: Place,
    /// When the first record not confirmed was stamped, if there is one.
    pub oldest: Wall,
}

impl Position {
    /// Nothing of the segment is wanted.
    pub const UNWANTED: u64 = u64::MAX;

    /// The position of which everything before `offset` is confirmed.
    pub fn at(offset: u64) -> Self {
        let place = Place { offset, records: 0 };
        Self {
            confirmed: place,
            read: place,
            oldest: Wall::from_us(0),
        }
    }

    /// Records of the segment that are not confirmed.
    pub fn waiting(&self, segment: &Segment) -> u64 {
        if self.confirmed.offset == Self::UNWANTED {
            return 0;
        }
        segment.records.saturating_sub(self.confirmed.records)
    }

    /// Whether all of the segment is confirmed.
    pub fn finished(&self, segment: &Segment) -> bool {
        self.confirmed.offset >= segment.end
    }
}

impl Segment {
    /// Adds a record that begins at `start` and ends at `end`.
    pub fn add(&mut self, positions: &mut [Position], start: u64, end: u64, wall: Wall) {
        for position in positions {
            if position.confirmed.offset == Position::UNWANTED {
                continue;
            }
            if start < position.confirmed.offset {
                position.confirmed.records += 1;
                position.read.records += 1;
            } else if position.waiting(self) == 0 {
                position.oldest = wall;
            }
        }
        self.records += 1;
        self.end = end;
    }

    /// Takes out the first `records` records, which end at `upto`.
    pub fn cut_front(&mut self, positions: &mut [Position], upto: u64, records: u64) {
        let shift = upto - self.start;
        for position in positions {
            for place in [&mut position.confirmed, &mut position.read] {
                if place.offset != Position::UNWANTED {
                    place.offset = place.offset.max(upto) - shift;
                    place.records = place.records.max(records) - records;
                }
            }
        }
        self.end -= shift;
        self.records -= records;
    }
}

/// All segments; room for [`SPOOL_SEGMENTS_MAX`] is reserved.
#[derive(Debug)]
pub struct Table {
    segments: Vec<Segment>,
    /// `columns` of them for each segment.
    positions: Vec<Position>,
    columns: usize,
}

impl Table {
    /// An empty table for this many outputs.
    pub fn new(columns: usize) -> Self {
        Self {
            segments: Vec::with_capacity(SPOOL_SEGMENTS_MAX),
            positions: Vec::with_capacity(SPOOL_SEGMENTS_MAX * columns),
            columns,
        }
    }

    pub fn len(&self) -> usize {
        self.segments.len()
    }

    /// Whether there is no room for another.
    pub fn is_full(&self) -> bool {
        self.len() >= SPOOL_SEGMENTS_MAX
    }

    /// Where the segment is, else where it belongs.
    pub fn find(&self, id: SegmentId) -> Result<usize, usize> {
        self.segments
            .binary_search_by_key(&id, |segment| segment.id)
    }

    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub fn positions(&self, index: usize) -> &[Position] {
        &self.positions[index * self.columns..][..self.columns]
    }

    pub fn row(&mut self, index: usize) -> (&mut Segment, &mut [Position]) {
        let positions = &mut self.positions[index * self.columns..][..self.columns];
        (&mut self.segments[index], positions)
    }

    /// Every segment with the position of one output.
    pub fn column(&self, output: usize) -> impl Iterator<Item = (&Segment, &Position)> {
        let positions = self.positions.iter().skip(output).step_by(self.columns);
        self.segments.iter().zip(positions)
    }

    /// Puts in a segment that is not there; each output is at the offset that `offset` tells.
    pub fn insert(&mut self, segment: Segment, offset: &dyn Fn(usize) -> u64) -> usize {
        let index = self.find(segment.id).unwrap_or_else(|index| index);
        self.segments.insert(index, segment);
        let at = index * self.columns;
        let new = (0..self.columns).map(|output| Position::at(offset(output)));
        self.positions.splice(at..at, new);
        index
    }

    /// Takes a segment out.
    pub fn remove(&mut self, index: usize) {
        self.segments.remove(index);
        let at = index * self.columns;
        self.positions.drain(at..at + self.columns);
    }

    /// Gives the segment a later number than all others.
    pub fn renumber(&mut self, index: usize, number: u32) {
        self.segments[index].id.number = number;
        self.segments[index..].rotate_left(1);
        self.positions[index * self.columns..].rotate_left(self.columns);
    }

    /// What all files take from the limit.
    pub fn bytes(&self) -> u64 {
        let files = self.segments.iter();
        files.map(|segment| on_disk(segment.file_bytes)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(number: u32) -> Segment {
        let id = SegmentId {
            number,
            start_id: 1,
        };
        Segment {
            id,
            file_bytes: 1,
            start: 10,
            end: 10,
            records: 0,
            done: false,
        }
    }

    #[test]
    fn segments_stay_in_order_with_their_positions() {
        let mut table = Table::new(2);
        for number in [5, 3, 9, 7] {
            table.insert(segment(number), &|output| {
                u64::from(number) * 10 + output as u64
            });
        }
        table.remove(table.find(segment(5).id).unwrap());
        table.renumber(0, 12);
        let numbers = |output| {
            table
                .column(output)
                .map(|(segment, position)| (segment.id.number, position.read.offset))
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers(0), [(7, 70), (9, 90), (12, 30)]);
        assert_eq!(numbers(1), [(7, 71), (9, 91), (12, 31)]);
        assert_eq!(table.bytes(), 3 * PAGE_BYTES);
    }

    #[test]
    fn records_count_for_the_outputs_that_want_them() {
        let mut table = Table::new(3);
        let offsets = [10, 20, Position::UNWANTED];
        table.insert(segment(1), &|output| offsets[output]);
        let (segment, positions) = table.row(0);
        for start in [10, 20, 30] {
            segment.add(positions, start, start + 10, Wall::from_us(start));
        }
        let waiting: Vec<_> = positions
            .iter()
            .map(|position| (position.waiting(segment), position.oldest.us()))
            .collect();
        assert_eq!(waiting, [(3, 10), (2, 20), (0, 0)]);
        segment.cut_front(positions, 20, 1);
        assert_eq!((segment.end, segment.records), (30, 2));
        assert!(positions[..2].iter().all(|p| p.confirmed.offset == 10));
        assert!(positions[..2].iter().all(|p| p.waiting(segment) == 2));
    }
}
