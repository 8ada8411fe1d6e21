// SPDX-License-Identifier: MIT OR Apache-2.0
//! Probes of many hosts, round after round for years: one loop, no thread or process per host.
//!
//! Its owner waits for it ([`AsFd`], [`Prober::next_due`]), lets it have its [`Prober::turn`], and
//! gets a [`Report`] for each round. Names are looked up in the background: see
//! [`lookup`](crate::engine::lookup). What is due is done at ticks, so that many hosts share a
//! wake-up; round trips are measured by the kernel's stamps all the same.

mod lane;
mod names;
mod reload;
mod subject;

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::BinaryHeap;
use std::io;

use crate::collect::echo::{self, Echoes};
use crate::collect::ports::Ports;
use crate::collect::route::{Kind, Traces};
use crate::engine::lookup::Lookup;
use crate::engine::route::Target;
use crate::failure::Failure;
pub use crate::model::probe::Checked;
use crate::model::probe::{Hop, Ping};
use crate::sys::clock::{self, Both};
use crate::sys::poll::{AsFd, BorrowedFd, Until};
use crate::sys::ready::Ready;
use crate::sys::{random, zone};
use crate::time::Mono;
use lane::{Lane, PING, SCAN, TRACE};
use names::Names;
pub use subject::{Job, Report, Rhythm, Scan, Subject};

/// Packets per second at most, of pings and of traces: a wake-up's worth does not leave at once.
const RATE: u32 = 10_000;

/// What is due within so long is done in one wake-up, unless pings are to follow each other faster:
/// a wake-up costs more than the packet that it is for.
const TICK: Duration = Duration::from_millis(10);

/// What runs may take so long once it was told to finish; others need the rest of 3 s to send it.
const FINISH: Duration = Duration::from_millis(2_000);

/// Their numbers in what is waited for.
const ECHOES: usize = 0;
const TRACES: usize = 1;
const PORTS: usize = 2;
const NAMES: usize = 3;

/// A subject, and what belongs to it.
#[derive(Debug)]
struct Entry {
    subject: Subject,
    lookup: Lookup,
    /// Of each of its jobs.
    lanes: Vec<usize>,
}

/// Probes hosts. Allocates when it is made or reloaded, when the address of a name changes, and
/// for TLS.
#[derive(Debug)]
pub struct Prober {
    entries: Vec<Entry>,
    lanes: Vec<Lane>,
    /// Lanes that nobody has.
    free: Vec<usize>,
    /// When lanes are due; those that it is no more are passed over.
    due: BinaryHeap<Reverse<(Mono, usize)>>,
    /// Lanes whose round is over, to be reported.
    over: Vec<usize>,
    running_count: usize,
    names: Names,
    /// When something is due about names.
    names_due: Option<Mono>,
    echoes: Echoes,
    traces: Traces,
    /// Only when there was something to scan.
    ports: Option<Ports>,
    ready: Ready,
    /// The clocks, when they were read last.
    clocks: Both,
    /// Wake-ups are at multiples of this.
    tick: Duration,
    /// What runs then is ended, and nothing begins any more.
    end: Option<Mono>,
    /// A route, while it is reported.
    hops: Vec<Option<Hop>>,
    /// Replies that were lost here, as they were told last.
    lost_count: u64,
}

impl Prober {
    /// Will probe these; the first rounds begin with the first turn. Sockets are opened now, a
    /// thread, for names, is not started before the first turn.
    ///
    /// # Errors
    /// When there are too many hosts, no socket for ICMP is allowed, or no descriptor is left.
    pub fn open(subjects: Vec<Subject>) -> Result<Self, Failure> {
        let none_left = |error: io::Error| {
            Failure::failed(format_args!("cannot probe: {error}; raise ulimit -n"))
        };
        let mut prober = Self {
            entries: Vec::new(),
            lanes: Vec::new(),
            free: Vec::new(),
            due: BinaryHeap::new(),
            over: Vec::new(),
            running_count: 0,
            names: Names::new().map_err(none_left)?,
            names_due: None,
            echoes: Echoes::new(RATE, random::bits()).map_err(none_left)?,
            traces: Traces::new(Kind::Udp, RATE, random::bits()).map_err(none_left)?,
            ports: None,
            ready: Ready::new().map_err(none_left)?,
            clocks: clock::both(),
            tick: TICK,
            end: None,
            hops: Vec::new(),
            lost_count: 0,
        };
        prober.watch().map_err(none_left)?;
        let refused = prober.replace(subjects)?;
        refused.map_or(Ok(prober), |error| Err(echo::closed(&error)))
    }

    fn watch(&self) -> io::Result<()> {
        let readable = Until::Readable;
        self.ready.add(&self.echoes, ECHOES as u32, readable)?;
        self.ready.add(&self.traces, TRACES as u32, readable)?;
        self.ready.add(&self.names, NAMES as u32, readable)
    }

    /// Takes what has come, does what is due, and hands over each round that is over.
    ///
    /// # Errors
    /// When the kernel does not say what has come.
    pub fn turn(&mut self, on_report: &mut dyn FnMut(&Report<'_>)) -> io::Result<()> {
        let mut came = [false; 4];
        self.ready.take(|number| came[number as usize & 3] = true)?;
        let both = clock::both_after(&self.clocks);
        self.clocks = both;
        let now = both.mono;
        if came[NAMES] || self.names_due.is_some_and(|due| due <= now) {
            self.look_up(now);
        }
        if came[ECHOES] {
            self.echoes.hear(&both);
        }
        if came[TRACES] {
            self.traces.hear(&both);
        }
        self.begin_due(now);
        self.act(came, now)?;
        if self.end.is_some_and(|end| end <= now) {
            self.cut_off(now);
        }
        while let Some(lane) = self.over.pop() {
            self.report(lane, now, on_report);
        }
        self.tell_losses();
        Ok(())
    }

    /// Lets the collectors do what is due, and notes whose parts are over.
    fn act(&mut self, came: [bool; 4], now: Mono) -> io::Result<()> {
        let (lanes, over) = (&mut self.lanes, &mut self.over);
        let mut part_over = |lane: usize, part: u8| {
            let left = &mut lanes[lane].left;
            if *left & part != 0 {
                *left &= !part;
                if *left == 0 {
                    over.push(lane);
                }
            }
        };
        let is_due = |due: Option<Mono>| due.is_some_and(|due| due <= now);
        if came[ECHOES] || is_due(self.echoes.next_due()) {
            self.echoes.act(now, |_, lane| part_over(lane, PING));
        }
        if came[TRACES] || is_due(self.traces.next_due()) {
            self.traces.act(now, |_, lane| part_over(lane, TRACE));
        }
        if let Some(ports) = &mut self.ports
            && (came[PORTS] || is_due(ports.next_due()))
        {
            ports.turn(|lane| part_over(lane, SCAN))?;
        }
        Ok(())
    }

    /// When something is due without anything coming; `None` when nothing is.
    pub fn next_due(&self) -> Option<Mono> {
        if self.is_over() {
            return None;
        }
        let round = self.due.peek().map(|Reverse((due, _))| *due);
        let due = [
            round.filter(|_| self.end.is_none()),
            self.names_due,
            self.echoes.next_due(),
            self.traces.next_due(),
            self.ports.as_ref().and_then(Ports::next_due),
            self.end,
        ];
        due.into_iter()
            .flatten()
            .min()
            .map(|due| due.ceil(self.tick))
    }

    /// Begins no further round, and ends those that run in so short a time that all is reported
    /// within 3 s.
    pub fn finish(&mut self, now: Mono) {
        self.end.get_or_insert(now.after(FINISH));
        let ignored = self.echoes.echo.ignored();
        log::info!(
            "replies ignored: {} twice, {} late, {} to nothing that was asked",
            ignored.duplicate,
            ignored.late,
            ignored.foreign
        );
    }

    /// Whether it was told to finish and nothing runs any more.
    pub fn is_over(&self) -> bool {
        self.end.is_some() && self.running_count == 0
    }

    /// Begins the rounds that are due.
    fn begin_due(&mut self, now: Mono) {
        if self.end.is_some() {
            return;
        }
        while let Some(&Reverse((due, number))) = self.due.peek() {
            if due > now {
                return;
            }
            self.due.pop();
            let lane = &mut self.lanes[number];
            if let (Some((subject, _)), Some(true)) = (lane.of, lane.next_due().map(|at| at == due))
            {
                lane.waits = !self.entries[subject].lookup.is_decided();
                if !lane.waits {
                    self.begin(number, now);
                }
            }
        }
    }

    fn begin(&mut self, number: usize, now: Mono) {
        let lane = &mut self.lanes[number];
        let Some((subject, job)) = lane.of else {
            return;
        };
        let entry = &self.entries[subject];
        lane.rounds.begin(now);
        (lane.begun, lane.running, lane.left) = (now, true, 0);
        lane.unresolved = entry.lookup.unresolved().is_some();
        self.running_count += 1;
        let job = &entry.subject.jobs[job];
        let address = entry.lookup.address().filter(|_| !lane.unresolved);
        let Some(address) = address else {
            if let (Some(ports), Some(_)) = (&mut self.ports, &job.scan) {
                ports.forget(number);
            }
            self.over.push(number);
            return;
        };
        if lane.address.replace(address) != Some(address) {
            if job.ping.is_some() {
                self.echoes.set(number, address);
            }
            if let Some(hops_max) = job.trace {
                self.traces.set(number, Target { address, hops_max });
            }
            if let (Some(ports), Some(_)) = (&mut self.ports, &job.scan) {
                ports.set_address(number, address);
            }
        }
        // What begins late is due at the tick that it is late for, and so is all that follows.
        let now = now.floor(self.tick);
        if let Some(burst) = job.ping {
            self.echoes.start(number, burst, now);
            lane.left |= PING;
        }
        if job.trace.is_some() {
            self.traces.start(number, job.timeout, now);
            lane.left |= TRACE;
        }
        if let (Some(ports), Some(_)) = (&mut self.ports, &job.scan) {
            ports.start(number, job.timeout);
            lane.left |= SCAN;
        }
        if lane.left == 0 {
            self.over.push(number);
        }
    }

    /// Ends what runs still: what has no result has no part in the report.
    fn cut_off(&mut self, now: Mono) {
        self.echoes.echo.stop_all(now);
        for number in 0..self.lanes.len() {
            let lane = &self.lanes[number];
            if lane.running && lane.left != 0 {
                self.over.push(number);
                self.stop(number);
            }
        }
    }

    /// Stops what is not over of a lane.
    fn stop(&mut self, number: usize) {
        let left = self.lanes[number].left;
        if left & PING != 0 {
            self.echoes.echo.stop(number);
        }
        if left & TRACE != 0 {
            self.traces.routes.stop(number);
        }
        if let Some(ports) = self.ports.as_mut().filter(|_| left & SCAN != 0) {
            ports.stop(number);
        }
    }

    /// Hands over the round of a lane that is over, and plans the next one.
    fn report(&mut self, number: usize, now: Mono, on_report: &mut dyn FnMut(&Report<'_>)) {
        let lane = &mut self.lanes[number];
        let Some((subject, job)) = lane.of.filter(|_| lane.running) else {
            return;
        };
        lane.running = false;
        self.running_count -= 1;
        lane.rounds.end(now);
        if let Some(due) = lane.next_due() {
            self.due.push(Reverse((due, number)));
        }
        let entry = &self.entries[subject];
        let wanted = &entry.subject.jobs[job];
        let lost;
        let ping = match wanted.ping {
            Some(burst) if lane.unresolved => {
                lost = Ping::lost(burst.count);
                Some(&lost)
            }
            Some(_) => Some(self.echoes.echo.ping(number)).filter(|ping| ping.sent() > 0),
            None => None,
        };
        let traced = wanted.trace.is_some() && !lane.unresolved && lane.left & TRACE == 0;
        self.hops.clear();
        if traced {
            self.hops.extend(self.traces.routes.hops(number));
            for hop in self.hops.iter_mut().flatten() {
                hop.address = zone::plain(hop.address);
            }
        }
        let scanned = wanted.scan.is_some() && lane.left & SCAN == 0;
        let address = match lane.unresolved {
            true => entry.lookup.address(),
            false => lane.address,
        };
        let report = Report {
            subject,
            job,
            name: &entry.subject.name,
            address: address.map(zone::plain),
            unresolved: entry.lookup.unresolved(),
            begun: lane.begun,
            checked: now,
            ping,
            route: traced.then_some(&self.hops[..]),
            route_changed: traced && lane.learn(&self.hops),
            ports: self
                .ports
                .as_ref()
                .filter(|_| scanned)
                .map(|ports| ports.found(number)),
        };
        lane.left = 0;
        on_report(&report);
    }

    /// Says that replies were lost, at the first one and whenever their number doubled.
    fn tell_losses(&mut self) {
        let count = self.echoes.lost_count() + self.traces.lost_count();
        if count > 2 * self.lost_count {
            log::warn!("replies lost here, there were too many at once: {count} so far");
            self.lost_count = count;
        }
    }
}

impl AsFd for Prober {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }
}
