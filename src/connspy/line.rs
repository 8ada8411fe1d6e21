// SPDX-License-Identifier: MIT OR Apache-2.0
//! One line of a connection log: `TS FROM TO`, blanks between.
//!
//! Hosts are told as they stand there; whoever compares or keeps them makes them lower case.

/// The first moment of the year 10 000, which no log can mean.
const TIME_US_END: u64 = 253_402_300_800 * 1_000_000;

/// The largest number that means seconds.
const SECONDS_MAX: u64 = 999_999_999_999;

/// Bytes of a line; a longer one is malformed, however much of it is read at once.
pub const LINE_BYTES_MAX: usize = 64 * 1_024;

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When, in microseconds since 1970; never 0.
    pub at_us: u64,
    /// The host that initiated it, in any case.
    pub from: &'a [u8],
    /// The host that received it, in any case.
    pub to: &'a [u8],
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A connection.
    Record(Record<'a>),
    /// Something else.
    Malformed,
    /// Nothing, or a lone carriage return.
    Empty,
}

/// Reads a line without its line end.
pub fn parse(line: &[u8]) -> Line<'_> {
    if line.is_empty() || line == b"\r" {
        return Line::Empty;
    }
    match record(line).filter(|_| line.len() <= LINE_BYTES_MAX) {
        Some(record) => Line::Record(record),
        None => Line::Malformed,
    }
}

fn record(line: &[u8]) -> Option<Record<'_>> {
    let mut fields = line.split(|byte| is_blank(*byte)).filter(|f| !f.is_empty());
    let [time, from, to] = [fields.next()?, fields.next()?, fields.next()?];
    let is_sound = fields.next().is_none() && is_host(from) && is_host(to);
    if !is_sound || core::str::from_utf8(line).is_err() {
        return None;
    }
    let at_us = time_us(time)?;
    Some(Record { at_us, from, to })
}

/// Whether it separates fields.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

/// Whether a host can be called so.
#[inline]
pub fn is_host(host: &[u8]) -> bool {
    host.first().is_some_and(u8::is_ascii_alphanumeric)
}

/// The moment that a time stamp stands for, in microseconds: digits with an optional fraction, in
/// milliseconds when above 999999999999, else in seconds. `None` for 0, for years after 9999 and
/// for anything else.
pub fn time_us(text: &[u8]) -> Option<u64> {
    let dot = text.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match dot {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, &b"0"[..]),
    };
    let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let digit = |byte: &u8| u64::from(byte - b'0');
    let value = whole.iter().fold(0_u64, |value, byte| {
        value.saturating_mul(10).saturating_add(digit(byte))
    });
    let beyond = value == SECONDS_MAX && fraction.iter().any(|byte| *byte != b'0');
    let (unit_us, decimals) = if value > SECONDS_MAX || beyond {
        (1_000, 3)
    } else {
        (1_000_000, 6)
    };
    let zeros = core::iter::repeat(&b'0');
    let part_us = fraction.iter().chain(zeros).take(decimals);
    let part_us = part_us.fold(0, |value, byte| value * 10 + digit(byte));
    moment(value.checked_mul(unit_us)?.checked_add(part_us)?)
}

/// The same for 9 to 16 digits, eight at a time; `None` also where [`time_us`] must look closely.
#[inline]
pub fn time_us_fast(text: &[u8]) -> Option<u64> {
    const TENS: [u64; 9] = [
        1,
        10,
        100,
        1_000,
        10_000,
        100_000,
        1_000_000,
        10_000_000,
        100_000_000,
    ];
    let [first, last] = [text.first_chunk::<8>()?, text.last_chunk::<8>()?];
    let [first, last] = [first, last].map(|eight| u64::from_le_bytes(*eight));
    let beyond = text.len() - 8;
    let tens = *TENS.get(beyond)?;
    if beyond == 0 || !(are_digits(first) && are_digits(last)) {
        return None;
    }
    // Of the last eight those that are not among the first.
    let last = (last ^ ZEROS) & (u64::MAX << (64 - 8 * beyond));
    let value = eight(first ^ ZEROS) * tens + eight(last);
    let unit_us = if value > SECONDS_MAX {
        1_000
    } else {
        1_000_000
    };
    moment(value * unit_us)
}

/// Eight times the digit 0.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Whether all eight bytes are digits.
fn are_digits(word: u64) -> bool {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    let above = word.wrapping_add(0x0606_0606_0606_0606);
    (word & HIGH) | ((above & HIGH) >> 4) == 0x3333_3333_3333_3333
}

/// The number that eight digits are, the first of them in the lowest byte: pairs, then fours, then
/// all.
fn eight(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let high = (pairs >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    low.wrapping_add(high) >> 32
}

fn moment(at_us: u64) -> Option<u64> {
    (1..TIME_US_END).contains(&at_us).then_some(at_us)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(time_us(text.as_bytes()), expected, "{text}");
        let fast = time_us_fast(text.as_bytes());
        assert!(fast.is_none() || fast == expected, "{text}");
    }

    #[test]
    fn a_stamp_is_in_seconds_or_in_milliseconds() {
        check("1565647200", Some(1_565_647_200_000_000));
        check("1565647200123", Some(1_565_647_200_123_000));
        check("1565647200.5", Some(1_565_647_200_500_000));
        check("1565647200123.4567", Some(1_565_647_200_123_456));
        check("0.0000019", Some(1));
        check("0000000001565647200123", Some(1_565_647_200_123_000));
        for text in [
            "", "0", "000", "0.0", ".5", "5.", "1.2.3", "-1", "+1", "1e9", "1 ",
        ] {
            check(text, None);
        }
        for text in [
            "15656472000x3",
            "x565647200123",
            "1565647:00123",
            "99999999999999999999",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn years_end_with_9999() {
        check("253402300799", Some(253_402_300_799_000_000));
        check("253402300799.999999", Some(253_402_300_799_999_999));
        check("253402300800", None);
        check("999999999999", None);
        check("999999999999.0", None);
        check("999999999999.001", Some(999_999_999_999_001));
        check("1000000000000", Some(1_000_000_000_000_000));
        check("253402300799999", Some(253_402_300_799_999_000));
        check("253402300800000", None);
    }

    #[test]
    fn lines_are_told_apart() {
        let record = Record {
            at_us: 1_000_000,
            from: b"A",
            to: b"9_.-",
        };
        for line in ["1 A 9_.-", " 1\tA  9_.- \r", "1.0\x0bA\x0c9_.-"] {
            assert_eq!(parse(line.as_bytes()), Line::Record(record), "{line:?}");
        }
        for line in ["", "\r"] {
            assert_eq!(parse(line.as_bytes()), Line::Empty);
        }
        for line in [
            "\r\r",
            " ",
            "1 a",
            "1 a b c",
            "1 -a b",
            "1 a _b",
            "a 1 b",
            "1 a b\0 c",
        ] {
            assert_eq!(parse(line.as_bytes()), Line::Malformed, "{line:?}");
        }
        assert_eq!(parse(b"1 a\xff b"), Line::Malformed);
        assert!(matches!(parse("1 a\u{e9} b".as_bytes()), Line::Record(_)));
    }

    proptest! {
        #[test]
        fn numbers_are_read_alike_fast_and_slowly(text in "0{0,4}[0-9]{1,16}(\\.[0-9]{1,9})?") {
            check(&text, time_us(text.as_bytes()));
            let fast = time_us_fast(text.as_bytes());
            let is_short = (9..=16).contains(&text.len()) && !text.contains('.');
            prop_assert_eq!(fast, time_us(text.as_bytes()).filter(|_| is_short));
        }
    }
}
