// SPDX-License-Identifier: MIT OR Apache-2.0
//! The run over files, or standard input, to their end.

use std::io;

use super::fault::Fault;
use super::hours::{Flow, Hours};
use super::input::Input;
use super::output::{Output, Target};
use super::plan::Plan;
use crate::failure::{Exit, Failure};
use crate::sys::files::{self, File};
use crate::sys::random;
use crate::sys::terminal;

/// Does what `plan` asks for.
///
/// # Errors
/// When a file cannot be read, rows not be written, sets not be kept.
pub fn run(plan: &Plan) -> Result<(), Failure> {
    let mut out = Output::new(target(plan)?, plan.json, plan.query.is_immediate());
    let mut hours = Hours::new(plan.query.clone(), &plan.memory, random::bits());
    let result = read_all(plan, &mut hours, &mut out);
    let result = result.and_then(|()| hours.finish(&mut out).map_err(failure));
    if matches!(&result, Err(failure) if failure.is_silent()) {
        return result;
    }
    tell(plan, &hours, &out);
    result
}

/// Where rows go.
///
/// # Errors
/// When the file of `--output-file` cannot be opened.
pub fn target(plan: &Plan) -> Result<Target, Failure> {
    let Some(path) = &plan.output_file else {
        return Ok(Target::Stdout);
    };
    let file = files::c_path(path).and_then(|path| File::append(&path));
    file.map(Target::File).map_err(|error| {
        Failure::failed(format_args!(
            "cannot open '{path}' to append rows: {error}; see --output-file"
        ))
    })
}

/// Tells what was read and what could not be used.
pub fn tell(plan: &Plan, hours: &Hours, out: &Output) {
    let counts = &hours.counts;
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

fn read_all(plan: &Plan, hours: &mut Hours, out: &mut Output) -> Result<(), Failure> {
    if plan.files.is_empty() {
        let stdin = File::stdin().map_err(|error| unreadable("standard input", &error))?;
        return read(&stdin, "standard input", hours, out).map(drop);
    }
    for path in &plan.files {
        let file = files::c_path(path).and_then(|path| File::open_waiting(&path));
        let file = file.map_err(|error| unreadable(path, &error))?;
        if read(&file, path, hours, out)? == Flow::Stop {
            break;
        }
    }
    Ok(())
}

fn read(file: &File, path: &str, hours: &mut Hours, out: &mut Output) -> Result<Flow, Failure> {
    let mut input = Input::default();
    loop {
        let len = file.read(input.space());
        let len = len.map_err(|error| unreadable(path, &error))?;
        let lines = match len {
            0 => input.rest(),
            len => input.filled(len),
        };
        let flow = hours.scan(lines, out).map_err(failure)?;
        hours.overlong(input.take_overlong());
        out.flush().map_err(|error| failure(error.into()))?;
        if len == 0 || flow == Flow::Stop {
            return Ok(flow);
        }
    }
}

fn unreadable(path: &str, error: &io::Error) -> Failure {
    Failure::failed(format_args!("cannot read '{path}': {error}"))
}
