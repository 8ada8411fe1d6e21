// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known of the agent, for people and as JSON.

use core::convert::Infallible;
use core::fmt::{self, Write as _};
use core::time::Duration;

use super::kept::State;
use crate::codec::json::{Object, Text};
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

/// All that can be said.
pub(super) struct Report<'a> {
    /// What the file says, and its age; without one when it was written in another boot.
    pub(super) known: Option<(State<'a>, Option<Duration>)>,
    /// Why the agent does not run; `None` when it does.
    pub(super) reason: Option<&'a str>,
}

impl Report<'_> {
    /// For programs, a line.
    pub(super) fn json(&self) -> String {
        let mut line = Vec::new();
        let Ok(()) = self.write_json(&mut line);
        String::from_utf8_lossy(&line).into_owned()
    }

    fn write_json(&self, line: &mut Vec<u8>) -> Result<(), Infallible> {
        let mut json = Json::new(line, Style::Compact);
        json.open_object()?;
        json.literal_key("\"running\":")?;
        json.boolean(self.reason.is_none())?;
        if let Some((state, age)) = &self.known {
            if let Some(age) = age {
                json.literal_key("\"ageSeconds\":")?;
                json.unsigned(age.as_secs())?;
            }
            let file = KEYS.iter().map(|key| (*key, state.file.value(key)));
            let [sequence, clock, health] =
                ["sequence", "clockSynced", "health"].map(|key| (key, state.snapshot.value(key)));
            let capture = ("capture", state.network.value("capture"));
            for (key, value) in file.chain([sequence, clock, capture, health]) {
                if let Some(value) = value {
                    json.key(key)?;
                    json.raw(value.as_bytes())?;
                }
            }
            let (active, known) = state.devices();
            json.literal_key("\"devicesActive\":")?;
            json.unsigned(active)?;
            json.literal_key("\"devicesKnown\":")?;
            json.unsigned(known)?;
        }
        if let Some(reason) = self.reason {
            json.literal_key("\"reason\":")?;
            json.string(reason)?;
        }
        json.close_object()?;
        json.finish()?;
        Ok(())
    }

    /// For people; lines of a table are at most `width_max` wide.
    pub(super) fn text(&self, width_max: Option<usize>) -> String {
        let mut text = String::new();
        match self.reason {
            None => line(&mut text, "agent", format_args!("running")),
            Some(reason) => line(&mut text, "agent", format_args!("not running: {reason}")),
        }
        if let Some((state, age)) = &self.known {
            facts(&mut text, state, *age);
            let outputs = state.health.array("outputs").into_iter().flatten();
            let mut outputs = outputs.filter_map(Object::of).peekable();
            if outputs.peek().is_some() {
                text.push('\n');
                table(outputs).render(width_max, &mut text);
            }
        }
        text
    }
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

/// A line of the report; what comes from the file can do no harm.
fn line(text: &mut String, name: &str, what: fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{name:<10}");
    let _ = Escaping(&mut *text).write_fmt(what);
    text.push('\n');
}

/// A member as it is shown to people: a string without its quotes, nothing when it is absent.
struct Shown<'a>(Option<&'a str>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.0.and_then(Text::of)) {
            (_, Some(text)) => text.fmt(f),
            (Some(value), None) => f.write_str(value),
            (None, None) => Ok(()),
        }
    }
}

/// Blanks between them, and one in front.
struct Listed<'a>(Object<'a>, &'static str);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut values = self.0.array(self.1).into_iter().flatten();
        values.try_for_each(|value| write!(f, " {}", Shown(Some(value))))
    }
}

fn shown<'a>(object: Object<'a>, name: &str) -> Shown<'a> {
    Shown(object.value(name))
}

fn facts(text: &mut String, state: &State<'_>, age: Option<Duration>) {
    let file = |name| shown(state.file, name);
    let snapshot = |name| shown(state.snapshot, name);
    line(
        text,
        "process",
        format_args!(
            "{}, netvitals {}, as '{}' since {}",
            state.pid,
            file("version"),
            snapshot("serverId"),
            file("startedTime")
        ),
    );
    if state.file.value("configFile").is_some() {
        line(text, "config", format_args!("{}", file("configFile")));
    }
    let window = format!(
        "{}, of {} s, until {}",
        snapshot("sequence"),
        file("intervalSeconds"),
        snapshot("snapshotTime")
    );
    match age {
        Some(age) => line(
            text,
            "window",
            format_args!("{window}, {} s ago", age.as_secs()),
        ),
        None => line(text, "window", format_args!("{window}")),
    }
    if state.snapshot.boolean("clockSynced") == Some(false) {
        line(text, "clock", format_args!("not synchronised"));
    }
    capture(text, state.capture);
    let (active, known) = state.devices();
    line(
        text,
        "devices",
        format_args!("{active} active, {known} known"),
    );
    if let Some(spool) = state.health.object("spool") {
        let bytes = |name| Bytes(spool.unsigned(name).unwrap_or(0));
        let (used, limit) = (bytes("bytes"), bytes("limitBytes"));
        let (torn, corrupt) = (shown(spool, "torn"), shown(spool, "corrupt"));
        line(
            text,
            "spool",
            format_args!("{used} of {limit}, {torn} torn, {corrupt} corrupt"),
        );
    }
}

fn capture(text: &mut String, capture: Object<'_>) {
    let of = |name| shown(capture, name);
    let interfaces = Listed(capture, "interfaces").to_string();
    let on = if interfaces.is_empty() { "" } else { " on" };
    line(
        text,
        "capture",
        format_args!(
            "{}{on}{interfaces}: {} frames seen, {} lost",
            of("source"),
            of("framesSeen"),
            of("framesLost")
        ),
    );
    if capture.value("fallbackReason").is_some() {
        line(text, "", format_args!("{}", of("fallbackReason")));
    }
    let unseen = Listed(capture, "unseen").to_string();
    if !unseen.is_empty() {
        line(text, "unseen", format_args!("{}", unseen.trim_start()));
    }
}

fn table<'a>(outputs: impl Iterator<Item = Object<'a>>) -> Table {
    let mut table = Table::new(OUTPUTS);
    for output in outputs {
        let of = |name| shown(output, name);
        for name in ["name", "type", "queue"] {
            table.cell(of(name));
        }
        let unit = if output.value("oldestSeconds").is_some() {
            " s"
        } else {
            ""
        };
        table.cell(format_args!("{}{unit}", of("oldestSeconds")));
        for name in ["sent", "dropped", "deadLettered"] {
            table.cell(of(name));
        }
        let gap = if output.value("lastErrorTime").is_some() {
            " "
        } else {
            ""
        };
        table.cell(format_args!(
            "{}{gap}{}",
            of("lastErrorTime"),
            of("lastError")
        ));
    }
    table
}
