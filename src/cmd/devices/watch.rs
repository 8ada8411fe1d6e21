// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--watch`: sweep after sweep, and what changed between them; a live table at a terminal, else a
//! line for each change.

use core::fmt::Write as _;
use core::hash::{Hash, Hasher};
use core::time::Duration;

use super::How;
use super::report::{self, Mark, Report, write_json};
use super::session::Session;
use crate::cmd::stdout_failure;
use crate::encode::device::Entry;
use crate::engine::schedule::Cadence;
use crate::failure::Failure;
use crate::model::index::Index;
use crate::sink::stdout;
use crate::sys::signal::Woken;
use crate::sys::{clock, random, terminal};
use crate::term::escape::Escaped;
use crate::term::screen;
use crate::time::Mono;

/// From sweep to sweep, as long as one takes no longer.
const INTERVAL: Duration = Duration::from_secs(5);

/// So many intervals, or sweeps when these are longer, a device may be silent.
const SILENT_SWEEPS: u32 = 3;

/// Devices that only listening knows need not be heard so often.
const SILENCE_PASSIVE: Duration = Duration::from_secs(180);

/// A device is forgotten (config.md: forget_after).
const FORGET: Duration = Duration::from_secs(86_400);

/// A device is marked as new for so long.
const NEW: Duration = Duration::from_secs(60);

/// Files with names are read again after so long, and when somebody is new.
const REREAD: Duration = Duration::from_secs(60);

/// What is shown is made anew at most so often.
const REFRESH: Duration = Duration::from_millis(500);

/// The watch.
struct Watch<'a> {
    report: &'a mut Report,
    json: bool,
    shown: Shown,
    silence: Duration,
    /// Before the first sweep was over nobody is new.
    settled: Option<Mono>,
    next_show: Mono,
    live: bool,
    /// How often there was no room until the last sweep.
    refused_count: u64,
}

/// Watches until a signal comes, or for as long as is listened.
///
/// # Errors
/// When nobody takes what is shown.
pub(super) fn run(
    session: &mut Session,
    report: &mut Report,
    how: How,
    json: bool,
) -> Result<(), Failure> {
    let start = clock::mono();
    let mut watch = Watch {
        shown: Shown::new(session.lan.listener.devices.capacity()),
        report,
        json,
        silence: match how {
            How::Ask(_) => INTERVAL * SILENT_SWEEPS,
            How::Listen(_) => SILENCE_PASSIVE,
        },
        settled: None,
        next_show: start,
        live: !json && terminal::stdout_size().is_some(),
        refused_count: 0,
    };
    let woken = match how {
        How::Ask(_) => watch.sweeps(session, start),
        How::Listen(span) => {
            watch.settled = Some(start);
            session.listen(start.after(span), |session, now| {
                watch.refresh(session, now)
            })
        }
    };
    woken?;
    watch.show(session, clock::mono())?;
    report::tell_oddities(&session.lan);
    Ok(())
}

impl Watch<'_> {
    fn sweeps(&mut self, session: &mut Session, start: Mono) -> Result<Woken, Failure> {
        let mut cadence = Cadence::new(start, INTERVAL);
        let (mut read, mut known) = (start, 0);
        loop {
            let begun = clock::mono();
            if session.sweep(|session, now| self.refresh(session, now))? == Woken::Terminate {
                return Ok(Woken::Terminate);
            }
            let now = clock::mono();
            // Who is new has most likely a new lease.
            let count = session.lan.listener.devices.devices().len();
            let fresh = core::mem::replace(&mut known, count) < count && self.settled.is_some();
            let reread = fresh || now.since(read) >= REREAD;
            session.look_around(reread)?;
            if reread {
                read = now;
            }
            self.silence = INTERVAL.max(now.since(begun)) * SILENT_SWEEPS;
            self.settled = self.settled.or(Some(now));
            // Without room for others, whoever is gone has to go.
            let refused = session.lan.listener.devices.refused_count();
            let full = core::mem::replace(&mut self.refused_count, refused) < refused;
            let silence = if full { self.silence } else { FORGET };
            session.lan.forget(silence, &|_| false);
            self.show(session, now)?;
            let next = cadence.next_due();
            if session.listen(next, |session, now| self.refresh(session, now))? == Woken::Terminate
            {
                return Ok(Woken::Terminate);
            }
            let now = clock::mono();
            cadence.ran(now);
            if let Some(scan) = &mut session.lan.scan {
                scan.restart(now);
            }
        }
    }

    /// Shows what changed, if anything did or a second has passed.
    fn refresh(&mut self, session: &mut Session, now: Mono) -> Result<(), Failure> {
        let idle = now.since(self.next_show) >= Duration::from_secs(1);
        if now < self.next_show || !(session.lan.changed || idle) {
            return Ok(());
        }
        self.show(session, now)
    }

    fn show(&mut self, session: &mut Session, now: Mono) -> Result<(), Failure> {
        session.lan.changed = false;
        self.next_show = now.after(REFRESH);
        if self.live {
            self.table(session, now)
        } else {
            self.changes(session, now)
        }
    }

    fn table(&mut self, session: &Session, now: Mono) -> Result<(), Failure> {
        let settled = self.settled;
        self.report
            .table(&session.lan, Some(self.silence), |entry| {
                let first = entry.device.first_seen;
                let late = settled.is_some_and(|settled| first > settled);
                match entry.active {
                    false => Mark::Gone,
                    true if late && now.since(first) <= NEW => Mark::New,
                    true => Mark::None,
                }
            });
        let size = terminal::stdout_size().unwrap_or((80, 24));
        let screen = screen::of(&self.report.text, size);
        stdout::put(screen.as_bytes(), &session.signals).map_err(stdout_failure)
    }

    fn changes(&mut self, session: &Session, now: Mono) -> Result<(), Failure> {
        let stamp = report::stamp();
        let Session { lan, signals, .. } = session;
        self.report.rows.sort(&lan.listener.devices);
        let mut document = core::mem::take(&mut self.report.document);
        let (shown, json) = (&mut self.shown, self.json);
        let result = self
            .report
            .rows
            .each(lan, Some(self.silence), now, |entry| {
                let Some(mark) = shown.change(entry) else {
                    return Ok(());
                };
                if json {
                    return write_json(entry, stamp, &mut document, signals);
                }
                let line = text(entry, mark);
                stdout::put(line.as_bytes(), signals).map_err(stdout_failure)
            });
        self.report.document = document;
        result
    }
}

/// A change as a line for people.
fn text(entry: &Entry<'_>, mark: Mark) -> String {
    let mark = match mark {
        Mark::None => "~",
        Mark::New => "+",
        Mark::Gone => "-",
    };
    let (mac, name) = (entry.device.mac, entry.name.map_or("", |(name, _)| name));
    let vendor = entry.vendor.unwrap_or_default();
    let address = match (entry.address, entry.device.ipv6.first()) {
        (Some(address), _) => address.to_string(),
        (None, Some(address)) => address.to_string(),
        (None, None) => "-".to_owned(),
    };
    let line = format!(
        "{mark} {address} {mac} {} {}",
        Escaped(name),
        Escaped(vendor)
    );
    format!("{}\n", line.trim_end())
}

/// What was said last of each row.
struct Shown {
    index: Index,
    rows: Vec<Row>,
}

#[derive(Clone, Copy)]
struct Row {
    key: u128,
    content: u64,
    active: bool,
}

impl Shown {
    fn new(capacity: usize) -> Self {
        // Claims, devices without any, and those that were forgotten meanwhile.
        let capacity = capacity * 3;
        Self {
            index: Index::new(capacity, random::bits()),
            rows: Vec::with_capacity(capacity),
        }
    }

    /// What is to be said of a row; `None` when nothing changed.
    fn change(&mut self, entry: &Entry<'_>) -> Option<Mark> {
        let mac = entry.device.mac.0;
        let mac = mac
            .iter()
            .fold(0_u128, |key, &octet| key << 8 | u128::from(octet));
        let address = entry
            .address
            .map_or(0, |address| u128::from(address.to_bits()));
        let key = address << 64 | mac;
        let row = Row {
            key,
            content: content(entry),
            active: entry.active,
        };
        let rows = &self.rows;
        if let Some(at) = self.index.find(key, |at| rows[at].key == key) {
            let old = core::mem::replace(&mut self.rows[at], row);
            return match (old.active, row.active) {
                (true, false) => Some(Mark::Gone),
                (false, true) => Some(Mark::New),
                _ if old.content != row.content => Some(Mark::None),
                _ => None,
            };
        }
        if self.rows.len() == self.rows.capacity() {
            // Everything is said once more.
            self.rows.clear();
            self.index.clear();
        }
        self.index.insert(key, self.rows.len());
        self.rows.push(row);
        Some(if row.active { Mark::New } else { Mark::Gone })
    }
}

/// What of a row is worth a new line, as a number (FNV-1a): not when it was heard, nor how fast.
fn content(entry: &Entry<'_>) -> u64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    entry
        .name
        .map(|(name, source)| (name, source.as_str()))
        .hash(&mut hash);
    entry.vendor.hash(&mut hash);
    entry.conflict_macs.hash(&mut hash);
    // Their order changes with every sign of life.
    let sum = |text: &dyn core::fmt::Display| {
        let mut one = Fnv(0xcbf2_9ce4_8422_2325);
        let _ = write!(one, "{text}");
        one.0
    };
    let ipv6 = entry.device.ipv6.iter().map(|address| sum(address));
    hash.write_u64(ipv6.fold(0, u64::wrapping_add));
    hash.finish()
}

struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

impl core::fmt::Write for Fnv {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.write(text.as_bytes());
        Ok(())
    }
}
