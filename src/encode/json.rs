// SPDX-License-Identifier: MIT OR Apache-2.0
//! JSON as a stream (RFC 8259): nothing is kept but the depth, nothing is allocated.
//!
//! The text is valid as long as keys and values come in turn; that is the caller's to see to.

use core::fmt::{self, Write as _};

/// Where documents go, and the want of room there.
pub use embedded_io::{SliceWriteError as Full, Write};

use crate::time::Wall;

/// How the document is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No blank anywhere.
    Compact,
    /// One member a line, indented by four blanks a level.
    Indented,
}

/// Writes one document to `W`.
#[derive(Debug)]
pub struct Json<W> {
    out: W,
    style: Style,
    depth: usize,
    /// Nothing has been written yet into the object or array that is open.
    empty: bool,
    /// A key stands there, and its value comes next.
    keyed: bool,
}

impl<W: Write> Json<W> {
    /// A document that goes to `out`.
    pub fn new(out: W, style: Style) -> Self {
        Self {
            out,
            style,
            depth: 0,
            empty: true,
            keyed: false,
        }
    }

    /// Begins an object.
    ///
    /// # Errors
    /// What `out` says; so do all that follow.
    pub fn open_object(&mut self) -> Result<(), W::Error> {
        self.open(b"{")
    }

    /// Ends it.
    ///
    /// # Errors
    /// What `out` says.
    pub fn close_object(&mut self) -> Result<(), W::Error> {
        self.close(b"}")
    }

    /// Begins an array.
    ///
    /// # Errors
    /// What `out` says.
    pub fn open_array(&mut self) -> Result<(), W::Error> {
        self.open(b"[")
    }

    /// Ends it.
    ///
    /// # Errors
    /// What `out` says.
    pub fn close_array(&mut self) -> Result<(), W::Error> {
        self.close(b"]")
    }

    /// A member's name.
    ///
    /// # Errors
    /// What `out` says.
    pub fn key(&mut self, key: &str) -> Result<(), W::Error> {
        self.element()?;
        self.quoted(key)?;
        self.keyed = true;
        self.out.write_all(if self.style == Style::Compact {
            b":"
        } else {
            b": "
        })
    }

    /// A member's name that needs no escape, with its quotes and colon: `"name":`.
    ///
    /// # Errors
    /// What `out` says.
    pub fn literal_key(&mut self, quoted: &'static str) -> Result<(), W::Error> {
        self.element()?;
        self.keyed = true;
        self.out.write_all(quoted.as_bytes())?;
        if self.style == Style::Indented {
            self.out.write_all(b" ")
        } else {
            Ok(())
        }
    }

    /// A string.
    ///
    /// # Errors
    /// What `out` says.
    pub fn string(&mut self, text: &str) -> Result<(), W::Error> {
        self.value()?;
        self.quoted(text)
    }

    /// A number, exact over all 64 bits.
    ///
    /// # Errors
    /// What `out` says.
    pub fn unsigned(&mut self, number: u64) -> Result<(), W::Error> {
        self.value()?;
        self.out
            .write_all(itoa::Buffer::new().format(number).as_bytes())
    }

    /// A number that may be below zero.
    ///
    /// # Errors
    /// What `out` says.
    pub fn signed(&mut self, number: i64) -> Result<(), W::Error> {
        self.raw(itoa::Buffer::new().format(number).as_bytes())
    }

    /// A number with a decimal point: `scaled` / 10^`decimals`, written shortest, with one decimal
    /// at least and `decimals` at most, which are 1 to 9.
    ///
    /// # Errors
    /// What `out` says.
    pub fn decimal(&mut self, scaled: u64, decimals: u32) -> Result<(), W::Error> {
        let unit = 10_u64.pow(decimals.clamp(1, 9));
        let (mut fraction, mut place) = (scaled % unit, unit / 10);
        self.unsigned(scaled / unit)?;
        self.out.write_all(b".")?;
        loop {
            // Below ten: `fraction` is less than ten times `place`.
            self.out.write_all(&[b'0' + (fraction / place) as u8])?;
            (fraction, place) = (fraction % place, place / 10);
            if fraction == 0 || place == 0 {
                return Ok(());
            }
        }
    }

    /// A moment in UTC, in milliseconds.
    ///
    /// # Errors
    /// What `out` says.
    pub fn time(&mut self, moment: Wall) -> Result<(), W::Error> {
        self.display(format_args!("{:.3}Z", moment.utc()))
    }

    /// A short value as a string: an address, a moment.
    ///
    /// # Errors
    /// What `out` says.
    pub fn display(&mut self, value: impl fmt::Display) -> Result<(), W::Error> {
        let mut text = Short::default();
        // What does not fit is none of ours: an IPv6 address has 39 bytes.
        let _ = write!(text, "{value}");
        self.string(core::str::from_utf8(text.bytes()).unwrap_or_default())
    }

    /// True or false.
    ///
    /// # Errors
    /// What `out` says.
    pub fn boolean(&mut self, value: bool) -> Result<(), W::Error> {
        self.raw(if value { b"true" } else { b"false" })
    }

    /// A value that is JSON already.
    ///
    /// # Errors
    /// What `out` says.
    pub fn raw(&mut self, json: &[u8]) -> Result<(), W::Error> {
        self.value()?;
        self.out.write_all(json)
    }

    /// Ends the line that the document is, and gives `out` back.
    ///
    /// # Errors
    /// What `out` says.
    pub fn finish(mut self) -> Result<W, W::Error> {
        self.out.write_all(b"\n")?;
        Ok(self.out)
    }

    fn open(&mut self, bracket: &[u8]) -> Result<(), W::Error> {
        self.value()?;
        self.depth += 1;
        self.empty = true;
        self.out.write_all(bracket)
    }

    fn close(&mut self, bracket: &[u8]) -> Result<(), W::Error> {
        self.depth = self.depth.saturating_sub(1);
        if !core::mem::take(&mut self.empty) {
            self.indent()?;
        }
        self.out.write_all(bracket)
    }

    /// What stands before a value: nothing after a key, else what separates elements.
    fn value(&mut self) -> Result<(), W::Error> {
        if core::mem::take(&mut self.keyed) || self.depth == 0 {
            Ok(())
        } else {
            self.element()
        }
    }

    fn element(&mut self) -> Result<(), W::Error> {
        if !core::mem::take(&mut self.empty) {
            self.out.write_all(b",")?;
        }
        self.indent()
    }

    fn indent(&mut self) -> Result<(), W::Error> {
        if self.style == Style::Indented {
            self.out.write_all(b"\n")?;
            for _ in 0..self.depth {
                self.out.write_all(b"    ")?;
            }
        }
        Ok(())
    }

    fn quoted(&mut self, text: &str) -> Result<(), W::Error> {
        self.out.write_all(b"\"")?;
        let mut rest = text.as_bytes();
        while let Some(at) = rest
            .iter()
            .position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'))
        {
            self.out.write_all(&rest[..at])?;
            self.escaped(rest[at])?;
            rest = &rest[at + 1..];
        }
        self.out.write_all(rest)?;
        self.out.write_all(b"\"")
    }

    fn escaped(&mut self, byte: u8) -> Result<(), W::Error> {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let hex = |nibble: u8| HEX[usize::from(nibble)];
        match byte {
            b'"' | b'\\' => self.out.write_all(&[b'\\', byte]),
            b'\n' => self.out.write_all(b"\\n"),
            b'\r' => self.out.write_all(b"\\r"),
            b'\t' => self.out.write_all(b"\\t"),
            _ => self
                .out
                .write_all(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)]),
        }
    }
}

/// A short text.
struct Short {
    bytes: [u8; 48],
    len: usize,
}

impl Short {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Default for Short {
    fn default() -> Self {
        Self {
            bytes: [0; 48],
            len: 0,
        }
    }
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.len..self.len + text.len());
        room.ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(style: Style, write: impl Fn(&mut Json<&mut [u8]>)) -> String {
        let mut buffer = [0; 2_048];
        let len = buffer.len();
        let mut json = Json::new(&mut buffer[..], style);
        write(&mut json);
        let left = json.finish().unwrap().len();
        String::from_utf8(buffer[..len - left].to_vec()).unwrap()
    }

    #[track_caller]
    fn check(value: &str, expected: &str) {
        assert_eq!(
            text(Style::Compact, |json| json.string(value).unwrap()),
            format!("{expected}\n")
        );
    }

    #[test]
    fn only_what_must_be_is_escaped() {
        check("", r#""""#);
        check("a\"b\\c/d", r#""a\"b\\c/d""#);
        check(
            "\n\r\t\0\u{1b}\u{1f}\u{7f}",
            "\"\\n\\r\\t\\u0000\\u001b\\u001f\u{7f}\"",
        );
        check("\u{1F600}\u{202e}", "\"\u{1F600}\u{202e}\"");
    }

    #[test]
    fn a_number_has_as_many_decimals_as_it_needs_and_one_at_least() {
        for (scaled, decimals, expected) in [
            (0, 1, "0.0"),
            (25, 1, "2.5"),
            (1_000, 1, "100.0"),
            (8, 2, "0.08"),
            (80, 2, "0.8"),
            (183, 2, "1.83"),
            (100, 2, "1.0"),
            (120_034_050, 6, "120.03405"),
            (u64::MAX, 9, "18446744073.709551615"),
        ] {
            let written = text(Style::Compact, |json| {
                json.decimal(scaled, decimals).unwrap()
            });
            assert_eq!(written, format!("{expected}\n"));
        }
    }

    fn nested(json: &mut Json<&mut [u8]>) {
        json.open_object().unwrap();
        for key in ["a", "b"] {
            json.key(key).unwrap();
            json.open_object().unwrap();
            json.close_object().unwrap();
        }
        json.key("c").unwrap();
        json.unsigned(u64::MAX).unwrap();
        json.key("d").unwrap();
        json.open_array().unwrap();
        json.boolean(true).unwrap();
        json.boolean(false).unwrap();
        json.close_array().unwrap();
        json.close_object().unwrap();
    }

    #[test]
    fn members_are_separated_and_nested() {
        let compact = "{\"a\":{},\"b\":{},\"c\":18446744073709551615,\
                       \"d\":[true,false]}\n";
        assert_eq!(text(Style::Compact, nested), compact);
        let indented = "{\n    \"a\": {},\n    \"b\": {},\n    \"c\": 18446744073709551615,\n    \
                        \"d\": [\n        true,\n        false\n    ]\n}\n";
        assert_eq!(text(Style::Indented, nested), indented);
    }

    #[test]
    fn a_full_buffer_is_an_error() {
        let mut buffer = [0; 3];
        assert!(
            Json::new(&mut buffer[..], Style::Compact)
                .string("ab")
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn any_string_is_read_back(value in ".{0,200}") {
            let written = text(Style::Compact, |json| json.string(&value).unwrap());
            prop_assert_eq!(miniserde::json::from_str::<String>(&written).ok(), Some(value));
        }
    }
}
