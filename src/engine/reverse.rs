// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reverse names (PTR, RFC 1035): whom to ask for which, what to believe, how long to keep it.
//!
//! An answer counts when server, id and question are those of a query that is under way. What does
//! not answer costs nothing but the name.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::VecDeque;

use crate::codec::dns::{self, Outcome};
use crate::limits::PTR_NAMES_MAX;
use crate::model::index::Index;
use crate::model::name::DeviceName;
use crate::time::Mono;

/// Queries under way at once.
const ASKED_MAX: usize = 32;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long it is believed that there is no name, when the answer does not say or nobody answers.
const NO_NAME: Duration = Duration::from_secs(60);

/// The shortest and the longest time that an answer is kept, whatever it says.
const KEPT_S: core::ops::RangeInclusive<u32> = 10..=86_400;

/// A query to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// The number of the server.
    pub server: usize,
    /// The id of the message.
    pub id: u16,
    /// Whose name is wanted.
    pub address: IpAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Queued,
    Asked,
    Settled,
}

#[derive(Debug)]
struct Entry {
    address: IpAddr,
    /// Empty: none.
    name: DeviceName,
    phase: Phase,
    /// When what is settled has to be asked again.
    until: Mono,
    tries: usize,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    entry: usize,
    server: usize,
    id: u16,
    deadline: Mono,
}

/// The names known, and the queries under way. Full: further addresses are not asked for.
#[derive(Debug)]
pub struct Reverse {
    servers_count: usize,
    /// The one that answered last.
    preferred: usize,
    entries: Vec<Entry>,
    index: Index,
    queue: VecDeque<usize>,
    /// At most [`ASKED_MAX`].
    asked: Vec<Asked>,
    heard_at: Option<Mono>,
    ignored_count: u64,
}

impl Reverse {
    /// Asks so many servers; `seed` is chance.
    pub fn new(servers_count: usize, seed: u64) -> Self {
        let capacity = if servers_count == 0 { 0 } else { PTR_NAMES_MAX };
        Self {
            servers_count,
            preferred: 0,
            entries: Vec::with_capacity(capacity),
            index: Index::new(capacity, seed),
            queue: VecDeque::with_capacity(capacity),
            asked: Vec::with_capacity(ASKED_MAX),
            heard_at: None,
            ignored_count: 0,
        }
    }

    /// Says that the name of `address` is of use.
    pub fn want(&mut self, address: IpAddr, now: Mono) {
        let known = self.find(address);
        if let Some(at) = known {
            let entry = &mut self.entries[at];
            if entry.phase == Phase::Settled && entry.until <= now {
                (entry.phase, entry.tries) = (Phase::Queued, 0);
                self.queue.push_back(at);
            }
        } else if self.entries.len() < self.entries.capacity() {
            let at = self.entries.len();
            self.index.insert(key(address), at);
            self.entries.push(Entry {
                address,
                name: DeviceName::new(),
                phase: Phase::Queued,
                until: now,
                tries: 0,
            });
            self.queue.push_back(at);
        }
    }

    /// The query that is due at `now`; `random` is chance. Call again until there is none.
    pub fn poll(&mut self, now: Mono, random: u64) -> Option<Query> {
        while let Some(late) = self.asked.iter().position(|asked| asked.deadline <= now) {
            let asked = self.asked.swap_remove(late);
            self.try_failed(asked.entry, now);
        }
        if self.asked.len() >= ASKED_MAX {
            return None;
        }
        let at = self.queue.pop_front()?;
        let entry = &mut self.entries[at];
        entry.phase = Phase::Asked;
        let server = (self.preferred + entry.tries) % self.servers_count.max(1);
        // Of 33 ids one is free.
        let taken = |id: u16| self.asked.iter().any(|asked| asked.id == id);
        let id = (0..=ASKED_MAX as u16)
            .map(|step| (random as u16).wrapping_add(step))
            .find(|&id| !taken(id))?;
        self.asked.push(Asked {
            entry: at,
            server,
            id,
            deadline: now.after(PATIENCE),
        });
        Some(Query {
            server,
            id,
            address: self.entries[at].address,
        })
    }

    /// Hears a message from a server; whether it changed what is known.
    pub fn on_message(&mut self, server: usize, message: &[u8], now: Mono) -> bool {
        let id = dns::id(message);
        let ours = |asked: &Asked| asked.server == server && Some(asked.id) == id;
        let Some(at) = self.asked.iter().position(ours) else {
            self.ignored_count += 1;
            return false;
        };
        let entry = self.asked[at].entry;
        let Ok(answer) = dns::parse(message, self.entries[entry].address) else {
            // Perhaps forged: the true one may still come.
            self.ignored_count += 1;
            return false;
        };
        self.asked.swap_remove(at);
        (self.preferred, self.heard_at) = (server, Some(now));
        let kept = |ttl_s: u32| {
            let seconds = ttl_s.clamp(*KEPT_S.start(), *KEPT_S.end());
            Duration::from_secs(seconds.into())
        };
        match answer.outcome {
            Outcome::Name { name, ttl_s } => self.settle(entry, name, now.after(kept(ttl_s))),
            Outcome::NoName { ttl_s } => {
                let until = now.after(ttl_s.map_or(NO_NAME, kept));
                self.settle(entry, DeviceName::new(), until);
            }
            Outcome::Truncated => self.settle(entry, DeviceName::new(), now.after(NO_NAME)),
            Outcome::Failed(_) => self.try_failed(entry, now),
        }
        true
    }

    /// Hears that a server cannot be reached.
    pub fn on_unreachable(&mut self, server: usize, now: Mono) {
        while let Some(at) = self.asked.iter().position(|asked| asked.server == server) {
            let asked = self.asked.swap_remove(at);
            self.try_failed(asked.entry, now);
        }
    }

    /// The name of `address`, as far as it is known.
    pub fn name(&self, address: IpAddr) -> Option<&str> {
        let name = self.entries[self.find(address)?].name.as_str();
        (!name.is_empty()).then_some(name)
    }

    /// Whether something is still to be asked or answered.
    pub fn is_waiting(&self) -> bool {
        !self.queue.is_empty() || !self.asked.is_empty()
    }

    /// When the next query is due or given up; `None` when there is none.
    pub fn next_due(&self, now: Mono) -> Option<Mono> {
        if !self.queue.is_empty() && self.asked.len() < ASKED_MAX {
            return Some(now);
        }
        self.asked.iter().map(|asked| asked.deadline).min()
    }

    /// When a server answered last.
    pub fn heard_at(&self) -> Option<Mono> {
        self.heard_at
    }

    /// Messages that were no answer to a query under way.
    pub fn ignored_count(&self) -> u64 {
        self.ignored_count
    }

    fn find(&self, address: IpAddr) -> Option<usize> {
        let is_it = |at: usize| self.entries[at].address == address;
        self.index.find(key(address), is_it)
    }

    fn settle(&mut self, at: usize, name: DeviceName, until: Mono) {
        let entry = &mut self.entries[at];
        (entry.name, entry.phase, entry.until) = (name, Phase::Settled, until);
    }

    /// Asks the next server, or gives up: a name from before stays.
    fn try_failed(&mut self, at: usize, now: Mono) {
        let tries_max = (self.servers_count + 1).min(3);
        let entry = &mut self.entries[at];
        entry.tries += 1;
        if entry.tries < tries_max {
            entry.phase = Phase::Queued;
            self.queue.push_back(at);
        } else {
            (entry.phase, entry.until) = (Phase::Settled, now.after(NO_NAME));
        }
    }
}

fn key(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests;
