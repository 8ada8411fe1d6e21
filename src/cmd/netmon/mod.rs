// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netmon`: the rates of the interfaces over a window, as JSON.

mod job;
mod outlets;

use core::num::NonZeroU64;
use core::time::Duration;

use argh::{ArgsInfo, FromArgs};

use super::argv::Shape;
use super::outputs::{self, Outputs};
use super::{Applet, config};
use crate::codec::units;
use crate::encode::json::Style;
use crate::failure::Failure;
use crate::model::selection::Selection;

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
}

impl Applet for Args {
    const NAME: &'static str = "netmon";
    const SUMMARY: &'static str = "rates of the network interfaces, from /proc/net/dev, as JSON";
    const SHAPE: Shape = Shape {
        optional_booleans: &["logappend"],
        pairs: &["replay"],
        ..Shape::PLAIN
    };
    const HELP_WHEN_BARE: bool = true;
    const SHIPS: bool = true;

    fn run(self, options: outputs::Options) -> Result<(), Failure> {
        let plan = Plan::new(self, options)?;
        job::run(&plan)
    }
}

/// What to do, checked.
struct Plan {
    source: Source,
    selection: Selection,
    outputs: Outputs,
    style: Style,
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
    fn new(args: Args, options: outputs::Options) -> Result<Self, Failure> {
        let mut outputs = Outputs::of_options(&options, "netmon")?;
        let style = if args.pprint {
            // What a person wants to see is shown in any case.
            outputs.stdout.get_or_insert_with(|| "stdout".to_owned());
            Style::Indented
        } else {
            Style::Compact
        };
        let source = source(&args)?;
        Ok(Self {
            source,
            selection: Selection::new(args.interface),
            outputs,
            style,
        })
    }

    /// Whether there is only one document.
    fn is_single(&self) -> bool {
        matches!(
            self.source,
            Source::Replay { .. } | Source::Live { count: 1, .. }
        )
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
