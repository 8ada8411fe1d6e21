// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which IPv4 addresses to ask for: prefixes, ranges and single addresses, merged and bounded.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::addr::Prefix;
use crate::limits::{ADDRESSES_MAX, RANGES_MAX};

/// Why a range was not taken. Nothing of it is in the set then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeError {
    /// Neither `a.b.c.d`, nor `a.b.c.d/len`, nor `a.b.c.d-e.f.g.h`.
    NotARange,
    /// ARP asks for IPv4 addresses.
    Ipv6,
    /// What follows the `/` is not a number from 0 to 32.
    PrefixLength,
    /// The second address of `a-b` is below the first.
    EndBeforeStart,
    /// With it there would be more than [`ADDRESSES_MAX`] addresses: this many.
    TooManyAddresses(u64),
    /// With it there would be more than [`RANGES_MAX`] separate ranges.
    TooManyRanges,
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NotARange => f.write_str(
                "not an address range; allowed: a.b.c.d, \
                                            a.b.c.d/length, a.b.c.d-e.f.g.h",
            ),
            Self::Ipv6 => f.write_str("an IPv6 range; allowed: IPv4"),
            Self::PrefixLength => f.write_str("a wrong prefix length; allowed: 0 to 32"),
            Self::EndBeforeStart => f.write_str("the end is below the start"),
            Self::TooManyAddresses(count) => {
                write!(f, "{count} addresses in all; allowed: {ADDRESSES_MAX}")
            }
            Self::TooManyRanges => write!(f, "too many ranges; allowed: {RANGES_MAX}"),
        }
    }
}

/// A set of addresses, counted through in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// First and last address; ascending, neither overlapping nor adjacent.
    spans: heapless::Vec<(u32, u32), RANGES_MAX>,
}

impl Ranges {
    /// No addresses.
    pub const fn new() -> Self {
        let spans = heapless::Vec::new();
        Self { spans }
    }

    /// Adds what `text` says: the hosts of a prefix, a range with both its ends, or one address.
    ///
    /// # Errors
    ///
    /// The text is none of these, or the set would be too large; it is unchanged then.
    pub fn add(&mut self, text: &str) -> Result<(), RangeError> {
        let Some((start, len)) = text.split_once('/') else {
            let (start, end) = text.split_once('-').unwrap_or((text, text));
            return self.add_span(address(start)?, address(end)?);
        };
        let start = address(start)?;
        let digits = !len.is_empty() && len.len() <= 2 && len.bytes().all(|b| b.is_ascii_digit());
        let len = digits.then(|| len.bytes().fold(0, |len, digit| len * 10 + (digit - b'0')));
        let prefix = len.and_then(|len| Prefix::new(start, len));
        self.add_prefix(prefix.ok_or(RangeError::PrefixLength)?)
    }

    /// Adds the hosts of `prefix`.
    ///
    /// # Errors
    ///
    /// The set would be too large; it is unchanged then.
    pub fn add_prefix(&mut self, prefix: Prefix) -> Result<(), RangeError> {
        let (first, last) = prefix.hosts();
        self.add_span(first, last)
    }

    /// Adds the addresses from `first` to `last`, both included.
    ///
    /// # Errors
    ///
    /// The end is below the start, or the set would be too large; it is unchanged then.
    pub fn add_span(&mut self, first: Ipv4Addr, last: Ipv4Addr) -> Result<(), RangeError> {
        let (mut first, mut last) = (first.to_bits(), last.to_bits());
        if last < first {
            return Err(RangeError::EndBeforeStart);
        }
        // Those that end before it, and do not touch it, stay below; those it touches become it.
        let below = |&&(_, end): &&(u32, u32)| end.checked_add(1).is_some_and(|next| next < first);
        let index = self.spans.iter().take_while(below).count();
        let touches = |&&(start, _): &&(u32, u32)| start <= last.saturating_add(1);
        let touched = self.spans[index..].iter().take_while(touches).count();
        let joined = &self.spans[index..index + touched];
        if let (Some(&(start, _)), Some(&(_, end))) = (joined.first(), joined.last()) {
            (first, last) = (first.min(start), last.max(end));
        }
        let count = self.count_of(first, last, joined);
        if count > u64::from(ADDRESSES_MAX) {
            return Err(RangeError::TooManyAddresses(count));
        }
        if touched == 0 {
            let inserted = self.spans.insert(index, (first, last));
            return inserted.map_err(|_| RangeError::TooManyRanges);
        }
        self.spans[index] = (first, last);
        for _ in 1..touched {
            self.spans.remove(index + 1);
        }
        Ok(())
    }

    /// How many addresses there are when `joined` has become `first` to `last`.
    fn count_of(&self, first: u32, last: u32, joined: &[(u32, u32)]) -> u64 {
        let count = |spans: &[(u32, u32)]| -> u64 { spans.iter().map(len).sum() };
        count(&self.spans) - count(joined) + len(&(first, last))
    }

    /// How many addresses there are, at most [`ADDRESSES_MAX`].
    pub fn count(&self) -> u32 {
        self.spans.iter().map(|span| len(span) as u32).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The address number `index` from 0 in ascending order.
    pub fn get(&self, index: u32) -> Option<Ipv4Addr> {
        let mut rest = index;
        for span in &self.spans {
            let len = len(span) as u32;
            if rest < len {
                return Some(Ipv4Addr::from_bits(span.0 + rest));
            }
            rest -= len;
        }
        None
    }

    /// The number of `address`, as [`Ranges::get`] counts; `None` when it is not in the set.
    pub fn index_of(&self, address: Ipv4Addr) -> Option<u32> {
        let address = address.to_bits();
        let mut before = 0;
        for span in &self.spans {
            if (span.0..=span.1).contains(&address) {
                return Some(before + (address - span.0));
            }
            before += len(span) as u32;
        }
        None
    }

    /// Whether `address` is in the set.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        self.index_of(address).is_some()
    }

    /// All addresses in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Ipv4Addr> {
        let spans = self.spans.iter();
        spans.flat_map(|&(first, last)| (first..=last).map(Ipv4Addr::from_bits))
    }

    /// First and last address of each separate range, ascending.
    pub fn spans(&self) -> impl Iterator<Item = (Ipv4Addr, Ipv4Addr)> {
        let addresses = |&(first, last): &(u32, u32)| (first.into(), last.into());
        self.spans.iter().map(addresses)
    }
}

fn len(&(first, last): &(u32, u32)) -> u64 {
    u64::from(last - first) + 1
}

fn address(text: &str) -> Result<Ipv4Addr, RangeError> {
    let wrong = |_| match text.parse::<Ipv6Addr>() {
        Ok(_) => RangeError::Ipv6,
        Err(_) => RangeError::NotARange,
    };
    text.parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The spans of these ranges as text, or the first error.
    #[track_caller]
    fn check(texts: &[&str], expected: Result<&[&str], RangeError>) {
        let mut ranges = Ranges::new();
        let added = texts.iter().try_for_each(|text| ranges.add(text));
        let spans: Vec<_> = ranges.spans().map(|(a, b)| format!("{a}-{b}")).collect();
        match expected {
            Ok(expected) => assert_eq!(
                (added, spans),
                (Ok(()), expected.iter().map(|s| s.to_string()).collect())
            ),
            Err(error) => assert_eq!(added, Err(error), "{texts:?}"),
        }
    }

    #[test]
    fn a_range_has_three_forms() {
        check(&["192.168.1.7"], Ok(&["192.168.1.7-192.168.1.7"]));
        check(&["192.168.1.7/24"], Ok(&["192.168.1.1-192.168.1.254"]));
        check(&["10.0.0.1/30"], Ok(&["10.0.0.1-10.0.0.2"]));
        check(&["10.0.0.1/31"], Ok(&["10.0.0.0-10.0.0.1"]));
        check(&["10.0.0.1/32"], Ok(&["10.0.0.1-10.0.0.1"]));
        check(&["10.0.0.5-10.0.1.2"], Ok(&["10.0.0.5-10.0.1.2"]));
    }

    #[test]
    fn ranges_that_touch_become_one() {
        check(
            &["10.0.0.1", "10.0.0.3", "10.0.0.2"],
            Ok(&["10.0.0.1-10.0.0.3"]),
        );
        check(
            &["10.0.0.9", "10.0.0.1"],
            Ok(&["10.0.0.1-10.0.0.1", "10.0.0.9-10.0.0.9"]),
        );
        check(
            &["10.0.0.2-10.0.0.4", "10.0.0.1-10.0.0.9"],
            Ok(&["10.0.0.1-10.0.0.9"]),
        );
        check(
            &["10.0.0.1-10.0.0.9", "10.0.0.2-10.0.0.4"],
            Ok(&["10.0.0.1-10.0.0.9"]),
        );
        check(
            &["255.255.255.255", "255.255.255.254"],
            Ok(&["255.255.255.254-255.255.255.255"]),
        );
        check(&["0.0.0.1", "0.0.0.0"], Ok(&["0.0.0.0-0.0.0.1"]));
        check(
            &["255.255.255.255", "0.0.0.0"],
            Ok(&["0.0.0.0-0.0.0.0", "255.255.255.255-255.255.255.255"]),
        );
    }

    #[test]
    fn each_wrong_form_has_its_own_error() {
        for text in [
            "",
            "-",
            "/",
            "10.0.0",
            "10.0.0.256",
            "10.0.0.1-",
            "-10.0.0.1",
            "a-b",
            "/24",
            "10.0.0.01",
            " 10.0.0.1",
            "10.0.0.1-5",
            "10.0.0.1-10.0.0.2-10.0.0.3",
            "::1::",
        ] {
            check(&[text], Err(RangeError::NotARange));
        }
        for text in ["::1", "fe80::/64", "fe80::1-fe80::2", "10.0.0.1-::1"] {
            check(&[text], Err(RangeError::Ipv6));
        }
        for text in [
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/x",
            "10.0.0.0/-1",
            "10.0.0.0/024",
            "10.0.0.0/255.255.255.0",
            "10.0.0.0/\u{661}",
        ] {
            check(&[text], Err(RangeError::PrefixLength));
        }
        check(&["10.0.0.2-10.0.0.1"], Err(RangeError::EndBeforeStart));
    }

    #[test]
    fn the_number_of_addresses_is_bounded() {
        check(&["10.0.0.0-10.0.255.255"], Ok(&["10.0.0.0-10.0.255.255"]));
        check(
            &["10.0.0.0/16", "10.0.9.1/24"],
            Ok(&["10.0.0.1-10.0.255.254"]),
        );
        check(
            &["10.0.0.0-10.1.0.0"],
            Err(RangeError::TooManyAddresses(65_537)),
        );
        check(&["10.0.0.0/15"], Err(RangeError::TooManyAddresses(131_070)));
        check(
            &["0.0.0.0/0"],
            Err(RangeError::TooManyAddresses((1 << 32) - 2)),
        );
        check(
            &["0.0.0.0-255.255.255.255"],
            Err(RangeError::TooManyAddresses(1 << 32)),
        );
        check(
            &["10.0.0.0-10.0.255.255", "1.1.1.1"],
            Err(RangeError::TooManyAddresses(65_537)),
        );
    }

    #[test]
    fn the_number_of_ranges_is_bounded() {
        let mut ranges = Ranges::new();
        for i in 0..RANGES_MAX as u32 {
            ranges.add_span((2 * i).into(), (2 * i).into()).unwrap();
        }
        let before = ranges.clone();
        assert_eq!(ranges.add("10.0.0.1"), Err(RangeError::TooManyRanges));
        assert_eq!(ranges, before);
        ranges.add("0.0.0.1").unwrap();
        ranges.add("10.0.0.1").unwrap();
        assert_eq!(ranges.count(), RANGES_MAX as u32 + 2);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text: String, mostly in "[0-9./:-]{0,40}") {
            let mut ranges = Ranges::new();
            let _ = ranges.add(&text);
            let _ = ranges.add(&mostly);
        }

        #[test]
        fn it_is_a_set(
            spans in prop::collection::vec((0_u32..400, 0_u32..20), 0..20),
            base in prop_oneof![Just(0_u32), Just(0x0a00_0000), Just(u32::MAX - 420)],
        ) {
            let (mut ranges, mut model) = (Ranges::new(), BTreeSet::new());
            for (start, more) in spans {
                let (first, last) = (base + start, base + start + more);
                ranges.add_span(first.into(), last.into()).unwrap();
                model.extend(first..=last);
            }
            let addresses: Vec<_> = model.iter().map(|&bits| Ipv4Addr::from(bits)).collect();
            prop_assert_eq!(ranges.count() as usize, addresses.len());
            prop_assert!(ranges.iter().eq(addresses.iter().copied()));
            for (i, &address) in addresses.iter().enumerate() {
                prop_assert_eq!(ranges.get(i as u32), Some(address));
                prop_assert_eq!(ranges.index_of(address), Some(i as u32));
            }
            prop_assert_eq!(ranges.get(ranges.count()), None);
            prop_assert!(!ranges.contains(0x7f00_0001.into()));
        }
    }
}
