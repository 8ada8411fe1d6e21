// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration, read at the start and at SIGHUP; what is wrong in it then changes nothing.

use log::LevelFilter;

use super::open;
use super::options::Args;
use super::run::Agent;
use super::settings::Settings;
use crate::cmd::config::{self, Configuration};
use crate::cmd::interfaces::Logical;
use crate::cmd::outputs::{Options, Outputs};
use crate::cmd::quoted;
use crate::cmd::servers::Sender;
use crate::collect::network::Tables;
use crate::failure::Failure;
use crate::limits::DEVICES_HEARD_MAX;
use crate::sys::clock;
use crate::sys::files::Root;
use crate::sys::terminal;

/// What was said on the command line, which the file does not change.
pub(super) struct Orders {
    pub(super) args: Args,
    pub(super) options: Options,
}

/// The file, and what follows from both.
pub(super) struct Read {
    pub(super) configuration: Configuration,
    pub(super) settings: Settings,
    pub(super) outputs: Outputs,
}

impl Orders {
    /// Reads the file, and the secrets that it names.
    ///
    /// # Errors
    /// When something is wrong: all of it is said.
    pub(super) fn read(&self) -> Result<Read, Failure> {
        let configuration = config::load(self.options.one("--config"))?;
        let settings = Settings::new(&self.args, &self.options, &configuration)?;
        // One snapshot is shown, not sent, unless that is asked for on the command line.
        let named = self.options.all("--output").next().is_some();
        let sinks = match settings.once && !named {
            true => &Configuration::default(),
            false => &configuration,
        };
        let outputs = Outputs::plan(&self.options, "agent", sinks, &settings.spooling)?;
        // As a service is started, before anybody said where to.
        if outputs.are_stdout_alone() && !named && !settings.once && terminal::stdout_is_null() {
            return Err(Failure::usage(format_args!(
                "no output configured, and standard output is /dev/null: add an 'output' section \
                 to {}, or an option like --api-url",
                quoted(configuration.file.as_deref().unwrap_or(config::DEFAULT))
            )));
        }
        Ok(Read {
            configuration,
            settings,
            outputs,
        })
    }

    /// Says when what SIGHUP will have to read cannot be read any more, now that rights were given
    /// up.
    pub(super) fn try_again(&self) {
        let level = log::max_level();
        // What is odd about it was said when it was read before.
        log::set_max_level(LevelFilter::Off);
        let read = self.read();
        log::set_max_level(level);
        if let Err(failure) = read {
            log::warn!(
                "{failure}; SIGHUP will change nothing until the agent's user may read it: chgrp \
                 and chmod g+r"
            );
        }
    }
}

impl Agent {
    /// Reads the configuration again and applies it, without losing a counter.
    pub(super) fn reload(&mut self) {
        match self.orders.read().and_then(|read| self.apply(read)) {
            Ok(()) => {
                log::set_max_level(self.settings.log_level);
                log::info!("configuration read again");
            }
            Err(failure) => log::error!("{failure}; the old configuration goes on"),
        }
    }

    fn apply(&mut self, read: Read) -> Result<(), Failure> {
        let Read {
            configuration,
            mut settings,
            outputs,
        } = read;
        for option in settings.keep_r(&self.settings) {
            log::warn!("option '{option}': takes effect after a restart");
        }
        let root = Root::system().map_err(unusable)?;
        let mut tables = Tables::open().map_err(unusable)?;
        let network = tables.network().map_err(|error| {
            Failure::failed(format_args!("cannot read the interfaces: {error}"))
        })?;
        let wanted = Logical::read(&root).wanted(&settings.interfaces, &network)?;
        let sources = open::named(&settings, &configuration).open(root, DEVICES_HEARD_MAX)?;
        let server_id = open::server_id(&settings);
        // What may still fail comes first: nothing is half applied.
        let now = clock::mono();
        self.probes.change(&configuration, now)?;
        self.observer.lan.set_sources(sources).map_err(unusable)?;
        let renamed = server_id != self.documents.server_id;
        if renamed || outputs != self.outputs {
            let sender = Sender {
                host: &server_id,
                start_id: self.documents.start_id,
                sequence: self.documents.sequence,
            };
            self.outlets
                .exchange(&self.outputs, &outputs, sender, renamed)?;
            self.outputs = outputs;
        }
        self.documents.server_id = server_id;
        self.observer.lan.set_ears(open::ears(&settings));
        let discovery = open::discovery(&settings);
        self.observer
            .change(wanted, settings.inactive_after, discovery, now);
        if let Some(state) = &mut self.state {
            state.set(settings.interval, configuration.file.clone());
        }
        self.settings = settings;
        Ok(())
    }
}

fn unusable(error: std::io::Error) -> Failure {
    Failure::failed(format_args!("cannot reload: {error}; raise ulimit -n"))
}
