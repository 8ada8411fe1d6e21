// SPDX-License-Identifier: MIT OR Apache-2.0
//! The JSON of connvitals and connmonitor: six decimals of milliseconds, blanks where they always
//! were, `"None"` for what is not there.

use embedded_io::{SliceWriteError, Write};

use super::json::{Json, Style};
use crate::limits::BANNER_TEXT_BYTES_MAX;
use crate::model::probe::{Finding, Hop, Ping, Route};
use crate::model::vitals::{Change, Grammar, Scan, Vitals};
use crate::time::Wall;

/// What stands for milliseconds where all was lost.
const LOST: &[u8] = b"-1.000000";

/// Bytes of a document at worst: keys and numbers, and four texts of which each byte is escaped;
/// of each hop an address and a number; of each port two numbers.
pub fn bytes_max(vitals: &Vitals<'_>) -> usize {
    let hops = vitals.trace.map_or(0, Route::len);
    let ports = vitals.scan.map_or(0, |scan| scan.ports.len());
    1_024 + 6 * (vitals.name.len() + 4 * BANNER_TEXT_BYTES_MAX) + 80 * hops + 48 * ports
}

/// Writes one host into `buffer`, and gives the part of it that the line takes.
///
/// # Errors
/// When the buffer is smaller than [`bytes_max`].
pub fn line<'a>(
    vitals: &Vitals<'_>,
    grammar: Grammar,
    buffer: &'a mut [u8],
) -> Result<&'a [u8], SliceWriteError> {
    // Without a time there are blanks between the members, and nowhere else.
    let blanks = grammar == Grammar::Single(None);
    let key = |plain, blank| if blanks { blank } else { plain };
    let len = buffer.len();
    let mut json = Json::new(&mut *buffer, Style::Compact);
    head(&mut json, vitals, key("\"name\":", " \"name\":"))?;
    if let Grammar::Single(Some(when)) = grammar {
        timestamp(&mut json, when)?;
    }
    if let Some(found) = vitals.ping {
        json.literal_key(key("\"ping\":", " \"ping\":"))?;
        ping(&mut json, found)?;
    }
    if let Some(found) = vitals.trace {
        json.literal_key(key("\"trace\":", " \"trace\":"))?;
        let joint = if grammar == Grammar::Round { " " } else { "" };
        trace(&mut json, found, joint)?;
    }
    if let Some(found) = &vitals.scan {
        json.literal_key(key("\"scan\":", " \"scan\":"))?;
        scan(&mut json, found)?;
    }
    json.close_object()?;
    let left = json.finish()?.len();
    Ok(&buffer[..len - left])
}

/// Writes a change of one host, with the route of `vitals` if it has one, as [`line()`] does.
///
/// # Errors
/// When the buffer is smaller than [`bytes_max`].
pub fn change<'a>(
    vitals: &Vitals<'_>,
    change: &Change<'_>,
    buffer: &'a mut [u8],
) -> Result<&'a [u8], SliceWriteError> {
    let len = buffer.len();
    let mut json = Json::new(&mut *buffer, Style::Compact);
    head(&mut json, vitals, "\"name\":")?;
    timestamp(&mut json, change.when)?;
    json.literal_key("\"event\":")?;
    json.string(change.event)?;
    if let Some(loss) = change.loss_ppm_percent {
        json.literal_key("\"loss\":")?;
        millionths(&mut json, loss)?;
    }
    if let Some(found) = vitals.trace {
        json.literal_key("\"trace\":")?;
        trace(&mut json, found, "")?;
    }
    json.close_object()?;
    let left = json.finish()?.len();
    Ok(&buffer[..len - left])
}

fn head<W: Write>(
    json: &mut Json<W>,
    vitals: &Vitals<'_>,
    name_key: &'static str,
) -> Result<(), W::Error> {
    json.open_object()?;
    json.literal_key("\"addr\":")?;
    match vitals.address {
        Some(address) => json.display(address)?,
        None => json.string("")?,
    }
    json.literal_key(name_key)?;
    json.string(vitals.name)
}

/// Milliseconds since 1970.
fn timestamp<W: Write>(json: &mut Json<W>, when: Wall) -> Result<(), W::Error> {
    json.literal_key("\"timestamp\":")?;
    millionths(json, when.us().saturating_mul(1_000))
}

fn ping<W: Write>(json: &mut Json<W>, ping: &Ping) -> Result<(), W::Error> {
    let rtt = ping.rtt();
    json.open_object()?;
    for (key, ns) in [
        ("\"min\":", rtt.map(|rtt| rtt.min_ns)),
        ("\"avg\":", rtt.map(|rtt| rtt.avg_ns)),
        ("\"max\":", rtt.map(|rtt| rtt.max_ns)),
        ("\"std\":", rtt.map(|rtt| rtt.std_ns)),
    ] {
        json.literal_key(key)?;
        match ns {
            Some(ns) => millionths(json, ns)?,
            None => json.raw(LOST)?,
        }
    }
    json.literal_key("\"loss\":")?;
    millionths(json, ping.loss_ppm_percent())?;
    json.close_object()
}

fn trace<W: Write>(json: &mut Json<W>, route: &Route, joint: &str) -> Result<(), W::Error> {
    json.open_array()?;
    for (i, hop) in route.iter().enumerate() {
        // The longest address has 39 bytes.
        let (mut text, blank) = ([0; 80], if i > 0 { joint } else { "" });
        let mut room = &mut text[..];
        let written = match hop {
            Some(Hop { address, rtt_ns }) => {
                let (ms, ns) = (rtt_ns / 1_000_000, rtt_ns % 1_000_000);
                write!(room, "{blank}[\"{address}\", {ms}.{ns:06}]")
            }
            None => write!(room, "{blank}[\"*\"]"),
        };
        debug_assert!(written.is_ok());
        let len = 80 - room.len();
        json.raw(&text[..len])?;
    }
    json.close_array()
}

fn scan<W: Write>(json: &mut Json<W>, scan: &Scan<'_>) -> Result<(), W::Error> {
    json.open_object()?;
    for (key, found) in [("\"http\":", scan.http), ("\"https\":", scan.https)] {
        json.literal_key(key)?;
        finding(json, found, |json, found| {
            json.literal_key("\"response code\":")?;
            json.display(found.status)?;
            json.literal_key("\"server\":")?;
            json.string(&found.text)?;
            certificate(json, "\"days\":", found)
        })?;
    }
    json.literal_key("\"mysql\":")?;
    finding(json, scan.mysql, |json, found| {
        json.literal_key("\"version\":")?;
        json.string(&found.text)
    })?;
    if !scan.ports.is_empty() {
        json.literal_key("\"ports\":")?;
        json.open_object()?;
        for (port, found) in scan.ports {
            json.key(itoa::Buffer::new().format(*port))?;
            finding(json, *found, |_, _| Ok(()))?;
        }
        json.close_object()?;
    }
    json.close_object()
}

fn finding<W: Write>(
    json: &mut Json<W>,
    found: Option<&Finding>,
    more: impl FnOnce(&mut Json<W>, &Finding) -> Result<(), W::Error>,
) -> Result<(), W::Error> {
    let Some(found) = found else {
        return json.string("None");
    };
    json.open_object()?;
    json.literal_key("\"rtt\":")?;
    millionths(json, found.rtt_ns)?;
    more(json, found)?;
    json.close_object()
}

/// What the certificate is worth, when that was asked for; `days_key` is the key of the days left.
pub(super) fn certificate<W: Write>(
    json: &mut Json<W>,
    days_key: &'static str,
    found: &Finding,
) -> Result<(), W::Error> {
    let Some(certificate) = &found.certificate else {
        return Ok(());
    };
    json.literal_key("\"tls\":")?;
    json.open_object()?;
    json.literal_key("\"valid\":")?;
    json.boolean(certificate.error.is_empty())?;
    if let Some(days) = certificate.days {
        json.literal_key(days_key)?;
        json.signed(days.into())?;
    }
    if !certificate.error.is_empty() {
        json.literal_key("\"error\":")?;
        json.string(&certificate.error)?;
    }
    json.close_object()
}

/// `number` / 10^6 with six decimals: nanoseconds as milliseconds.
fn millionths<W: Write>(json: &mut Json<W>, number: u64) -> Result<(), W::Error> {
    let mut text = [b'0'; 21];
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(number).as_bytes();
    // At least seven digits, and a point before the last six.
    let start = (20 - digits.len()).min(13);
    text[20 - digits.len()..20].copy_from_slice(digits);
    text.copy_within(14..20, 15);
    text[14] = b'.';
    json.raw(&text[start..])
}

#[cfg(test)]
mod tests;
