// SPDX-License-Identifier: MIT OR Apache-2.0
//! One line of /proc/net/dev (proc_net(5)).
//!
//! The kernel prints `%6s: ` and 16 numbers. Kernels before 2.6.37 printed no blank after the
//! colon, aliases have a colon in the name (`eth0:1`), so the name ends at the last one.

use memchr::memrchr;

use super::units;
use crate::model::interface::{COUNTERS, Counters, InterfaceName};

/// Lines of the table's head.
pub const HEADER_LINES: u32 = 2;

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// An interface with its counters.
    Interface(InterfaceName, Counters),
    /// No colon: not about an interface.
    Other,
    /// About an interface, but not in the form of the kernel.
    Malformed,
}

/// Reads a line, given without its line end.
pub fn parse_line(line: &[u8]) -> Line {
    let Some(colon) = memrchr(b':', line) else {
        return Line::Other;
    };
    let (Some(name), Some(counters)) = (
        parse_name(&line[..colon]),
        parse_counters(&line[colon + 1..]),
    ) else {
        return Line::Malformed;
    };
    Line::Interface(name, counters)
}

/// The trimmed name, each run of invalid bytes as U+FFFD; `None` when empty or too long.
fn parse_name(raw: &[u8]) -> Option<InterfaceName> {
    let mut name = InterfaceName::new();
    for chunk in raw.trim_ascii().utf8_chunks() {
        name.push_str(chunk.valid()).ok()?;
        if !chunk.invalid().is_empty() {
            name.push(char::REPLACEMENT_CHARACTER).ok()?;
        }
    }
    (!name.is_empty()).then_some(name)
}

/// The first 16 columns; `None` when there are fewer, or one is not an unsigned 64-bit number.
/// Further columns, of a kernel to come, are not looked at.
#[inline]
fn parse_counters(columns: &[u8]) -> Option<Counters> {
    let mut rest = columns;
    let mut counters = [0; COUNTERS];
    for counter in &mut counters {
        (*counter, rest) = units::leading_unsigned(rest.trim_ascii_start())?;
        if !rest.first().is_none_or(u8::is_ascii_whitespace) {
            return None;
        }
    }
    Some(Counters(counters))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COLUMNS: &str = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16";

    #[track_caller]
    fn check(line: &[u8], expected: Option<&str>) {
        let counters = Counters(core::array::from_fn(|i| i as u64 + 1));
        let expected = match expected {
            Some(name) => Line::Interface(InterfaceName::try_from(name).unwrap(), counters),
            None => Line::Malformed,
        };
        assert_eq!(parse_line(line), expected);
    }

    fn columns(prefix: &[u8]) -> Vec<u8> {
        [prefix, COLUMNS.as_bytes()].concat()
    }

    #[test]
    fn the_name_ends_at_the_last_colon() {
        check(&columns(b"  eth0: "), Some("eth0"));
        check(&columns(b"eth0:"), Some("eth0"));
        check(&columns(b"eth0:1:"), Some("eth0:1"));
        check(&columns(b"ibr10:30: \t"), Some("ibr10:30"));
    }

    #[test]
    fn any_byte_may_be_in_a_name() {
        check(
            &columns("a\"\\|@{}\u{1F600}:".as_bytes()),
            Some("a\"\\|@{}\u{1F600}"),
        );
        check(&columns(b"\x1b[2J\x00:"), Some("\x1b[2J\0"));
        check(
            &columns(b"a\xff\xfeb\xf0\x9f:"),
            Some("a\u{FFFD}\u{FFFD}b\u{FFFD}"),
        );
        check(
            &columns(&[&[0xff; 15][..], b":"].concat()),
            Some(&"\u{FFFD}".repeat(15)),
        );
    }

    #[test]
    fn a_name_is_neither_empty_nor_longer_than_its_buffer() {
        check(&columns(b":"), None);
        check(&columns(b"   :"), None);
        check(
            &columns(&[&[b'x'; 47][..], b":"].concat()),
            Some(&"x".repeat(47)),
        );
        check(&columns(&[&[b'x'; 48][..], b":"].concat()), None);
    }

    #[test]
    fn sixteen_numbers_are_needed() {
        check(b"eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15", None);
        check(b"eth0: No statistics available.", None);
        check(b"eth0:", None);
        check(
            &[b"eth0:", COLUMNS.as_bytes(), b" 17 x"].concat(),
            Some("eth0"),
        );
        for bad in ["-1", "+1", "1.0", "1x", "18446744073709551616", "\u{661}"] {
            check(format!("eth0: {bad} {COLUMNS}").as_bytes(), None);
        }
    }

    #[test]
    fn a_line_without_a_colon_is_none_of_ours() {
        assert_eq!(parse_line(b" face |bytes    packets errs"), Line::Other);
        assert_eq!(parse_line(b""), Line::Other);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
            parse_line(&line);
            parse_line(&columns(&line));
        }

        #[test]
        fn what_the_kernel_prints_is_read_back(
            name in "[^ \\s/:]{1,15}",
            counters: [u64; COUNTERS],
        ) {
            let mut line = format!("{name:>6}:");
            for counter in counters {
                line.push_str(&format!(" {counter:>7}"));
            }
            let name = InterfaceName::try_from(name.as_str());
            prop_assume!(name.is_ok());
            let expected = Line::Interface(name.unwrap(), Counters(counters));
            prop_assert_eq!(parse_line(line.as_bytes()), expected);
        }
    }
}
