// SPDX-License-Identifier: MIT OR Apache-2.0
//! `agent`: the snapshot of the network, window after window.

mod document;
mod meters;
mod open;
pub mod options;
mod reload;
pub(in crate::cmd) mod rights;
mod run;
pub mod settings;
pub(in crate::cmd) mod state;

use super::config::{self, Configuration};
use super::outputs::{self, Outputs};
use super::{Applet, Verbosity};
use crate::failure::Failure;
use options::{Args, FLAGS};
use settings::Settings;

impl Applet for Args {
    const NAME: &'static str = "agent";
    const SUMMARY: &'static str = "a snapshot of router, interfaces and devices every few seconds";
    const SHIPS: bool = true;
    const FLAGS: &'static str = FLAGS;

    fn verbosity(&self) -> Verbosity {
        Args::verbosity(self)
    }

    fn run(self, options: outputs::Options) -> Result<(), Failure> {
        let configuration = config::load(options.one("--config"))?;
        let settings = Settings::new(&self, &options, &configuration)?;
        log::set_max_level(settings.log_level);
        let enabled = |section: &&config::Section| section.boolean("enabled");
        if configuration
            .sections("probe")
            .any(|section| enabled(&section))
        {
            log::warn!("'probe' sections: this version does not probe");
        }
        // One snapshot is shown, not sent, unless that is asked for here.
        let named = options.all("--output").next().is_some();
        let sinks = match settings.once && !named {
            true => &Configuration::default(),
            false => &configuration,
        };
        let outputs = Outputs::plan(&options, "agent", sinks, &settings.spooling)?;
        open::open(settings, &configuration, &outputs)?.run()
    }
}
