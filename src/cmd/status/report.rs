// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known of the agent, for people and as JSON.

use core::convert::Infallible;
use core::fmt::{self, Write as _};

use super::kept::{Kept, Output};
use super::verdict::Verdict;
use crate::encode::json::{Json, Style};
use crate::term::amount::Bytes;
use crate::term::escape::Escaping;
use crate::term::table::{Column, Table};

/// The keys of the state file that are passed on, in their order.
const KEYS: &[&str] = &[
    "schemaVersion",
    "version",
    "pid",
    "startId",
    "bootId",
    "startedTime",
    "writtenTime",
    "writtenUptimeMs",
    "intervalSeconds",
    "configFile",
];

/// The answer as JSON, a line.
pub(super) fn json(kept: Option<(&Kept, &Verdict)>, reason: Option<&str>) -> String {
    let Ok(line) = write_json(kept, reason);
    String::from_utf8_lossy(&line).into_owned()
}

fn write_json(
    kept: Option<(&Kept, &Verdict)>,
    reason: Option<&str>,
) -> Result<Vec<u8>, Infallible> {
    let mut json = Json::new(Vec::new(), Style::Compact);
    json.open_object()?;
    json.literal_key("\"running\":")?;
    json.boolean(reason.is_none())?;
    if let Some((kept, verdict)) = kept {
        if let Some(age) = verdict.age {
            json.literal_key("\"ageSeconds\":")?;
            json.unsigned(age.as_secs())?;
        }
        let mut raw = |key: &str, value: Option<&str>| match value {
            Some(value) => json.key(key).and_then(|()| json.raw(value.as_bytes())),
            None => Ok(()),
        };
        for key in KEYS {
            raw(key, kept.member(key))?;
        }
        raw("sequence", kept.of_snapshot("sequence"))?;
        raw("clockSynced", kept.of_snapshot("clockSynced"))?;
        raw("capture", kept.of_network("capture"))?;
        raw("health", kept.of_snapshot("health"))?;
        let (active, known) = kept.devices();
        json.literal_key("\"devicesActive\":")?;
        json.unsigned(active)?;
        json.literal_key("\"devicesKnown\":")?;
        json.unsigned(known)?;
    }
    if let Some(reason) = reason {
        json.literal_key("\"reason\":")?;
        json.string(reason)?;
    }
    json.close_object()?;
    json.finish()
}

const fn column(heading: &'static str, right: bool, shrinks: bool) -> Column {
    Column {
        heading,
        right,
        shrinks,
    }
}

const OUTPUTS: &[Column] = &[
    column("OUTPUT", false, true),
    column("TYPE", false, false),
    column("QUEUE", true, false),
    column("OLDEST", true, false),
    column("SENT", true, false),
    column("DROPPED", true, false),
    column("REFUSED", true, false),
    column("LAST ERROR", false, true),
];

/// The answer for people; lines of a table are at most `width_max` wide.
pub(super) fn text(
    kept: Option<(&Kept, &Verdict)>,
    reason: Option<&str>,
    width_max: Option<usize>,
) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    match reason {
        None => line(&mut text, "agent", format_args!("running")),
        Some(reason) => line(&mut text, "agent", format_args!("not running: {reason}")),
    }
    if let Some((kept, verdict)) = kept {
        facts(&mut text, kept, verdict);
        let outputs = &kept.state.snapshot.health.outputs;
        if !outputs.is_empty() {
            text.push('\n');
            table(outputs).render(width_max, &mut text);
        }
    }
    text
}

/// A line of the report; what comes from the file can do no harm.
fn line(text: &mut String, name: &str, what: fmt::Arguments<'_>) {
    let _ = write!(text, "{name:<10}");
    let _ = Escaping(&mut *text).write_fmt(what);
    text.push('\n');
}

fn facts(text: &mut String, kept: &Kept, verdict: &Verdict) {
    let (state, snapshot) = (&kept.state, &kept.state.snapshot);
    let (version, pid, started) = (&state.version, state.pid, &state.started);
    let of = &snapshot.server_id;
    line(
        text,
        "process",
        format_args!("{pid}, netvitals {version}, as '{of}' since {started}"),
    );
    if let Some(file) = &state.config_file {
        line(text, "config", format_args!("{file}"));
    }
    let (sequence, time, interval) = (snapshot.sequence, &snapshot.time, kept.interval);
    match verdict.age {
        Some(age) => line(
            text,
            "window",
            format_args!(
                "{sequence}, of {interval:?}, until {time}, {} s ago",
                age.as_secs()
            ),
        ),
        None => line(
            text,
            "window",
            format_args!("{sequence}, of {interval:?}, until {time}"),
        ),
    }
    if !snapshot.clock_synced {
        line(text, "clock", format_args!("nobody keeps it right"));
    }
    capture(text, kept);
    let (active, known) = kept.devices();
    line(
        text,
        "devices",
        format_args!("{active} active, {known} known"),
    );
    if let Some(spool) = &snapshot.health.spool {
        let (bytes, limit) = (Bytes(spool.bytes), Bytes(spool.limit_bytes));
        let (torn, corrupt) = (spool.torn, spool.corrupt);
        line(
            text,
            "spool",
            format_args!("{bytes} of {limit}, {torn} torn, {corrupt} corrupt"),
        );
    }
}

fn capture(text: &mut String, kept: &Kept) {
    let capture = &kept.state.snapshot.network.capture;
    let (source, seen, lost) = (&capture.source, capture.frames_seen, capture.frames_lost);
    let on = match capture.interfaces.is_empty() {
        true => String::new(),
        false => format!(" on {}", capture.interfaces.join(" ")),
    };
    line(
        text,
        "capture",
        format_args!("{source}{on}, {seen} frames seen, {lost} lost"),
    );
    if let Some(reason) = &capture.fallback_reason {
        line(text, "", format_args!("{reason}"));
    }
    if !capture.unseen.is_empty() {
        line(text, "unseen", format_args!("{}", capture.unseen.join(" ")));
    }
}

fn table(outputs: &[Output]) -> Table {
    let mut table = Table::new(OUTPUTS);
    for output in outputs {
        table.cell(&output.name);
        table.cell(&output.kind);
        table.cell(output.queue);
        match output.oldest_s {
            Some(oldest_s) => table.cell(format_args!("{oldest_s} s")),
            None => table.cell(""),
        }
        table.cell(output.sent);
        table.cell(output.dropped);
        table.cell(output.dead_lettered);
        match (&output.last_error, &output.last_error_time) {
            (Some(error), Some(time)) => table.cell(format_args!("{time} {error}")),
            (error, _) => table.cell(error.as_deref().unwrap_or_default()),
        }
    }
    table
}
