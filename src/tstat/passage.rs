// SPDX-License-Identifier: MIT OR Apache-2.0
//! The slices of one directory on their way: offered, confirmed, remembered.

use core::time::Duration;

use super::carrier::{Carrier, CarrierError, Slice};
use super::directory::{Halt, failed, log_name};
use super::journal::{self, Journal};
use super::layout::Protocol;
use super::name::message_id;
use super::reading::{Complaint, Taker};
use super::report::Report;
use super::walk::Place;
use crate::sys::clock;
use crate::sys::signal::Signals;

/// How long what is in flight is waited for when there is nothing more to come; with the second for
/// taking leave three, as of all that ends by a signal.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Complaints about one log that are shown; more are counted only.
const COMPLAINTS_MAX: u32 = 10;

/// The slices of a directory on their way.
pub(super) struct Passage<'a> {
    carrier: &'a mut dyn Carrier,
    /// `None`: nothing is remembered.
    journal: &'a mut Option<Journal>,
    signals: &'a Signals,
    report: &'a mut Report,
    place: &'a Place,
    /// Name of the log that is read.
    log: &'static str,
    complaints: u32,
}

impl<'a> Passage<'a> {
    pub(super) fn new(
        carrier: &'a mut dyn Carrier,
        journal: &'a mut Option<Journal>,
        signals: &'a Signals,
        report: &'a mut Report,
        place: &'a Place,
    ) -> Self {
        Self {
            carrier,
            journal,
            signals,
            report,
            place,
            log: "",
            complaints: 0,
        }
    }

    /// Begins with a log.
    pub(super) fn begin(&mut self, protocol: Protocol) {
        self.log = log_name(protocol).to_str().unwrap_or_default();
        self.complaints = 0;
    }

    /// Has done with a log of so many bytes and rows.
    pub(super) fn end(&mut self, bytes: u64, rows: u64) {
        self.report.pass(bytes, rows);
        if self.complaints > COMPLAINTS_MAX {
            let more = self.complaints - COMPLAINTS_MAX;
            self.report.hide();
            log::warn!("{}/{}: {more} more of such rows", self.place.path, self.log);
        }
    }

    /// Takes in what was confirmed, and writes it down.
    fn confirm(&mut self) -> Result<(), Halt> {
        let (journal, mut count) = (&mut *self.journal, 0);
        self.carrier.confirmed(&mut |number| {
            count += 1;
            if let Some(journal) = journal {
                journal.note(number);
            }
        });
        self.report.confirmed += count;
        let written = journal.as_mut().map_or(Ok(()), Journal::write);
        written.map_err(|error| {
            failed(format_args!(
                "cannot write {}: {error}; what was sent since may be sent again",
                journal::NAME.to_string_lossy()
            ))
        })
    }

    /// Waits for what is in flight; `result` is how it went so far, with `count` slices made.
    pub(super) fn settle(&mut self, result: Result<(), Halt>, count: u64) -> Result<(), Halt> {
        let last_words = || Some(clock::mono().after(LAST_WORDS));
        let mut result = result;
        let settled = match &result {
            Ok(()) => match self.carrier.settle(None) {
                Err(CarrierError::Interrupted) => {
                    result = Err(Halt::Stopped(CarrierError::Interrupted));
                    self.carrier.settle(last_words())
                }
                settled => settled,
            },
            Err(Halt::Failed(_) | Halt::Stopped(CarrierError::Interrupted)) => {
                self.carrier.settle(last_words())
            }
            Err(Halt::Stopped(_)) => Ok(()),
        };
        let confirmed = self.confirm();
        let interrupted = matches!(result, Err(Halt::Stopped(CarrierError::Interrupted)));
        match (result, settled) {
            // An interrupt is no failure, unless something in flight got lost by it.
            (Ok(()) | Err(Halt::Stopped(CarrierError::Interrupted)), Err(error)) => {
                return Err(error.into());
            }
            (result, _) if !interrupted => result?,
            _ => {}
        }
        confirmed?;
        let all = match self.journal {
            Some(journal) => journal.confirmed().count() >= count,
            None => true,
        };
        match (interrupted, all) {
            (true, _) => Err(Halt::Stopped(CarrierError::Interrupted)),
            (false, true) => Ok(()),
            (false, false) => Err(failed(
                "not all of it was confirmed; the next run sends the rest",
            )),
        }
    }
}

impl Taker for Passage<'_> {
    type Error = Halt;

    fn slice(&mut self, number: u64, body: &[u8], objects: u32) -> Result<(), Halt> {
        if self.signals.is_asked_to_end() {
            return Err(Halt::Stopped(CarrierError::Interrupted));
        }
        let journal = self.journal.as_ref();
        if journal.is_some_and(|journal| journal.confirmed().contains(number)) {
            self.report.resumed += 1;
            return Ok(());
        }
        // Nobody asks for its name where nothing is sent.
        let message_id = match journal {
            Some(_) => message_id(self.place, number, body),
            None => String::new(),
        };
        self.carrier.offer(&Slice {
            number,
            message_id: &message_id,
            body,
            objects,
        })?;
        self.confirm()
    }

    fn complain(&mut self, line: u64, complaint: Complaint<'_>) {
        self.complaints = self.complaints.saturating_add(1);
        if self.complaints <= COMPLAINTS_MAX {
            self.report.hide();
            log::warn!("{}/{}:{line}: {complaint}", self.place.path, self.log);
        }
    }

    fn tick(&mut self, bytes: u64, lines: u64) -> Result<(), Halt> {
        if self.signals.is_asked_to_end() {
            return Err(Halt::Stopped(CarrierError::Interrupted));
        }
        self.report.progress(bytes, lines);
        self.confirm()
    }
}
