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
mod tests {
    use super::*;
    use crate::limits::UCI_WORD_BYTES_MAX;
    use proptest::prelude::*;

    /// Every event and every error, with its line.
    fn read(text: &[u8]) -> Vec<(u32, String)> {
        let mut reader = Reader::new(text);
        let mut found = Vec::new();
        loop {
            let text = match reader.next_event() {
                Ok(None) => return found,
                Ok(Some(Event::Package(name))) => format!("package {name:?}"),
                Ok(Some(Event::Section(kind, name))) => format!("config {kind:?} {name:?}"),
                Ok(Some(Event::Option(name, value))) => format!("option {name:?} {value:?}"),
                Ok(Some(Event::List(name, value))) => format!("list {name:?} {value:?}"),
                Err(Error { line, fault }) => {
                    found.push((line, format!("{fault:?}")));
                    continue;
                }
            };
            found.push((reader.line(), text));
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &[(u32, &str)]) {
        let found = read(text.as_bytes());
        let found: Vec<_> = found
            .iter()
            .map(|(line, text)| (*line, text.as_str()))
            .collect();
        assert_eq!(found, expected, "{text:?}");
    }

    /// The value of an option written like this.
    #[track_caller]
    fn check_value(written: &str, expected: &str) {
        let text = format!("config a\noption b {written}\n");
        check(
            &text,
            &[
                (1, "config \"a\" None"),
                (2, &format!("option \"b\" {expected:?}")),
            ],
        );
    }

    #[test]
    fn a_file_has_four_statements() {
        check(
            "\n# hosts\npackage dhcp\r\n\nconfig host 'tv'\n\toption mac '02:00:00:00:00:09' # x\n\
             \tlist dns \"1\"\n\nconfig host\n  option name tv#x\n",
            &[
                (3, "package \"dhcp\""),
                (5, "config \"host\" Some(\"tv\")"),
                (6, "option \"mac\" \"02:00:00:00:00:09\""),
                (7, "list \"dns\" \"1\""),
                (9, "config \"host\" None"),
                (10, "option \"name\" \"tv\""),
            ],
        );
        check(
            "c a b;o c d;;l e f",
            &[
                (1, "config \"a\" Some(\"b\")"),
                (1, "option \"c\" \"d\""),
                (1, "list \"e\" \"f\""),
            ],
        );
        check("", &[]);
    }

    #[test]
    fn words_are_bare_or_quoted_or_both() {
        check_value("a", "a");
        check_value("'a b'", "a b");
        check_value("\"a b\"", "a b");
        check_value("''", "");
        check_value("a'b c'\"d e\"f", "ab cd ef");
        check_value("'it'\\''s'", "it's");
        check_value("'a\\b'", "a\\b");
        check_value("\"a\\\"b\\\\\"", "a\"b\\");
        check_value("a\\ b\\#c\\;", "a b#c;");
        check_value("'# no comment; no end'", "# no comment; no end");
        check_value("'\u{1F4FA}\t\u{1}'", "\u{1F4FA}\t\u{1}");
    }

    #[test]
    fn words_go_over_lines() {
        check_value("'a\nb'", "a\nb");
        check_value("\"a\n\nb\"", "a\n\nb");
        check_value("\"a\\\nb\"", "ab");
        check_value("a\\\nb", "ab");
        check_value("a\\\r\nb", "ab");
        check_value("a\\", "a");
        check(
            "config a\noption b 'x\ny' \noption c 1 1\n",
            &[
                (1, "config \"a\" None"),
                (2, "option \"b\" \"x\\ny\""),
                (4, "TooManyWords"),
            ],
        );
    }

    #[test]
    fn what_is_wrong_has_a_line() {
        check(
            "option a b\nlist a b\nconfig x\n",
            &[(1, "NoSection"), (2, "NoSection"), (3, "config \"x\" None")],
        );
        check(
            "config a\npackage b\noption c d",
            &[
                (1, "config \"a\" None"),
                (2, "package \"b\""),
                (3, "NoSection"),
            ],
        );
        check(
            "conf a\nconfig\npackage\nconfig a\noption\noption b\nlist b # c",
            &[
                (1, "UnknownStatement"),
                (2, "TooFewWords"),
                (3, "TooFewWords"),
                (4, "config \"a\" None"),
                (5, "TooFewWords"),
                (6, "TooFewWords"),
                (7, "TooFewWords"),
            ],
        );
        check(
            "package a b\nconfig a b c; config d",
            &[(1, "TooManyWords"), (2, "TooManyWords")],
        );
        check(
            "config a-b c\nconfig '' c\nconfig a c-d\npackage a-b\npackage a.b\nconfig a ''",
            &[
                (1, "config \"a-b\" Some(\"c\")"),
                (2, "BadName"),
                (3, "BadName"),
                (4, "package \"a-b\""),
                (5, "BadName"),
                (6, "config \"a\" None"),
            ],
        );
        check(
            "config a\noption b.c d\noption b 'x\n\noption c d\n",
            &[(1, "config \"a\" None"), (2, "BadName"), (3, "OpenQuote")],
        );
        assert_eq!(
            read(b"config \xff\nconfig 'a\0'\n"),
            [(1, "NotText".into()), (2, "NotText".into())]
        );
    }

    #[test]
    fn a_word_is_bounded() {
        for (len, fits) in [(UCI_WORD_BYTES_MAX, true), (UCI_WORD_BYTES_MAX + 1, false)] {
            let found =
                read(format!("config a\noption b '{}'\nconfig c", "x".repeat(len)).as_bytes());
            assert_eq!(found[1].1 != "LongWord", fits);
            assert_eq!(found[2], (3, "config \"c\" None".into()));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(
            noise: Vec<u8>,
            text in "(config|option|list|[ab'\"\\\\#; \n]){0,30}",
        ) {
            read(&noise);
            read(text.as_bytes());
        }

        #[test]
        fn what_uci_exports_is_read_back(value in "[^\0]{0,40}") {
            let text = format!("config a 'b'\n\toption c '{}'\n", value.replace('\'', "'\\''"));
            let option = format!("option \"c\" {value:?}");
            let expected = [(1, "config \"a\" Some(\"b\")".to_owned()), (2, option)];
            prop_assert_eq!(read(text.as_bytes()), expected);
        }
    }
}
