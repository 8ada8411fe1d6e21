// SPDX-License-Identifier: MIT OR Apache-2.0
//! The round of `connvitals`: one loop for all hosts, then what was found, in their order.

use std::io;

use core::net::IpAddr;

use super::hosts::{self, Host};
use super::{Plan, ScanPlan};
use crate::cmd::stdout_failure;
use crate::collect::echo::{self, Echoes};
use crate::collect::ports::{self, Group, Ports};
use crate::collect::route::Traces;
use crate::encode;
use crate::engine::route::Target;
use crate::failure::Failure;
use crate::model::probe::{Finding, Hop, Route, Service};
use crate::model::vitals::{Grammar, SERVICES, Scan, Vitals};
use crate::sink::stdout;
use crate::sys::poll::{self, AsFd, Until};
use crate::sys::signal::Signals;
use crate::sys::{clock, random, zone};
use crate::term;

/// A further port, and what was found there.
type MorePort<'a> = (u16, Option<&'a Finding>);

/// The tests that are on.
struct Round {
    hosts: Vec<Host>,
    echoes: Option<Echoes>,
    traces: Option<Traces>,
    /// Which trace is that of a host: the same address is traced once.
    trace_of: Vec<usize>,
    /// What is checked of each host: [`SERVICES`], then what was asked for.
    ports: Option<Ports>,
    /// Tests that are not over.
    left: usize,
}

/// Does all that `plan` wants.
///
/// # Errors
/// When nobody can be asked, or nobody takes what was found.
pub(super) fn run(plan: Plan) -> Result<(), Failure> {
    let hosts = hosts::resolve(&plan.hosts, plan.family)?;
    let signals = Signals::hold().map_err(|error| cannot_wait(&error))?;
    let mut round = Round::open(&plan, hosts)?;
    round.start(&plan);
    while round.left > 0 {
        if !round.turn(&signals)? {
            log::warn!("stopped by a signal; what is not over is left out");
            // What has come, counts.
            round.turn(&signals)?;
            if let Some(echoes) = &mut round.echoes {
                echoes.echo.stop_all(clock::mono());
            }
            break;
        }
    }
    round.tell_oddities();
    round.show(plan.json, &signals)
}

fn cannot_wait(error: &io::Error) -> Failure {
    Failure::failed(format_args!(
        "cannot wait for answers: {error}; raise ulimit -n"
    ))
}

impl Round {
    fn open(plan: &Plan, hosts: Vec<Host>) -> Result<Self, Failure> {
        let addresses: Vec<IpAddr> = hosts.iter().map(|host| host.address).collect();
        let echoes = plan.burst.map(|burst| {
            let in_flight_max = addresses.len().saturating_mul(burst.count as usize);
            let len = burst.payload.len();
            Echoes::open(&addresses, in_flight_max, plan.rate, len, random::bits())
        });
        let (mut targets, mut trace_of) = (Vec::new(), Vec::new());
        if let Some(trace) = plan.trace {
            for &address in &addresses {
                let known = targets
                    .iter()
                    .position(|target: &Target| target.address == address);
                trace_of.push(known.unwrap_or(targets.len()));
                if known.is_none() {
                    targets.push(Target {
                        address,
                        hops_max: trace.hops_max,
                    });
                }
            }
        }
        let traces = plan
            .trace
            .map(|trace| Traces::open(&targets, trace.kind, plan.rate, random::bits()));
        let scan = plan.scan.as_ref();
        let ports = scan.map(|scan| all_ports(&hosts, scan));
        Ok(Self {
            hosts,
            echoes: echoes.transpose().map_err(|error| echo::closed(&error))?,
            traces: traces.transpose().map_err(|error| echo::closed(&error))?,
            trace_of,
            ports: ports.transpose()?,
            left: 0,
        })
    }

    fn start(&mut self, plan: &Plan) {
        let now = clock::mono();
        if let (Some(echoes), Some(burst)) = (&mut self.echoes, plan.burst) {
            (0..self.hosts.len()).for_each(|host| echoes.start(host, burst, now));
            self.left += self.hosts.len();
        }
        if let Some(traces) = &mut self.traces {
            let count = self.trace_of.iter().max().map_or(0, |last| last + 1);
            (0..count).for_each(|host| traces.start(host, plan.timeout, now));
            self.left += count;
        }
        if let Some(ports) = &mut self.ports {
            (0..self.hosts.len()).for_each(|host| ports.start(host, plan.timeout));
            self.left += self.hosts.len();
        }
        if self.ports.is_some() && !ports::HTTPS {
            log::warn!("https is not checked: this build has no TLS; netvitals-full has");
        }
    }

    /// Does what is due, and sleeps until something is; false when a signal came.
    fn turn(&mut self, signals: &Signals) -> Result<bool, Failure> {
        let left = &mut self.left;
        let mut over = || *left -= 1;
        if let Some(echoes) = &mut self.echoes {
            echoes.turn(|_, _| over());
        }
        if let Some(traces) = &mut self.traces {
            traces.turn(|_, _| over());
        }
        if let Some(ports) = &mut self.ports {
            ports
                .turn(|_| over())
                .map_err(|error| cannot_wait(&error))?;
        }
        if self.left == 0 {
            return Ok(true);
        }
        let signals = signals.as_fd();
        // Whoever is absent is watched in the shape of the signals, which costs nothing.
        let wanted = [
            signals,
            self.echoes.as_ref().map_or(signals, AsFd::as_fd),
            self.traces.as_ref().map_or(signals, AsFd::as_fd),
            self.ports.as_ref().map_or(signals, AsFd::as_fd),
        ];
        let due = [
            self.echoes.as_ref().and_then(Echoes::next_due),
            self.traces.as_ref().and_then(Traces::next_due),
            self.ports.as_ref().and_then(Ports::next_due),
        ];
        let due = due.into_iter().flatten().min();
        let timeout = due.map(|due| due.since(clock::mono()));
        let ready = poll::wait(wanted.map(|fd| (fd, Until::Readable)), timeout);
        Ok(!ready.map_err(|error| cannot_wait(&error))?[0])
    }

    /// Writes what was found of each host.
    fn show(&self, json: bool, signals: &Signals) -> Result<(), Failure> {
        let (mut buffer, mut text) = (Vec::new(), String::new());
        let mut hops: Vec<Option<Hop>> = Vec::new();
        let mut more: Vec<MorePort<'_>> = Vec::new();
        for (number, host) in self.hosts.iter().enumerate() {
            let ping = self.echoes.as_ref().map(|echoes| echoes.echo.ping(number));
            more.clear();
            more.extend(self.more_found(number));
            let vitals = Vitals {
                name: &host.name,
                address: Some(zone::plain(host.address)),
                ping: ping.filter(|ping| ping.sent() > 0),
                trace: self.trace(number, &mut hops),
                scan: self.scan(number, &more),
            };
            let record = if json {
                buffer.resize(encode::vitals::bytes_max(&vitals), 0);
                encode::vitals::line(&vitals, Grammar::Round, &mut buffer).map_err(|error| {
                    Failure::failed(format_args!("document: {error}; please report this"))
                })?
            } else {
                text.clear();
                // Memory takes everything.
                let _ = term::vitals::lines(&vitals, Grammar::Round, &mut text);
                text.as_bytes()
            };
            stdout::put(record, signals).map_err(stdout_failure)?;
        }
        Ok(())
    }

    /// The way to a host, in `hops`; of one that is still looked for, as far as somebody answered.
    fn trace<'a>(&self, host: usize, hops: &'a mut Vec<Option<Hop>>) -> Option<&'a Route> {
        let (routes, number) = (&self.traces.as_ref()?.routes, self.trace_of[host]);
        hops.clear();
        hops.extend(routes.hops(number));
        for hop in hops.iter_mut().flatten() {
            hop.address = zone::plain(hop.address);
        }
        if routes.is_running(number) {
            let len = hops.iter().rposition(Option::is_some)? + 1;
            hops.truncate(len);
        }
        Some(hops)
    }

    /// What listens at a host, with what is `more`; `None` while one of its checks is not over.
    fn scan<'a>(&'a self, host: usize, more: &'a [MorePort<'a>]) -> Option<Scan<'a>> {
        let ports = self
            .ports
            .as_ref()
            .filter(|ports| !ports.is_running(host))?;
        let found = ports.found(host);
        let [http, https, mysql] = [0, 1, 2].map(|at| found.get(at).and_then(|at| at.2.as_ref()));
        Some(Scan {
            http,
            https,
            mysql,
            ports: more,
        })
    }

    fn more_found(&self, host: usize) -> impl Iterator<Item = MorePort<'_>> {
        let found = self
            .ports
            .as_ref()
            .map_or(&[][..], |ports| ports.found(host));
        let further = found.iter().skip(SERVICES.len());
        further.map(|(port, _, found)| (*port, found.as_ref()))
    }

    fn tell_oddities(&self) {
        if let Some(echoes) = &self.echoes {
            let ignored = echoes.echo.ignored();
            log::info!(
                "replies ignored: {} twice, {} late, {} to nothing that was asked",
                ignored.duplicate,
                ignored.late,
                ignored.foreign
            );
            if echoes.lost_count() > 0 {
                let count = echoes.lost_count();
                log::warn!("replies lost here, there were too many: {count}; lower --rate");
            }
        }
    }
}

/// The ports of all hosts.
fn all_ports(hosts: &[Host], scan: &ScanPlan) -> Result<Ports, Failure> {
    let mut ports = Ports::new()?;
    let further = scan.ports.iter().map(|&port| (port, Service::Any));
    let wanted: Vec<_> = SERVICES.into_iter().chain(further).collect();
    for (number, host) in hosts.iter().enumerate() {
        let group = Group {
            address: host.address,
            name: host.name.clone(),
            ports: wanted.clone(),
            judging: scan.judging,
        };
        ports.set(number, group);
    }
    Ok(ports)
}
