// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an option may hold, by kind, and the words for what it may not.

use core::time::Duration;

use super::cron;
use super::tables::Field;
use crate::cmd::{quoted, servers};
use crate::codec::units;
use crate::model::addr::Mac;
use crate::model::ranges::Ranges;

/// The end of the complaint about a file of the future.
pub const NEWER: &str = "written for a newer netvitals";

/// What is wrong with `text` as a value of `field`, as it follows the name of the option:
/// ` '5x': not a duration; allowed: 1s to 1h`. `None` when nothing is.
pub fn fault(field: &Field, text: &str) -> Option<String> {
    let allowed = field.allowed;
    let (good, what, allowed) = match field.kind {
        "any" => return None,
        "boolean" => {
            let allowed = "true false 1 0 yes no on off";
            (units::boolean(text).is_some(), "a truth value", allowed)
        }
        "integer" => match units::unsigned(text.as_bytes()) {
            None => (false, "a number", allowed),
            number => (within(number, allowed, integer), "in range", allowed),
        },
        "duration" => match units::duration(text) {
            None => (false, "a duration", allowed),
            duration => (
                within(duration, allowed, units::duration),
                "in range",
                allowed,
            ),
        },
        "rounds" => {
            let duration = units::duration(text);
            let good =
                duration == Some(Duration::ZERO) || within(duration, allowed, units::duration);
            (good, "a time between rounds", "0 = off, 200ms to 30d")
        }
        "choice" => (
            allowed.split(", ").any(|word| word == text),
            "known",
            allowed,
        ),
        "version" => match integer(text) {
            Some(2..) => return Some(complaint(text, &NEWER)),
            number => (number == Some(1), "a version", "1"),
        },
        "range" => {
            let error = Ranges::new().add(text).err();
            return error.map(|error| complaint(text, &error));
        }
        "url" => return servers::address_fault(text),
        "secret" => return secret_fault(text, false).map(str::to_owned),
        "key" => return secret_fault(text, true).map(str::to_owned),
        kind => described(kind, text),
    };
    (!good).then(|| complaint(text, &format_args!("not {what}; allowed: {allowed}")))
}

/// Whether `text` is of a kind whose values need no other words: good, what it should be, allowed.
fn described(kind: &str, text: &str) -> (bool, &'static str, &'static str) {
    let full = !text.is_empty();
    match kind {
        "label" => ((1..=64).contains(&text.len()), "a name", "1 to 64 bytes"),
        "file" => {
            let name = text.rsplit('/').next().unwrap_or_default();
            let good = !["", ".", ".."].contains(&name);
            (good, "the path of a file", "one that does not end in /")
        }
        "mac" => {
            let mac = Mac::parse(text.as_bytes());
            let good = mac.is_some_and(Mac::is_device);
            (good, "a MAC address", "a device's, as 02:00:00:00:01:01")
        }
        "user" => (
            full && !text.contains(':'),
            "a user",
            "anything without a colon",
        ),
        "index" => {
            let allowed = "lower case letters, digits, . _ - + and not - _ + at the start";
            (is_index(text), "an index", allowed)
        }
        "word" => (
            full && text.bytes().all(is_word),
            "a type",
            "letters, digits, _ -",
        ),
        "host" => {
            let byte = |byte| is_word(byte) || b".:%".contains(&byte);
            let good =
                (1..=253).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(byte);
            (good, "a host", "a name or an address")
        }
        "port" => (
            port(text).is_some(),
            "a port",
            "1 to 65535, http, https, mysql",
        ),
        "options" => {
            let allowed = "words and quotes as in sh, none of ;|&$<>()%` nor a control character";
            (cron::are_options(text), "safe in a crontab", allowed)
        }
        "cron" => {
            let allowed = "minute hour day month weekday, as */5 * * * *";
            (cron::is_schedule(text), "a time of cron", allowed)
        }
        _ => (full, "a text", "at least one letter"),
    }
}

fn complaint(text: &str, what: &dyn core::fmt::Display) -> String {
    format!(" {}: {what}", quoted(text))
}

/// Whether a value lies in `allowed`, as `1 to 64`.
fn within<T: PartialOrd>(value: Option<T>, allowed: &str, read: fn(&str) -> Option<T>) -> bool {
    let range = allowed.split_once(" to ");
    range.is_some_and(|(first, last)| value >= read(first) && value <= read(last))
}

/// The whole number that `text` stands for.
pub fn integer(text: &str) -> Option<u64> {
    units::unsigned(text.as_bytes())
}

/// The port that a number or the name of a service stands for.
pub fn port(text: &str) -> Option<u16> {
    match text {
        "http" => Some(80),
        "https" => Some(443),
        "mysql" => Some(3_306),
        _ => u16::try_from(integer(text)?).ok().filter(|&port| port > 0),
    }
}

/// What is wrong with a password, or a key, which are not shown.
pub fn secret_fault(text: &str, is_key: bool) -> Option<&'static str> {
    let control = |byte| byte < 0x20 || byte == 0x7f || (is_key && byte > 0x7f);
    match text.bytes().any(control) {
        true => Some(": holds characters that cannot be sent"),
        false if text.is_empty() => Some(": is empty"),
        false => None,
    }
}

fn is_index(name: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'+');
    let dots = name == "." || name == "..";
    name.bytes().all(plain)
        && !name.starts_with(['-', '_', '+'])
        && !dots
        && (1..256).contains(&name.len())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}
