// SPDX-License-Identifier: MIT OR Apache-2.0
//! `status`: whether the agent runs, and how it fares, from its state file.

mod kept;
mod report;
mod verdict;

use core::fmt;

use argh::{ArgsInfo, FromArgs};

use super::{Applet, config, outputs, quoted, stdout_failure};
use crate::failure::{Exit, Failure};
use crate::sink::stdout;
use crate::sys::terminal;
use kept::{Kept, Unknown};
use report::Report;
use verdict::{Present, Writer};

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
        let found = match path.is_empty() {
            true => Err(Unknown::NotKept),
            false => Kept::read(&path),
        };
        let state = found.as_ref().ok().and_then(Kept::state);
        let verdict = state.map(|state| Writer::of(&state).judge(&Present::look(state.pid)));
        let about = |what: &dyn fmt::Display| format!("state file {}: {what}", quoted(&path));
        let reason = match (&found, &verdict) {
            (Err(unknown), _) => Some(about(unknown)),
            (Ok(_), verdict) => {
                let reason = verdict.as_ref().and_then(|verdict| verdict.reason.as_ref());
                reason.map(|reason| about(reason))
            }
        };
        let report = Report {
            known: state.zip(verdict.map(|verdict| verdict.age)),
            reason: reason.as_deref(),
        };
        let answer = match self.json {
            true => report.json(),
            false => report.text(terminal::stdout_size().map(|(columns, _)| columns)),
        };
        stdout::print(&answer).map_err(stdout_failure)?;
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
