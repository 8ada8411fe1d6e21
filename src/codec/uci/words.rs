// SPDX-License-Identifier: MIT OR Apache-2.0
//! Words of UCI text: bare, '…', "…", and statements' ends.

use super::{Error, Fault};
use crate::limits::UCI_WORD_BYTES_MAX;

/// The bytes of a word.
pub type Bytes = heapless::Vec<u8, UCI_WORD_BYTES_MAX>;

/// What is left of a text.
#[derive(Debug)]
pub struct Words<'a> {
    rest: &'a [u8],
    line: u32,
}

impl<'a> Words<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Self {
            rest: text,
            line: 1,
        }
    }

    /// The line that the rest begins on, from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Reads the next word of the statement, which is UTF-8 without NUL then; false at its end.
    pub fn next(&mut self, word: &mut Bytes) -> Result<bool, Error> {
        word.clear();
        if self.at_end() {
            return Ok(false);
        }
        let line = self.line;
        self.pieces(word).map_err(|fault| Error { line, fault })?;
        let fault = Fault::NotText;
        match str::from_utf8(word) {
            Ok(text) if !text.contains('\0') => Ok(true),
            _ => Err(Error { line, fault }),
        }
    }

    /// Passes over blanks and a comment; whether the statement is over there.
    pub fn at_end(&mut self) -> bool {
        while let [b' ' | b'\t' | b'\r' | 0x0b | 0x0c, rest @ ..] = self.rest {
            self.rest = rest;
        }
        if let [b'#', ..] = self.rest {
            self.skip_line();
        }
        matches!(self.rest, [] | [b'\n' | b';', ..])
    }

    /// Passes over the end of a statement; false at the end of the text.
    pub fn next_statement(&mut self) -> bool {
        let more = !self.rest.is_empty();
        self.advance();
        more
    }

    /// Passes over the rest of the line.
    pub fn skip_line(&mut self) {
        let len = memchr::memchr(b'\n', self.rest);
        self.rest = &self.rest[len.unwrap_or(self.rest.len())..];
    }

    /// Takes one byte, and counts lines.
    fn advance(&mut self) {
        if let [first, rest @ ..] = self.rest {
            self.line += u32::from(*first == b'\n');
            self.rest = rest;
        }
    }

    /// Bare and quoted pieces without a blank between are one word.
    fn pieces(&mut self, word: &mut Bytes) -> Result<(), Fault> {
        let mut push = |byte| word.push(byte).map_err(|_| Fault::LongWord);
        let mut quote = None;
        while let &[byte, ref behind @ ..] = self.rest {
            match (byte, quote) {
                (b'\'' | b'"', None) => quote = Some(byte),
                (_, Some(open)) if byte == open => quote = None,
                (b'\\', None | Some(b'"')) => {
                    self.rest = behind;
                    match behind {
                        // The line goes on with the next one.
                        [b'\n', ..] | [] => {}
                        [b'\r', b'\n', ..] => self.advance(),
                        [byte, ..] => push(*byte)?,
                    }
                }
                (b'#' | b';' | b' ' | b'\t'..=b'\r', None) => return Ok(()),
                _ => push(byte)?,
            }
            self.advance();
        }
        quote.map_or(Ok(()), |_| Err(Fault::OpenQuote))
    }
}
