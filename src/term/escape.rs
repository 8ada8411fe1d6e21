// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text from outside, made harmless: no byte of it can move a cursor, forge a line or turn the
//! direction of writing (Unicode UAX #9).

use core::fmt::{self, Write};

/// Shows `text` with each control character, line separator and mark of direction as `\u{…}`.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaping(f).write_str(self.0)
    }
}

/// A writer that makes all text harmless on its way to another.
#[derive(Debug)]
pub struct Escaping<W>(pub W);

impl<W: Write> Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, hostile)) = rest.char_indices().find(|&(_, c)| is_hostile(c)) {
            self.0.write_str(&rest[..at])?;
            write!(self.0, "\\u{{{:x}}}", u32::from(hostile))?;
            rest = &rest[at + hostile.len_utf8()..];
        }
        self.0.write_str(rest)
    }
}

fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        )
        || matches!(c, '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Escaped(text).to_string(), expected);
    }

    #[test]
    fn nothing_reaches_the_terminal_that_could_steer_it() {
        check(
            "eth0 gr\u{fc}\u{df}e \u{1F600}",
            "eth0 gr\u{fc}\u{df}e \u{1F600}",
        );
        check(
            "\x1b[2J\x07\r\n\u{9b}x\u{7f}",
            "\\u{1b}[2J\\u{7}\\u{d}\\u{a}\\u{9b}x\\u{7f}",
        );
        check(
            "a\u{202e}b\u{2066}c\u{2028}d",
            "a\\u{202e}b\\u{2066}c\\u{2028}d",
        );
    }

    proptest! {
        #[test]
        fn any_text_becomes_one_harmless_line(text: String) {
            prop_assert!(!Escaped(&text).to_string().chars().any(is_hostile));
        }
    }
}
