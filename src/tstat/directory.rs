// SPDX-License-Identifier: MIT OR Apache-2.0
//! One directory of logs: read, sent, and marked as processed when all of it was confirmed.

use core::ffi::CStr;
use core::fmt;
use core::time::Duration;
use std::io;

use super::carrier::CarrierError;
use super::journal::{self, Found, Journal};
use super::layout::{Layout, Protocol};
use super::passage::Passage;
use super::reading::{Counts, ReadError, Taker};
use super::send::{Plan, Sender};
use super::walk::Place;
use super::write;
use crate::sys::clock;
use crate::sys::files::{File, Status};
use crate::sys::tree::Directory;

/// The mark of a directory that is done, and what is in it.
pub const PROCESSED: &CStr = c".processed";
const PROCESSED_TEXT: &[u8] = b"processed";
const PROCESSED_DRAFT: &CStr = c".processed.tmp";

/// What became of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There was nothing to do.
    Left,
    /// It is done.
    Done,
}

/// Why a directory is not done.
#[derive(Debug)]
pub(super) enum Halt {
    /// For a reason of its own: the next one is tried.
    Failed(String),
    /// Nothing will be taken any more.
    Stopped(CarrierError),
}

impl From<CarrierError> for Halt {
    fn from(error: CarrierError) -> Self {
        match error {
            CarrierError::Refused(what) => Self::Failed(what),
            other => Self::Stopped(other),
        }
    }
}

pub(super) fn failed(what: impl fmt::Display) -> Halt {
    Halt::Failed(what.to_string())
}

/// A log of a directory.
struct Log {
    protocol: Protocol,
    file: File,
    status: Status,
}

/// What the log of a protocol is called.
pub(super) fn log_name(protocol: Protocol) -> &'static CStr {
    match protocol {
        Protocol::Tcp => c"log_tcp_complete",
        Protocol::Udp => c"log_udp_complete",
    }
}

impl Log {
    fn open(directory: &Directory, protocol: Protocol) -> Result<Option<Self>, Halt> {
        let name = log_name(protocol).to_string_lossy();
        let cannot = |error: io::Error| {
            failed(format_args!(
                "cannot read {name}: {error}; is it yours to read?"
            ))
        };
        let Some(file) = directory.read(log_name(protocol)).map_err(cannot)? else {
            return Ok(None);
        };
        let status = file.status().map_err(cannot)?;
        if !status.is_file() {
            return Err(failed(format_args!("{name} is not an ordinary file")));
        }
        Ok(Some(Self {
            protocol,
            file,
            status,
        }))
    }

    fn has_changed(&self) -> bool {
        let now = self.file.status();
        let same = |now: Status| {
            now.bytes() == self.status.bytes() && now.modified_ns() == self.status.modified_ns()
        };
        !now.is_ok_and(same)
    }
}

/// What slices of these logs are made of, in one line.
fn key(plan: &Plan, logs: &[Log]) -> String {
    let mut key = Vec::new();
    let wish = &plan.wish;
    key.extend_from_slice(
        format!("bits {} udp {:?}", wish.bits_min, wish.udp_durations).as_bytes(),
    );
    for (word, text) in [
        (" sensor ", Some(&wish.sensor)),
        (" instance ", wish.instance.as_ref()),
    ] {
        key.extend_from_slice(word.as_bytes());
        write::string(text.map_or("", String::as_str).as_bytes(), &mut key);
    }
    let identity = plan
        .transport
        .as_ref()
        .map_or(0, |transport| transport.identity());
    key.extend_from_slice(format!(" to {identity:016x}").as_bytes());
    for Log {
        protocol, status, ..
    } in logs
    {
        let (bytes, modified_ns) = (status.bytes(), status.modified_ns());
        let text = format!(" {} {bytes} {modified_ns}", protocol.name());
        key.extend_from_slice(text.as_bytes());
    }
    String::from_utf8_lossy(&key).into_owned()
}

impl Sender<'_> {
    /// Does what is to be done in a directory.
    pub(super) fn directory(
        &mut self,
        directory: &Directory,
        place: &Place,
    ) -> Result<Outcome, Halt> {
        let is_done = || {
            let status = directory.status(PROCESSED);
            status.map(|status| status.is_some()).map_err(failed)
        };
        if is_done()? {
            return Ok(Outcome::Left);
        }
        let mut logs = Vec::new();
        for protocol in Protocol::ALL {
            logs.extend(Log::open(directory, protocol)?);
        }
        if logs.is_empty() || self.is_young(&logs, place) {
            return Ok(Outcome::Left);
        }
        if self.plan.transport.is_some() && !lock(directory)? {
            self.report.locked += 1;
            self.report.hide();
            log::warn!("{}: another process works on it; left to that", place.path);
            return Ok(Outcome::Left);
        }
        // By that other process, meanwhile.
        if is_done()? {
            return Ok(Outcome::Left);
        }
        let layouts = self.layouts(&logs)?;
        if self.carrier.is_none() {
            self.carrier = Some((self.connect)()?);
        }
        let mut journal = match self.plan.transport {
            Some(_) => Some(self.journal(directory, place, &logs)?),
            None => None,
        };
        self.carry(&logs, &layouts, place, &mut journal)?;
        if journal.is_some() {
            if let Some(log) = logs.iter().find(|log| log.has_changed()) {
                let name = log_name(log.protocol).to_string_lossy();
                return Err(failed(format_args!(
                    "{name} changed while it was read; is tstat still writing it? --min-age \
                     leaves such logs for later"
                )));
            }
            mark(directory)?;
        }
        Ok(Outcome::Done)
    }

    fn is_young(&mut self, logs: &[Log], place: &Place) -> bool {
        let newest_ns = logs
            .iter()
            .map(|log| log.status.modified_ns())
            .max()
            .unwrap_or(0);
        let now_ns = clock::wall().us().saturating_mul(1_000);
        let age = Duration::from_nanos(now_ns.saturating_sub(newest_ns));
        let young = age < self.plan.min_age;
        if young {
            self.report.young += 1;
            log::info!("{}: changed {age:.0?} ago; left for later", place.path);
        }
        young
    }

    /// The columns of all logs, before anything of them is sent; `None` for one without rows.
    fn layouts(&mut self, logs: &[Log]) -> Result<Vec<Option<Layout>>, Halt> {
        let mut layouts = Vec::new();
        for log in logs {
            let name = log_name(log.protocol).to_string_lossy();
            let found = self
                .reader
                .layout(log.protocol, &mut |space| log.file.read(space));
            let found = found.and_then(|found| log.file.rewind().map(|()| found));
            match found {
                Ok(Ok(layout)) => layouts.push(layout),
                Ok(Err(error)) => return Err(failed(format_args!("{name} is refused: {error}"))),
                Err(error) => return Err(failed(format_args!("cannot read {name}: {error}"))),
            }
        }
        Ok(layouts)
    }

    fn journal(
        &mut self,
        directory: &Directory,
        place: &Place,
        logs: &[Log],
    ) -> Result<Journal, Halt> {
        let (journal, found) =
            Journal::open(directory, &key(self.plan, logs)).map_err(|error| {
                failed(format_args!(
                    "cannot write {} there: {error}; without it nothing is sent",
                    journal::NAME.to_string_lossy()
                ))
            })?;
        let count = journal.confirmed().count();
        match found {
            Found::Nothing => {}
            Found::Ours => log::info!("{}: {count} slices were confirmed before", place.path),
            Found::Stale => {
                self.report.hide();
                log::warn!(
                    "{}: what was sent before was of other logs, options or another destination; \
                     begins again",
                    place.path
                );
            }
        }
        Ok(journal)
    }

    /// Sends all of the logs that is not yet confirmed, and waits until it is.
    fn carry(
        &mut self,
        logs: &[Log],
        layouts: &[Option<Layout>],
        place: &Place,
        journal: &mut Option<Journal>,
    ) -> Result<(), Halt> {
        let Self {
            carrier: Some(carrier),
            reader,
            report,
            signals,
            ..
        } = self
        else {
            return Ok(());
        };
        let mut counts = Counts::default();
        reader.slices.reset();
        let mut passage = Passage::new(&mut **carrier, journal, signals, report, place);
        let mut result = Ok(());
        for (log, layout) in logs.iter().zip(layouts) {
            let Some(layout) = layout else {
                continue;
            };
            passage.begin(log.protocol);
            let rows = counts.rows;
            let read = &mut |space: &mut [u8]| log.file.read(space);
            result = match reader.rows(layout, read, &mut counts, &mut passage) {
                Ok(()) => Ok(()),
                Err(ReadError::Taker(halt)) => Err(halt),
                Err(ReadError::Io(error)) => Err(failed(format_args!("cannot read it: {error}"))),
            };
            passage.end(log.status.bytes(), counts.rows - rows);
            if result.is_err() {
                break;
            }
        }
        if result.is_ok() {
            let mut emit = |number, body: &[u8], objects| passage.slice(number, body, objects);
            result = reader.slices.finish(&mut emit);
        }
        let result = passage.settle(result, reader.slices.count());
        report.counts.add(&counts);
        result
    }
}

/// Whether nobody else works on it.
fn lock(directory: &Directory) -> Result<bool, Halt> {
    let locked = directory.lock();
    locked.map_err(|error| failed(format_args!("cannot lock it: {error}")))
}

fn mark(directory: &Directory) -> Result<(), Halt> {
    let result = directory.replace(PROCESSED, PROCESSED_DRAFT, PROCESSED_TEXT);
    result.map_err(|error| {
        failed(format_args!(
            "all of it was confirmed, but {} cannot be written: {error}",
            PROCESSED.to_string_lossy()
        ))
    })?;
    // It says nothing any more, also when it stays.
    let _ = directory.remove(journal::NAME);
    Ok(())
}
