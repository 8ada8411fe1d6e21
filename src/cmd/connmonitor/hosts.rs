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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn jobs(text: &str) -> Vec<Job> {
        let mut list = Vec::new();
        let form = hosts::read(text.as_bytes(), |name, tests| {
            list.push(Host {
                name: name.to_owned(),
                tests: tests.clone(),
            });
        });
        let hosts = Hosts {
            form: form.unwrap(),
            hosts: list,
        };
        let mut subjects = hosts.subjects();
        assert_eq!((subjects.len(), &*subjects[0].host), (1, "h"));
        subjects.remove(0).jobs
    }

    /// Whether a job pings, traces and checks ports.
    fn parts(job: &Job) -> [bool; 3] {
        [job.ping.is_some(), job.trace.is_some(), job.scan.is_some()]
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn numbers_are_one_job_with_a_pause() {
        let found = jobs("1 1 1 7 1337 40 1 500\nh\n");
        assert_eq!(found.len(), 1);
        assert_eq!(
            (parts(&found[0]), found[0].rhythm),
            ([true; 3], Rhythm::After(ms(500)))
        );
        let ping = found[0].ping.unwrap();
        assert_eq!((ping.count, ping.payload), (7, Payload::Zeros(1_337)));
        assert_eq!((found[0].trace, found[0].timeout), (Some(40), ms(1_000)));
        let found = jobs("0 1 0 7 1337 40 1 0\nh\n");
        let expected = ([false, true, false], Rhythm::After(PAUSE_MIN));
        assert_eq!((parts(&found[0]), found[0].rhythm), expected);
        assert!(jobs("0 0 0 1 1 1 1 500\nh\n").is_empty());
    }

    #[test]
    fn options_are_a_job_for_each_test_on_a_grid() {
        let found = jobs("h ping=300 trace=2s scan=1m ports=22,8080 tls=1 timeout=70");
        let rhythms = found.iter().map(|job| job.rhythm);
        let grids = [ms(300), ms(2_000), ms(60_000)].map(Rhythm::Fixed);
        assert_eq!(rhythms.collect::<Vec<_>>(), grids);
        let expected = [
            [true, false, false],
            [false, true, false],
            [false, false, true],
        ];
        assert_eq!(found.iter().map(parts).collect::<Vec<_>>(), expected);
        let scan = found[2].scan.as_ref().unwrap();
        let ports: Vec<u16> = scan.ports.iter().map(|(port, _)| *port).collect();
        assert_eq!(
            (ports, scan.judging),
            (vec![80, 443, 3_306, 22, 8_080], true)
        );
        assert!(found.iter().all(|job| job.timeout == ms(70)));
        assert_eq!(
            jobs("h").iter().map(parts).collect::<Vec<_>>(),
            [[true, false, false]]
        );
    }
}
