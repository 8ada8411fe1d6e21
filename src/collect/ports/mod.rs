// SPDX-License-Identifier: MIT OR Apache-2.0
//! Port checks of many hosts: who takes a connection, what HTTP servers and MySQL say of
//! themselves. One loop for all of them; nothing waits.

mod talk;

#[cfg_attr(not(feature = "tls"), path = "secure_absent.rs")]
mod secure;

use std::collections::VecDeque;
use std::io;

use core::net::IpAddr;
use core::time::Duration;

use crate::failure::Failure;
use crate::limits::CHECKS_MAX;
use crate::model::probe::{Finding, Service};
use crate::sys::clock;
use crate::sys::poll::{AsFd, BorrowedFd};
use crate::sys::ready::Ready;
use crate::sys::tcp;
use crate::time::Mono;
use talk::Talk;

/// Whether this build can check https.
pub const HTTPS: bool = secure::AVAILABLE;

/// Something to check.
#[derive(Clone, Debug)]
pub struct Check {
    /// Where.
    pub address: IpAddr,
    /// By what name, for the server to know itself by; the address when it has none.
    pub name: String,
    /// At which port.
    pub port: u16,
    /// For what.
    pub service: Service,
}

#[derive(Debug)]
struct Entry {
    check: Check,
    timeout: Duration,
    /// Queued or under way.
    wanted: bool,
    finding: Option<Finding>,
}

/// Checks ports, [`CHECKS_MAX`] of them at once.
#[derive(Debug)]
pub struct Ports {
    entries: Vec<Entry>,
    queue: VecDeque<usize>,
    /// The number of an entry, and the talk.
    talks: Vec<Option<(usize, Talk)>>,
    ready: Ready,
    checker: secure::Checker,
    finished: VecDeque<usize>,
    /// No further connection can be made until one is over.
    is_short: bool,
}

impl Ports {
    /// Will check these; with `judging`, what certificates are worth, too.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn new(checks: Vec<Check>, judging: bool) -> Result<Self, Failure> {
        let ready = Ready::new().map_err(|error| {
            Failure::failed(format_args!("cannot wait for connections: {error}"))
        })?;
        let count = checks.len();
        let entries = checks.into_iter().map(|check| Entry {
            check,
            timeout: Duration::ZERO,
            wanted: false,
            finding: None,
        });
        Ok(Self {
            entries: entries.collect(),
            queue: VecDeque::with_capacity(count),
            talks: (0..count.min(CHECKS_MAX)).map(|_| None).collect(),
            ready,
            checker: secure::Checker::new(judging)?,
            finished: VecDeque::with_capacity(count),
            is_short: false,
        })
    }

    /// Begins a check, unless it is under way.
    pub fn start(&mut self, number: usize, timeout: Duration) {
        let Some(entry) = self.entries.get_mut(number) else {
            return;
        };
        if !core::mem::replace(&mut entry.wanted, true) {
            (entry.timeout, entry.finding) = (timeout, None);
            self.queue.push_back(number);
        }
    }

    /// Goes on with all talks that can; hands over the checks that are over.
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
        for (slot, able) in able.iter().enumerate().take(self.talks.len()) {
            self.go_on(slot, *able, now);
        }
        for slot in 0..self.talks.len() {
            while self.talks[slot].is_none() && !self.is_short {
                let Some(number) = self.queue.pop_front() else {
                    break;
                };
                self.begin(slot, number);
            }
        }
        while let Some(number) = self.finished.pop_front() {
            finished(number);
        }
        Ok(())
    }

    /// When the next talk is given up; `None` when there is none.
    pub fn next_due(&self) -> Option<Mono> {
        let is_room = !self.is_short && self.talks.iter().any(Option::is_none);
        if !self.queue.is_empty() && is_room {
            return Some(Mono::from_ns(0));
        }
        self.talks
            .iter()
            .flatten()
            .map(|(_, talk)| talk.deadline())
            .min()
    }

    /// Whether a check is queued or under way.
    pub fn is_running(&self, number: usize) -> bool {
        self.entries[number].wanted
    }

    /// What was found by a check that is over; `None`: nobody there, or not that service.
    pub fn finding(&self, number: usize) -> Option<&Finding> {
        self.entries[number].finding.as_ref()
    }

    fn begin(&mut self, slot: usize, number: usize) {
        let entry = &self.entries[number];
        if entry.check.service == Service::Https && !HTTPS {
            return self.finish(number, None);
        }
        let begun = Talk::begin(&entry.check, entry.timeout, slot as u32, &self.ready);
        match begun {
            Ok(talk) => self.talks[slot] = Some((number, talk)),
            Err(error) if tcp::is_shortage(&error) => self.wait(number, &error),
            Err(error) => {
                let Check { name, port, .. } = &entry.check;
                log::info!("{name} port {port}: {error}");
                self.finish(number, None);
            }
        }
    }

    /// Leaves a check for when a talk is over; gives it up where there is none.
    fn wait(&mut self, number: usize, error: &io::Error) {
        if self.talks.iter().any(Option::is_some) {
            self.is_short = true;
            return self.queue.push_front(number);
        }
        let Check { name, port, .. } = &self.entries[number].check;
        log::warn!("{name} port {port} is not checked: {error}; raise ulimit -n");
        self.finish(number, None);
    }

    fn go_on(&mut self, slot: usize, able: bool, now: Mono) {
        let Some((number, mut talk)) = self.talks[slot].take() else {
            return;
        };
        let check = &self.entries[number].check;
        let turn = match able {
            true => talk.go_on(check, slot as u32, &self.ready, &self.checker),
            false => Ok(None),
        };
        match turn {
            Ok(None) if now < talk.deadline() => self.talks[slot] = Some((number, talk)),
            Ok(None) => {
                log::info!("{} port {}: no answer in time", check.name, check.port);
                self.finish(number, None);
            }
            Ok(Some(finding)) => self.finish(number, Some(finding)),
            Err(error) => {
                log::info!("{} port {}: {error}", check.name, check.port);
                self.finish(number, None);
            }
        }
    }

    fn finish(&mut self, number: usize, finding: Option<Finding>) {
        self.is_short = false;
        let entry = &mut self.entries[number];
        (entry.wanted, entry.finding) = (false, finding);
        self.finished.push_back(number);
    }
}

impl AsFd for Ports {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }
}
