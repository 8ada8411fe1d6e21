// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text from file, flags and environment to checked values, with one form of complaint.

mod cron;
mod file;
mod kinds;
pub mod probe;
mod section;
mod tables;

use core::fmt;
use core::ops::RangeInclusive;
use core::time::Duration;
use std::ffi::CString;

use log::LevelFilter;

pub use file::{Configuration, DEFAULT, load, none_wrong, parse};
pub use kinds::secret_fault;
pub use section::Section;
pub use tables::columns;

use super::quoted;
use crate::codec::units;
use crate::failure::Failure;
use crate::sys::files;

/// The variable `name`; `None` when it is unset, empty or not UTF-8.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The level that NETVITALS_LOG asks for; `None` when it is unset.
///
/// # Errors
/// When it names another.
pub fn log_level() -> Result<Option<LevelFilter>, Failure> {
    let Some(text) = environment("NETVITALS_LOG") else {
        return Ok(None);
    };
    let level = level(&text.to_ascii_lowercase());
    level.map(Some).ok_or_else(|| {
        let allowed = "error, warn, info, debug";
        refused("variable NETVITALS_LOG", &text, "a level", allowed)
    })
}

/// The level of that name.
pub fn level(name: &str) -> Option<LevelFilter> {
    match name {
        "error" => Some(LevelFilter::Error),
        "warn" => Some(LevelFilter::Warn),
        "info" => Some(LevelFilter::Info),
        "debug" => Some(LevelFilter::Debug),
        _ => None,
    }
}

/// A complaint about a value: `option '--interval' '5x': not a duration; allowed: 1s to 1h`.
pub fn refused(subject: impl fmt::Display, value: &str, kind: &str, allowed: &str) -> Failure {
    Failure::usage(format_args!(
        "{subject} {}: not {kind}; allowed: {allowed}",
        quoted(value)
    ))
}

/// The duration that `text` stands for.
///
/// # Errors
/// When it is none, or outside `range`, which `allowed` puts into words.
pub fn duration(
    option: &str,
    text: &str,
    range: RangeInclusive<Duration>,
    allowed: &str,
) -> Result<Duration, Failure> {
    units::duration(text)
        .filter(|duration| range.contains(duration))
        .ok_or_else(|| {
            refused(
                format_args!("option '{option}'"),
                text,
                "a duration in range",
                allowed,
            )
        })
}

/// The whole number that `text` stands for.
///
/// # Errors
/// When it is none, or outside `range`.
pub fn integer(option: &str, text: &str, range: RangeInclusive<u64>) -> Result<u64, Failure> {
    units::unsigned(text.as_bytes())
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let allowed = format!("{} to {}", range.start(), range.end());
            refused(
                format_args!("option '{option}'"),
                text,
                "a number in range",
                &allowed,
            )
        })
}

/// The whole number that `text` stands for, or `default` without a text.
///
/// # Errors
/// When it is none, or outside `range`.
pub fn integer_or(
    option: &str,
    text: &Option<String>,
    default: u64,
    range: RangeInclusive<u64>,
) -> Result<u64, Failure> {
    text.as_ref()
        .map_or(Ok(default), |text| integer(option, text, range))
}

/// The duration that `text` stands for, or `default` without a text.
///
/// # Errors
/// When it is none, or outside `range`, which `allowed` puts into words.
pub fn duration_or(
    option: &str,
    text: &Option<String>,
    default: Duration,
    range: RangeInclusive<Duration>,
    allowed: &str,
) -> Result<Duration, Failure> {
    text.as_ref()
        .map_or(Ok(default), |text| duration(option, text, range, allowed))
}

/// The path that `text` is.
///
/// # Errors
/// When it holds a NUL byte.
pub fn path(option: &str, text: Option<String>) -> Result<Option<CString>, Failure> {
    let path = text.map(|text| files::c_path(&text)).transpose();
    path.map_err(|_| {
        Failure::usage(format_args!(
            "option '{option}': a path without NUL bytes is needed"
        ))
    })
}

/// The truth value that `text` stands for.
///
/// # Errors
/// When it is none.
pub fn boolean(option: &str, text: &str) -> Result<bool, Failure> {
    units::boolean(text).ok_or_else(|| {
        refused(
            format_args!("option '{option}'"),
            text,
            "a truth value",
            "true false 1 0 yes no on off",
        )
    })
}

#[cfg(test)]
mod tests;
