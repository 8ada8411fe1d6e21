// SPDX-License-Identifier: MIT OR Apache-2.0
//! `connmonitor`: ping, trace and port checks of the hosts of a file, round after round for years.

mod hosts;
mod records;
mod reload;
mod run;

use argh::{ArgsInfo, FromArgs};

use super::argv::Shape;
use super::config::{Section, none_wrong};
use super::lan::cannot;
use super::outputs::{self, Outputs};
use super::{Applet, LOGGING_LONG};
use crate::failure::Failure;
use crate::sys::signal::{Hint, Hints};
use crate::sys::time_zone;
use hosts::Source;

#[derive(FromArgs, ArgsInfo)]
#[argh(
    name = "connmonitor",
    description = "Tests the hosts of FILE, or of standard input, again and again: pings, traces, \
                   port checks. The first line holds DOPINGS DOTRACE DOPSCAN NUMPINGS PAYLOAD HOPS \
                   JSON SLEEP and each further one a host; or each line holds a host and any of \
                   ping, trace, scan, timeout, spacing (=MILLISECONDS, or as 1.5s), numpings, \
                   payload, hops, json, timestamp, ports, tls. SIGHUP reads FILE again. -v prints \
                   the version.",
    help_triggers("-h", "--help"),
    example = "Ping two hosts every half second, trace one of them every minute:\n  \
               $ printf '%s\\n' '192.0.2.1 trace=1m' 'example.net json=1' | connmonitor",
    example = "Write what changes to a file, and everything to Elasticsearch:\n  \
               $ connmonitor --state --logpath /var/log --logappend /etc/hosts.conf\n  \
               $ connmonitor --eshost localhost /etc/hosts.conf"
)]
/// The options of `connmonitor`.
pub struct Args {
    /// the hosts to test, and how; standard input when absent
    #[argh(positional, arg_name = "file")]
    file: Option<String>,
}

/// The options as they are given.
const FLAGS: &str = "\
--state||state||tell changes only: up, down, loss, loss-end, route, unresolved, resolved\n\
--loss-limit||loss_limit|1|loss in percent above which --state tells, 0 to 100 (20)";

/// What they may be.
const TABLE: &str = "\
state|boolean|0
loss_limit|integer|20|0 to 100";

impl Applet for Args {
    const NAME: &'static str = "connmonitor";
    const SUMMARY: &'static str = "ping, trace and port checks of hosts, for years";
    const SHIPS: bool = true;
    const FLAGS: &'static str = FLAGS;
    const SHAPE: Shape = Shape {
        version: "vV",
        ..Shape::PLAIN
    };
    // Its -v is the version.
    const LOGGING: &'static str = LOGGING_LONG;
    const MARKS: bool = true;

    fn run(self, given: outputs::Options) -> Result<(), Failure> {
        // Before any thread is started.
        time_zone::adopt();
        // It would end the process until then.
        let hangup = Hints::hold(Hint::Reload);
        let hangup = hangup.map_err(|error| cannot("wait for signals", &error))?;
        let mut options = Section::of_table(TABLE);
        let mut wrong = Vec::new();
        given.lay("", &mut options, &mut wrong);
        none_wrong(wrong)?;
        let outputs = Outputs::of_options(&given, Self::NAME)?;
        let plan = run::Plan {
            source: self.file.map_or(Source::StandardInput, Source::File),
            changes_only: options.boolean("state"),
            loss_limit_percent: options.integer("loss_limit"),
        };
        run::run(plan, &outputs, hangup)
    }
}
