// SPDX-License-Identifier: MIT OR Apache-2.0
//! The many spellings of options, brought to the one that argh reads.
//!
//! `--es_host=X`, `--eshost X` and `--es-host X` are one option; short flags cluster (`-stp 100`,
//! `-p3`); the word after an option that takes a value is its value, whatever it looks like.

use core::fmt;

use argh::{FlagInfo, FlagInfoKind};

use crate::codec::units;

/// What the words ask for.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// Run, with the words for each group of options; arguments are with the first.
    Run(Vec<Vec<String>>),
    /// `-h`, `--help`
    Help,
    /// `-V`, `--version`
    Version,
    /// `--licenses`
    Licenses,
}

/// Options that are unlike the others.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Long names of options that mean true when no truth value follows.
    pub optional_booleans: &'static [&'static str],
    /// Long names of options that take two values; argh sees the option twice.
    pub pairs: &'static [&'static str],
    /// Letters that ask for the version, unless an option has them.
    pub version: &'static str,
}

impl Shape {
    /// Nothing but what whoever ships has.
    pub const PLAIN: Self = Self {
        optional_booleans: &["logappend"],
        pairs: &[],
        version: "V",
    };
}

/// What is wrong with the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgvError {
    /// There is no such option.
    Unknown(String),
    /// The option takes so many values, and fewer follow.
    ValueMissing(String, usize),
    /// The option takes no value.
    ValueUnwanted(String),
}

impl fmt::Display for ArgvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(option) => write!(f, "there is no option '{option}'"),
            Self::ValueMissing(option, 1) => write!(f, "option '{option}' needs a value"),
            Self::ValueMissing(option, count) => {
                write!(f, "option '{option}' needs {count} values")
            }
            Self::ValueUnwanted(option) => write!(f, "option '{option}' takes no value"),
        }
    }
}

/// Whether two names differ at most in `-` and `_` between their letters.
pub fn same_name(a: &str, b: &str) -> bool {
    let is_joint = |c: char| matches!(c, '-' | '_');
    let letters = |name: &str| name.replace(is_joint, "");
    !a.is_empty() && !b.starts_with(is_joint) && !b.ends_with(is_joint) && letters(a) == letters(b)
}

/// Sorts `words` to the groups of options that know them, in the spelling of `groups`.
///
/// # Errors
/// When an option does not exist, or does not have as many values as it takes.
pub fn normalise(
    words: &[String],
    groups: &[&[FlagInfo<'_>]],
    shape: &Shape,
) -> Result<Request, ArgvError> {
    let mut reader = Reader {
        words,
        groups,
        shape,
        out: vec![Vec::new(); groups.len()],
    };
    while let Some((word, rest)) = reader.words.split_first() {
        reader.words = rest;
        let asked = match word.strip_prefix("--") {
            Some("") => {
                reader.out[0].push(word.clone());
                reader.out[0].extend_from_slice(rest);
                break;
            }
            Some(option) => reader.long(option)?,
            None if word.len() > 1 && word.starts_with('-') => reader.cluster(&word[1..])?,
            None => {
                reader.out[0].push(word.clone());
                None
            }
        };
        if let Some(request) = asked {
            return Ok(request);
        }
    }
    Ok(Request::Run(reader.out))
}

struct Reader<'a> {
    words: &'a [String],
    groups: &'a [&'a [FlagInfo<'a>]],
    shape: &'a Shape,
    out: Vec<Vec<String>>,
}

impl<'a> Reader<'a> {
    /// The first option that is `wanted`, and the number of its group.
    fn find(&self, wanted: impl Fn(&FlagInfo<'_>) -> bool) -> Option<(usize, &'a FlagInfo<'a>)> {
        (0..).zip(self.groups).find_map(|(group, info)| {
            let mut flags = info.iter();
            let flag = flags.find(|flag| flag.long != "--help" && wanted(flag))?;
            Some((group, flag))
        })
    }

    fn long(&mut self, option: &str) -> Result<Option<Request>, ArgvError> {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        match self.find(|flag| same_name(flag.long, name)) {
            Some(found) => self.push(found, value).map(|()| None),
            None if same_name("help", name) => Ok(Some(Request::Help)),
            None if same_name("version", name) => Ok(Some(Request::Version)),
            None if same_name("licenses", name) => Ok(Some(Request::Licenses)),
            None => Err(ArgvError::Unknown(format!("--{name}"))),
        }
    }

    fn cluster(&mut self, letters: &str) -> Result<Option<Request>, ArgvError> {
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            let tail = rest.as_str();
            match self.find(|flag| flag.short == Some(letter)) {
                Some(found) if takes_value(found.1) && !tail.is_empty() => {
                    self.push(found, Some(tail.strip_prefix('=').unwrap_or(tail)))?;
                    break;
                }
                Some(found) => self.push(found, None)?,
                None if letter == 'h' => return Ok(Some(Request::Help)),
                None if self.shape.version.contains(letter) => return Ok(Some(Request::Version)),
                None => return Err(ArgvError::Unknown(format!("-{letter}"))),
            }
        }
        Ok(None)
    }

    fn push(
        &mut self,
        (group, flag): (usize, &FlagInfo<'_>),
        value: Option<&str>,
    ) -> Result<(), ArgvError> {
        let long = flag.long;
        if !takes_value(flag) {
            if value.is_some() {
                return Err(ArgvError::ValueUnwanted(long.to_owned()));
            }
            self.out[group].push(long.to_owned());
            return Ok(());
        }
        let is_in = |names: &[&str]| names.iter().any(|name| same_name(long, name));
        let count = if is_in(self.shape.pairs) { 2 } else { 1 };
        let mut values: Vec<String> = value.map(str::to_owned).into_iter().collect();
        if values.is_empty() && is_in(self.shape.optional_booleans) {
            let next = self
                .words
                .first()
                .filter(|word| units::boolean(word).is_some());
            if next.is_none() {
                values.push("true".to_owned());
            }
        }
        while values.len() < count {
            let Some((next, rest)) = self.words.split_first() else {
                return Err(ArgvError::ValueMissing(long.to_owned(), count));
            };
            values.push(next.clone());
            self.words = rest;
        }
        for value in values {
            self.out[group].extend([long.to_owned(), value]);
        }
        Ok(())
    }
}

fn takes_value(flag: &FlagInfo<'_>) -> bool {
    matches!(flag.kind, FlagInfoKind::Option { .. })
}
