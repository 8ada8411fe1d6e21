// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an option may hold, by kind, and the words for what it may not.

use core::time::Duration;

use super::cron;
use super::tables::{Field, columns};
use crate::cmd::{quoted, servers};
use crate::codec::units;
use crate::model::addr::Mac;
use crate::model::ranges::Ranges;

/// The end of the complaint about a file of the future.
pub const NEWER: &str = "written for a newer netvitals";

/// What a value of each kind is, and which ones there are where the option does not say.
const KINDS: &str = "\
boolean|a truth value|true false 1 0 yes no on off
integer|a number
duration|a duration
rounds|a time between rounds|0 = off, 200ms to 30d
choice|known
version|a version|1
label|a name|1 to 64 bytes
file|the path of a file|one that does not end in /
mac|a MAC address|a device's, as 02:00:00:00:01:01
user|a user|anything without a colon
index|an index|lower case letters, digits, . _ - + and not - _ + at the start
word|a type|letters, digits, _ -
host|a host|a name or an address
port|a port|1 to 65535, http, https, mysql
options|safe in a crontab|words and quotes as in sh, none of ;&$<>()%` and bars, one line
cron|a time of cron|minute hour day month weekday, as */5 * * * *
text|a text|at least one letter";

/// What is wrong with `text` as a value of `field`, as it follows the name of the option:
/// ` '5x': not a duration; allowed: 1s to 1h`. `None` when nothing is.
pub fn fault(field: &Field, text: &str) -> Option<String> {
    match field.kind {
        "range" => {
            let error = Ranges::new().add(text).err();
            return error.map(|error| complaint(text, &error));
        }
        "url" => return servers::address_fault(text),
        "secret" => return secret_fault(text, false).map(str::to_owned),
        "key" => return secret_fault(text, true).map(str::to_owned),
        "version" if integer(text) > Some(1) => return Some(complaint(text, &NEWER)),
        _ if is_good(field, text) => return None,
        _ => {}
    }
    let kind = |[kind, ..]: &[&str; 5]| *kind == field.kind;
    let [_, mut what, mut allowed, ..] = KINDS.lines().map(columns).find(kind).unwrap_or_default();
    if !field.allowed.is_empty() && allowed.is_empty() {
        allowed = field.allowed;
    }
    let is_number = match field.kind {
        "integer" => integer(text).is_some(),
        "duration" => units::duration(text).is_some(),
        _ => false,
    };
    if is_number {
        what = "in range";
    }
    Some(complaint(
        text,
        &format_args!("not {what}; allowed: {allowed}"),
    ))
}

fn is_good(field: &Field, text: &str) -> bool {
    let (full, allowed) = (!text.is_empty(), field.allowed);
    match field.kind {
        "any" => true,
        "boolean" => units::boolean(text).is_some(),
        "integer" => within(integer(text), allowed, integer),
        "duration" => within(units::duration(text), allowed, units::duration),
        "rounds" => match units::duration(text) {
            Some(Duration::ZERO) => true,
            duration => within(duration, allowed, units::duration),
        },
        "choice" => allowed.split(", ").any(|word| word == text),
        "version" => integer(text) == Some(1),
        "label" => full && text.len() <= 64,
        "file" => full && !["/", "/.", "/.."].iter().any(|end| text.ends_with(end)),
        "mac" => Mac::parse(text.as_bytes()).is_some_and(Mac::is_device),
        "user" => full && !text.contains(':'),
        "index" => is_index(text),
        "word" => full && text.bytes().all(is_word),
        "host" => {
            let byte = |byte| is_word(byte) || b".:%".contains(&byte);
            full && text.len() < 254 && !text.starts_with('-') && text.bytes().all(byte)
        }
        "port" => port(text).is_some(),
        "options" => cron::are_options(text),
        "cron" => cron::is_schedule(text),
        _ => full,
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
