// SPDX-License-Identifier: MIT OR Apache-2.0
//! UCI text, the configuration of OpenWrt (`/etc/config/…`): events, one statement each.
//!
//! `package NAME`, `config TYPE ['NAME']`, `option NAME VALUE`, `list NAME VALUE`; words are bare,
//! '…' or "…", also joined; a quoted word may go over lines; `#` begins a comment, `;` ends a
//! statement, as in libuci's `file.c`. An option without a value, which libuci takes for an empty
//! one, is an error here.

mod words;

use core::fmt;

use words::{Bytes, Words};

/// A statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// `package NAME`.
    Package(&'a str),
    /// `config TYPE`, and its name when it has one.
    Section(&'a str, Option<&'a str>),
    /// `option NAME VALUE`.
    Option(&'a str, &'a str),
    /// `list NAME VALUE`: one more value.
    List(&'a str, &'a str),
}

/// What is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// From 1; the line on which the word begins that is wrong, or the statement to which one is
    /// missing.
    pub line: u32,
    /// What is wrong.
    pub fault: Fault,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The first word is none of package, config, option, list.
    UnknownStatement,
    /// A word is missing.
    TooFewWords,
    /// A word follows the last one.
    TooManyWords,
    /// A quote is not closed.
    OpenQuote,
    /// A word is longer than [`UCI_WORD_BYTES_MAX`](crate::limits::UCI_WORD_BYTES_MAX).
    LongWord,
    /// A word is not UTF-8.
    NotText,
    /// A name with characters other than letters, digits and `_`; a package may also have `-`, the
    /// type of a section any that are visible.
    BadName,
    /// An option or list before the first section.
    NoSection,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownStatement => "not a statement; allowed: package, config, option, list",
            Self::TooFewWords => "a word is missing",
            Self::TooManyWords => "a word too many; a value with blanks needs quotes",
            Self::OpenQuote => "a quote is not closed",
            Self::LongWord => "a word is too long",
            Self::NotText => "not UTF-8",
            Self::BadName => "not a name; allowed: letters, digits, _",
            Self::NoSection => "an option before the first section",
        })
    }
}

/// Reads a whole text statement by statement.
#[derive(Debug)]
pub struct Reader<'a> {
    words: Words<'a>,
    /// The line that the statement begins on.
    line: u32,
    in_section: bool,
    /// The last statement was `config`.
    is_section: bool,
    name: Bytes,
    value: Bytes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Statement {
    Package,
    Section,
    Option,
    List,
}

impl<'a> Reader<'a> {
    /// At the start of `text`.
    pub fn new(text: &'a [u8]) -> Self {
        Self {
            words: Words::new(text),
            line: 1,
            in_section: false,
            is_section: false,
            name: Bytes::new(),
            value: Bytes::new(),
        }
    }

    /// The line that the last statement began on, from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Whether the last statement was `config`, right or wrong.
    pub fn is_at_section(&self) -> bool {
        self.is_section
    }

    /// The next statement; `None` at the end. After an error it goes on with the next line.
    ///
    /// # Errors
    ///
    /// The statement is wrong: see [`Fault`].
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        let event = self.next_numbered()?;
        Ok(event.map(|(_, event)| event))
    }

    /// The next statement with the line that it begins on, from 1; otherwise as
    /// [`Reader::next_event`].
    ///
    /// # Errors
    ///
    /// The statement is wrong: see [`Fault`].
    pub fn next_numbered(&mut self) -> Result<Option<(u32, Event<'_>)>, Error> {
        let read = self.read();
        if read.is_err() {
            self.words.skip_line();
        }
        let Some(statement) = read? else {
            return Ok(None);
        };
        // Words are text already.
        let [name, value] =
            [&self.name, &self.value].map(|word| str::from_utf8(word).unwrap_or(""));
        let event = match statement {
            Statement::Package => Event::Package(name),
            Statement::Section => Event::Section(name, (!value.is_empty()).then_some(value)),
            Statement::Option => Event::Option(name, value),
            Statement::List => Event::List(name, value),
        };
        Ok(Some((self.line, event)))
    }

    /// A statement, its words in the buffers.
    fn read(&mut self) -> Result<Option<Statement>, Error> {
        self.is_section = false;
        while !self.words.next(&mut self.name)? {
            if !self.words.next_statement() {
                return Ok(None);
            }
        }
        self.line = self.words.line();
        // libuci also knows each by its first letter.
        let statement = match self.name.as_slice() {
            b"package" | b"p" => Statement::Package,
            b"config" | b"c" => Statement::Section,
            b"option" | b"o" => Statement::Option,
            b"list" | b"l" => Statement::List,
            _ => return Err(self.error(Fault::UnknownStatement)),
        };
        let is_value = matches!(statement, Statement::Option | Statement::List);
        if is_value && !self.in_section {
            return Err(self.error(Fault::NoSection));
        }
        self.is_section = statement == Statement::Section;
        self.arguments(statement)?;
        self.in_section = statement != Statement::Package;
        Ok(Some(statement))
    }

    /// The words behind the first one.
    fn arguments(&mut self, statement: Statement) -> Result<(), Error> {
        if !self.words.next(&mut self.name)? {
            return Err(self.error(Fault::TooFewWords));
        }
        let named = match statement {
            Statement::Package => is_name(&self.name, b"-"),
            Statement::Section => self.name.iter().all(u8::is_ascii_graphic),
            Statement::Option | Statement::List => is_name(&self.name, b""),
        };
        if !named || self.name.is_empty() {
            return Err(self.error(Fault::BadName));
        }
        self.value.clear();
        match statement {
            Statement::Package => {}
            Statement::Section => {
                self.words.next(&mut self.value)?;
                if !is_name(&self.value, b"") {
                    return Err(self.error(Fault::BadName));
                }
            }
            Statement::Option | Statement::List => {
                if !self.words.next(&mut self.value)? {
                    return Err(self.error(Fault::TooFewWords));
                }
            }
        }
        match self.words.at_end() {
            true => Ok(()),
            false => Err(self.error(Fault::TooManyWords)),
        }
    }

    fn error(&self, fault: Fault) -> Error {
        let line = self.line;
        Error { line, fault }
    }
}

fn is_name(word: &[u8], more: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || more.contains(byte);
    word.iter().all(allowed)
}

#[cfg(test)]
mod tests;
