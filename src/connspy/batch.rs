// SPDX-License-Identifier: MIT OR Apache-2.0
//! The run over files, or standard input, to their end.

use core::time::Duration;
use std::io;

use super::fault::Fault;
use super::hours::{Flow, Hours};
use super::input::Input;
use super::output::{Output, Target};
use super::parallel::{PIECE_BYTES, Rounds};
use super::plan::Plan;
use super::scan::Marks;
use super::seek::Wanted;
use super::source::Source;
use crate::failure::{Exit, Failure};
use crate::sys::clock;
use crate::sys::files::{self, File, Status};
use crate::sys::random;
use crate::sys::terminal;
use crate::time::Mono;

/// Files that are smaller are read by one thread.
const PARALLEL_BYTES_MIN: u64 = 8 * 1_024 * 1_024;

/// Does what `plan` asks for.
///
/// # Errors
/// When a file cannot be read, rows not be written, sets not be kept.
pub fn run(plan: &Plan) -> Result<(), Failure> {
    let all_bytes = look(plan)?;
    let mut run = Run {
        plan,
        hours: Hours::new(plan.query.clone(), &plan.memory, random::bits()),
        out: Output::new(target(plan)?, plan),
        distance: Distance::new(all_bytes),
    };
    let read = run.read_all();
    // What was counted before a file broke off is worth its rows.
    let finished = match &read {
        Err(broken) if broken.is_final => run.out.flush().map_err(Fault::Output),
        _ => run.hours.finish(&mut run.out),
    };
    let finished = finished.map_err(failure);
    run.out.clear_progress();
    let failed = read.map_err(|broken| broken.failure).and(finished);
    if !matches!(&failed, Err(failure) if failure.is_silent()) {
        tell(plan, &run.hours, &run.out);
    }
    failed
}

/// Whether all files are there, so that a wrong name is told before anything is done; their bytes
/// together, `None` when that is not known.
fn look(plan: &Plan) -> Result<Option<u64>, Failure> {
    let mut all_bytes = (!plan.files.is_empty()).then_some(0);
    for path in &plan.files {
        let status = files::c_path(path).and_then(|path| Status::of(&path, true));
        let absent = || io::Error::new(io::ErrorKind::NotFound, "no such file");
        let status = status.and_then(|status| status.ok_or_else(absent));
        let status = status.map_err(|error| unreadable(path, &error))?;
        let known = all_bytes.filter(|_| status.is_file());
        all_bytes = known.map(|bytes: u64| bytes.saturating_add(status.bytes()));
    }
    Ok(all_bytes)
}

/// Where rows go.
///
/// # Errors
/// When the file of `--output-file` cannot be opened, or is one of the logs.
pub fn target(plan: &Plan) -> Result<Target, Failure> {
    let Some(path) = &plan.output_file else {
        return Ok(Target::Stdout);
    };
    let file = files::c_path(path).and_then(|path| File::append(&path));
    let file = file.map_err(|error| {
        Failure::failed(format_args!(
            "cannot open '{path}' to append rows: {error}; see --output-file"
        ))
    })?;
    let own = file.status().ok().filter(Status::is_file);
    let is_own = |log: &&String| {
        let log = files::c_path(log).and_then(|log| Status::of(&log, true));
        let log = log.ok().flatten();
        log.is_some_and(|log| own.is_some_and(|own| own.identity() == log.identity()))
    };
    // Rows by hour would be read as connections.
    match plan.files.iter().find(is_own) {
        None => Ok(Target::File(file)),
        Some(log) => Err(Failure::usage(format_args!(
            "--output-file '{path}' is the log '{log}'; name another file for rows"
        ))),
    }
}

/// Tells what was read and what could not be used.
pub fn tell(plan: &Plan, hours: &Hours, out: &Output) {
    let counts = hours.counts();
    if plan.summary {
        let line = format!(
            "{} lines, {} malformed, {} late, {} rows\n",
            counts.lines, counts.malformed, counts.late, out.rows
        );
        terminal::write_stderr(line.as_bytes());
    } else if counts.malformed + counts.late > 0 {
        log::warn!(
            "{} malformed lines skipped, {} late lines dropped",
            counts.malformed,
            counts.late
        );
    }
}

/// A fault for people; silent when the reader of the rows went away.
pub fn failure(fault: Fault) -> Failure {
    match &fault {
        Fault::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Failure::silent(Exit::Done)
        }
        _ => Failure::failed(fault),
    }
}

fn unreadable(path: &str, error: &io::Error) -> Failure {
    Failure::failed(format_args!(
        "cannot read '{path}': {error}; see that it is there and may be read"
    ))
}

/// Why reading ended early.
struct Broken {
    failure: Failure,
    /// Rows cannot be had either.
    is_final: bool,
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            is_final: false,
        }
    }
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self {
            failure: failure(fault),
            is_final: true,
        }
    }
}

/// All that is there while it runs.
struct Run<'a> {
    plan: &'a Plan,
    hours: Hours,
    out: Output,
    distance: Distance,
}

impl Run<'_> {
    fn read_all(&mut self) -> Result<(), Broken> {
        let plan = self.plan;
        if plan.files.is_empty() {
            let stdin = Source::stdin();
            let stdin = stdin.map_err(|error| unreadable("standard input", &error))?;
            return self.read_one(stdin).map(drop);
        }
        let wanted = Wanted::of(&plan.query);
        for path in &plan.files {
            // One after the other: there may be more of them than can be open.
            let mut source = Source::open(path).map_err(|error| unreadable(path, &error))?;
            if let Some(wanted) = wanted {
                let sought = source.seek(wanted);
                sought.map_err(|error| self.broken(&source, &error))?;
            }
            if self.read_one(source)? == Flow::Stop {
                break;
            }
        }
        Ok(())
    }

    fn read_one(&mut self, mut source: Source) -> Result<Flow, Broken> {
        let is_large = source.bytes >= Some(PARALLEL_BYTES_MIN) && source.is_plain();
        // An estimate depends on the order of the counting.
        let is_parallel = is_large && self.plan.threads > 1 && !self.plan.memory.approximate;
        let flow = match is_parallel {
            true => self.read_parallel(&mut source)?,
            false => self.read(&mut source)?,
        };
        self.distance.done_bytes += source.bytes.unwrap_or(0);
        Ok(flow)
    }

    fn read(&mut self, source: &mut Source) -> Result<Flow, Broken> {
        let mut input = Input::default();
        let mut marks = Marks::default();
        loop {
            let len = source.read(input.space());
            let len = len.map_err(|error| self.broken(source, &error))?;
            let lines = match len {
                0 => input.rest(),
                len => input.filled(len),
            };
            let flow = self.hours.scan(lines, &mut marks, &mut self.out)?;
            self.hours.overlong(input.take_overlong());
            self.out.flush().map_err(Fault::Output)?;
            if len == 0 || flow == Flow::Stop {
                return Ok(flow);
            }
            self.distance.show(source, &mut self.out);
        }
    }

    fn read_parallel(&mut self, source: &mut Source) -> Result<Flow, Broken> {
        let mut rounds = Rounds::new(self.plan, PIECE_BYTES, random::bits());
        loop {
            let mut read = |space: &mut [u8]| source.read(space);
            let turned = rounds.turn(&mut read, &mut self.hours, &mut self.out)?;
            let (flow, is_over) = turned.map_err(|error| self.broken(source, &error))?;
            self.out.flush().map_err(Fault::Output)?;
            if is_over || flow == Flow::Stop {
                return Ok(flow);
            }
            self.distance.show(source, &mut self.out);
        }
    }

    fn broken(&self, source: &Source, error: &io::Error) -> Broken {
        let path = &source.name;
        let lines = self.hours.counts().lines;
        let what = match error.kind() {
            io::ErrorKind::UnexpectedEof => "it ends too early: the file was cut".to_owned(),
            _ => error.to_string(),
        };
        Failure::failed(format_args!(
            "cannot read '{path}' to its end: {what}; rows count the {lines} lines before that"
        ))
        .into()
    }
}

/// How far it is, for a person who waits.
struct Distance {
    start: Mono,
    done_bytes: u64,
    /// Of all files; 0 when that is not known.
    all_bytes: u64,
}

impl Distance {
    fn new(all_bytes: Option<u64>) -> Self {
        Self {
            start: clock::mono(),
            done_bytes: 0,
            all_bytes: all_bytes.unwrap_or(0),
        }
    }

    fn show(&self, source: &Source, out: &mut Output) {
        const BAR: &str = "########################################";
        let done = self.done_bytes + source.read_bytes();
        let (all, now) = (self.all_bytes, clock::mono());
        if all == 0 {
            out.progress(Duration::MAX, now, format_args!("{} MiB read", done >> 20));
            return;
        }
        let left = all.saturating_sub(done) as f64 / done.max(1) as f64;
        let left = now.since(self.start).as_secs_f64() * left;
        let left = Duration::from_secs_f64(left.min(1e9));
        let percent = (done * 100 / all).min(100) as usize;
        let (bar, width) = (&BAR[..BAR.len() * percent / 100], BAR.len());
        let text = format_args!("[{bar:width$}] {percent} % of {} MiB", all >> 20);
        out.progress(left, now, text);
    }
}
