// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far an output is, as a small file: an offset for each segment that it has begun.
//!
//! ```text
//! "nvcurs" 1 │ frozen u8 │ count u32 │ count × (number u32, start id u64, offset u64) │ crc u32
//! ```
//! Little endian; the CRC covers everything before it.

use super::crc::crc32;
use super::name::SegmentId;
use super::record::{u32_at, u64_at};

const MARK: [u8; 7] = *b"nvcurs\x01";
const FIXED_BYTES: usize = 12;
const ENTRY_BYTES: usize = 20;

/// How far an output is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The output is no longer configured: it waits for the segments listed, and for no others.
    pub frozen: bool,
    /// All bytes of the segment before the offset are confirmed.
    pub entries: Vec<(SegmentId, u64)>,
}

impl Cursor {
    /// The offset up to which `segment` is confirmed; `u64::MAX` when nothing of it is wanted.
    pub fn offset(&self, segment: SegmentId) -> u64 {
        let entry = self.entries.iter().find(|(id, _)| *id == segment);
        entry.map_or(if self.frozen { u64::MAX } else { 0 }, |(_, offset)| {
            *offset
        })
    }

    /// The content of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED_BYTES + self.entries.len() * ENTRY_BYTES + 4);
        bytes.extend_from_slice(&MARK);
        bytes.push(u8::from(self.frozen));
        bytes.extend_from_slice(&(self.entries.len() as u32).to_le_bytes());
        for (id, offset) in &self.entries {
            bytes.extend_from_slice(&id.number.to_le_bytes());
            bytes.extend_from_slice(&id.start_id.to_le_bytes());
            bytes.extend_from_slice(&offset.to_le_bytes());
        }
        bytes.extend_from_slice(&crc32(&[&bytes]).to_le_bytes());
        bytes
    }

    /// The cursor in a file with this content; `None` when it is damaged.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (rest, crc) = bytes.split_last_chunk::<4>()?;
        let whole = rest.len() >= FIXED_BYTES
            && rest.starts_with(&MARK)
            && rest[MARK.len()] <= 1
            && crc32(&[rest]) == u32::from_le_bytes(*crc);
        let (fixed, entries) = rest.split_at_checked(FIXED_BYTES).filter(|_| whole)?;
        let (entries, odd) = entries.as_chunks::<ENTRY_BYTES>();
        (odd.is_empty() && entries.len() == u32_at(fixed, 8) as usize).then(|| Self {
            frozen: fixed[MARK.len()] == 1,
            entries: entries.iter().map(|entry| parse_entry(entry)).collect(),
        })
    }
}

fn parse_entry(entry: &[u8]) -> (SegmentId, u64) {
    let id = SegmentId {
        number: u32_at(entry, 0),
        start_id: u64_at(entry, 4),
    };
    (id, u64_at(entry, 12))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SegmentId = SegmentId {
        number: 7,
        start_id: 0x102,
    };

    #[test]
    fn a_cursor_is_these_bytes_on_every_cpu() {
        let cursor = Cursor {
            frozen: true,
            entries: vec![(ID, 0x304)],
        };
        let expected = b"nvcurs\x01\x01\x01\0\0\0\x07\0\0\0\x02\x01\0\0\0\0\0\0\
            \x04\x03\0\0\0\0\0\0\x3E\xDF\x24\x8A";
        assert_eq!(cursor.encode(), expected);
        assert_eq!(Cursor::decode(expected), Some(cursor));
        for bit in 0..expected.len() * 8 {
            let mut bytes = expected.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Cursor::decode(&bytes), None, "bit {bit}");
        }
        for len in 0..expected.len() {
            assert_eq!(Cursor::decode(&expected[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn what_is_not_listed_is_wanted_unless_the_output_is_gone() {
        let other = SegmentId { number: 8, ..ID };
        for (frozen, expected) in [(false, 0), (true, u64::MAX)] {
            let entries = vec![(ID, 9)];
            let cursor = Cursor { frozen, entries };
            assert_eq!((cursor.offset(ID), cursor.offset(other)), (9, expected));
        }
    }
}
