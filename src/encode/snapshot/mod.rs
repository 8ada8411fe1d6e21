// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent's document, `realtimeSnapshot`: what stands around the parts that others write.

pub mod interfaces;
pub mod metrics;

use embedded_io::{Write, WriteFmtError};

use super::bandwidth::{SCHEMA_VERSION, Window};
use super::json::{Json, Style};
use crate::time::Wall;

/// Writes the keys that a search server gets in front of the others, each with its comma.
///
/// # Errors
/// What `out` says.
pub fn stamp<W: Write>(wall: Wall, host: &str, out: &mut W) -> Result<(), WriteFmtError<W::Error>> {
    write!(out, "\"@timestamp\":\"{:.3}Z\",\"host\":", wall.utc())?;
    let mut json = Json::new(&mut *out, Style::Compact);
    json.string(host).map_err(WriteFmtError::Other)?;
    out.write_all(b",").map_err(WriteFmtError::Other)
}

/// Who made a document, and when.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Name of the router.
    pub server_id: &'a str,
    /// The kernel's identity of this boot; empty when unknown.
    pub boot_id: &'a str,
    /// Tells this run apart from others.
    pub start_id: u64,
    /// Number of the document in this run, from 1.
    pub sequence: u64,
    /// Whether the clock can be believed.
    pub clock_synced: bool,
    /// How far the clock was set in this window, in ms; `None` when it was not.
    pub clock_step_ms: Option<i64>,
}

/// Opens the document and writes who made it, and when.
///
/// # Errors
/// What `out` says.
pub fn open<W: Write>(
    json: &mut Json<W>,
    head: &Head<'_>,
    window: &Window,
) -> Result<(), W::Error> {
    json.open_object()?;
    json.literal_key("\"messageType\":")?;
    json.string("realtimeSnapshot")?;
    json.literal_key("\"serverId\":")?;
    json.string(head.server_id)?;
    json.literal_key("\"snapshotTime\":")?;
    json.time(window.end.wall)?;
    json.literal_key("\"schemaVersion\":")?;
    json.unsigned(SCHEMA_VERSION)?;
    json.literal_key("\"bootId\":")?;
    json.string(head.boot_id)?;
    json.literal_key("\"startId\":")?;
    json.display(format_args!("{:016x}", head.start_id))?;
    json.literal_key("\"sequence\":")?;
    json.unsigned(head.sequence)?;
    json.literal_key("\"clockSynced\":")?;
    json.boolean(head.clock_synced)?;
    if let Some(step_ms) = head.clock_step_ms {
        json.literal_key("\"clockStepMs\":")?;
        json.signed(step_ms)?;
    }
    Ok(())
}

/// What happened at an output since the start.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    /// What the user calls it.
    pub name: &'a str,
    /// `stdout`, `file`, `elastic` or `api`.
    pub kind: &'a str,
    /// Documents that wait.
    pub queue: u64,
    /// How long the oldest of them has waited; `None` when none does.
    pub oldest_s: Option<u64>,
    /// Documents that are there.
    pub sent: u64,
    /// Documents sent once more.
    pub retried: u64,
    /// Documents that made room for newer ones, or were not taken.
    pub dropped: u64,
    /// Documents that the server refused for good.
    pub dead_lettered: u64,
    /// The last failure, and when it was.
    pub last_error: Option<(&'a str, Wall)>,
}

/// Writes one of `health.outputs`.
///
/// # Errors
/// What `out` says.
pub fn output<W: Write>(json: &mut Json<W>, output: &Output<'_>) -> Result<(), W::Error> {
    json.open_object()?;
    json.literal_key("\"name\":")?;
    json.string(output.name)?;
    json.literal_key("\"type\":")?;
    json.string(output.kind)?;
    number(json, "\"queue\":", output.queue)?;
    if let Some(oldest_s) = output.oldest_s {
        number(json, "\"oldestSeconds\":", oldest_s)?;
    }
    number(json, "\"sent\":", output.sent)?;
    number(json, "\"retried\":", output.retried)?;
    number(json, "\"dropped\":", output.dropped)?;
    number(json, "\"deadLettered\":", output.dead_lettered)?;
    if let Some((error, when)) = output.last_error {
        json.literal_key("\"lastError\":")?;
        json.string(error)?;
        json.literal_key("\"lastErrorTime\":")?;
        json.time(when)?;
    }
    json.close_object()
}

/// What happened to the files of the spool.
#[derive(Clone, Copy, Debug)]
pub struct Spool {
    /// What they take.
    pub bytes: u64,
    /// What they may take.
    pub limit_bytes: u64,
    /// Ends that were cut off.
    pub torn: u64,
    /// Damaged places.
    pub corrupt: u64,
}

/// Writes the value of `health.spool`.
///
/// # Errors
/// What `out` says.
pub fn spool<W: Write>(json: &mut Json<W>, spool: &Spool) -> Result<(), W::Error> {
    json.open_object()?;
    number(json, "\"bytes\":", spool.bytes)?;
    number(json, "\"limitBytes\":", spool.limit_bytes)?;
    number(json, "\"torn\":", spool.torn)?;
    number(json, "\"corrupt\":", spool.corrupt)?;
    json.close_object()
}

fn number<W: Write>(json: &mut Json<W>, key: &'static str, value: u64) -> Result<(), W::Error> {
    json.literal_key(key)?;
    json.unsigned(value)
}
