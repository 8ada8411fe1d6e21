// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `netmon` document: rates per interface, and the host.

use embedded_io::{SliceWriteError, Write, WriteFmtError};

use super::json::{Json, Style};
use crate::limits::{INTERFACE_NAME_BYTES_MAX, INTERFACES_MAX, NETMON_INTERFACE_BYTES_MAX};
use crate::model::interface::{COUNTERS, Change, Window};
use crate::time::Wall;

/// Keys of the document itself, which no interface may take.
pub const RESERVED: &[&str] = &[HOST];

/// Keys that no interface may take in a document for a server.
pub const RESERVED_SENT: &[&str] = &[HOST, "timestamp", "@timestamp"];

const HOST: &str = "host";

/// Writes the keys that a server gets in front of the others: `wall` in both forms, with a comma.
///
/// # Errors
/// What `out` says.
pub fn stamp<W: Write>(wall: Wall, out: &mut W) -> Result<(), WriteFmtError<W::Error>> {
    let utc = wall.utc();
    write!(
        out,
        "\"timestamp\":\"{utc:.6}\",\"@timestamp\":\"{utc:.3}Z\","
    )
}

/// The key of each counter as it is written, in the order of /proc/net/dev.
const KEYS: [&str; COUNTERS] = [
    "\"recv_bytes\":",
    "\"recv_packets\":",
    "\"recv_errs\":",
    "\"recv_drop\":",
    "\"recv_fifo\":",
    "\"recv_frame\":",
    "\"recv_compressed\":",
    "\"recv_multicast\":",
    "\"trans_bytes\":",
    "\"trans_packets\":",
    "\"trans_errs\":",
    "\"trans_drop\":",
    "\"trans_fifo\":",
    "\"trans_colls\":",
    "\"trans_carrier\":",
    "\"trans_compressed\":",
];

/// The counters in the order of their keys.
const SORTED: [usize; COUNTERS] = [0, 6, 3, 2, 4, 5, 7, 1, 8, 14, 13, 15, 11, 10, 12, 9];

const _: () = {
    // `"name": {`, each counter in a line of its own, `},`.
    let mut bytes = 6 * INTERFACE_NAME_BYTES_MAX + 24;
    let mut i = 0;
    while i < COUNTERS {
        bytes += "\n         ,".len() + KEYS[i].len() + 20;
        i += 1;
    }
    assert!(bytes <= NETMON_INTERFACE_BYTES_MAX);
};

/// Writes the document to the start of `buffer` and gives it. Indented, all keys are sorted;
/// otherwise the interfaces keep the kernel's order and `host` comes last.
///
/// # Errors
/// When the buffer is shorter than [`crate::limits::NETMON_DOCUMENT_BYTES_MAX`] and too short.
pub fn document<'b>(
    window: Window<'_>,
    host: &str,
    style: Style,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], SliceWriteError> {
    let len = buffer.len();
    let mut json = Json::new(&mut *buffer, style);
    json.open_object()?;
    match style {
        Style::Compact => members(&mut json, window, host)?,
        Style::Indented => sorted_members(&mut json, window, host)?,
    }
    json.close_object()?;
    let written = len - json.finish()?.len();
    Ok(&buffer[..written])
}

fn members<W: Write>(json: &mut Json<W>, window: Window<'_>, host: &str) -> Result<(), W::Error> {
    for change in window.changes() {
        interface(json, change, 0..COUNTERS)?;
    }
    json.key(HOST)?;
    json.string(host)
}

fn sorted_members<W: Write>(
    json: &mut Json<W>,
    window: Window<'_>,
    host: &str,
) -> Result<(), W::Error> {
    let mut changes = [None; INTERFACES_MAX];
    let mut count = 0;
    for (slot, change) in changes.iter_mut().zip(window.changes()) {
        *slot = Some(change);
        count += 1;
    }
    let changes = &mut changes[..count];
    changes.sort_unstable_by_key(|change| change.map(|change| change.name));
    let host_at = changes.partition_point(|change| change.is_some_and(|change| change.name < HOST));
    for change in changes[..host_at].iter().flatten() {
        interface(json, *change, SORTED)?;
    }
    json.key(HOST)?;
    json.string(host)?;
    for change in changes[host_at..].iter().flatten() {
        interface(json, *change, SORTED)?;
    }
    Ok(())
}

fn interface<W: Write>(
    json: &mut Json<W>,
    change: Change<'_>,
    order: impl IntoIterator<Item = usize>,
) -> Result<(), W::Error> {
    let rates = change.rates();
    json.key(change.name)?;
    json.open_object()?;
    for i in order {
        json.literal_key(KEYS[i])?;
        json.unsigned(rates[i])?;
    }
    json.close_object()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_has_two_forms_of_one_moment() {
        let mut out = Vec::new();
        stamp(Wall::from_us(1_795_221_536_574_688), &mut out).unwrap();
        let expected =
            r#""timestamp":"2026-11-21T00:38:56.574688","@timestamp":"2026-11-21T00:38:56.574Z","#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn the_sorted_order_is_sorted() {
        let keys = SORTED.map(|i| KEYS[i]);
        assert!(keys.is_sorted());
    }
}
