// SPDX-License-Identifier: MIT OR Apache-2.0
//! Other subjects while it runs: what stays the same loses nothing.

use std::io;

use core::net::{IpAddr, Ipv4Addr};

use super::lane::Lane;
use super::{Entry, Job, PORTS, Prober, Subject, TICK, names};
use crate::collect::ports::{self, Group, Ports};
use crate::failure::Failure;
use crate::limits::{PROBE_HOSTS_MAX, PROBE_JOBS_MAX};
use crate::sys::clock;
use crate::sys::poll::Until;
use crate::time::Mono;

impl Prober {
    /// Probes these from now on. Those that it had keep address, last route, rhythm and a running
    /// round; new ones begin with the next turn; of those that are gone nothing more is heard.
    /// All names are asked for again.
    ///
    /// # Errors
    /// When there are too many hosts, or no descriptor is left; then nothing changes.
    pub fn reload(&mut self, subjects: Vec<Subject>) -> Result<(), Failure> {
        if let Some(error) = self.replace(subjects)? {
            log::warn!(
                "cannot open a socket for ICMP now: {error}; some hosts will look silent until a \
                 restart"
            );
        }
        Ok(())
    }

    /// The same; why there is no socket for ICMP, when that is forbidden.
    pub(super) fn replace(&mut self, subjects: Vec<Subject>) -> Result<Option<io::Error>, Failure> {
        check(&subjects)?;
        self.scan_if_wanted(&subjects)?;
        let now = clock::mono();
        let old = core::mem::take(&mut self.entries);
        let mut old: Vec<Option<Entry>> = old.into_iter().map(Some).collect();
        old.sort_by(|a, b| key(a).cmp(&key(b)));
        let keys: Vec<_> = old.iter().map(|entry| key(entry).map(owned)).collect();
        for subject in subjects {
            let wanted = Some((subject.name.clone(), subject.host.clone()));
            let first = keys.partition_point(|key| *key < wanted);
            let same = keys[first..].iter().take_while(|key| **key == wanted);
            let kept = (first..).zip(same).find_map(|(at, _)| old[at].take());
            self.add(subject, kept, now);
        }
        for gone in old.into_iter().flatten() {
            gone.lanes.into_iter().for_each(|lane| self.free(lane));
        }
        self.reserve();
        self.plan_names();
        Ok(self.listen())
    }

    /// What ports are checked with, when the first ones are.
    fn scan_if_wanted(&mut self, subjects: &[Subject]) -> Result<(), Failure> {
        let mut jobs = subjects.iter().flat_map(|subject| &subject.jobs);
        if self.ports.is_some() || !jobs.any(|job| job.scan.is_some()) {
            return Ok(());
        }
        let ports = Ports::new()?;
        let watched = self.ready.add(&ports, PORTS as u32, Until::Readable);
        watched.map_err(|error| Failure::failed(format_args!("cannot check ports: {error}")))?;
        self.ports = Some(ports);
        if !ports::HTTPS {
            log::warn!("https is not checked: this build has no TLS; netvitals-full has");
        }
        Ok(())
    }

    /// Adds a subject, with what is left of the same one before.
    fn add(&mut self, subject: Subject, kept: Option<Entry>, now: Mono) {
        let number = self.entries.len();
        let (mut lookup, before, mut lanes) = match kept {
            Some(kept) => (kept.lookup, kept.subject.jobs, kept.lanes),
            None => (names::lookup(&subject.host, now), Vec::new(), Vec::new()),
        };
        lookup.hurry(now);
        let mut before: Vec<Option<(Job, usize)>> =
            before.into_iter().zip(lanes.drain(..)).map(Some).collect();
        let is =
            |job: &Job, old: &Option<(Job, usize)>| old.as_ref().is_some_and(|(o, _)| o == job);
        for job in &subject.jobs {
            let same = before.iter_mut().find(|old| is(job, old));
            lanes.push(
                same.and_then(Option::take)
                    .map_or(usize::MAX, |(_, lane)| lane),
            );
        }
        for (place, job) in subject.jobs.iter().enumerate() {
            if lanes[place] != usize::MAX {
                self.lanes[lanes[place]].of = Some((number, place));
                continue;
            }
            let lane = self.take_lane(Lane::new((number, place), job.rhythm, now));
            lanes[place] = lane;
            // Other options do not make the way to the same address another one.
            let mut others = before.iter().flatten().map(|(_, lane)| *lane);
            let traced = others.find(|other| self.lanes[*other].route_to.is_some());
            if let (Some(other), Some(_)) = (traced, job.trace) {
                self.lanes[lane].route_to = self.lanes[other].route_to.take();
                self.lanes[lane].route = core::mem::take(&mut self.lanes[other].route);
            }
            self.place(lane, &subject, job);
            self.due.push(core::cmp::Reverse((now, lane)));
        }
        for (_, lane) in before.into_iter().flatten() {
            self.free(lane);
        }
        self.entries.push(Entry {
            subject,
            lookup,
            lanes,
        });
    }

    /// A place for a lane: that of a free one, or a new one.
    fn take_lane(&mut self, lane: Lane) -> usize {
        if let Some(number) = self.free.pop() {
            self.lanes[number] = lane;
            return number;
        }
        self.lanes.push(lane);
        self.lanes.len() - 1
    }

    /// Makes the collectors ready for a new lane, whose address is not known yet.
    fn place(&mut self, lane: usize, subject: &Subject, job: &Job) {
        if let (Some(ports), Some(scan)) = (&mut self.ports, &job.scan) {
            let group = Group {
                address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                name: subject.host.clone(),
                ports: scan.ports.clone(),
                judging: scan.judging,
            };
            ports.set(lane, group);
        }
    }

    /// Ends a lane, of which nothing is reported any more.
    fn free(&mut self, number: usize) {
        self.stop(number);
        self.free.push(number);
        let lane = &mut self.lanes[number];
        (lane.of, lane.left) = (None, 0);
        self.running_count -= usize::from(core::mem::take(&mut lane.running));
    }

    /// Makes room for all that may be under way.
    fn reserve(&mut self) {
        let jobs = || self.entries.iter().flat_map(|entry| &entry.subject.jobs);
        let bursts = || jobs().filter_map(|job| job.ping);
        let in_flight = bursts().map(|burst| burst.count as usize).sum();
        let spacing = bursts().map(|burst| burst.spacing).min();
        self.tick = spacing.map_or(TICK, |spacing| spacing.min(TICK));
        let payload = bursts().map(|burst| burst.payload.len()).max();
        if let Some(payload) = payload {
            self.echoes.reserve(in_flight, payload);
        }
        let count = self.lanes.len();
        let (lanes, due) = (&self.lanes, &mut self.due);
        due.retain(|entry| lanes[entry.0.1].next_due() == Some(entry.0.0));
        due.reserve(2 * count - due.len().min(count));
        self.over.reserve(count);
        self.hops.reserve(usize::from(crate::limits::HOPS_MAX));
    }

    /// Opens the sockets that hosts need, names those of both versions; why they are forbidden.
    fn listen(&mut self) -> Option<io::Error> {
        let mut forbidden = None;
        for entry in &self.entries {
            let jobs = || entry.subject.jobs.iter();
            let (pings, traces) = (
                jobs().any(|job| job.ping.is_some()),
                jobs().any(|job| job.trace.is_some()),
            );
            let fixed = entry
                .subject
                .host
                .parse()
                .ok()
                .map(|to: IpAddr| to.to_canonical());
            let versions = [false, true].into_iter();
            for ipv6 in versions.filter(|ipv6| fixed.is_none_or(|to| to.is_ipv6() == *ipv6)) {
                let opened = [
                    pings.then(|| self.echoes.listen(ipv6)),
                    traces.then(|| self.traces.listen(ipv6)),
                ];
                for error in opened.into_iter().flatten().filter_map(Result::err) {
                    match error.kind() {
                        io::ErrorKind::PermissionDenied => forbidden = Some(error),
                        // Whoever needs it will hear that nothing can be sent.
                        _ => log::info!("cannot open a socket for ICMP: {error}"),
                    }
                }
            }
        }
        forbidden
    }
}

fn key(entry: &Option<Entry>) -> Option<(&str, &str)> {
    let subject = &entry.as_ref()?.subject;
    Some((&subject.name, &subject.host))
}

fn owned((name, host): (&str, &str)) -> (String, String) {
    (name.to_owned(), host.to_owned())
}

/// # Errors
/// When there are more than there is room for.
fn check(subjects: &[Subject]) -> Result<(), Failure> {
    let count = subjects.len();
    if count > PROBE_HOSTS_MAX {
        return Err(Failure::failed(format_args!(
            "{count} hosts to probe, and it takes {PROBE_HOSTS_MAX} at most; give the others to \
             another process"
        )));
    }
    let many = |subject: &&Subject| subject.jobs.len() > PROBE_JOBS_MAX;
    match subjects.iter().find(many) {
        None => Ok(()),
        Some(subject) => Err(Failure::failed(format_args!(
            "host {:?} has more than {PROBE_JOBS_MAX} jobs",
            subject.name
        ))),
    }
}
