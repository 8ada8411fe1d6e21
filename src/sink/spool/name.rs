// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of the files in a spool directory, made without allocation.
//!
//! `0000000007-9c1f0a7be2d34c55.seg`: a segment; `cursor-0123456789abcdef`: how far an output is.

use std::ffi::CStr;
use std::fmt::{self, Arguments};
use std::io::Write;

const NAME_BYTES_MAX: usize = 40;

/// The dead letters, and those before them.
pub const DEAD_LETTERS: [&CStr; 2] = [c"dead-letters.ndjson", c"dead-letters.1.ndjson"];

/// A file name.
#[derive(Clone, Copy, Debug)]
pub struct Name([u8; NAME_BYTES_MAX]);

impl Name {
    fn new(text: Arguments<'_>) -> Self {
        let mut name = [0; NAME_BYTES_MAX];
        // The last byte stays NUL; the longest name of this file has 31 bytes.
        let _ = (&mut name[..NAME_BYTES_MAX - 1]).write_fmt(text);
        Self(name)
    }

    /// The cursor of the output with this identity.
    pub fn cursor(output: u64) -> Self {
        Self::new(format_args!("cursor-{output:016x}"))
    }

    /// What becomes that cursor.
    pub fn cursor_temporary(output: u64) -> Self {
        Self::new(format_args!("cursor-{output:016x}.tmp"))
    }

    /// As the kernel wants it.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_c_str().to_str().unwrap_or_default())
    }
}

/// Which segment: the order is that of age, and for one process that of its documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentId {
    /// One more than the highest that its writer saw.
    pub number: u32,
    /// Of the process that writes or wrote it.
    pub start_id: u64,
}

impl SegmentId {
    /// Its file name.
    pub fn name(&self) -> Name {
        Name::new(format_args!(
            "{:010}-{:016x}.seg",
            self.number, self.start_id
        ))
    }

    /// The segment with this file name.
    pub fn parse(name: &CStr) -> Option<Self> {
        let text = name.to_str().ok()?.strip_suffix(".seg")?;
        let (number, start_id) = text.split_once('-')?;
        let id = Self {
            number: number.parse().ok()?,
            start_id: u64::from_str_radix(start_id, 16).ok()?,
        };
        (id.name().as_c_str() == name).then_some(id)
    }
}

/// The output whose cursor has this file name.
pub fn parse_cursor(name: &CStr) -> Option<u64> {
    let text = name.to_str().ok()?.strip_prefix("cursor-")?;
    let output = u64::from_str_radix(text, 16).ok()?;
    (Name::cursor(output).as_c_str() == name).then_some(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let id = SegmentId {
            number: 7,
            start_id: 0x9c1f_0a7b_e2d3_4c55,
        };
        assert_eq!(id.name().as_c_str(), c"0000000007-9c1f0a7be2d34c55.seg");
        assert_eq!(
            SegmentId::parse(c"0000000007-9c1f0a7be2d34c55.seg"),
            Some(id)
        );
        assert_eq!(Name::cursor(0xab).as_c_str(), c"cursor-00000000000000ab");
        assert_eq!(parse_cursor(c"cursor-00000000000000ab"), Some(0xab));
        assert_eq!(
            Name::cursor_temporary(0xab).as_c_str(),
            c"cursor-00000000000000ab.tmp"
        );
    }

    #[test]
    fn other_names_are_not_ours() {
        for name in [
            c"7-9c1f0a7be2d34c55.seg",
            c"+000000007-9c1f0a7be2d34c55.seg",
            c"0000000007-9C1F0A7BE2D34C55.seg",
            c"4294967296-9c1f0a7be2d34c55.seg",
            c"0000000007-9c1f0a7be2d34c55.seg.1",
            c"0000000007.seg",
            c"\xff.seg",
        ] {
            assert_eq!(SegmentId::parse(name), None, "{name:?}");
        }
        for name in [c"cursor-ab", c"cursor-00000000000000ab.tmp", c"cursor-"] {
            assert_eq!(parse_cursor(name), None, "{name:?}");
        }
    }
}
