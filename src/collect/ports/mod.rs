// SPDX-License-Identifier: MIT OR Apache-2.0
//! Port checks of many hosts: who takes a connection, what HTTP servers and MySQL say of
//! themselves. One loop for all of them; nothing waits.

mod talk;

#[cfg_attr(not(feature = "tls"), path = "secure_absent.rs")]
mod secure;

use std::collections::VecDeque;
use std::io;

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use crate::failure::Failure;
use crate::limits::CHECKS_MAX;
use crate::model::probe::{Checked, Finding, Service};
use crate::sys::clock;
use crate::sys::poll::{AsFd, BorrowedFd};
use crate::sys::ready::Ready;
use crate::sys::tcp;
use crate::time::Mono;
use talk::{Head, Talk};

/// Whether this build can check https.
pub const HTTPS: bool = secure::AVAILABLE;

/// Ports of a host, to be checked together.
#[derive(Clone, Debug)]
pub struct Group {
    /// Where.
    pub address: IpAddr,
    /// By what name, for the server to know itself by; the address when it has none.
    pub name: String,
    /// The ports, and what should listen there.
    pub ports: Vec<(u16, Service)>,
    /// Whether it is said what certificates are worth.
    pub judging: bool,
}

/// A check, for the talk that makes it.
#[derive(Clone, Copy, Debug)]
struct Check<'a> {
    address: IpAddr,
    name: &'a str,
    port: u16,
    service: Service,
    judging: bool,
    /// What an HTTP server is asked.
    request: &'a [u8],
}

#[derive(Debug)]
struct Entry {
    address: IpAddr,
    name: String,
    request: Vec<u8>,
    judging: bool,
    timeout: Duration,
    checks: Vec<Checked>,
    /// Checks that are queued or under way.
    left: usize,
}

/// The place of a talk, with room for what a service says.
#[derive(Debug)]
struct Slot {
    /// The number of the group, and of the check in it.
    talk: Option<(u32, u32, Talk)>,
    head: Box<Head>,
}

/// Checks ports, [`CHECKS_MAX`] of them at once. Allocates when groups are set, and for TLS.
#[derive(Debug)]
pub struct Ports {
    entries: Vec<Entry>,
    queue: VecDeque<(u32, u32)>,
    slots: Vec<Slot>,
    ready: Ready,
    checker: secure::Checker,
    finished: VecDeque<usize>,
    /// No further connection can be made until one is over.
    is_short: bool,
}

impl Ports {
    /// Will check the groups that are set.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn new() -> Result<Self, Failure> {
        let ready = Ready::new().map_err(|error| {
            Failure::failed(format_args!("cannot wait for connections: {error}"))
        })?;
        Ok(Self {
            entries: Vec::new(),
            queue: VecDeque::new(),
            slots: Vec::new(),
            ready,
            checker: secure::Checker::new()?,
            finished: VecDeque::new(),
            is_short: false,
        })
    }

    /// From now on the group of this number, which may be a new one, is that one; checks of an
    /// earlier one end.
    pub fn set(&mut self, number: usize, group: Group) {
        let entry = |group: Group| Entry {
            address: group.address,
            request: talk::request(&group.name),
            name: group.name,
            judging: group.judging,
            timeout: Duration::ZERO,
            checks: group
                .ports
                .iter()
                .map(|&(port, service)| (port, service, None))
                .collect(),
            left: 0,
        };
        while self.entries.len() <= number {
            self.entries.push(entry(Group {
                address: Ipv4Addr::UNSPECIFIED.into(),
                name: String::new(),
                ports: Vec::new(),
                judging: false,
            }));
        }
        self.stop(number);
        if group.judging {
            self.checker.judge();
        }
        self.entries[number] = entry(group);
        let count = self
            .entries
            .iter()
            .map(|entry| entry.checks.len())
            .sum::<usize>();
        self.queue.reserve(count - self.queue.len().min(count));
        self.finished
            .reserve(self.entries.len() - self.finished.len());
        self.slots
            .resize_with(self.slots.len().max(count.min(CHECKS_MAX)), || Slot {
                talk: None,
                head: talk::room(),
            });
    }

    /// The group is at that address from its next checks on.
    pub fn set_address(&mut self, number: usize, address: IpAddr) {
        self.stop(number);
        self.entries[number].address = address;
    }

    /// Forgets what was found of a group.
    pub fn forget(&mut self, number: usize) {
        self.stop(number);
        let checks = self.entries[number].checks.iter_mut();
        checks.for_each(|(_, _, finding)| *finding = None);
    }

    /// Begins to check a group, unless it is being checked.
    pub fn start(&mut self, number: usize, timeout: Duration) {
        let Some(entry) = self.entries.get_mut(number).filter(|entry| entry.left == 0) else {
            return;
        };
        (entry.timeout, entry.left) = (timeout, entry.checks.len());
        for (check, (_, _, finding)) in (0..).zip(&mut entry.checks) {
            *finding = None;
            self.queue.push_back((number as u32, check));
        }
        if entry.left == 0 {
            self.finished.push_back(number);
        }
    }

    /// Ends the checks of a group at once.
    pub fn stop(&mut self, number: usize) {
        self.entries[number].left = 0;
        self.queue.retain(|&(group, _)| group as usize != number);
        self.finished.retain(|&group| group != number);
        for slot in &mut self.slots {
            if matches!(slot.talk, Some((group, ..)) if group as usize == number) {
                slot.talk = None;
                self.is_short = false;
            }
        }
    }

    /// Goes on with all talks that can; hands over the groups that are checked.
    ///
    /// # Errors
    /// When the kernel does not say which can.
    pub fn turn(&mut self, mut finished: impl FnMut(usize)) -> io::Result<()> {
        let now = clock::mono();
        let mut able = [false; CHECKS_MAX];
        self.ready.take(|slot| {
            if let Some(able) = able.get_mut(slot as usize) {
                *able = true;
            }
        })?;
        for (slot, able) in able.iter().enumerate().take(self.slots.len()) {
            self.go_on(slot, *able, now);
        }
        for slot in 0..self.slots.len() {
            while self.slots[slot].talk.is_none() && !self.is_short {
                let Some((group, check)) = self.queue.pop_front() else {
                    break;
                };
                self.begin(slot, group, check);
            }
        }
        while let Some(number) = self.finished.pop_front() {
            finished(number);
        }
        Ok(())
    }

    /// When the next talk is given up; `None` when there is none.
    pub fn next_due(&self) -> Option<Mono> {
        let is_room = !self.is_short && self.slots.iter().any(|slot| slot.talk.is_none());
        if !self.finished.is_empty() || !self.queue.is_empty() && is_room {
            return Some(Mono::from_ns(0));
        }
        let talks = self.slots.iter().filter_map(|slot| slot.talk.as_ref());
        talks.map(|(_, _, talk)| talk.deadline()).min()
    }

    /// Whether a check of the group is queued or under way.
    pub fn is_running(&self, number: usize) -> bool {
        self.entries[number].left > 0
    }

    /// What was found of a group that is checked; `None`: nobody there, or not that service.
    pub fn found(&self, number: usize) -> &[Checked] {
        &self.entries[number].checks
    }

    fn begin(&mut self, slot: usize, group: u32, number: u32) {
        let entry = &self.entries[group as usize];
        let check = entry.check(number);
        if check.service == Service::Https && !HTTPS {
            return self.finish(group, number, None);
        }
        match Talk::begin(&check, entry.timeout, slot as u32, &self.ready) {
            Ok(talk) => self.slots[slot].talk = Some((group, number, talk)),
            Err(error) if tcp::is_shortage(&error) => self.wait(group, number, &error),
            Err(error) => {
                log::info!("{} port {}: {error}", check.name, check.port);
                self.finish(group, number, None);
            }
        }
    }

    /// Leaves a check for when a talk is over; gives it up where there is none.
    fn wait(&mut self, group: u32, number: u32, error: &io::Error) {
        if self.slots.iter().any(|slot| slot.talk.is_some()) {
            self.is_short = true;
            return self.queue.push_front((group, number));
        }
        let Check { name, port, .. } = self.entries[group as usize].check(number);
        log::warn!("{name} port {port} is not checked: {error}; raise ulimit -n");
        self.finish(group, number, None);
    }

    fn go_on(&mut self, slot: usize, able: bool, now: Mono) {
        let Slot { talk, head } = &mut self.slots[slot];
        let Some((group, number, talk)) = talk.as_mut().map(|(g, n, talk)| (*g, *n, talk)) else {
            return;
        };
        let check = self.entries[group as usize].check(number);
        let turn = match able {
            true => talk.go_on(&check, slot as u32, &self.ready, &self.checker, head),
            false => Ok(None),
        };
        let finding = match turn {
            Ok(None) if now < talk.deadline() => return,
            Ok(None) => {
                log::info!("{} port {}: no answer in time", check.name, check.port);
                None
            }
            Ok(found) => found,
            Err(error) => {
                log::info!("{} port {}: {error}", check.name, check.port);
                None
            }
        };
        self.slots[slot].talk = None;
        self.finish(group, number, finding);
    }

    fn finish(&mut self, group: u32, number: u32, finding: Option<Finding>) {
        self.is_short = false;
        let entry = &mut self.entries[group as usize];
        entry.checks[number as usize].2 = finding;
        entry.left = entry.left.saturating_sub(1);
        if entry.left == 0 {
            self.finished.push_back(group as usize);
        }
    }
}

impl Entry {
    fn check(&self, number: u32) -> Check<'_> {
        let &(port, service, _) = &self.checks[number as usize];
        Check {
            address: self.address,
            name: &self.name,
            port,
            service,
            judging: self.judging,
            request: &self.request,
        }
    }
}

impl AsFd for Ports {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }
}
