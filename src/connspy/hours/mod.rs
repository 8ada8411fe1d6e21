// SPDX-License-Identifier: MIT OR Apache-2.0
//! The count: which hours are open, what is in them, when they are printed.
//!
//! Time is what the lines say: the clock is the largest stamp of all well-formed lines so far.
//! Without `--hourly` there is one hour that never ends.

mod keep;
mod part;

pub use keep::Kept;

use std::ffi::CString;

use super::fault::Fault;
use super::group::{Hosts, Sum};
use super::host;
use super::line::Record;
use super::output::{Group, Output, Row};
use super::plan::{Busiest, HOUR_US, Memory, Query};
use super::scan::{self, Marks};
use super::spill::Spill;
use super::tally::Budget;
use crate::sys::scratch::Scratch;

/// Malformed lines that are shown one by one, to those who want to be told more.
const SHOWN_MAX: u64 = 10;

/// Bytes of a malformed line that are shown.
const SHOWN_BYTES: usize = 80;

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// There may be more.
    Continue,
    /// A line beyond the end of the range was seen: nothing that follows counts.
    Stop,
}

/// What was seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines, empty ones too.
    pub lines: u64,
    /// Lines that are no records.
    pub malformed: u64,
    /// Records that came after their hour was closed.
    pub late: u64,
}

/// Groups in the order in which they are printed.
const GROUPS: [Group; 3] = [Group::To, Group::From, Group::Most];

/// An hour that is open.
#[derive(Debug)]
struct Hour {
    /// Its first moment; 0 when there is no other.
    start_us: u64,
    /// By [`Group`].
    groups: [Hosts; 3],
}

/// The count.
#[derive(Debug)]
pub struct Hours {
    query: Query,
    memory: Memory,
    /// Length of an hour: all times when there is only one.
    span_us: u64,
    stop_us: u64,
    end_us: u64,
    key: u64,
    clock_us: u64,
    /// The clock beyond which the oldest hour is over.
    next_us: u64,
    /// Those that are open, oldest first.
    open: Vec<Hour>,
    /// Where the hour of the last record is, most likely.
    recent: usize,
    budget: Budget,
    spill: Option<Spill>,
    counts: Counts,
    /// Of a part that is added to the whole later: nothing ends, nothing is printed.
    is_part: bool,
}

impl Hours {
    /// Nothing seen yet; `key` is a random number.
    pub fn new(query: Query, memory: &Memory, key: u64) -> Self {
        Self {
            span_us: if query.hourly { HOUR_US } else { u64::MAX },
            stop_us: query.stop_us(),
            end_us: query.time_end_us.unwrap_or(u64::MAX),
            query,
            memory: memory.clone(),
            key,
            clock_us: 0,
            next_us: u64::MAX,
            open: Vec::new(),
            recent: 0,
            budget: Budget {
                used: 0,
                max: memory.bytes,
            },
            spill: None,
            counts: Counts::default(),
            is_part: false,
        }
    }

    /// What was seen so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The largest stamp so far, in microseconds; 0: none.
    pub fn clock_us(&self) -> u64 {
        self.clock_us
    }

    /// Takes whole lines, the last of which may lack its line end.
    ///
    /// # Errors
    /// When rows cannot be written, or sets not be kept.
    pub fn scan(
        &mut self,
        lines: &[u8],
        marks: &mut Marks,
        out: &mut Output,
    ) -> Result<Flow, Fault> {
        scan::scan(lines, marks, &mut Counting { hours: self, out })
    }

    /// Whether the next malformed line is shown.
    fn shows_malformed(&self) -> bool {
        let is_told = log::log_enabled!(log::Level::Info) && !self.is_part;
        is_told && self.counts.malformed < SHOWN_MAX
    }

    /// Counts lines that were too long to be read.
    pub fn overlong(&mut self, count: u64) {
        self.counts.lines += count;
        self.counts.malformed += count;
    }

    /// Takes a record.
    ///
    /// # Errors
    /// As [`Hours::scan`].
    #[inline]
    pub fn record(&mut self, record: &Record<'_>, out: &mut Output) -> Result<Flow, Fault> {
        let at_us = record.at_us;
        let is_newer = at_us > self.clock_us;
        if is_newer {
            self.clock_us = at_us;
            if at_us >= self.stop_us {
                return Ok(Flow::Stop);
            }
        }
        if (self.query.time_init_us..self.end_us).contains(&at_us) {
            self.count(record, out)?;
        }
        if is_newer && at_us > self.next_us {
            self.close(out)?;
        }
        Ok(Flow::Continue)
    }

    #[inline]
    fn count(&mut self, record: &Record<'_>, out: &mut Output) -> Result<(), Fault> {
        let is = |wanted: &Option<Vec<u8>>, host: &[u8]| match wanted {
            Some(wanted) => host::is_same(wanted, host),
            None => false,
        };
        let is_to = is(&self.query.to, record.to);
        let is_from = is(&self.query.from, record.from);
        if !(is_to || is_from || self.query.busiest.is_some() || self.query.hourly) {
            return Ok(());
        }
        let Some(at) = self.hour_of(record.at_us)? else {
            self.counts.late += 1;
            return Ok(());
        };
        if is_to {
            self.add(at, Group::To, record.from, 1, out)?;
        }
        if is_from {
            self.add(at, Group::From, record.to, 1, out)?;
        }
        match self.query.busiest {
            None => Ok(()),
            Some(Busiest::Source) => self.add(at, Group::Most, record.from, 1, out),
            Some(Busiest::Both) => {
                self.add(at, Group::Most, record.from, 1, out)?;
                self.add(at, Group::Most, record.to, 1, out)
            }
        }
    }

    /// Counts a host `times` more; prints it if it is new and rows are printed at once.
    #[inline]
    fn add(
        &mut self,
        at: usize,
        group: Group,
        host: &[u8],
        times: u64,
        out: &mut Output,
    ) -> Result<(), Fault> {
        let is_new = loop {
            let hosts = &mut self.open[at].groups[group as usize];
            match hosts.add(host, times, &mut self.budget) {
                Ok(is_new) => break is_new,
                Err(_) => self.relieve()?,
            }
        };
        if is_new && self.query.is_immediate() && !self.is_part {
            out.row(Row {
                hour_us: None,
                group,
                sum: Sum::Host(self.open[at].groups[group as usize].last(), times, 0),
            })?;
        }
        Ok(())
    }

    /// Gets memory back from the group that has most of it.
    #[cold]
    fn relieve(&mut self) -> Result<(), Fault> {
        let groups = self
            .open
            .iter_mut()
            .flat_map(|hour| &mut hour.groups)
            .enumerate();
        let approximate = self.memory.approximate;
        // Of those that are counted one stays.
        let groups = groups.map(|(number, hosts)| (number % 3 == Group::Most as usize, hosts));
        let can_give = groups.filter(|(is_counted, hosts)| {
            let staying = usize::from(approximate && *is_counted);
            hosts.in_memory().nth(staying).is_some()
        });
        let Some((is_counted, hosts)) = can_give.max_by_key(|(_, hosts)| hosts.bytes()) else {
            return Err(Fault::Hours(self.memory.bytes, self.open.len()));
        };
        if approximate {
            hosts.estimate(is_counted, &mut self.budget);
            return Ok(());
        }
        let Some(directory) = &self.memory.temp_dir else {
            return Err(Fault::Memory(self.memory.bytes));
        };
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => {
                let path = CString::new(directory.as_str());
                let path = path.map_err(|error| Fault::Disk(error.into()))?;
                let scratch = Scratch::create(&path).map_err(Fault::Disk)?;
                none.insert(Spill::new(scratch))
            }
        };
        hosts.spill(spill, &mut self.budget).map_err(Fault::Disk)
    }

    /// Where the hour of that moment is, which is opened; `None` when it is over.
    #[inline]
    fn hour_of(&mut self, at_us: u64) -> Result<Option<usize>, Fault> {
        if let Some(hour) = self.open.get(self.recent)
            && at_us.wrapping_sub(hour.start_us) < self.span_us
        {
            return Ok(Some(self.recent));
        }
        self.find_hour(at_us - at_us % self.span_us)
    }

    fn find_hour(&mut self, start_us: u64) -> Result<Option<usize>, Fault> {
        let found = self
            .open
            .binary_search_by_key(&start_us, |hour| hour.start_us);
        if let Err(at) = found {
            if self.clock_us > self.over_us(start_us) {
                return Ok(None);
            }
            while self.budget.used + size_of::<Hour>() > self.budget.max {
                self.relieve()?;
            }
            self.budget.used += size_of::<Hour>();
            let groups = [(); 3].map(|()| Hosts::new(self.key));
            self.open.insert(at, Hour { start_us, groups });
            self.look_ahead();
        }
        self.recent = found.unwrap_or_else(|at| at);
        Ok(Some(self.recent))
    }

    /// The clock beyond which the hour is over.
    fn over_us(&self, start_us: u64) -> u64 {
        if self.is_part {
            return u64::MAX;
        }
        let end_us = start_us.saturating_add(self.span_us);
        end_us.saturating_add(self.query.late_us)
    }

    fn look_ahead(&mut self) {
        let oldest = self.open.first().map(|hour| hour.start_us);
        self.next_us = oldest.map_or(u64::MAX, |start_us| self.over_us(start_us));
    }

    /// Prints and forgets the hours that are over.
    #[cold]
    fn close(&mut self, out: &mut Output) -> Result<(), Fault> {
        while self.clock_us > self.next_us {
            let hour = self.open.remove(0);
            self.look_ahead();
            self.recent = 0;
            self.print(hour, out)?;
        }
        Ok(())
    }

    fn print(&mut self, mut hour: Hour, out: &mut Output) -> Result<(), Fault> {
        let hour_us = self.query.hourly.then_some(hour.start_us);
        let is_immediate = self.query.is_immediate();
        let budget = &mut self.budget;
        for (group, hosts) in GROUPS.into_iter().zip(&mut hour.groups) {
            let mut row = |sum: Sum<'_>| {
                out.row(Row {
                    hour_us,
                    group,
                    sum,
                })
                .map_err(Fault::Output)
            };
            if group == Group::Most {
                hosts.busiest(self.spill.as_mut(), budget, &mut row)?;
            } else {
                // What was there at once is printed.
                let from = if is_immediate { hosts.early() } else { 0 };
                hosts.each(from, self.spill.as_mut(), budget, &mut row)?;
            }
            hosts.clear(self.spill.as_ref(), budget);
        }
        budget.used -= size_of::<Hour>();
        Ok(())
    }

    /// The end of the input: prints all hours that are open, unless only complete ones are wanted.
    ///
    /// # Errors
    /// As [`Hours::scan`].
    pub fn finish(&mut self, out: &mut Output) -> Result<(), Fault> {
        for hour in core::mem::take(&mut self.open) {
            if !self.query.only_complete_hours {
                self.print(hour, out)?;
            }
        }
        Ok(out.flush()?)
    }
}

/// The count while it scans.
struct Counting<'a> {
    hours: &'a mut Hours,
    out: &'a mut Output,
}

impl scan::Visit for Counting<'_> {
    type Fault = Fault;

    #[inline(always)]
    fn record(&mut self, record: &Record<'_>) -> Result<Flow, Fault> {
        self.hours.record(record, self.out)
    }

    fn malformed(&mut self, line: &[u8]) {
        let is_shown = self.hours.shows_malformed();
        self.hours.counts.malformed += 1;
        if is_shown {
            let start = String::from_utf8_lossy(&line[..line.len().min(SHOWN_BYTES)]);
            log::info!("skipped malformed line '{start}'");
        }
    }

    fn lines(&mut self, count: u64) {
        self.hours.counts.lines += count;
    }
}
