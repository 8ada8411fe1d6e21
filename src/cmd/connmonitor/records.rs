// SPDX-License-Identifier: MIT OR Apache-2.0
//! From what a round told to what is written of it: records for people and programs, objects for
//! servers, changes when those alone are wanted.

use super::hosts::{Host, Hosts};
use crate::cmd::outlets::Outlets;
use crate::codec::hosts::Form;
use crate::collect::prober::{Checked, Report};
use crate::encode;
use crate::encode::json::{Full, Json, Style};
use crate::encode::probe::{Head, Probe};
use crate::engine::changes::{Changes, Event, Round};
use crate::failure::Failure;
use crate::model::probe::{Finding, Route};
use crate::model::vitals::{Change, Grammar, Scan, Vitals};
use crate::sys::clock;
use crate::term;
use crate::time::{Wall, in_us};

/// Writes what hosts tell.
pub(super) struct Records {
    pub(super) hosts: Hosts,
    /// What is known of each of them.
    changes: Vec<Changes>,
    /// Which have been heard of.
    heard: Vec<bool>,
    changes_only: bool,
    loss_limit_percent: u64,
    start_id: u64,
    /// Number of the last object for servers.
    sequence: u64,
    outlets: Outlets,
    buffer: Vec<u8>,
    text: String,
}

impl Records {
    /// Nothing is known yet of these hosts.
    pub(super) fn new(
        hosts: Hosts,
        outlets: Outlets,
        start_id: u64,
        changes_only: bool,
        loss_limit_percent: u64,
    ) -> Self {
        let mut records = Self {
            hosts: Hosts {
                form: hosts.form,
                hosts: Vec::new(),
            },
            changes: Vec::new(),
            heard: Vec::new(),
            changes_only,
            loss_limit_percent,
            start_id,
            sequence: 0,
            outlets,
            buffer: Vec::new(),
            text: String::new(),
        };
        records.exchange(hosts);
        records
    }

    /// Goes on with other hosts; what is known of those that stay is kept.
    pub(super) fn exchange(&mut self, hosts: Hosts) {
        let old = core::mem::replace(&mut self.hosts, hosts);
        let mut known: Vec<Option<(Changes, bool)>> = self
            .changes
            .drain(..)
            .zip(self.heard.drain(..))
            .map(Some)
            .collect();
        for host in &self.hosts.hosts {
            // One that stands there twice is kept twice.
            let same = |(at, before): (usize, &Host)| {
                (before.name == host.name && known[at].is_some()).then_some(at)
            };
            let at = old.hosts.iter().enumerate().find_map(same);
            let new = Changes::new(host.witness(), self.loss_limit_percent);
            let (changes, heard) = match at.and_then(|at| known[at].take()) {
                Some((mut changes, heard)) => {
                    changes.adjust(&new);
                    (changes, heard)
                }
                None => (new, false),
            };
            self.changes.push(changes);
            self.heard.push(heard);
        }
    }

    /// Whether every host has been heard of, and none of their names has an address.
    pub(super) fn are_all_unresolved(&self) -> bool {
        let mut known = self.changes.iter().zip(&self.heard);
        known.all(|(changes, heard)| *heard && changes.is_unresolved())
    }

    /// Whether any name has an address.
    pub(super) fn is_any_resolved(&self) -> bool {
        let mut known = self.changes.iter().zip(&self.heard);
        known.any(|(changes, heard)| *heard && !changes.is_unresolved())
    }

    /// Writes what a round told.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub(super) fn on_report(&mut self, report: &Report<'_>) -> Result<(), Failure> {
        let at = report.subject;
        let both = clock::both();
        let ago_us = in_us(both.mono.since(report.checked));
        let when = both.wall().us().saturating_sub(ago_us);
        let when = Wall::from_us(when);
        self.heard[at] = true;
        let mut events = [None; 4];
        let mut slots = events.iter_mut();
        self.changes[at].on_round(&round(report), |_, event| {
            if let Some(slot) = slots.next() {
                *slot = Some(event);
            }
        });
        let mut events = events.into_iter().flatten();
        for event in events.clone() {
            self.tell(event, report);
        }
        if self.changes_only {
            events.try_for_each(|event| self.on_event(event, report, when))
        } else {
            self.on_round(report, when)
        }
    }

    /// Says what is wrong with a name, once until it is right again.
    fn tell(&self, event: Event, report: &Report<'_>) {
        let name = report.name;
        match event {
            Event::Unresolved => {
                let why = report.unresolved.unwrap_or_default();
                log::error!("Unable to resolve host ( {name} ): {why}");
            }
            Event::Resolved => log::info!("host {name} can be resolved again"),
            _ => {}
        }
    }

    fn on_round(&mut self, report: &Report<'_>, when: Wall) -> Result<(), Failure> {
        let route = report.route.filter(|_| report.route_changed);
        let is_empty = report.ping.is_none() && report.ports.is_none() && route.is_none();
        // The known way alone is no news where each test has a record of its own.
        if is_empty && (self.hosts.form == Form::Options || report.route.is_none()) {
            return Ok(());
        }
        if self.outlets.sends() && !is_empty {
            self.send(report, None, when);
        }
        if report.address.is_none() || !self.outlets.records() {
            return Ok(());
        }
        let host = &self.hosts.hosts[report.subject];
        let more = more(report.ports);
        let vitals = vitals(report, route, &more);
        let grammar = match self.hosts.form {
            Form::Numbers => Grammar::Round,
            Form::Options => Grammar::Single(host.tests.timestamp.then_some(when)),
        };
        let record = if host.tests.json {
            self.buffer.resize(encode::vitals::bytes_max(&vitals), 0);
            let line = encode::vitals::line(&vitals, grammar, &mut self.buffer);
            line.map_err(|error| too_long(&error))?
        } else {
            self.text.clear();
            // Memory takes everything.
            let _ = term::vitals::lines(&vitals, grammar, &mut self.text);
            self.text.as_bytes()
        };
        self.outlets.record(record)
    }

    fn on_event(&mut self, event: Event, report: &Report<'_>, when: Wall) -> Result<(), Failure> {
        if self.outlets.sends() {
            self.send(report, Some(event), when);
        }
        let host = &self.hosts.hosts[report.subject];
        let vitals = Vitals {
            name: report.name,
            address: report.address,
            ping: None,
            trace: report.route.filter(|_| event == Event::Route),
            scan: None,
        };
        let change = Change {
            event: event.name(),
            when,
            loss_ppm_percent: self.changes[report.subject].loss_ppm_percent(),
        };
        let record = if host.tests.json {
            self.buffer.resize(encode::vitals::bytes_max(&vitals), 0);
            let line = encode::vitals::change(&vitals, &change, &mut self.buffer);
            line.map_err(|error| too_long(&error))?
        } else {
            let grammar = match self.hosts.form {
                Form::Numbers => Grammar::Round,
                Form::Options => Grammar::Single(None),
            };
            self.text.clear();
            // Memory takes everything.
            let _ = term::vitals::change(&vitals, grammar, &change, &mut self.text);
            self.text.as_bytes()
        };
        self.outlets.record(record)
    }

    /// Hands the servers what a round told, or changed.
    fn send(&mut self, report: &Report<'_>, event: Option<Event>, when: Wall) {
        let changes = &self.changes[report.subject];
        let probe = Probe {
            name: report.name,
            address: report.address,
            checked: when,
            up: changes.up(),
            ping: report.ping,
            route: report.route.filter(|_| report.route_changed),
            ports: report.ports,
        };
        self.sequence += 1;
        let head = Head {
            start_id: self.start_id,
            sequence: self.sequence,
            event: event.map(Event::name),
        };
        self.buffer.resize(encode::probe::bytes_max(&probe), 0);
        let len = self.buffer.len();
        let mut json = Json::new(&mut self.buffer[..], Style::Compact);
        let written = encode::probe::document(&mut json, &head, &probe);
        match written.and_then(|()| json.finish().map(|rest| rest.len())) {
            Ok(left) => self.outlets.send(when, &self.buffer[..len - left]),
            Err(error) => log::error!("{}", too_long(&error)),
        }
    }

    /// What is over, well or not: the last words to standard output, and where the rest goes.
    pub(super) fn into_outlets(mut self, well: bool) -> Outlets {
        // Of old an empty line ended those of this form.
        if well && self.hosts.form == Form::Options && !self.changes_only {
            self.outlets.end_with(b"\n");
        }
        self.outlets
    }
}

fn too_long(error: &Full) -> Failure {
    Failure::failed(format_args!("document: {error}; please report this"))
}

fn round<'a>(report: &Report<'a>) -> Round<'a> {
    let open = |ports: &[Checked]| ports.iter().any(|(.., finding)| finding.is_some());
    Round {
        unresolved: report.unresolved.is_some(),
        address: report.address,
        ping: report.ping,
        open: report.ports.map(open),
        route: report.route,
        route_changed: report.route_changed,
    }
}

/// What was found at the ports that only some ask for.
fn more(ports: Option<&[Checked]>) -> Vec<(u16, Option<&Finding>)> {
    let more = ports.and_then(|ports| ports.get(3..)).unwrap_or_default();
    more.iter()
        .map(|(port, _, finding)| (*port, finding.as_ref()))
        .collect()
}

fn vitals<'a>(
    report: &Report<'a>,
    trace: Option<&'a Route>,
    more: &'a [(u16, Option<&'a Finding>)],
) -> Vitals<'a> {
    let found = |at: usize| report.ports.and_then(|ports| ports.get(at)?.2.as_ref());
    Vitals {
        name: report.name,
        address: report.address,
        ping: report.ping,
        trace,
        scan: report.ports.map(|_| Scan {
            http: found(0),
            https: found(1),
            mysql: found(2),
            ports: more,
        }),
    }
}
