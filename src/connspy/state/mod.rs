// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `--state` keeps over a restart: the place in the log, the open hours, how long the file of
//! rows was. All of one moment: rows that were written later are taken back, and written again.

pub mod text;

use core::time::Duration;
use std::ffi::{CStr, CString};
use std::io;

use text::{Counted, Head, Reader, Writer, Wrong};

use super::fault::Fault;
use super::hours::{Hours, Kept};
use super::input::{BUFFER_BYTES, Input};
use super::plan::Plan;
use crate::failure::Failure;
use crate::sys::clock;
use crate::sys::files::{self, File, Status};
use crate::term::escape::Escaped;
use crate::time::Mono;

/// From one saving to the next, unless rows were written.
const INTERVAL: Duration = Duration::from_secs(5);

/// So many times as long as saving takes is not saved, however many rows are written: 2 % of the
/// time.
const COST_SHARE: u32 = 50;

/// Bytes that are written at once.
const PIECE_BYTES: usize = 64 * 1_024;

/// The state file.
#[derive(Debug)]
pub struct Keeper {
    name: String,
    path: CString,
    temporary: CString,
    options: Vec<String>,
    /// What stands at `path`, locked: two runs would take back each other's rows.
    held: Option<File>,
    /// Not before this.
    earliest: Mono,
    /// Not later, if anything changed.
    due: Mono,
    /// Rows at the last time.
    rows: u64,
    /// Where reading was at the last time.
    place: (u64, u64, usize),
}

impl Keeper {
    /// Keeps the state of `plan` at `path`.
    ///
    /// # Errors
    /// When the path holds a NUL byte.
    pub fn new(path: &str, plan: &Plan) -> io::Result<Self> {
        Ok(Self {
            name: path.to_owned(),
            path: files::c_path(path)?,
            temporary: files::c_path(&format!("{path}.tmp"))?,
            options: options(plan),
            held: None,
            earliest: clock::mono(),
            due: clock::mono(),
            rows: 0,
            place: (0, 0, 0),
        })
    }

    /// Gives `hours` what was open, and the rest; `None` when there is no state yet.
    ///
    /// # Errors
    /// When it cannot be read, is none, is of other options, or another run has it.
    pub fn load(&mut self, plan: &Plan, hours: &mut Hours) -> Result<Option<Head>, Failure> {
        let file = self.open(plan)?;
        let file = self.held.insert(file);
        let name = Escaped(&self.name);
        let wrong = |wrong: Wrong| {
            Failure::failed(format_args!(
                "the state '{name}' is {wrong}; remove it to begin anew, or give another file with \
                 --state"
            ))
        };
        if file.status().is_ok_and(|status| status.bytes() == 0) {
            return Ok(None);
        }
        let mut reader = Reader::default();
        let mut input = Input::with_bytes(2 * BUFFER_BYTES);
        loop {
            let len = file.read(input.space()).map_err(|error| {
                Failure::failed(format_args!(
                    "cannot read the state '{name}': {error}; see --state"
                ))
            })?;
            let lines = match len {
                0 => break,
                len => input.filled(len),
            };
            let Some(lines) = lines.strip_suffix(b"\n") else {
                continue;
            };
            for line in lines.split(|byte| *byte == b'\n') {
                if let Some(counted) = reader.line(line).map_err(wrong)? {
                    hours
                        .restore(kept(&counted))
                        .map_err(super::batch::failure)?;
                }
            }
        }
        if !input.rest().is_empty() || input.take_overlong() > 0 {
            return Err(wrong(Wrong::Short));
        }
        let head = reader.finish().map_err(wrong)?;
        self.check_options(&head)?;
        Ok(Some(head))
    }

    fn open(&self, plan: &Plan) -> Result<File, Failure> {
        let name = Escaped(&self.name);
        if is_taken(&self.path, plan) {
            return Err(Failure::usage(format_args!(
                "the state '{name}' is one of the logs, or the file of rows; give another file \
                 with --state"
            )));
        }
        match self.hold() {
            Ok(Some(file)) => Ok(file),
            Ok(None) => Err(Failure::failed(format_args!(
                "another connspy has the state '{name}'; end that one, or give another file with \
                 --state"
            ))),
            Err(error) => Err(Failure::failed(format_args!(
                "cannot open the state '{name}': {error}; choose a file that this user may write, \
                 in a directory with room, with --state"
            ))),
        }
    }

    /// The file at `path`, which is made when there is none; `None` when another run has it.
    fn hold(&self) -> io::Result<Option<File>> {
        loop {
            let file = File::append(&self.path)?;
            let status = file.status()?;
            // A device such as /dev/null would have a file put in its place, for everybody.
            if !status.is_file() {
                return Err(io::Error::other("it is not an ordinary file"));
            }
            if !file.try_lock() {
                return Ok(None);
            }
            // Else the other one has just put a newer in its place.
            let there = Status::of(&self.path, false)?.map(|status| status.identity());
            if there == Some(status.identity()) {
                return Ok(Some(file));
            }
        }
    }

    /// That it is of the options of this run.
    fn check_options(&self, head: &Head) -> Result<(), Failure> {
        let (old, new) = (&head.options, &self.options);
        let longer = old.len().max(new.len());
        let Some(at) = (0..longer).find(|at| old.get(*at) != new.get(*at)) else {
            return Ok(());
        };
        let [old, new] = [old, new].map(|list| list.get(at).map_or("nothing", String::as_str));
        Err(Failure::usage(format_args!(
            "the state '{}' is of other options: '{}' then, '{}' now; give the same ones, another \
             file with --state, or remove it to begin anew",
            Escaped(&self.name),
            Escaped(old),
            Escaped(new)
        )))
    }

    /// Whether it is time to save, after so many rows and at this place.
    pub fn is_due(&self, head: &Head, rows: u64, now: Mono) -> bool {
        let is_changed = rows != self.rows || place(head) != self.place;
        is_changed && now >= self.earliest && (rows != self.rows || now >= self.due)
    }

    /// Saves what was begun at `start`. What is in `head` was written before.
    ///
    /// # Errors
    /// When it cannot be written; the one before it remains then.
    pub fn save(
        &mut self,
        mut head: Head,
        hours: &mut Hours,
        rows: u64,
        start: Mono,
    ) -> Result<(), Fault> {
        head.options.clone_from(&self.options);
        let result = self.replace(&head, hours);
        let now = clock::mono();
        let pause = now.since(start) * COST_SHARE;
        (self.earliest, self.due) = (now.after(pause), now.after(INTERVAL.max(pause)));
        (self.rows, self.place) = (rows, place(&head));
        result
    }

    fn replace(&mut self, head: &Head, hours: &mut Hours) -> Result<(), Fault> {
        // One that a run left that was killed.
        let _ = files::remove(&self.temporary);
        let file = File::create_new(&self.temporary, 0o600).map_err(Fault::State)?;
        file.try_lock();
        let result = write(&file, head, hours)
            // Else neither it nor the one before might be there after a power cut.
            .and_then(|()| file.sync().map_err(Fault::State))
            .and_then(|()| files::rename(&self.temporary, &self.path).map_err(Fault::State));
        match result {
            Ok(()) => self.held = Some(file),
            Err(_) => files::remove(&self.temporary).unwrap_or(()),
        }
        result
    }
}

/// Whether a log or the file of rows is at `path`, by whatever name: it would be replaced.
fn is_taken(path: &CStr, plan: &Plan) -> bool {
    let identity = |path: &CStr| Some(Status::of(path, true).ok()??.identity());
    let own = identity(path);
    let mut others = plan.files.iter().chain(&plan.output_file);
    own.is_some() && others.any(|other| files::c_path(other).is_ok_and(|it| identity(&it) == own))
}

fn write(file: &File, head: &Head, hours: &mut Hours) -> Result<(), Fault> {
    let mut writer = Writer::new(head);
    hours.keep(&mut |kept| {
        writer.host(counted(&kept));
        if writer.bytes.len() >= PIECE_BYTES {
            file.write_all(&writer.bytes).map_err(Fault::State)?;
            writer.bytes.clear();
        }
        Ok(())
    })?;
    writer.end();
    file.write_all(&writer.bytes).map_err(Fault::State)
}

/// What tells whether anything was read since.
fn place(head: &Head) -> (u64, u64, usize) {
    (head.mark.offset, head.mark.identity.1, head.waiting.len())
}

fn kept<'a>(counted: &Counted<'a>) -> Kept<'a> {
    Kept {
        start_us: counted.hour_us,
        group: counted.group,
        host: counted.host,
        count: counted.count,
    }
}

fn counted<'a>(kept: &Kept<'a>) -> Counted<'a> {
    Counted {
        hour_us: kept.start_us,
        group: kept.group,
        host: kept.host,
        count: kept.count,
    }
}

/// What decides which rows there are, a line each.
fn options(plan: &Plan) -> Vec<String> {
    let query = &plan.query;
    let host = |host: &Option<Vec<u8>>| match host {
        Some(host) => Escaped(&String::from_utf8_lossy(host)).to_string(),
        None => "-".to_owned(),
    };
    let files = plan.files.iter();
    let files = files.map(|path| format!("file {}", Escaped(path)));
    let busiest = match query.busiest {
        Some(busiest) => format!("{busiest:?}"),
        None => "-".to_owned(),
    };
    let end = query.time_end_us.unwrap_or(u64::MAX);
    let rest = [
        format!("to_host {}", host(&query.to)),
        format!("from_host {}", host(&query.from)),
        format!("busiest {busiest}"),
        format!("hourly {}", query.hourly),
        format!("time_init_us {}", query.time_init_us),
        format!("time_end_us {end}"),
        format!("late_us {}", query.late_us),
    ];
    rest.into_iter().chain(files).collect()
}
