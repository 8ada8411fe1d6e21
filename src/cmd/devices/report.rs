// SPDX-License-Identifier: MIT OR Apache-2.0
//! The devices on standard output, as a table or as JSON, and on standard error what is odd.

use core::fmt;
use core::time::Duration;

use super::rows::Rows;
use crate::cmd::claims::Claims;
use crate::cmd::stdout_failure;
use crate::collect::lan::Lan;
use crate::encode::device::{self as document, Entry, Stamp};
use crate::failure::Failure;
use crate::limits::DEVICE_DOCUMENT_BYTES_MAX;
use crate::model::addr::Mac;
use crate::model::device::Claim;
use crate::model::known_names::NameSource;
use crate::sink::stdout;
use crate::sys::signal::Signals;
use crate::sys::{clock, terminal};
use crate::term::table::{Column, Table};
use crate::time::in_us;

/// Oddities of one kind that are said; the rest is a number.
const NOTES_MAX: usize = 8;

const fn column(heading: &'static str, right: bool, shrinks: bool) -> Column {
    Column {
        heading,
        right,
        shrinks,
    }
}

const COLUMNS: &[Column] = &[
    column("", false, false),
    column("ADDRESS", false, false),
    column("MAC", false, false),
    column("NAME", false, true),
    column("FROM", false, false),
    column("VENDOR", false, true),
    column("ROUND TRIP", true, false),
];

/// What stands in front of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    New,
    Gone,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "",
            Self::New => "+",
            Self::Gone => "-",
        })
    }
}

/// Everything that is shown, and the room to make it in.
pub(super) struct Report {
    pub(super) rows: Rows,
    table: Table,
    /// Whether a mark stands in front of each row.
    marks: bool,
    /// A table as text.
    pub(super) text: String,
    /// A line of JSON.
    pub(super) document: Box<[u8]>,
}

impl Report {
    pub(super) fn new(capacity: usize, marks: bool) -> Self {
        Self {
            rows: Rows::new(capacity),
            table: Table::new(if marks { COLUMNS } else { &COLUMNS[1..] }),
            marks,
            text: String::new(),
            document: vec![0; DEVICE_DOCUMENT_BYTES_MAX].into_boxed_slice(),
        }
    }

    /// Writes a line of JSON for every row.
    pub(super) fn json(&mut self, lan: &Lan, signals: &Signals) -> Result<(), Failure> {
        let stamp = stamp();
        self.rows.sort(&lan.listener.devices);
        let Self { rows, document, .. } = self;
        rows.each(lan, None, stamp.mono, |entry| {
            write_json(entry, stamp, document, signals)
        })
    }

    /// Makes the table of all rows; `mark` says what stands in front of each.
    pub(super) fn table(
        &mut self,
        lan: &Lan,
        silence: Option<Duration>,
        mark: impl Fn(&Entry<'_>) -> Mark,
    ) {
        let now = clock::mono();
        self.rows.sort(&lan.listener.devices);
        self.table.clear();
        let (table, marks) = (&mut self.table, self.marks);
        let Ok(()) = self.rows.each(lan, silence, now, |entry| {
            if marks {
                table.cell(mark(entry));
            }
            cells(table, entry);
            Ok::<(), core::convert::Infallible>(())
        });
        self.text.clear();
        let columns = terminal::stdout_size().map(|(columns, _)| columns);
        self.table.render(columns, &mut self.text);
    }

    /// Writes the table that was made.
    pub(super) fn put(&self, signals: &Signals) -> Result<(), Failure> {
        stdout::put(self.text.as_bytes(), signals).map_err(stdout_failure)
    }
}

/// This moment on both clocks.
pub(super) fn stamp() -> Stamp {
    Stamp {
        wall: clock::wall(),
        mono: clock::mono(),
    }
}

/// Writes one row as JSON.
pub(super) fn write_json(
    entry: &Entry<'_>,
    stamp: Stamp,
    buffer: &mut [u8],
    signals: &Signals,
) -> Result<(), Failure> {
    let line = document::line(entry, stamp, buffer)
        .map_err(|error| Failure::failed(format_args!("document: {error}; please report this")))?;
    stdout::put(line, signals).map_err(stdout_failure)
}

fn cells(table: &mut Table, entry: &Entry<'_>) {
    let device = entry.device;
    match (entry.address, device.ipv6.first()) {
        (Some(address), _) => table.cell(address),
        (None, Some(address)) => table.cell(address),
        (None, None) => table.cell("-"),
    }
    table.cell(device.mac);
    table.cell(entry.name.map_or("", |(name, _)| name));
    table.cell(
        entry
            .name
            .map_or("", |(_, source)| NameSource::as_str(source)),
    );
    match entry.vendor {
        Some(vendor) => table.cell(vendor),
        None if device.mac.is_local() => table.cell("(random)"),
        None => table.cell(""),
    }
    match entry.rtt {
        Some(rtt) => {
            let us = in_us(rtt);
            table.cell(format_args!("{}.{:03} ms", us / 1_000, us % 1_000));
        }
        None => table.cell(""),
    }
}

/// Says what is odd about the LAN and what was left out.
pub(super) fn tell_oddities(lan: &Lan) {
    let devices = &lan.listener.devices;
    let mut notes = Notes::default();
    let mut last = None;
    let mut claims = Claims::new(devices.claims().len());
    claims.sort(devices);
    let mac = |claim: &Claim| devices.device(claim.device).mac;
    let next = claims.all(devices).skip(1);
    for (one, other) in claims.all(devices).zip(next) {
        let address = one.address;
        if address == other.address && last != Some(address) {
            last = Some(address);
            let (first, second) = (mac(one), mac(other));
            notes.say(format_args!(
                "{address} is claimed by {first} and by {second}"
            ));
        }
    }
    notes.finish("addresses that several devices claim");
    for device in devices
        .devices()
        .iter()
        .filter(|device| device.claims_count > 1)
    {
        let count = device.claims_count;
        notes.say(format_args!("{} answers for {count} addresses", device.mac));
    }
    notes.finish("devices that answer for several addresses");
    for claim in devices.claims() {
        if let Some(source) = claim.frame_source {
            let (address, mac): (_, Mac) = (claim.address, devices.device(claim.device).mac);
            notes.say(format_args!(
                "{address}: {mac} is in frames that come from {source}"
            ));
        }
    }
    notes.finish("devices behind another's frames");
    tell_counts(lan);
}

fn tell_counts(lan: &Lan) {
    let devices = &lan.listener.devices;
    if devices.refused_count() > 0 {
        log::warn!(
            "no room for more than {} devices: left out {} times",
            devices.capacity(),
            devices.refused_count()
        );
    }
    if lan.lost_count > 0 {
        log::warn!(
            "frames lost because there were too many: {}",
            lan.lost_count
        );
    }
    if lan.unsent_count > 0 {
        log::warn!(
            "requests that the interface could not send: {}",
            lan.unsent_count
        );
    }
    let left_out = lan.sources.names.known.left_out_count();
    if left_out > 0 {
        log::warn!("names left out, there are too many: {left_out}");
    }
    let ignored = lan.listener.ignored;
    log::info!(
        "frames: {}; ignored: {} malformed, {} not asked for, {} gratuitous, {} impossible; \
         name servers: {} messages ignored",
        lan.listener.frames_count,
        ignored.malformed,
        ignored.not_asked,
        ignored.gratuitous,
        ignored.impossible,
        lan.sources.reverse.reverse.ignored_count()
    );
}

/// Notes of one kind.
#[derive(Default)]
struct Notes {
    count: usize,
}

impl Notes {
    fn say(&mut self, note: fmt::Arguments<'_>) {
        self.count += 1;
        if self.count <= NOTES_MAX {
            log::warn!("{note}");
        }
    }

    fn finish(&mut self, kind: &str) {
        if self.count > NOTES_MAX {
            log::warn!("{kind}: {} in all", self.count);
        }
        self.count = 0;
    }
}
