// SPDX-License-Identifier: MIT OR Apache-2.0
//! The servers that documents go to: from options to checked outputs, from start to finish.

use core::time::Duration;
use std::sync::Arc;

use super::config::Section;
use super::outputs::Spooling;
pub use super::sending::Sending;
use super::{credentials, quoted};
use crate::encode::{netmon, snapshot};
use crate::failure::Failure;
use crate::sink::api::Api;
use crate::sink::batch::Origin;
use crate::sink::elastic::Elastic;
use crate::sink::endpoint::EndpointError;
use crate::sink::http::{Client, Times, Trust};
use crate::sink::identity::{self, Splice};
use crate::sink::queue::{Queue, QueuePlan};
use crate::sink::shipper::{Patience, Shipper};
use crate::sink::spool::Limits;
use crate::sink::target::{Output, Target};
use crate::sink::{endpoint, gzip};
use crate::sys::resolver::Resolver;

/// What a server gets in front of a spooled document.
fn splice(collector: &str, target: &Target) -> Splice {
    match (collector, target) {
        ("netmon", _) => |_, document, out| {
            // Writing to a vector cannot fail.
            let _ = netmon::stamp(document.wall, out);
        },
        ("agent", Target::Elastic(_)) | ("connmonitor", _) => |origin, document, out| {
            let _ = snapshot::stamp(document.wall, &origin.host, out);
        },
        _ => |_, _, _| {},
    }
}

/// Who hands documents over.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// What its host is called.
    pub host: &'a str,
    /// Tells this run apart from others.
    pub start_id: u64,
    /// Documents that it handed over before.
    pub sequence: u64,
}

/// Servers to send to, checked.
#[derive(Debug, PartialEq, Eq)]
pub struct Servers {
    outputs: Vec<Planned>,
    queue: QueuePlan,
    retry: Duration,
    collector: &'static str,
}

/// An output that has not been reached yet.
#[derive(Debug, PartialEq, Eq)]
struct Planned {
    /// What the user calls it.
    label: String,
    name: String,
    identity: u64,
    target: Target,
    trust: Trust,
    times: Times,
    authorization: Option<String>,
    gzip: bool,
    batch_max: usize,
    batch_age: Duration,
}

/// What is wrong with an address, as it follows the name of its option; `None` when nothing is but
/// what this build leaves out.
pub fn address_fault(text: &str) -> Option<String> {
    match endpoint::normalise(text, 80, 443) {
        Ok(_) | Err(EndpointError::NoTls) => None,
        Err(error) => Some(bad_address(text, error)),
    }
}

/// A complaint about an address, which is not shown where it holds what nobody should see.
fn bad_address(text: &str, error: EndpointError) -> String {
    match error {
        EndpointError::Secret | EndpointError::Query => format!(": {error}"),
        _ => format!(" {}: {error}", quoted(text)),
    }
}

impl Servers {
    /// The servers of these `output` sections, at least one, for documents of `collector`, which
    /// a single run may `retry` for so long.
    ///
    /// # Errors
    /// When two are the same, this build lacks what one needs, or its secret cannot be read.
    pub fn plan(
        sections: &[Section],
        collector: &'static str,
        spooling: &Spooling,
        retry: Duration,
    ) -> Result<Self, Failure> {
        let mut outputs: Vec<Planned> = Vec::new();
        for section in sections {
            let planned = Planned::of(section, collector)?;
            // The spool tells them apart by their identity.
            let same = |other: &&Planned| other.identity == planned.identity;
            if let Some(other) = outputs.iter().find(same) {
                let what = format!(": documents go there already, by output '{}'", other.label);
                return Err(section.refuse("url", &what));
            }
            if planned.trust.insecure {
                log::warn!(
                    "{}: insecure: certificates are not checked; anybody can answer in its name",
                    planned.name
                );
            }
            outputs.push(planned);
        }
        let queue = QueuePlan {
            directory: spooling.directory.clone(),
            limits: Limits {
                bytes_max: spooling.bytes_max,
                commit_interval: spooling.commit_interval,
                dead_letter_bytes_max: spooling.dead_letter_bytes_max,
            },
        };
        Ok(Self {
            outputs,
            queue,
            retry,
            collector,
        })
    }

    /// Sees whether the certificates of CAs are there.
    ///
    /// # Errors
    /// When some are not.
    pub fn check(&self) -> Result<(), Failure> {
        let mut outputs = self.outputs.iter();
        outputs.try_for_each(|output| {
            let checked = output.trust.check();
            checked.map_err(|error| output.distrusted(&error))
        })
    }

    /// What the user calls each output, and its type.
    fn labels(&self) -> Vec<(String, &'static str)> {
        let kind = |target: &Target| match target {
            Target::Elastic(_) => "elastic",
            Target::Api(_) => "api",
        };
        let outputs = self.outputs.iter();
        outputs
            .map(|planned| (planned.label.clone(), kind(&planned.target)))
            .collect()
    }

    /// Starts to send what `sender` will offer; `single` says that it will be one document.
    ///
    /// # Errors
    /// When certificates cannot be read, the spool cannot be used or belongs to another service.
    pub fn start(&self, sender: Sender<'_>, single: bool) -> Result<Sending, Failure> {
        let no_thread = |error| Failure::failed(format_args!("cannot start a thread: {error}"));
        let mut outputs = Vec::new();
        for planned in &self.outputs {
            let resolver = Arc::new(Resolver::start().map_err(no_thread)?);
            outputs.push(planned.reach(self.collector, resolver)?);
        }
        let origin = Origin {
            host: sender.host.to_owned(),
            collector: self.collector.to_owned(),
            start_id: sender.start_id,
        };
        let identities: Vec<_> = outputs.iter().map(|output| output.identity).collect();
        let queue = Queue::open(&self.queue, origin, &identities);
        let directory = self.queue.directory.clone().filter(|_| queue.is_on_disk());
        let sends = queue.sends();
        if let (false, false, Some(directory)) = (sends, single, &directory) {
            return Err(Failure::failed(format_args!(
                "spool {}: another process sends from it; wait or stop it, or name \
                 another directory",
                quoted(directory)
            )));
        }
        let patience = match (single, &directory) {
            (true, None) => Patience::Once(self.retry),
            (true, Some(_)) => Patience::Run,
            (false, _) => Patience::Service,
        };
        let shipper =
            Shipper::start(queue, outputs, patience, sender.sequence).map_err(no_thread)?;
        Ok(Sending {
            shipper,
            patience,
            sends,
            directory,
            retry: self.retry,
            labels: self.labels(),
        })
    }
}

impl Planned {
    /// The server of an `output` section, with its secrets.
    fn of(section: &Section, collector: &'static str) -> Result<Self, Failure> {
        let is_elastic = section.text("type") == "elastic";
        let text = section.text("url");
        let url = endpoint::normalise(text, if is_elastic { 9_200 } else { 80 }, 443)
            .map_err(|error| section.refuse("url", &bad_address(text, error)))?;
        if section.boolean("gzip") && !gzip::AVAILABLE {
            return Err(section.refuse("gzip", ": needs a build with the feature 'gzip'"));
        }
        let https = url.starts_with("https://");
        let batch_max = match (section.integer("batch"), is_elastic) {
            (0, true) => 500,
            (0, false) => 1,
            (batch, _) => batch as usize,
        };
        let (mut name, identity, target, authorization) = match is_elastic {
            true => elastic(section, url, collector)?,
            false => api(section, url, batch_max > 1)?,
        };
        if !section.is_of_flags() {
            name = format!("output '{}', {name}", section.name);
        }
        Ok(Self {
            label: section.name.clone(),
            name,
            identity,
            target,
            trust: Trust {
                https,
                ca: section.given("ca").map(str::to_owned),
                insecure: section.boolean("insecure"),
            },
            times: Times {
                connect: section.duration("connect_timeout"),
                total: section.duration("timeout"),
            },
            authorization,
            gzip: section.boolean("gzip"),
            batch_max,
            batch_age: section.duration("batch_age"),
        })
    }

    fn distrusted(&self, why: &str) -> Failure {
        Failure::failed(format_args!("{}: {why}", self.name))
    }

    fn reach(&self, collector: &str, resolver: Arc<Resolver>) -> Result<Output, Failure> {
        let client = Client::new(&self.trust, self.times, resolver)
            .map_err(|error| self.distrusted(&error))?;
        Ok(Output {
            name: self.name.clone(),
            identity: self.identity,
            splice: splice(collector, &self.target),
            target: self.target.clone(),
            client,
            authorization: self.authorization.clone(),
            gzip: self.gzip,
            batch_max: self.batch_max,
            batch_age: self.batch_age,
        })
    }
}

/// Name, identity, target and who we are to it.
type Place = (String, u64, Target, Option<String>);

fn elastic(section: &Section, base: String, collector: &'static str) -> Result<Place, Failure> {
    let index = section.given("index").unwrap_or(match collector {
        "agent" => "netvitals",
        "connmonitor" => "netvitals-probe",
        _ => collector,
    });
    let name = format!("elastic {base}/{index}");
    let identity = identity::hash(&["elastic", &base, index]);
    let target = Target::Elastic(Elastic {
        base,
        index: index.to_owned(),
        es_type: section.given("es_type").map(str::to_owned),
        auto_id: section.boolean("auto_id"),
    });
    Ok((name, identity, target, credentials::elastic(section)?))
}

fn api(section: &Section, mut url: String, array: bool) -> Result<Place, Failure> {
    // Without the path, in which some services put a secret.
    let server = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let name = format!("api {server}");
    let identity = identity::hash(&["api", &url, ""]);
    // The path is kept as it was written: to some servers the slash at its end matters.
    if section.text("url").ends_with('/') {
        url.push('/');
    }
    let target = Target::Api(Api { url, array });
    Ok((name, identity, target, credentials::api(section)?))
}
