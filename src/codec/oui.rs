// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists of vendors: ieee-data's oui.txt, mam.txt and oui36.txt, nmap's nmap-mac-prefixes,
//! arp-scan's ieee-oui.txt and mac-vendor.txt. The form is told line by line; no list is held.

use crate::model::addr::{Mac, hex_digit};
use crate::model::name::{VendorName, lossy};

/// Digits of the shortest prefix; arp-scan has `3333`.
const DIGITS_MIN: usize = 4;

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
            ..Self::default()
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

/// Reads lists line by line.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    /// The 24 bits of the last `(hex)` line, which a `(base 16)` line with a range divides.
    base: Option<u64>,
}

impl Reader {
    /// At the start of a list.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a line assigns; `None` for headings, addresses, comments.
    pub fn line<'a>(&mut self, line: &'a [u8]) -> Option<Assignment<'a>> {
        let (word, rest) = split_word(line.trim_ascii_start());
        if rest.starts_with(b"(hex)") {
            // Of a block that is divided only the next line knows what is whose.
            self.base = octets(word);
            return None;
        }
        if let Some(vendor) = rest.strip_prefix(b"(base 16)") {
            return match word.iter().position(|&byte| byte == b'-') {
                Some(dash) => divided(self.base?, &word[..dash], &word[dash + 1..], vendor),
                None => assignment(word, vendor),
            };
        }
        let indented = line.first().is_none_or(u8::is_ascii_whitespace);
        (!indented).then(|| assignment(word, rest)).flatten()
    }
}

/// Notes the vendor for every wanted address in the block, unless a longer prefix, or one as long
/// before it, knew better; `wanted` is sorted by MAC address.
pub fn keep(assignment: &Assignment, wanted: &mut [Wanted]) {
    let block = number(assignment.first) >> (48 - assignment.bits);
    let of = |wanted: &Wanted| number(wanted.mac) >> (48 - assignment.bits);
    let start = wanted.partition_point(|wanted| of(wanted) < block);
    for wanted in wanted[start..]
        .iter_mut()
        .take_while(|wanted| of(wanted) == block)
    {
        if wanted.prefix_bits < assignment.bits {
            wanted.vendor = lossy(assignment.vendor);
            wanted.prefix_bits = assignment.bits;
        }
    }
}

/// A prefix of hexadecimal digits, four bits each.
fn assignment<'a>(digits: &[u8], vendor: &'a [u8]) -> Option<Assignment<'a>> {
    let prefix = hexadecimal(digits).filter(|_| digits.len() >= DIGITS_MIN)?;
    let bits = 4 * digits.len() as u8;
    block(prefix << (48 - bits), bits, vendor)
}

/// A block of `base`, from and to these last 24 bits.
fn divided<'a>(base: u64, from: &[u8], to: &[u8], vendor: &'a [u8]) -> Option<Assignment<'a>> {
    if (from.len(), to.len()) != (6, 6) {
        return None;
    }
    let (from, to) = (hexadecimal(from)?, hexadecimal(to)?);
    let len = (to + 1)
        .checked_sub(from)
        .filter(|len| len.is_power_of_two())?;
    let aligned = from.is_multiple_of(len);
    let bits = 48 - len.ilog2() as u8;
    aligned
        .then(|| block(base << 24 | from, bits, vendor))
        .flatten()
}

fn block(first: u64, bits: u8, vendor: &[u8]) -> Option<Assignment<'_>> {
    let vendor = vendor.trim_ascii();
    let [_, _, mac @ ..] = first.to_be_bytes();
    let first = Mac(mac);
    (!vendor.is_empty()).then_some(Assignment {
        first,
        bits,
        vendor,
    })
}

/// The number of at most twelve hexadecimal digits.
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let mut digits = Some(digits)
        .filter(|digits| (1..=12).contains(&digits.len()))?
        .iter();
    digits.try_fold(0, |number, &digit| {
        Some(number << 4 | u64::from(hex_digit(digit)?))
    })
}

/// `00-00-0C` as a number.
fn octets(word: &[u8]) -> Option<u64> {
    let &[a, b, b'-', c, d, b'-', e, f] = word else {
        return None;
    };
    hexadecimal(&[a, b, c, d, e, f])
}

fn number(mac: Mac) -> u64 {
    mac.0
        .iter()
        .fold(0, |number, &octet| number << 8 | u64::from(octet))
}

/// The first word, and what follows the blanks behind it.
fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(u8::is_ascii_whitespace);
    let (word, rest) = line.split_at(end.unwrap_or(line.len()));
    (word, rest.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All blocks of a list: lowest address, bits, vendor.
    #[track_caller]
    fn check(list: &str, expected: &[(&str, u8, &str)]) {
        let mut reader = Reader::new();
        let mut found = Vec::new();
        for line in list.split('\n') {
            if let Some(block) = reader.line(line.as_bytes()) {
                let vendor = String::from_utf8_lossy(block.vendor).into_owned();
                found.push((block.first.to_string(), block.bits, vendor));
            }
        }
        let found: Vec<_> = found
            .iter()
            .map(|(a, b, c)| (a.as_str(), *b, c.as_str()))
            .collect();
        assert_eq!(found, expected, "{list:?}");
    }

    #[test]
    fn the_list_of_the_ieee_is_read() {
        check(
            "OUI/MA-L                                                    Organization\r\n\
             company_id                                                  Organization\r\n\
             \t\t\t\tAddress\r\n\r\n\
             00-22-72   (hex)\t\tExample Devices Corp.\r\n\
             002272     (base 16)\t\tExample Devices Corp.\r\n\
             \t\t\t\t2181 Buchanan Loop\r\n\t\t\t\tFerndale  WA  98248\r\n\t\t\t\tUS\r\n\r\n\
             \x20 00-00-0c   (hex)\t\tOld Form\n  00000C     (base 16)\t\tOld Form\n",
            &[
                ("00:22:72:00:00:00", 24, "Example Devices Corp."),
                ("00:00:0c:00:00:00", 24, "Old Form"),
            ],
        );
    }

    #[test]
    fn blocks_of_28_and_36_bits_divide_one_of_24() {
        check(
            "40-D8-55   (hex)\t\tSmall\nE00000-EFFFFF     (base 16)\t\tSmall\n\
             70-B3-D5   (hex)\t\tTiny\n001000-001FFF     (base 16)\t\tTiny\n",
            &[
                ("40:d8:55:e0:00:00", 28, "Small"),
                ("70:b3:d5:00:10:00", 36, "Tiny"),
            ],
        );
        for range in [
            "E00000-E0000",
            "F00000-EFFFFF",
            "000000-000002",
            "800000-17FFFFF",
            "G00000-GFFFFF",
            "080000-17FFFF",
            "-",
        ] {
            check(
                &format!("40-D8-55   (hex)\t\tX\n{range}  (base 16)\t\tX"),
                &[],
            );
        }
        check("E00000-EFFFFF  (base 16)\t\tX", &[]);
        check("40-D8-5   (hex)\t\tX\nE00000-EFFFFF  (base 16)\t\tX", &[]);
    }

    #[test]
    fn the_lists_of_nmap_and_arp_scan_are_read() {
        check(
            "# comment\n00000C Cisco Systems\n0055DA0 Shinko\n70b3d5001\tSoredi touch  \n\
             0180C2000000\tBridge group\n3333\tIPv6\n",
            &[
                ("00:00:0c:00:00:00", 24, "Cisco Systems"),
                ("00:55:da:00:00:00", 28, "Shinko"),
                ("70:b3:d5:00:10:00", 36, "Soredi touch"),
                ("01:80:c2:00:00:00", 48, "Bridge group"),
                ("33:33:00:00:00:00", 16, "IPv6"),
            ],
        );
        check(
            "00000C\n00000C \nabc x\n0180C20000001 x\n0000G0 x\n 00000C x\n#00000C x\n",
            &[],
        );
    }

    #[test]
    fn the_longest_prefix_counts() {
        let macs = [
            [2, 0, 0, 0, 0, 1],
            [0x40, 0xd8, 0x55, 0xe0, 0, 1],
            [0x40, 0xd8, 0x55, 0, 0, 1],
            [0xff; 6],
        ];
        let mut wanted: Vec<_> = macs.map(|mac| Wanted::new(Mac(mac))).into();
        wanted.sort_by_key(|wanted| wanted.mac);
        let mut reader = Reader::new();
        for line in [
            &b"40D855 Large"[..],
            b"40D855E Small",
            b"40D855 Late",
            b"FFFFFFFFFFFF All\xff",
            b"020000000002 X",
        ] {
            keep(&reader.line(line).unwrap(), &mut wanted);
        }
        let found: Vec<_> = wanted
            .iter()
            .map(|w| (w.vendor.as_str(), w.prefix_bits))
            .collect();
        assert_eq!(
            found,
            [("", 0), ("Large", 24), ("Small", 28), ("All\u{FFFD}", 48)]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            noise: Vec<u8>,
            text in "[0-9A-F-]{0,14} (\\(base 16\\)|\\(hex\\))? ?a?",
        ) {
            let mut reader = Reader { base: Some(0xff_ffff) };
            let mut wanted = [Mac::NULL, Mac([0x55; 6]), Mac::BROADCAST].map(Wanted::new);
            for line in [&noise[..], text.as_bytes()] {
                if let Some(assignment) = reader.clone().line(line) {
                    keep(&assignment, &mut wanted);
                    prop_assert!((16..=48).contains(&assignment.bits));
                }
                reader.line(line);
            }
        }

        #[test]
        fn each_address_of_a_block_and_no_other_is_found(
            first: [u8; 6],
            bits in 4_u8..=12,
            other: [u8; 6],
        ) {
            let bits = 4 * bits;
            let assignment = Assignment { first: Mac(first), bits, vendor: b"x" };
            let mut wanted = [Mac(first), Mac(other)].map(Wanted::new);
            wanted.sort_by_key(|wanted| wanted.mac);
            keep(&assignment, &mut wanted);
            for wanted in wanted {
                let same = number(wanted.mac) >> (48 - bits) == number(Mac(first)) >> (48 - bits);
                prop_assert_eq!(!wanted.vendor.is_empty(), same);
            }
        }
    }
}
