// SPDX-License-Identifier: MIT OR Apache-2.0
//! `connspy` and `connspy-stream`: options to a plan; the work is done by [`crate::connspy`].

use argh::{ArgsInfo, FromArgs};

use super::config::{Section, none_wrong, refused};
use super::{Applet, outputs};
use crate::connspy::plan::{Busiest, Memory, Plan, Query};
use crate::connspy::{batch, line, tail};
use crate::failure::Failure;
use crate::sys::host;

#[derive(FromArgs, ArgsInfo)]
#[argh(
    name = "connspy",
    description = "Tells from connection logs (lines of TS FROM TO) who connects to whom.\n\
                   Reads FILES in their order, else standard input; what ends in .gz is unpacked.",
    help_triggers("-h", "--help"),
    example = "Who connected to a host in a range of time:\n  \
               $ connspy --to_host zyla --time_init 1565647264445 --time_end 1565733587895 a.log",
    example = "Hour by hour, and the busiest host:\n  \
               $ connspy --to_host zyla --from_host tanya --busiest_from_host --hourly a.log b.log"
)]
/// The options of `connspy`.
pub struct Args {
    /// the logs to read
    #[argh(positional, arg_name = "file")]
    files: Vec<String>,
}

#[derive(FromArgs, ArgsInfo)]
#[argh(
    name = "connspy-stream",
    description = "As connspy --hourly --busiest_host: who connects to whom, hour by hour, and who \
                   has most\nconnections, both sides counted.",
    help_triggers("-h", "--help"),
    example = "Only hours that are complete:\n  \
               $ connspy-stream --to zyla --from tanya --only_complete_hours a.log"
)]
/// The options of `connspy-stream`.
pub struct StreamArgs {
    /// the logs to read
    #[argh(positional, arg_name = "file")]
    files: Vec<String>,
}

/// The options as they are given.
const FLAGS: &str = "\
--to_host||to|1|collect the hosts that connected to this one
--to||to|1|the same
--from_host||from|1|collect the hosts that this one connected to
--from||from|1|the same
--busiest_from_host||busiest_source||the host that initiated most connections
--busiest_host||busiest_both||the host with most connections, either way
--hourly||hourly||all of this for each hour (UTC)
--time_init||init|1|first time that counts; above 999999999999 milliseconds, else seconds; \
files are searched for it, where of no 64 lines in a row all may be late
--time_end||end|1|time from which on nothing counts
--max_log_late_seconds||late|1|how late a line can be, 0 to 999999999 (300)
--only_complete_hours||complete||leave out the hours that are open at the end
--json||json||a JSON object for each row
--summary||summary||tell at the end how many lines were read (standard error)
--memory-mib||memory|1|most memory for sets of hosts, in MiB (1/16 of the RAM, at least 16)
--temp-dir||temp_dir|1|directory for sets that need more
--approximate||approximate||estimate what needs more, and tell the error
--threads||threads|1|threads that read a large file, 1 to 64 (1)
--tail||tail||go on with what comes into the last file (not the first), whatever becomes of it
--state||state|1|with --tail: keep the place and the open hours in this file over a restart
--output-file||output|1|append rows to this file; with --tail opened again on SIGHUP";

/// What they may be.
const TABLE: &str = "\
to|text
from|text
busiest_source|boolean|0
busiest_both|boolean|0
hourly|boolean|0
init|any
end|any
late|integer|300|0 to 999999999
complete|boolean|0
json|boolean|0
summary|boolean|0
memory|integer||1 to 1048576
temp_dir|text
approximate|boolean|0
threads|integer|1|1 to 64
tail|boolean|0
state|text
output|text";

impl Applet for Args {
    const NAME: &'static str = "connspy";
    const SUMMARY: &'static str = "who connects to whom, from connection logs";
    const FLAGS: &'static str = FLAGS;

    fn run(self, given: outputs::Options) -> Result<(), Failure> {
        run(&plan(self.files, &given, false)?)
    }
}

impl Applet for StreamArgs {
    const NAME: &'static str = "connspy-stream";
    const SUMMARY: &'static str = "the same, hour by hour, with the busiest host";
    const FLAGS: &'static str = FLAGS;

    fn run(self, given: outputs::Options) -> Result<(), Failure> {
        run(&plan(self.files, &given, true)?)
    }
}

fn run(plan: &Plan) -> Result<(), Failure> {
    match plan.tail {
        true => tail::run(plan),
        false => batch::run(plan),
    }
}

/// What the options ask for.
fn plan(files: Vec<String>, given: &outputs::Options, is_stream: bool) -> Result<Plan, Failure> {
    let mut options = Section::of_table(TABLE);
    let mut wrong = Vec::new();
    given.lay("", &mut options, &mut wrong);
    none_wrong(wrong)?;
    check_tail(&files, &options)?;
    if options.boolean("approximate") && options.has("temp_dir") {
        return Err(options.refuse("approximate", ": excludes --temp-dir"));
    }
    let text = |option| options.given(option).map(str::to_owned);
    Ok(Plan {
        files,
        query: query(&options, is_stream)?,
        json: options.boolean("json"),
        summary: options.boolean("summary"),
        memory: Memory {
            bytes: memory_bytes(&options),
            temp_dir: text("temp_dir"),
            approximate: options.boolean("approximate"),
        },
        threads: options.integer("threads") as usize,
        tail: options.boolean("tail"),
        state: text("state"),
        output_file: text("output"),
    })
}

/// What goes with `--tail` and `--state`, and what does not.
fn check_tail(files: &[String], options: &Section) -> Result<(), Failure> {
    if options.boolean("tail") && files.last().is_some_and(|path| path.ends_with(".gz")) {
        return Err(options.refuse("tail", ": the last file is packed, nothing comes into it"));
    }
    if !options.has("state") {
        return Ok(());
    }
    if !options.boolean("tail") || files.is_empty() {
        return Err(options.refuse("state", ": only with --tail and a file"));
    }
    if files
        .iter()
        .any(|path| Some(path.as_str()) == options.given("state"))
    {
        return Err(options.refuse("state", ": is one of the logs"));
    }
    if options.boolean("approximate") {
        return Err(options.refuse("state", ": what --approximate estimates cannot be kept"));
    }
    Ok(())
}

fn query(options: &Section, is_stream: bool) -> Result<Query, Failure> {
    let host = |option| {
        options
            .given(option)
            .map(|host| host.to_ascii_lowercase().into_bytes())
    };
    let busiest = match ["busiest_source", "busiest_both"].map(|option| options.boolean(option)) {
        [true, true] => {
            return Err(Failure::usage(
                "--busiest_from_host excludes --busiest_host",
            ));
        }
        [true, false] => Some(Busiest::Source),
        [false, both] => (both || is_stream).then_some(Busiest::Both),
    };
    let query = Query {
        to: host("to"),
        from: host("from"),
        busiest,
        hourly: options.boolean("hourly") || is_stream,
        time_init_us: time_us(options, "init")?.unwrap_or(0),
        time_end_us: time_us(options, "end")?,
        late_us: options.integer("late") * 1_000_000,
        only_complete_hours: options.boolean("complete"),
    };
    if query.to.is_none() && query.from.is_none() && query.busiest.is_none() {
        return Err(Failure::usage(
            "nothing is asked for; give --to_host HOST, --from_host HOST or --busiest_from_host",
        ));
    }
    if query
        .time_end_us
        .is_some_and(|end| end < query.time_init_us)
    {
        return Err(options.refuse("end", ": is before --time_init"));
    }
    if query.only_complete_hours && !query.hourly {
        return Err(options.refuse("complete", ": only with --hourly"));
    }
    Ok(query)
}

/// The moment that an option names.
fn time_us(options: &Section, option: &str) -> Result<Option<u64>, Failure> {
    let Some(text) = options.given(option) else {
        return Ok(None);
    };
    let is_zero = !text.is_empty() && text.bytes().all(|byte| byte == b'0');
    let at_us = line::time_us(text.as_bytes()).or(is_zero.then_some(0));
    at_us.map(Some).ok_or_else(|| {
        let allowed = "seconds or milliseconds since 1970, before the year 10000";
        refused(options.subject(option), text, "a time", allowed)
    })
}

/// What sets of hosts may cost.
fn memory_bytes(options: &Section) -> usize {
    const MIB: u64 = 1 << 20;
    let bytes = match options.integer("memory") {
        0 => (host::ram_bytes() / 16).max(16 * MIB),
        mib => mib * MIB,
    };
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
