// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whom to probe and how, and what a round told.

use core::net::IpAddr;
use core::time::Duration;

use crate::engine::echo::Burst;
pub use crate::engine::schedule::Rhythm;
use crate::model::probe::{Checked, Ping, Route, Service};
use crate::time::Mono;

/// A host, and what to do with it again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What reports call it. With `host` it tells subjects apart when they are read again.
    pub name: String,
    /// A name, or an address, which is never looked up.
    pub host: String,
    /// What is done, each at its own rhythm; at most
    /// [`PROBE_JOBS_MAX`](crate::limits::PROBE_JOBS_MAX).
    pub jobs: Vec<Job>,
}

/// Tests that are done at the same time, and reported together when all of them are over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Echoes; `None`: no pings.
    pub ping: Option<Burst>,
    /// Hops of the way at most, 1 or more; `None`: no trace.
    pub trace: Option<u8>,
    /// Ports to check; `None`: none.
    pub scan: Option<Scan>,
    /// How long a hop and a port are waited for.
    pub timeout: Duration,
    /// When the next round begins.
    pub rhythm: Rhythm,
}

/// Ports to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Each port, and what should listen there.
    pub ports: Vec<(u16, Service)>,
    /// Whether certificates are judged.
    pub judging: bool,
}

/// What a round of a job told. A part that was not run, or could not be brought to its end before
/// the program ends, is `None`.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Its place among the subjects that were given last.
    pub subject: usize,
    /// The place of its job in the subject.
    pub job: usize,
    /// The subject's name.
    pub name: &'a str,
    /// What was asked; of a name that does not resolve, the last that it had. `None`: it never had
    /// one.
    pub address: Option<IpAddr>,
    /// Why the name has no address now. If it had none when the round began, nothing was sent: all
    /// pings count as lost, no port as open.
    pub unresolved: Option<&'a str>,
    /// When the round began.
    pub begun: Mono,
    /// When it was over.
    pub checked: Mono,
    /// Echoes.
    pub ping: Option<&'a Ping>,
    /// The way, as far as it was found.
    pub route: Option<&'a Route>,
    /// Whether the way is the first one that was found to this host, or another than the last.
    pub route_changed: bool,
    /// The ports, in the order of the job.
    pub ports: Option<&'a [Checked]>,
}
