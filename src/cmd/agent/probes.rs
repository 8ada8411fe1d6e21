// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the `probe` sections ask for: it runs at its own rhythms, and each document holds what was
//! found last.

use core::net::IpAddr;
use core::time::Duration;

use crate::cmd::config::Configuration;
use crate::cmd::config::probe::Probe as Section;
use crate::collect::prober::{Checked, Job, Prober, Report, Rhythm, Scan, Subject};
use crate::encode::device::Stamp;
use crate::encode::json::{Full, Json};
use crate::encode::probe::{self, Probe};
use crate::engine::changes::{Changes, Round, Witness};
use crate::engine::echo::{Burst, Payload};
use crate::failure::Failure;
use crate::model::probe::{Hop, Ping, Service};
use crate::sys::poll::{AsFd, BorrowedFd};
use crate::time::Mono;

/// From one ping of a host to the next.
const SPACING: Duration = Duration::from_millis(10);

/// A section, and what is known of its host.
#[derive(Debug)]
struct Row {
    name: String,
    host: String,
    address: Option<IpAddr>,
    checked: Mono,
    state: Changes,
    ping: Option<Ping>,
    route: Vec<Option<Hop>>,
    /// The way is not in any document yet.
    route_is_new: bool,
    ports: Option<Vec<Checked>>,
}

/// Probes, and what they found; nothing of it when there are no such sections.
#[derive(Debug, Default)]
pub(super) struct Probes {
    prober: Option<Prober>,
    rows: Vec<Row>,
    /// Those that find room in the document.
    shown: usize,
    /// The prober has a fault that was said.
    failing: bool,
}

impl Probes {
    /// Does what `configuration` says from now on; what is known of hosts that stay is kept. That
    /// nobody may be asked is said, and everything else goes on.
    ///
    /// # Errors
    /// When there are too many of them to be added.
    pub(super) fn change(
        &mut self,
        configuration: &Configuration,
        now: Mono,
    ) -> Result<(), Failure> {
        let sections = configuration.sections("probe").map(Section::of);
        let sections: Vec<Section> = sections.filter(|section| section.enabled).collect();
        let subjects = sections.iter().map(subject).collect();
        match &mut self.prober {
            Some(prober) => prober.reload(subjects)?,
            None if sections.is_empty() => {}
            None => match Prober::open(subjects) {
                Ok(prober) => self.prober = Some(prober),
                Err(failure) => {
                    log::warn!("{failure}; the hosts of 'probe' sections are not probed");
                }
            },
        }
        self.rows = rows(&sections, core::mem::take(&mut self.rows), now);
        self.shown = self.rows.len();
        Ok(())
    }

    /// What is to be waited for until it is readable, if anything.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.prober.as_ref().map(AsFd::as_fd)
    }

    /// When there is something to be done even if nothing comes.
    pub(super) fn next_due(&self) -> Option<Mono> {
        self.prober.as_ref().and_then(Prober::next_due)
    }

    /// Does what is due, and takes what came.
    pub(super) fn turn(&mut self) {
        let Some(prober) = &mut self.prober else {
            return;
        };
        let rows = &mut self.rows;
        let turned = prober.turn(&mut |report| {
            if let Some(row) = rows.get_mut(report.subject) {
                row.learn(report);
            }
        });
        match turned {
            Ok(()) => self.failing = false,
            Err(error) => {
                if !core::mem::replace(&mut self.failing, true) {
                    log::warn!("probes stand still: {error}; is memory left?");
                }
            }
        }
    }

    /// Leaves out the second half of those that are shown; how many are left.
    pub(super) fn leave_out_half(&mut self) -> usize {
        self.shown /= 2;
        self.shown
    }

    /// Writes them as a member of an object that is open, if there are any.
    pub(super) fn member(&self, json: &mut Json<&mut [u8]>, end: Stamp) -> Result<(), Full> {
        if self.rows.is_empty() {
            return Ok(());
        }
        json.literal_key("\"probes\":")?;
        json.open_array()?;
        for row in self.rows.iter().take(self.shown) {
            json.open_object()?;
            probe::members(json, &row.probe(end))?;
            json.close_object()?;
        }
        json.close_array()
    }

    /// What was written is in a document now.
    pub(super) fn on_written(&mut self) {
        let written = self.rows.iter_mut().take(self.shown);
        written.for_each(|row| row.route_is_new = false);
        self.shown = self.rows.len();
    }
}

impl Row {
    fn new(section: &Section, now: Mono) -> Self {
        Self {
            name: section.name.clone(),
            host: section.host.clone(),
            address: None,
            checked: now,
            state: state(section),
            ping: None,
            route: Vec::new(),
            route_is_new: false,
            ports: None,
        }
    }

    fn learn(&mut self, report: &Report<'_>) {
        let open = |ports: &[Checked]| ports.iter().any(|(.., found)| found.is_some());
        let round = Round {
            unresolved: report.unresolved.is_some(),
            address: report.address,
            ping: report.ping,
            open: report.ports.map(open),
            route: report.route,
            route_changed: report.route_changed,
        };
        self.state.on_round(&round, |_, event| {
            log::info!("probe {}: {}", self.name, event.name());
        });
        self.address = report.address.filter(|_| !round.unresolved);
        self.checked = report.checked;
        self.ping = report.ping.copied().or(self.ping);
        if let Some(route) = report.route.filter(|_| report.route_changed) {
            self.route.clear();
            self.route.extend_from_slice(route);
            self.route_is_new = true;
        }
        if let Some(ports) = report.ports {
            match &mut self.ports {
                Some(known) if known.len() == ports.len() => known.clone_from_slice(ports),
                known => *known = Some(ports.to_vec()),
            }
        }
    }

    fn probe(&self, end: Stamp) -> Probe<'_> {
        Probe {
            name: &self.name,
            address: self.address,
            checked: end.at(self.checked),
            up: self.state.up(),
            ping: self.ping.as_ref(),
            route: Some(&self.route[..]).filter(|_| self.route_is_new),
            ports: self.ports.as_deref(),
        }
    }
}

/// The rows of these sections, the old ones where they are of the same host.
fn rows(sections: &[Section], old: Vec<Row>, now: Mono) -> Vec<Row> {
    let mut old: Vec<Option<Row>> = old.into_iter().map(Some).collect();
    let mut row = |section: &Section| {
        let is_it = |row: &&mut Option<Row>| {
            let same = |row: &Row| row.name == section.name && row.host == section.host;
            row.as_ref().is_some_and(same)
        };
        let Some(mut row) = old.iter_mut().find(is_it).and_then(Option::take) else {
            return Row::new(section, now);
        };
        row.state.adjust(&state(section));
        // What is not asked any more is not known.
        row.ping = row.ping.filter(|_| !section.ping.is_zero());
        row.ports = row.ports.filter(|_| !section.scan.is_zero());
        row.route_is_new &= !section.trace.is_zero();
        row
    };
    sections.iter().map(&mut row).collect()
}

/// By what it is told whether a host is up: the best of what is asked.
fn state(section: &Section) -> Changes {
    let witness = match (section.ping.is_zero(), section.scan.is_zero()) {
        (false, _) => Witness::Ping,
        (true, false) => Witness::Ports,
        (true, true) => Witness::Trace,
    };
    Changes::new(witness, 100)
}

/// What a section asks for: each test has its own rhythm.
fn subject(section: &Section) -> Subject {
    let service = |port| match port {
        80 => Service::Http,
        443 => Service::Https,
        3_306 => Service::Mysql,
        _ => Service::Any,
    };
    let nothing = |interval| Job {
        ping: None,
        trace: None,
        scan: None,
        timeout: section.timeout,
        rhythm: Rhythm::Fixed(interval),
    };
    let ping = Job {
        ping: Some(Burst {
            count: section.pings_count.into(),
            payload: Payload::Zeros(section.payload_bytes),
            spacing: SPACING,
            timeout: section.timeout,
        }),
        ..nothing(section.ping)
    };
    let trace = Job {
        trace: Some(section.hops_max),
        ..nothing(section.trace)
    };
    let ports = section.ports.iter().map(|&port| (port, service(port)));
    let scan = Job {
        scan: Some(Scan {
            ports: ports.collect(),
            judging: section.tls,
        }),
        ..nothing(section.scan)
    };
    let jobs = [
        (ping, section.ping),
        (trace, section.trace),
        (scan, section.scan),
    ];
    let wanted = jobs.into_iter().filter(|(_, interval)| !interval.is_zero());
    Subject {
        name: section.name.clone(),
        host: section.host.clone(),
        jobs: wanted.map(|(job, _)| job).collect(),
    }
}
