// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists of vendors: ieee-data's oui.txt, mam.txt and oui36.txt, nmap's nmap-mac-prefixes, arp-scan's
//! ieee-oui.txt and mac-vendor.txt. The form is told line by line; no list is held in memory.

use crate::model::addr::Mac;
use crate::model::name::VendorName;

/// A MAC address whose vendor is wanted, and what is known so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The address.
    pub mac: Mac,
    /// The vendor; empty when unknown.
    pub vendor: VendorName,
    /// Bits of the prefix that the vendor was found by: the longest counts. 0 when unknown.
    pub prefix_bits: u8,
}

impl Wanted {
    /// The vendor of `mac`, not known yet.
    pub fn new(mac: Mac) -> Self {
        Self {
            mac,
            vendor: VendorName::new(),
            prefix_bits: 0,
        }
    }
}

/// A prefix and the vendor it was given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment<'a> {
    /// The lowest address of the block.
    pub first: Mac,
    /// Bits of the prefix: 24, 28, 36, in mac-vendor.txt any multiple of four up to 48.
    pub bits: u8,
    /// The vendor; any bytes, trimmed, not empty.
    pub vendor: &'a [u8],
}

/// Reads lists line by line and keeps the vendors that are wanted.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    /// The 24 bits of the last `(hex)` line, which a `(base 16)` line with a range divides.
    base: Option<[u8; 3]>,
}

impl Reader {
    /// At the start of a list.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a line assigns; `None` for headings, addresses, comments.
    pub fn line<'a>(&mut self, line: &'a [u8]) -> Option<Assignment<'a>> {
        let _ = line;
        self.base.take().and(None)
    }
}

/// Notes the vendor for every wanted address in the block; `wanted` is sorted by MAC address.
pub fn keep(assignment: &Assignment, wanted: &mut [Wanted]) {
    let _ = (assignment, wanted);
}
