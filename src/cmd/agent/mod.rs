// SPDX-License-Identifier: MIT OR Apache-2.0
//! `agent`: the snapshot of the network, window after window.

mod document;
mod meters;
mod open;
pub mod options;
mod probes;
mod reload;
pub mod rights;
mod run;
pub mod settings;
pub mod state;

use super::Applet;
use super::argv::Shape;
use super::lan::cannot;
use super::outputs;
use crate::failure::Failure;
use crate::sys::signal::{Hint, Hints};
use options::{Args, FLAGS};
use reload::{Orders, Read};

impl Applet for Args {
    const NAME: &'static str = "agent";
    const SUMMARY: &'static str = "a snapshot of router, interfaces and devices every few seconds";
    const SHIPS: bool = true;
    const FLAGS: &'static str = FLAGS;
    const SHAPE: Shape = Shape {
        optional_booleans: &["logappend", "conntrack"],
        ..Shape::PLAIN
    };

    fn run(self, options: outputs::Options) -> Result<(), Failure> {
        // First of all: it would end the process until then.
        let hangup = Hints::hold(Hint::Reload);
        let hangup = hangup.map_err(|error| cannot("wait for signals", &error))?;
        let orders = Orders {
            args: self,
            options,
        };
        let Read {
            configuration,
            settings,
            outputs,
        } = orders.read()?;
        if orders.args.test {
            return open::check(&settings, &configuration, &outputs);
        }
        log::set_max_level(settings.log_level);
        open::open(orders, settings, &configuration, outputs, hangup)?.run()
    }
}
