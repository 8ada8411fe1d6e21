// SPDX-License-Identifier: MIT OR Apache-2.0
//! `status`: whether the agent runs, and how it fares, from its state file.

mod kept;
mod report;
mod verdict;

use argh::{ArgsInfo, FromArgs};

use super::{Applet, config, outputs, quoted, stdout_failure};
use crate::failure::{Exit, Failure};
use crate::sink::stdout;
use crate::sys::terminal;
use kept::Kept;
use verdict::{Present, Verdict, Writer};

#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(
    name = "status",
    description = "Tells whether the agent runs, what it sees and what becomes of its documents. \
                   The exit status is 0 only when it runs.",
    help_triggers("-h", "--help"),
    example = "Is all well?\n  $ status",
    example = "For a script, of an agent with a state file of its own:\n  \
               $ status --json --state-file /tmp/state.json"
)]
/// The options of `status`.
pub struct Args {
    /// write a JSON object
    #[argh(switch)]
    json: bool,
    /// file that the agent writes (that of the configuration, else
    /// /var/run/netvitals/state.json)
    #[argh(option, arg_name = "file")]
    state_file: Option<String>,
}

impl Applet for Args {
    const NAME: &'static str = "status";
    const SUMMARY: &'static str = "whether the agent runs, what it sees, what it sends";

    fn run(self, _: outputs::Options) -> Result<(), Failure> {
        let path = self.state_file.unwrap_or_else(configured);
        let answer = Answer::find(&path);
        let known = answer.known.as_ref().map(|(kept, verdict)| (kept, verdict));
        let reason = answer.reason.as_deref();
        let put = match self.json {
            true => stdout::print(&report::json(known, reason)),
            false => {
                let columns = terminal::stdout_size().map(|(columns, _)| columns);
                stdout::print(&report::text(known, reason, columns))
            }
        };
        put.map_err(stdout_failure)?;
        match reason {
            None => Ok(()),
            Some(_) => Err(Failure::silent(Exit::Failed)),
        }
    }
}

/// The state file that the configuration names, or would without one; empty: there is none.
fn configured() -> String {
    let configuration = config::load(None).unwrap_or_else(|failure| {
        log::info!("{failure}; looking where the state file is by default");
        config::Configuration::default()
    });
    configuration.main.text("state_file").to_owned()
}

/// What can be said.
struct Answer {
    known: Option<(Kept, Verdict)>,
    /// Why it does not run; `None` when it does.
    reason: Option<String>,
}

impl Answer {
    fn find(path: &str) -> Self {
        let subject =
            |what: &dyn core::fmt::Display| Some(format!("state file {}: {what}", quoted(path)));
        if path.is_empty() {
            let reason = "no state file is kept: option 'state_file' is empty";
            return Self {
                known: None,
                reason: Some(reason.to_owned()),
            };
        }
        match Kept::read(path) {
            Ok(kept) => {
                let writer = Writer::of(&kept);
                let verdict = writer.judge(&Present::look(kept.state.pid));
                let reason = verdict.reason.as_ref().and_then(|reason| subject(reason));
                Self {
                    known: Some((kept, verdict)),
                    reason,
                }
            }
            Err(unknown) => Self {
                known: None,
                reason: subject(&unknown),
            },
        }
    }
}
