// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows, as text or as JSON, to standard output or to a file.

use core::fmt::{self, Write as _};
use core::time::Duration;
use std::io;
use std::rc::Rc;

use super::group::Sum;
use super::plan::{HOUR_US, Plan};
use super::sketch;
use crate::encode::json::{Json, Style};
use crate::sys::clock;
use crate::sys::files::{File, Status};
use crate::sys::signal::Signals;
use crate::sys::terminal;
use crate::term::escape::Escaping;
use crate::term::progress::Progress;
use crate::time::Mono;

/// Bytes of rows that wait to be written together.
const BUFFER_BYTES: usize = 16 * 1_024;

/// Where rows go.
#[derive(Debug)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// Standard output, whose reader is not waited for any more after a signal.
    Watched(Rc<Signals>),
    /// The end of a file.
    File(File),
    /// Nowhere, until they are taken.
    Kept,
}

/// What a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// A host that connected to the one asked for.
    To,
    /// A host that the one asked for connected to.
    From,
    /// The busiest host.
    Most,
}

/// What a row says.
#[derive(Debug)]
pub struct Row<'a> {
    /// The start of the hour; `None`: not by hour.
    pub hour_us: Option<u64>,
    /// What it belongs to.
    pub group: Group,
    /// The host and its connections, or an estimate.
    pub sum: Sum<'a>,
}

/// Rows on their way.
#[derive(Debug)]
pub struct Output {
    target: Target,
    json: bool,
    /// Text rows are the host alone.
    bare: bool,
    /// Counts may be estimates.
    is_estimating: bool,
    buffer: Vec<u8>,
    /// How far the reading is; it shares the terminal with the rows.
    progress: Option<Progress>,
    /// Rows so far.
    pub rows: u64,
}

impl Output {
    /// Rows as `plan` wants them, for `target`.
    pub fn new(target: Target, plan: &Plan) -> Self {
        Self {
            target,
            json: plan.json,
            bare: plan.query.is_immediate(),
            is_estimating: plan.memory.approximate,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            progress: Some(Progress::new(clock::mono())),
            rows: 0,
        }
    }

    /// Rows that are taken later, as `plan` wants them.
    pub fn kept(plan: &Plan) -> Self {
        Self {
            progress: None,
            ..Self::new(Target::Kept, plan)
        }
    }

    /// The rows that were kept.
    pub fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.buffer)
    }

    /// Shows how far the reading is, to a person at a terminal, when that is due with so much left.
    pub fn progress(&mut self, left: Duration, now: Mono, text: fmt::Arguments<'_>) {
        let progress = self.progress.as_mut();
        if let Some(progress) = progress.filter(|progress| progress.is_due(left, now)) {
            progress.show(text, now);
        }
    }

    /// Takes away what [`Output::progress`] showed.
    pub fn clear_progress(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.clear();
        }
    }

    /// Sends what comes elsewhere.
    ///
    /// # Errors
    /// What write(2) says about what is still to go to the former target.
    pub fn turn_to(&mut self, target: Target) -> io::Result<()> {
        self.flush()?;
        self.target = target;
        Ok(())
    }

    /// Device and inode of the file that rows go to, and its length, all of which is on the disk
    /// then; `None` when it is no file.
    pub fn file_end(&self) -> Option<((u64, u64), u64)> {
        match &self.target {
            Target::Stdout | Target::Watched(_) | Target::Kept => None,
            Target::File(file) => {
                let status = file.status().ok().filter(Status::is_file)?;
                // Where that is not possible, nothing better can be done.
                let _ = file.sync();
                Some((status.identity(), status.bytes()))
            }
        }
    }

    /// Adds a row; it is written when there are many, or with [`Output::flush`].
    ///
    /// # Errors
    /// What write(2) says.
    pub fn row(&mut self, row: Row<'_>) -> io::Result<()> {
        self.rows += 1;
        if self.json {
            self.json(&row);
        } else {
            self.text(&row);
        }
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn text(&mut self, row: &Row<'_>) {
        if let Some(hour_us) = row.hour_us {
            let text = format!("{}.0\t", hour_us / HOUR_US * 3_600);
            self.buffer.extend_from_slice(text.as_bytes());
        }
        if !self.bare {
            self.buffer.extend_from_slice(match row.group {
                Group::To => b"TO\t",
                Group::From => b"FROM\t",
                Group::Most => b"MOST\t",
            });
        }
        match row.sum {
            Sum::Host(host, count, error) => {
                self.host(host);
                if error > 0 {
                    let text = format!("\t~{count} connections, at most {error} too many");
                    self.buffer.extend_from_slice(text.as_bytes());
                }
            }
            Sum::Estimate(hosts) => {
                let [whole, part] = [100, 1].map(|unit| sketch::ERROR_CENTIPERCENT / unit % 100);
                let text = format!("~{hosts} hosts, standard error {whole}.{part:02} %");
                self.buffer.extend_from_slice(text.as_bytes());
            }
        }
        self.buffer.push(b'\n');
    }

    fn host(&mut self, host: &[u8]) {
        if host.iter().all(u8::is_ascii_graphic) {
            self.buffer.extend_from_slice(host);
            return;
        }
        let mut text = Escaping(String::new());
        // Writing to a string cannot fail.
        let _ = text.write_str(&String::from_utf8_lossy(host));
        self.buffer.extend_from_slice(text.0.as_bytes());
    }

    fn json(&mut self, row: &Row<'_>) {
        let json = Json::new(&mut self.buffer, Style::Compact);
        // Writing to a vector cannot fail.
        let _ = object(json, row, self.is_estimating);
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// What write(2) says; `BrokenPipe` when nobody reads any more.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.clear_progress();
        let result = match &self.target {
            Target::Kept => return Ok(()),
            Target::Stdout => terminal::write_stdout(&self.buffer),
            Target::Watched(signals) => signals.write_stdout(&self.buffer),
            Target::File(file) => file.write_all(&self.buffer),
        };
        self.buffer.clear();
        result
    }
}

fn object(
    mut json: Json<&mut Vec<u8>>,
    row: &Row<'_>,
    is_estimating: bool,
) -> Result<(), core::convert::Infallible> {
    json.open_object()?;
    if let Some(hour_us) = row.hour_us {
        json.key("hour")?;
        json.unsigned(hour_us / HOUR_US * 3_600)?;
    }
    json.key("group")?;
    json.string(match row.group {
        Group::To => "to",
        Group::From => "from",
        Group::Most => "most",
    })?;
    match row.sum {
        Sum::Host(host, count, error) => {
            json.key("host")?;
            json.string(&String::from_utf8_lossy(host))?;
            if row.group == Group::Most {
                json.key("connections")?;
                json.unsigned(count)?;
            }
            if row.group == Group::Most && is_estimating {
                json.key("connections_error")?;
                json.unsigned(error)?;
            }
        }
        Sum::Estimate(hosts) => {
            json.key("hosts")?;
            json.unsigned(hosts)?;
            json.key("error_percent")?;
            json.decimal(sketch::ERROR_CENTIPERCENT, 2)?;
        }
    }
    json.close_object()?;
    json.finish().map(drop)
}
