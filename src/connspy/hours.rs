// SPDX-License-Identifier: MIT OR Apache-2.0
//! The count: which hours are open, what is in them, when they are printed.
//!
//! Time is what the lines say: the clock is the largest stamp of all well-formed lines so far.
//! Without `--hourly` there is one hour that never ends.

use super::fault::Fault;
use super::host;
use super::line::{Line, Record, parse};
use super::output::{Group, Output, Row};
use super::plan::{Busiest, HOUR_US, Memory, Query};
use super::tally::{Budget, Tally};

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

/// An hour that is open.
#[derive(Debug)]
pub struct Hour {
    /// Its first moment; 0 when there is no other.
    pub start_us: u64,
    /// Hosts that connected to the one asked for.
    pub to: Tally,
    /// Hosts that the one asked for connected to.
    pub from: Tally,
    /// Connections of each host.
    pub most: Tally,
}

/// The count.
#[derive(Debug)]
pub struct Hours {
    query: Query,
    /// Length of an hour: all times when there is only one.
    span_us: u64,
    stop_us: u64,
    key: u64,
    /// The largest stamp so far; 0: none.
    pub clock_us: u64,
    /// Those that are open, oldest first.
    pub open: Vec<Hour>,
    budget: Budget,
    /// What was seen.
    pub counts: Counts,
}

impl Hours {
    /// Nothing seen yet; `key` is a random number.
    pub fn new(query: Query, memory: &Memory, key: u64) -> Self {
        Self {
            span_us: if query.hourly { HOUR_US } else { u64::MAX },
            stop_us: query.stop_us(),
            query,
            key,
            clock_us: 0,
            open: Vec::new(),
            budget: Budget {
                used: 0,
                max: memory.bytes,
            },
            counts: Counts::default(),
        }
    }

    /// Takes whole lines, the last of which may lack its line end.
    ///
    /// # Errors
    /// When rows cannot be written, or sets not be kept.
    pub fn scan(&mut self, lines: &[u8], out: &mut Output) -> Result<Flow, Fault> {
        if lines.is_empty() {
            return Ok(Flow::Continue);
        }
        let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
        for line in lines.split(|byte| *byte == b'\n') {
            self.counts.lines += 1;
            match parse(line) {
                Line::Record(record) => {
                    if self.record(&record, out)? == Flow::Stop {
                        return Ok(Flow::Stop);
                    }
                }
                Line::Malformed => self.counts.malformed += 1,
                Line::Empty => {}
            }
        }
        Ok(Flow::Continue)
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
    pub fn record(&mut self, record: &Record<'_>, out: &mut Output) -> Result<Flow, Fault> {
        let at_us = record.at_us;
        if at_us > self.clock_us {
            self.clock_us = at_us;
            if at_us >= self.stop_us {
                return Ok(Flow::Stop);
            }
        }
        let end_us = self.query.time_end_us.unwrap_or(u64::MAX);
        if (self.query.time_init_us..end_us).contains(&at_us) {
            self.count(record, out)?;
        }
        self.close(out)?;
        Ok(Flow::Continue)
    }

    fn count(&mut self, record: &Record<'_>, out: &mut Output) -> Result<(), Fault> {
        let Some(at) = self.hour_of(record.at_us) else {
            self.counts.late += 1;
            return Ok(());
        };
        let Hour { to, from, most, .. } = &mut self.open[at];
        let budget = &mut self.budget;
        let bytes = budget.max;
        let full = |_| Fault::Memory(bytes);
        let is = |wanted: &Option<Vec<u8>>, host: &[u8]| {
            wanted
                .as_deref()
                .is_some_and(|wanted| host::is_same(wanted, host))
        };
        let is_new =
            is(&self.query.to, record.to) && to.add(record.from, 1, budget).map_err(full)?;
        if is_new && self.query.is_immediate() {
            let host = to.get(to.len() - 1).unwrap_or_default().0;
            out.row(Row {
                hour_us: None,
                group: Group::To,
                host,
                count: 1,
            })?;
        }
        if is(&self.query.from, record.from) {
            from.add(record.to, 1, budget).map_err(full)?;
        }
        if let Some(busiest) = self.query.busiest {
            most.add(record.from, 1, budget).map_err(full)?;
            if busiest == Busiest::Both {
                most.add(record.to, 1, budget).map_err(full)?;
            }
        }
        Ok(())
    }

    /// Where the hour of that moment is; opens it unless it is over.
    fn hour_of(&mut self, at_us: u64) -> Option<usize> {
        let start_us = at_us - at_us % self.span_us;
        let found = self
            .open
            .binary_search_by_key(&start_us, |hour| hour.start_us);
        if let Err(at) = found {
            if self.is_over(start_us) {
                return None;
            }
            let [to, from, most] = [(); 3].map(|()| Tally::new(self.key));
            let hour = Hour {
                start_us,
                to,
                from,
                most,
            };
            self.open.insert(at, hour);
        }
        Some(found.unwrap_or_else(|at| at))
    }

    fn is_over(&self, start_us: u64) -> bool {
        let end_us = start_us.saturating_add(self.span_us);
        self.clock_us > end_us.saturating_add(self.query.late_us)
    }

    /// Prints and forgets the hours that are over.
    fn close(&mut self, out: &mut Output) -> Result<(), Fault> {
        while self
            .open
            .first()
            .is_some_and(|hour| self.is_over(hour.start_us))
        {
            let hour = self.open.remove(0);
            self.print(hour, out)?;
        }
        Ok(())
    }

    fn print(&mut self, mut hour: Hour, out: &mut Output) -> Result<(), Fault> {
        let hour_us = self.query.hourly.then_some(hour.start_us);
        let row = |group, (host, count)| Row {
            hour_us,
            group,
            host,
            count,
        };
        if !self.query.is_immediate() {
            for named in hour.to.iter() {
                out.row(row(Group::To, named))?;
            }
        }
        for named in hour.from.iter() {
            out.row(row(Group::From, named))?;
        }
        if let Some(named) = hour.most.largest() {
            out.row(row(Group::Most, named))?;
        }
        for tally in [&mut hour.to, &mut hour.from, &mut hour.most] {
            tally.clear(&mut self.budget);
        }
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
