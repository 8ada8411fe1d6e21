// SPDX-License-Identifier: MIT OR Apache-2.0
//! The many spellings of options, brought to the one that argh reads.
//!
//! `--es_host=X`, `--eshost X` and `--es-host X` are one option; short flags cluster (`-stp 100`,
//! `-p3`); the word after an option that takes a value is its value, whatever it looks like.

use core::fmt;

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind};

use crate::codec::units;

/// What the words ask for.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// Run, with these words for argh.
    Run(Vec<String>),
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

/// Whether two names differ at most in `-` and `_`.
pub fn same_option(a: &str, b: &str) -> bool {
    let letters = |name: &'_ str| {
        name.bytes()
            .filter(|byte| !matches!(byte, b'-' | b'_'))
            .collect::<Vec<_>>()
    };
    !a.is_empty() && letters(a) == letters(b)
}

/// Brings `words` to the spelling of `info`.
///
/// # Errors
/// When an option does not exist, or does not have as many values as it takes.
pub fn normalise(
    words: &[String],
    info: &CommandInfoWithArgs,
    shape: &Shape,
) -> Result<Request, ArgvError> {
    let mut reader = Reader {
        words,
        info,
        shape,
        out: Vec::new(),
    };
    while let Some((word, rest)) = reader.words.split_first() {
        reader.words = rest;
        let asked = match word.strip_prefix("--") {
            Some("") => {
                reader.out.push(word.clone());
                reader.out.extend_from_slice(rest);
                break;
            }
            Some(option) => reader.long(option)?,
            None if word.len() > 1 && word.starts_with('-') => reader.cluster(&word[1..])?,
            None => {
                reader.out.push(word.clone());
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
    info: &'a CommandInfoWithArgs,
    shape: &'a Shape,
    out: Vec<String>,
}

impl Reader<'_> {
    fn long(&mut self, option: &str) -> Result<Option<Request>, ArgvError> {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        let flag = self
            .info
            .flags
            .iter()
            .find(|flag| same_option(flag.long.trim_start_matches('-'), name));
        match flag {
            Some(flag) if flag.long != "--help" => self.push(flag, value).map(|()| None),
            _ if same_option(name, "help") => Ok(Some(Request::Help)),
            _ if same_option(name, "version") => Ok(Some(Request::Version)),
            _ if same_option(name, "licenses") => Ok(Some(Request::Licenses)),
            _ => Err(ArgvError::Unknown(format!("--{name}"))),
        }
    }

    fn cluster(&mut self, letters: &str) -> Result<Option<Request>, ArgvError> {
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            let flag = self
                .info
                .flags
                .iter()
                .find(|flag| flag.short == Some(letter));
            match flag {
                Some(flag) if flag.long != "--help" => {
                    let takes_value = matches!(flag.kind, FlagInfoKind::Option { .. });
                    let tail = rest.as_str();
                    if takes_value && !tail.is_empty() {
                        self.push(flag, Some(tail.strip_prefix('=').unwrap_or(tail)))?;
                        break;
                    }
                    self.push(flag, None)?;
                }
                _ if letter == 'h' => return Ok(Some(Request::Help)),
                _ if letter == 'V' => return Ok(Some(Request::Version)),
                _ => return Err(ArgvError::Unknown(format!("-{letter}"))),
            }
        }
        Ok(None)
    }

    fn push(&mut self, flag: &FlagInfo<'_>, value: Option<&str>) -> Result<(), ArgvError> {
        let name = flag.long.trim_start_matches('-');
        let long = format!("--{name}");
        if matches!(flag.kind, FlagInfoKind::Switch) {
            if value.is_some() {
                return Err(ArgvError::ValueUnwanted(long));
            }
            self.out.push(long);
            return Ok(());
        }
        let count = if self.shape.pairs.contains(&name) {
            2
        } else {
            1
        };
        let mut values: Vec<String> = value.map(str::to_owned).into_iter().collect();
        if values.is_empty() && self.shape.optional_booleans.contains(&name) {
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
                return Err(ArgvError::ValueMissing(long, count));
            };
            values.push(next.clone());
            self.words = rest;
        }
        for value in values {
            self.out.extend([long.clone(), value]);
        }
        Ok(())
    }
}
