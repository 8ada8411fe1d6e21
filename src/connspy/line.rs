// SPDX-License-Identifier: MIT OR Apache-2.0
//! One line of a connection log: `TS FROM TO`, blanks between.
//!
//! Hosts are told as they stand there; whoever compares or keeps them makes them lower case.

/// The first moment of the year 10 000, which no log can mean.
const TIME_US_END: u64 = 253_402_300_800 * 1_000_000;

/// The largest number that means seconds.
const SECONDS_MAX: u64 = 999_999_999_999;

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
    match record(line) {
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

fn is_host(host: &[u8]) -> bool {
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

fn moment(at_us: u64) -> Option<u64> {
    (1..TIME_US_END).contains(&at_us).then_some(at_us)
}
