// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hosts to test: from a file to subjects of the prober.

use core::time::Duration;
use std::io;

use crate::cmd::quoted;
use crate::codec::hosts::{self, Form, Tests};
use crate::collect::prober::{Job, Rhythm, Scan, Subject};
use crate::engine::changes::Witness;
use crate::engine::echo::{Burst, Payload};
use crate::failure::{Exit, Failure};
use crate::limits::CONFIG_BYTES_MAX;
use crate::model::probe::Service;
use crate::model::vitals::SERVICES;
use crate::sys::files::{self, File};

/// A file of numbers may want no pause at all; the machine wants one.
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// What the types of errors are called that programs look for.
pub(super) const OS_ERROR: &str = "OSError";

/// Where hosts come from.
pub(super) enum Source {
    File(String),
    StandardInput,
}

/// All hosts.
pub(super) struct Hosts {
    pub(super) form: Form,
    pub(super) hosts: Vec<Host>,
}

/// A host, as it stands in the file.
pub(super) struct Host {
    pub(super) name: String,
    pub(super) tests: Tests,
}

impl Source {
    /// Reads the hosts; what is wrong is said.
    ///
    /// # Errors
    /// Silent, when there are none.
    pub(super) fn read(&self) -> Result<Hosts, Failure> {
        let text = self.text().map_err(|error| {
            let place = self.place();
            log::error!(target: OS_ERROR, "cannot read {place}: {error}; may we read it?");
            Failure::silent(Exit::Failed)
        })?;
        let mut list = Vec::new();
        let form = hosts::read(&text, |name, tests| {
            list.push(Host {
                name: name.to_owned(),
                tests: tests.clone(),
            });
        });
        let form = form.map_err(|error| {
            log::error!(target: OS_ERROR, "{error}; in {}", self.place());
            Failure::silent(Exit::Failed)
        })?;
        if list.is_empty() {
            return Err(none());
        }
        Ok(Hosts { form, hosts: list })
    }

    fn text(&self) -> io::Result<Vec<u8>> {
        let file = match self {
            Self::File(path) => File::open(&files::c_path(path)?),
            Self::StandardInput => File::standard_input(),
        };
        file?.read_to_end(CONFIG_BYTES_MAX)
    }

    fn place(&self) -> String {
        match self {
            Self::File(path) => quoted(path),
            Self::StandardInput => "standard input".to_owned(),
        }
    }
}

/// There is no host.
pub(super) fn none() -> Failure {
    log::error!("No hosts could be parsed!");
    Failure::silent(Exit::Failed)
}

impl Hosts {
    /// What the prober is to do, host by host.
    pub(super) fn subjects(&self) -> Vec<Subject> {
        let subject = |host: &Host| Subject {
            name: host.name.clone(),
            host: host.name.clone(),
            jobs: host.jobs(self.form),
        };
        self.hosts.iter().map(subject).collect()
    }

    /// Says what is wanted and cannot be had.
    pub(super) fn tell_gaps(&self) {
        let mut tests = self.hosts.iter().map(|host| &host.tests);
        let idle = |tests: &Tests| [tests.ping, tests.trace, tests.scan] == [None; 3];
        if tests.any(idle) {
            log::warn!("there are hosts of which nothing is tested: all their tests are off");
        }
    }
}

impl Host {
    /// In a file of numbers all tests are one round, else each has its own.
    fn jobs(&self, form: Form) -> Vec<Job> {
        let tests = &self.tests;
        let ping = tests.ping.map(|_| Burst {
            count: tests.pings_count,
            payload: Payload::Zeros(tests.payload_bytes),
            spacing: tests.spacing,
            timeout: tests.timeout,
        });
        let trace = tests.trace.map(|_| tests.hops_max);
        let scan = tests.scan.map(|_| Scan {
            ports: SERVICES
                .into_iter()
                .chain(tests.ports.iter().map(|&port| (port, Service::Any)))
                .collect(),
            judging: tests.tls,
        });
        let nothing = |rhythm| Job {
            ping: None,
            trace: None,
            scan: None,
            timeout: tests.timeout,
            rhythm,
        };
        if form == Form::Numbers {
            let pause = tests.ping.or(tests.trace).or(tests.scan);
            let job = pause.map(|pause| Job {
                ping,
                trace,
                scan,
                ..nothing(Rhythm::After(pause.max(PAUSE_MIN)))
            });
            return job.into_iter().collect();
        }
        let fixed = |interval| nothing(Rhythm::Fixed(interval));
        let ping = tests.ping.map(|interval| Job {
            ping,
            ..fixed(interval)
        });
        let trace = tests.trace.map(|interval| Job {
            trace,
            ..fixed(interval)
        });
        let scan = tests.scan.map(|interval| Job {
            scan,
            ..fixed(interval)
        });
        [ping, trace, scan].into_iter().flatten().collect()
    }

    /// Which test tells whether it answers.
    pub(super) fn witness(&self) -> Witness {
        match (self.tests.ping, self.tests.scan) {
            (Some(_), _) => Witness::Ping,
            (None, Some(_)) => Witness::Ports,
            (None, None) => Witness::Trace,
        }
    }
}
