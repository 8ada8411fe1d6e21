// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netmon`: the rates of the interfaces over a window, as JSON.

mod job;

use core::num::NonZeroU64;
use core::time::Duration;

use argh::{ArgsInfo, FromArgs};

use self::job::Job;
use super::argv::Shape;
use super::{Applet, Verbosity, config};
use crate::codec::units;
use crate::encode::json::Style;
use crate::failure::Failure;
use crate::model::selection::Selection;
use crate::sink::file::{Keep, Rotation};

#[derive(FromArgs, ArgsInfo)]
#[argh(
    name = "netmon",
    description = "Averages per second of every network interface, from /proc/net/dev, as JSON.",
    help_triggers("-h", "--help"),
    example = "Show the rates of all interfaces, measured over one second:\n  $ netmon --pprint",
    example = "Collect the eth interfaces minute by minute, in files of at most 1 MiB:\n  \
               $ netmon --logpath /tmp/netmon --logappend --rotate-kib 1024 --interval 1m \
               --count 0 -i 'eth*'"
)]
/// The options of `netmon`.
pub struct Args {
    /// write to DIR/netmon.log instead of standard output; DIR is made when absent
    #[argh(option, arg_name = "dir")]
    logpath: Option<String>,
    /// append to the file instead of overwriting it; bare, or followed by true or false
    #[argh(option, arg_name = "bool")]
    logappend: Option<String>,
    /// put the file aside before it exceeds N KiB, when appending (0 = never)
    #[argh(option, arg_name = "n")]
    rotate_kib: Option<String>,
    /// files put aside that stay, 1 to 99 (1)
    #[argh(option, arg_name = "n")]
    keep: Option<String>,
    /// print the object indented and sorted, besides writing it to a file
    #[argh(switch)]
    pprint: bool,
    /// report interfaces that match PATTERN only; * stands for anything, a leading ! excludes;
    /// repeatable
    #[argh(option, short = 'i', arg_name = "pattern")]
    interface: Vec<String>,
    /// length of a window, 100ms to 1d: a number with ms, s, m, h or d, plain seconds (1s)
    #[argh(option, arg_name = "duration")]
    interval: Option<String>,
    /// windows to measure, one after the other (1; 0 = for ever)
    #[argh(option, arg_name = "n")]
    count: Option<String>,
    /// compute from two saved copies of /proc/net/dev: --replay BEFORE AFTER
    #[argh(option, arg_name = "before after")]
    replay: Vec<String>,
    /// seconds between the two copies, to the microsecond (1)
    #[argh(option, arg_name = "seconds")]
    elapsed: Option<String>,
    /// elasticsearch server (not in this version)
    #[argh(option, arg_name = "host")]
    eshost: Option<String>,
    /// its user (not in this version)
    #[argh(option, arg_name = "user")]
    esuser: Option<String>,
    /// its password (not in this version)
    #[argh(option, arg_name = "password")]
    espwd: Option<String>,
    /// its index (not in this version)
    #[argh(option, arg_name = "index")]
    esindex: Option<String>,
    /// tell more; twice: tell everything
    #[argh(switch, short = 'v')]
    verbose: u8,
    /// tell everything
    #[argh(switch)]
    debug: bool,
    /// tell errors only
    #[argh(switch)]
    quiet: bool,
}

impl Applet for Args {
    const NAME: &'static str = "netmon";
    const SUMMARY: &'static str = "rates of the network interfaces, from /proc/net/dev, as JSON";
    const SHAPE: Shape = Shape {
        optional_booleans: &["logappend"],
        pairs: &["replay"],
    };
    const HELP_WHEN_BARE: bool = true;

    fn verbosity(&self) -> Verbosity {
        Verbosity {
            verbose: self.verbose,
            debug: self.debug,
            quiet: self.quiet,
        }
    }

    fn run(self) -> Result<(), Failure> {
        let plan = Plan::new(self)?;
        Job::new(&plan)?.run(&plan)
    }
}

/// What to do, checked.
struct Plan {
    source: Source,
    selection: Selection,
    directory: Option<String>,
    keep: Keep,
    stdout: Option<Style>,
}

enum Source {
    Live {
        interval: Duration,
        count: u64,
    },
    Replay {
        before: String,
        after: String,
        elapsed_us: NonZeroU64,
    },
}

impl Plan {
    fn new(args: Args) -> Result<Self, Failure> {
        if [&args.eshost, &args.esuser, &args.espwd, &args.esindex]
            .into_iter()
            .any(Option::is_some)
        {
            return Err(Failure::usage(
                "--eshost: this version sends to no server; use --logpath and a log forwarder",
            ));
        }
        let keep = keep(&args)?;
        let stdout = match (args.pprint, &args.logpath) {
            (true, _) => Some(Style::Indented),
            (false, None) => Some(Style::Compact),
            (false, Some(_)) => None,
        };
        Ok(Self {
            source: source(&args)?,
            selection: Selection::new(args.interface),
            directory: args.logpath,
            keep,
            stdout,
        })
    }
}

fn source(args: &Args) -> Result<Source, Failure> {
    if let [before, after] = args.replay.as_slice() {
        if args.interval.is_some() || args.count.is_some() {
            return Err(Failure::usage(
                "--replay takes --elapsed, not --interval or --count",
            ));
        }
        let text = args.elapsed.as_deref().unwrap_or("1");
        let elapsed_us = units::seconds(text)
            .and_then(|elapsed| NonZeroU64::new(u64::try_from(elapsed.as_micros()).ok()?))
            .ok_or_else(|| {
                config::refused(
                    "option '--elapsed'",
                    text,
                    "a length of time",
                    "seconds above 0, as 1.0015",
                )
            })?;
        return Ok(Source::Replay {
            before: before.clone(),
            after: after.clone(),
            elapsed_us,
        });
    }
    if !args.replay.is_empty() {
        return Err(Failure::usage("--replay can be given only once"));
    }
    if args.elapsed.is_some() {
        return Err(Failure::usage(
            "--elapsed goes with --replay; use --interval for a live window",
        ));
    }
    let range = Duration::from_millis(100)..=Duration::from_secs(86_400);
    let interval = args.interval.as_deref().unwrap_or("1s");
    let interval = config::duration("--interval", interval, range, "100ms to 1d")?;
    let count = args.count.as_deref().unwrap_or("1");
    Ok(Source::Live {
        interval,
        count: config::integer("--count", count, 0..=u64::MAX)?,
    })
}

fn keep(args: &Args) -> Result<Keep, Failure> {
    let append = match &args.logappend {
        Some(text) => config::boolean("--logappend", text)?,
        None => false,
    };
    if args.logpath.is_none() && args.logappend.is_some() {
        return Err(Failure::usage("--logappend needs --logpath DIR"));
    }
    if !append {
        return match (&args.rotate_kib, &args.keep) {
            (None, None) => Ok(Keep::Newest),
            _ => Err(Failure::usage(
                "--rotate-kib and --keep need --logpath DIR --logappend",
            )),
        };
    }
    let kib = config::integer(
        "--rotate-kib",
        args.rotate_kib.as_deref().unwrap_or("0"),
        0..=1_048_576,
    )?;
    let kept = config::integer("--keep", args.keep.as_deref().unwrap_or("1"), 1..=99)?;
    let files_kept = u32::try_from(kept).unwrap_or(u32::MAX);
    let rotation = Rotation {
        bytes_max: kib * 1_024,
        files_kept,
    };
    Ok(Keep::All((kib > 0).then_some(rotation)))
}
