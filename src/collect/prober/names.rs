// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names asked for in the background, a few at a time: no answer is ever waited for, and one whose
//! name server is silent does not hold up the others.

use std::io;
use std::sync::Arc;

use core::cmp::Reverse;
use core::net::IpAddr;

use super::{Entry, Prober};
use crate::engine::lookup::Lookup;
use crate::model::addr;
use crate::sys::doorbell::Doorbell;
use crate::sys::poll::{AsFd, BorrowedFd};
use crate::sys::resolver::{Answer, Resolver};
use crate::sys::{random, zone};
use crate::time::Mono;

/// What a name was found to be: its addresses, at least one, or why there are none.
pub(super) type Found = Result<Vec<IpAddr>, String>;

/// Questions that are under way at once; each has a thread, which starts with its first one.
const ASKED_MAX: usize = 4;

/// Asks for names; readable when there is an answer.
#[derive(Debug)]
pub(super) struct Names {
    askers: [Asker; ASKED_MAX],
    bell: Arc<Doorbell>,
}

/// One of those who ask.
#[derive(Debug, Default)]
struct Asker {
    resolver: Option<Resolver>,
    /// The question that is not answered, by its number and the name.
    asked: Option<(u32, String)>,
}

/// What is known of a host before anybody is asked.
pub(super) fn lookup(host: &str, now: Mono) -> Lookup {
    match host.parse::<IpAddr>() {
        Err(_) => Lookup::new(now),
        Ok(address) => match addr::one_host(address) {
            Some(address) => {
                if zone::is_missing(address) {
                    log::warn!("{address} is on every interface: name one, as {address}%eth0");
                }
                Lookup::fixed(address)
            }
            None => Lookup::impossible(format!("{address} is no address of one host")),
        },
    }
}

impl Asker {
    fn ask(&mut self, host: &str, bell: &Arc<Doorbell>) -> io::Result<()> {
        let resolver = match &self.resolver {
            Some(resolver) => resolver,
            None => self.resolver.insert(Resolver::start()?),
        };
        let number = resolver.ask(host, bell);
        self.asked = number.map(|number| (number, host.to_owned()));
        Ok(())
    }

    fn take(&mut self) -> Option<(String, Answer)> {
        let (number, _) = self.asked.as_ref()?;
        let answer = self.resolver.as_ref()?.take(*number)?;
        let (_, host) = self.asked.take()?;
        Some((host, answer))
    }
}

impl Names {
    /// Nothing is asked yet.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            askers: Default::default(),
            bell: Arc::new(Doorbell::new()?),
        })
    }

    /// Whether so many questions are not answered that there is no room for another one.
    pub(super) fn is_busy(&self) -> bool {
        self.askers.iter().all(|asker| asker.asked.is_some())
    }

    /// Asks for a name, if there is room.
    pub(super) fn ask(&mut self, host: &str) -> io::Result<()> {
        let mut askers = self.askers.iter_mut();
        let free = askers.find(|asker| asker.asked.is_none());
        free.map_or(Ok(()), |asker| asker.ask(host, &self.bell))
    }

    /// Takes an answer, if there is one: the name, and what it was found to be.
    pub(super) fn take(&mut self) -> Option<(String, Found)> {
        self.bell.hush();
        let (host, answer) = self.askers.iter_mut().find_map(Asker::take)?;
        let found = match answer {
            Err(error) => Err(error.to_string()),
            Ok(all) => {
                let all = all.iter().map(zone::of);
                let usable: Vec<IpAddr> = all.filter_map(addr::one_host).collect();
                match usable.is_empty() {
                    true => Err("it has no address of one host".to_owned()),
                    false => Ok(usable),
                }
            }
        };
        Some((host, found))
    }
}

impl AsFd for Names {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl Prober {
    /// Takes the answers about names, and asks for the next ones that are due.
    pub(super) fn look_up(&mut self, now: Mono) {
        while let Some((host, found)) = self.names.take() {
            let named = self
                .entries
                .iter_mut()
                .filter(|entry| entry.subject.host == host);
            for Entry { lookup, .. } in named {
                match &found {
                    Ok(found) => lookup.on_found(found, now),
                    Err(reason) => lookup.on_failed(reason.clone(), now, random::bits()),
                }
            }
        }
        self.entries
            .iter_mut()
            .for_each(|entry| entry.lookup.on_late(now));
        while !self.names.is_busy() && self.ask(now) {}
        self.plan_names();
        for lane in 0..self.lanes.len() {
            let of = self.lanes[lane].of.filter(|_| self.lanes[lane].waits);
            if of.is_some_and(|(subject, _)| self.entries[subject].lookup.is_decided()) {
                self.lanes[lane].waits = false;
                self.due
                    .extend(self.lanes[lane].next_due().map(|due| Reverse((due, lane))));
            }
        }
    }

    /// Asks for the name that is due first; whether one is.
    fn ask(&mut self, now: Mono) -> bool {
        let due = self.entries.iter().filter_map(|entry| {
            let due = entry.lookup.next_due()?;
            (due <= now).then_some((due, &entry.subject.host))
        });
        let Some((_, host)) = due.min() else {
            return false;
        };
        let host = host.clone();
        let asked = self.names.ask(&host);
        for entry in &mut self.entries {
            match &asked {
                _ if entry.subject.host != host => {}
                Ok(()) => entry.lookup.on_asked(now),
                Err(error) => {
                    let reason = format!("no thread to ask for names in: {error}");
                    entry.lookup.on_failed(reason, now, random::bits());
                }
            }
        }
        true
    }

    /// Finds out when something is due about names.
    pub(super) fn plan_names(&mut self) {
        let lookups = || self.entries.iter().map(|entry| &entry.lookup);
        let question = lookups().filter_map(Lookup::next_due).min();
        let question = question.filter(|_| !self.names.is_busy());
        self.names_due = lookups().filter_map(Lookup::patience).chain(question).min();
    }
}
