// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a segment file is made of: one header, then records; all numbers little endian.
//!
//! ```text
//! header: "nvspool" 1 │ start id u64 │ host len u8 │ collector len u8 │ host │ collector │ crc u32
//! record: FF FE 'n' 'v' │ body len u32 │ crc u32 │ sequence u64 │ wall µs u64 │ body
//! ```
//! Each CRC covers all of its header or record but itself and the mark in front. 0xFF and 0xFE do
//! not occur in UTF-8, so that no document can look like the start of a record.

use crate::limits::{COLLECTOR_NAME_BYTES_MAX, HOST_NAME_BYTES_MAX};
use crate::sink::batch::{Document, Origin};
use crate::time::Wall;

use super::crc::crc32;

/// What each record begins with.
pub const MARK: [u8; 4] = [0xFF, 0xFE, b'n', b'v'];

/// Bytes of a record before its body.
pub const HEAD_BYTES: usize = 28;

/// What each segment begins with: a name and a version.
const SEGMENT_MARK: [u8; 8] = *b"nvspool\x01";
const HEADER_FIXED_BYTES: usize = 8 + 8 + 1 + 1;

/// Bytes of the longest header.
pub const HEADER_BYTES_MAX: usize =
    HEADER_FIXED_BYTES + HOST_NAME_BYTES_MAX + COLLECTOR_NAME_BYTES_MAX + 4;

/// The bytes of a record that stand before `document`'s body.
pub fn head(document: &Document<'_>) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(&MARK);
    head[4..8].copy_from_slice(&(document.body.len() as u32).to_le_bytes());
    head[12..20].copy_from_slice(&document.sequence.to_le_bytes());
    head[20..].copy_from_slice(&document.wall.us().to_le_bytes());
    let crc = crc32(&[&head[4..8], &head[12..], document.body]);
    head[8..12].copy_from_slice(&crc.to_le_bytes());
    head
}

/// Bytes of the record, body included, that begins with `head`; `None` when none does.
pub fn len(head: &[u8]) -> Option<u64> {
    (head.len() >= HEAD_BYTES && head.starts_with(&MARK))
        .then(|| HEAD_BYTES as u64 + u64::from(u32_at(head, 4)))
}

/// The document in `record`, which ends where the record does; `None` when the CRC is wrong.
pub fn parse(record: &[u8]) -> Option<Document<'_>> {
    if len(record)? != record.len() as u64 {
        return None;
    }
    let (head, body) = record.split_at(HEAD_BYTES);
    (crc32(&[&head[4..8], &head[12..], body]) == u32_at(head, 8)).then(|| Document {
        sequence: u64_at(head, 12),
        wall: Wall::from_us(u64_at(head, 20)),
        body,
    })
}

/// The header of a segment with documents of `origin`; names that are too long are cut.
pub fn header(origin: &Origin) -> Vec<u8> {
    let cut = |name: &str, max: usize| name.floor_char_boundary(max);
    let host = &origin.host[..cut(&origin.host, HOST_NAME_BYTES_MAX)];
    let collector = &origin.collector[..cut(&origin.collector, COLLECTOR_NAME_BYTES_MAX)];
    let mut header = Vec::with_capacity(HEADER_BYTES_MAX);
    header.extend_from_slice(&SEGMENT_MARK);
    header.extend_from_slice(&origin.start_id.to_le_bytes());
    header.extend_from_slice(&[host.len() as u8, collector.len() as u8]);
    header.extend_from_slice(host.as_bytes());
    header.extend_from_slice(collector.as_bytes());
    let crc = crc32(&[&header[SEGMENT_MARK.len()..]]);
    header.extend_from_slice(&crc.to_le_bytes());
    header
}

/// What the start of a segment file is.
#[derive(Debug, PartialEq, Eq)]
pub enum Header {
    /// A header of this many bytes.
    Whole(Origin, u64),
    /// The file ends within the header.
    Torn,
    /// Something else.
    Corrupt,
}

/// Reads the header at the start of `bytes`.
pub fn parse_header(bytes: &[u8]) -> Header {
    let mark = bytes.len().min(SEGMENT_MARK.len());
    if bytes[..mark] != SEGMENT_MARK[..mark] {
        return Header::Corrupt;
    }
    if bytes.len() < HEADER_FIXED_BYTES {
        return Header::Torn;
    }
    let host_end = HEADER_FIXED_BYTES + usize::from(bytes[16]);
    let end = host_end + usize::from(bytes[17]);
    if end + 4 > HEADER_BYTES_MAX {
        return Header::Corrupt;
    }
    if bytes.len() < end + 4 {
        return Header::Torn;
    }
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let names = (
        text(&bytes[HEADER_FIXED_BYTES..host_end]),
        text(&bytes[host_end..end]),
    );
    match names {
        (Some(host), Some(collector))
            if crc32(&[&bytes[SEGMENT_MARK.len()..end]]) == u32_at(bytes, end) =>
        {
            let start_id = u64_at(bytes, 8);
            let origin = Origin {
                host,
                collector,
                start_id,
            };
            Header::Whole(origin, end as u64 + 4)
        }
        _ => Header::Corrupt,
    }
}

/// The number at `at`, which is followed by at least four bytes.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

/// The number at `at`, which is followed by at least eight bytes.
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

const _: () = {
    assert!(HOST_NAME_BYTES_MAX <= 255, "its length is one byte");
    assert!(COLLECTOR_NAME_BYTES_MAX <= 255, "its length is one byte");
};

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &[u8] = b"\xFF\xFEnv\x03\0\0\0\
        \xFC\x0C\xAD\xE6\
        \x02\x01\0\0\0\0\0\0\x04\x03\0\0\0\0\0\0{}\n";

    fn document() -> Document<'static> {
        Document {
            sequence: 0x102,
            wall: Wall::from_us(0x304),
            body: b"{}\n",
        }
    }

    #[test]
    fn a_record_is_these_bytes_on_every_cpu() {
        assert_eq!([&head(&document()), &b"{}\n"[..]].concat(), RECORD);
        assert_eq!(parse(RECORD), Some(document()));
        assert_eq!(len(RECORD), Some(31));
    }

    #[test]
    fn a_flipped_bit_anywhere_is_seen() {
        for bit in 0..RECORD.len() * 8 {
            let mut record = RECORD.to_vec();
            record[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&record), None, "bit {bit}");
        }
        for len in 0..RECORD.len() {
            assert_eq!(parse(&RECORD[..len]), None);
        }
    }

    #[test]
    fn a_header_is_these_bytes_on_every_cpu() {
        let origin = Origin {
            host: "gw".into(),
            collector: "agent".into(),
            start_id: 0x102,
        };
        let expected = b"nvspool\x01\x02\x01\0\0\0\0\0\0\x02\x05gwagent\x9B\xF2\x32\x6D";
        assert_eq!(header(&origin), expected);
        assert_eq!(parse_header(expected), Header::Whole(origin.clone(), 29));
        let longer = [&expected[..], b"more"].concat();
        assert_eq!(parse_header(&longer), Header::Whole(origin, 29));
        for len in 0..expected.len() {
            assert_eq!(parse_header(&expected[..len]), Header::Torn, "{len}");
        }
        for bit in 0..expected.len() * 8 {
            let mut header = expected.to_vec();
            header[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(parse_header(&header), Header::Whole(..)));
        }
    }

    #[test]
    fn names_that_are_too_long_are_cut_between_characters() {
        let origin = Origin {
            host: "\u{fffd}".repeat(65),
            collector: "x".repeat(33),
            start_id: 1,
        };
        match parse_header(&header(&origin)) {
            Header::Whole(
                Origin {
                    host, collector, ..
                },
                bytes,
            ) => {
                assert_eq!((host.len(), collector.len()), (192, 32));
                assert_eq!(bytes, HEADER_BYTES_MAX as u64);
            }
            other => panic!("{other:?}"),
        }
    }
}
