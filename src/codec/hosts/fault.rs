// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with a file of connmonitor: first in the words that programs may look for, then in
//! words that help.

use core::fmt::{self, Display};

use super::{OPTIONS, integer};

/// What is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostsError<'a> {
    /// From 1.
    pub line: u32,
    /// What.
    pub fault: Fault<'a>,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault<'a> {
    /// There is nothing.
    Empty,
    /// The line is not UTF-8.
    NotText,
    /// So many of eight numbers.
    TooFew(usize),
    /// The word is none of eight whole numbers.
    NoInteger(&'a str),
    /// A number below zero or above `max`.
    Number {
        /// Which one.
        name: &'static str,
        /// As it was written.
        word: &'a str,
        /// The largest that is allowed.
        max: u64,
    },
    /// The word is no option.
    NoEquals(&'a str),
    /// There is no such option.
    Unknown(&'a str),
    /// The option cannot be that.
    Value {
        /// Which one.
        name: &'static str,
        /// As it was written.
        value: &'a str,
        /// What is allowed.
        allowed: &'static str,
    },
}

const NUMBERS: &str = "DOPINGS DOTRACE DOPSCAN NUMPINGS PAYLOAD HOPS JSON SLEEP";

impl<'a> Fault<'a> {
    pub(super) fn at(self, line: u32) -> HostsError<'a> {
        HostsError { line, fault: self }
    }
}

impl Display for HostsError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, fault } = self;
        match fault {
            Fault::NoEquals(_) | Fault::Unknown(_) => f.write_str("Error in config file - ")?,
            Fault::Value { name, .. } => write!(f, "Error parsing value for {}: ", Upper(name))?,
            _ => f.write_str("Bad configuration file format, caused error: (")?,
        }
        match fault {
            Fault::Empty => f.write_str("invalid literal for int() with base 10: ''); it is empty"),
            Fault::NotText => write!(f, "not UTF-8); line {line}"),
            Fault::TooFew(count) => write!(
                f,
                "list index out of range); line {line}: {count} numbers, and it takes 8: {NUMBERS}"
            ),
            Fault::NoInteger(word) => write!(
                f,
                "invalid literal for int() with base 10: '{word}'); line {line}: it takes 8 whole \
                 numbers: {NUMBERS}"
            ),
            Fault::Number { name, word, max } => write!(
                f,
                "{name} is out of range: '{word}'); line {line}: allowed: 0 to {max}"
            ),
            Fault::NoEquals(word) => write!(
                f,
                "no '=' in '{word}'; line {line}: a host and KEY=VALUE words are needed"
            ),
            Fault::Unknown(key) => {
                write!(f, "unknown option '{}'; line {line}: allowed:", Upper(key))?;
                OPTIONS
                    .iter()
                    .try_for_each(|(name, ..)| write!(f, " {name}"))
            }
            Fault::Value { value, allowed, .. } => {
                let what = if is_number(value) {
                    "out of range"
                } else {
                    "could not convert string to float"
                };
                write!(
                    f,
                    "{what}: '{}'; line {line}: allowed: {allowed}",
                    Upper(value)
                )
            }
        }
    }
}

fn is_number(text: &str) -> bool {
    integer(text).is_some() || super::milliseconds(text).is_some()
}

/// Options are looked at in capital letters, and so they are shown.
struct Upper<'a>(&'a str);

impl Display for Upper<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = self.0.chars();
        letters.try_for_each(|letter| fmt::Write::write_char(f, letter.to_ascii_uppercase()))
    }
}
