// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lanes that the kernel counts, with what of each was told already; who must leave the kernel
//! so that others find room there.
//!
//! A lane that leaves takes nothing along: its last values are read with it.

#[cfg(test)]
mod tests;

use core::cmp::Reverse;
use core::time::Duration;
use std::io;

use crate::limits::LANES_MAX;
use crate::model::index::Index;
use crate::model::traffic::{Heard, Traffic, Witness};
use crate::model::usage::{Flow, Lane, Totals};
use crate::sys::bpf::Counting;
use crate::time::Mono;

/// Fuller at a reading: lanes leave until it is half full.
const LANES_TO_KEEP: usize = LANES_MAX / 4 * 3;

/// At the latest after this: a crowd that comes between two readings would find no room.
const READ_EVERY: Duration = Duration::from_secs(10);

/// While the kernel has little room left.
const READ_EVERY_CROWDED: Duration = Duration::from_secs(1);

/// What counts in the kernel.
pub trait Counters {
    /// Hands over every lane with its values.
    fn each(&mut self, on_lane: &mut dyn FnMut(Lane, Flow)) -> io::Result<()>;
    /// What is counted beside the lanes.
    fn totals(&mut self) -> io::Result<Totals>;
    /// Removes a lane; its last values.
    fn evict(&mut self, lane: Lane) -> io::Result<Option<Flow>>;
}

impl Counters for Counting {
    fn each(&mut self, on_lane: &mut dyn FnMut(Lane, Flow)) -> io::Result<()> {
        Counting::each(self, on_lane)
    }

    fn totals(&mut self) -> io::Result<Totals> {
        Counting::totals(self)
    }

    fn evict(&mut self, lane: Lane) -> io::Result<Option<Flow>> {
        Counting::evict(self, lane)
    }
}

/// The lanes at the last reading: 130 B each when used, 320 KiB at most.
#[derive(Debug)]
pub struct Lanes {
    lanes: Vec<Reading>,
    by_lane: Index,
    totals: Totals,
    /// Lanes that may leave, the first to go last.
    leaving: Vec<Leaving>,
    read_at: Option<Mono>,
    crowded: bool,
}

/// Why a lane leaves: the order is that in which they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Leaving {
    is_counted: bool,
    is_two_way: bool,
    changed: Mono,
    lane: Lane,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    lane: Lane,
    /// As it was read.
    flow: Flow,
    /// As it was told.
    told: Flow,
    /// The reading at which it had changed last.
    changed: Mono,
}

impl Lanes {
    /// No lane yet. `seed` is chance.
    pub fn new(seed: u64) -> Self {
        Self {
            lanes: Vec::with_capacity(LANES_MAX),
            by_lane: Index::new(LANES_MAX, seed),
            totals: Totals::default(),
            leaving: Vec::with_capacity(LANES_MAX),
            read_at: None,
            crowded: false,
        }
    }

    /// When to read at the latest.
    pub fn next_due(&self) -> Option<Mono> {
        let every = match self.crowded {
            true => READ_EVERY_CROWDED,
            false => READ_EVERY,
        };
        self.read_at.map(|at| at.after(every))
    }

    /// Reads all lanes and tells what they moved since the last reading. `is_wan` says whether what
    /// is routed on an interface is of another network; `None` when nothing is counted there any
    /// more. Does not allocate.
    ///
    /// # Errors
    /// What the kernel says; what could be read is told, and the rest at the next reading.
    pub fn read(
        &mut self,
        counters: &mut impl Counters,
        traffic: &mut Traffic,
        is_wan: impl Fn(u16) -> Option<bool>,
        now: Mono,
    ) -> io::Result<()> {
        self.read_at = Some(now);
        let read = counters.each(&mut |lane, flow| self.note(lane, flow, now));
        self.tell(traffic, &is_wan, now);
        let totals = counters.totals()?;
        let growth = totals.since(self.totals);
        self.totals = totals;
        traffic.add_totals(&growth);
        read?;
        self.make_room(counters, traffic, &is_wan, now)?;
        self.crowded = self.lanes.len() > LANES_MAX / 2 || growth.other_frames > 0;
        Ok(())
    }

    /// Keeps what was read of a lane. Values that went backwards are no reading.
    fn note(&mut self, lane: Lane, flow: Flow, now: Mono) {
        let known = self.position(lane);
        if let Some(at) = known {
            let reading = &mut self.lanes[at];
            let (old, new) = (reading.flow.words(), flow.words());
            if old != new && old.iter().zip(new).all(|(&old, new)| old <= new) {
                (reading.flow, reading.changed) = (flow, now);
            }
        } else if self.lanes.len() < LANES_MAX {
            self.by_lane.insert(key(lane), self.lanes.len());
            self.lanes.push(Reading {
                lane,
                flow,
                told: Flow::default(),
                changed: now,
            });
        }
    }

    /// Tells what was not told yet: first what devices sent, so that it is known where they are.
    fn tell(&mut self, traffic: &mut Traffic, is_wan: &impl Fn(u16) -> Option<bool>, now: Mono) {
        for reading in self.lanes.iter().filter(|reading| reading.is_news()) {
            let sent = Flow {
                rx_bytes: 0,
                rx_frames: 0,
                routed_rx_bytes: 0,
                ..reading.growth()
            };
            traffic.add(&heard(reading.lane, sent, is_wan), now);
        }
        for reading in self.lanes.iter_mut().filter(|reading| reading.is_news()) {
            let received = Flow {
                tx_bytes: 0,
                tx_frames: 0,
                routed_tx_bytes: 0,
                ..reading.growth()
            };
            traffic.add(&heard(reading.lane, received, is_wan), now);
            reading.told = reading.flow;
        }
    }

    /// Takes lanes out of the kernel: those where nothing is counted any more, and when there is
    /// little room left those that did not change for longest, one-way ones first.
    fn make_room(
        &mut self,
        counters: &mut impl Counters,
        traffic: &mut Traffic,
        is_wan: &impl Fn(u16) -> Option<bool>,
        now: Mono,
    ) -> io::Result<()> {
        let full = self.lanes.len() > LANES_TO_KEEP;
        let all = self.lanes.iter().map(|reading| Leaving {
            is_counted: is_wan(reading.lane.interface).is_some(),
            is_two_way: reading.is_two_way(),
            changed: reading.changed,
            lane: reading.lane,
        });
        let leaving = all.filter(|lane| !lane.is_counted || (full && lane.changed < now));
        self.leaving.clear();
        self.leaving.extend(leaving);
        self.leaving
            .sort_unstable_by_key(|&leaving| Reverse(leaving));
        while let Some(Leaving {
            lane, is_counted, ..
        }) = self.leaving.pop()
        {
            if is_counted && self.lanes.len() <= LANES_MAX / 2 {
                break;
            }
            if let Some(last) = counters.evict(lane)? {
                self.note(lane, last, now);
            }
            if let Some(at) = self.position(lane) {
                let growth = self.lanes[at].growth();
                traffic.add(&heard(lane, growth, is_wan), now);
                self.remove(at);
            }
        }
        Ok(())
    }

    fn position(&self, lane: Lane) -> Option<usize> {
        self.by_lane
            .find(key(lane), |at| self.lanes[at].lane == lane)
    }

    /// Forgets a lane; the last one takes its place.
    fn remove(&mut self, at: usize) {
        let (lanes, last) = (&self.lanes, self.lanes.len() - 1);
        let key_of = |at: usize| key(lanes[at].lane);
        self.by_lane.remove(key_of(at), at, key_of);
        if at != last {
            self.by_lane.remove(key_of(last), last, key_of);
            self.by_lane.insert(key_of(last), at);
        }
        self.lanes.swap_remove(at);
    }
}

impl Reading {
    fn growth(&self) -> Flow {
        self.flow.since(self.told)
    }

    fn is_news(&self) -> bool {
        self.flow != self.told
    }

    fn is_two_way(&self) -> bool {
        self.flow.tx_frames > 0 && self.flow.rx_frames > 0
    }
}

fn heard(lane: Lane, flow: Flow, is_wan: &impl Fn(u16) -> Option<bool>) -> Heard {
    Heard {
        lane,
        flow,
        wan: is_wan(lane.interface).unwrap_or(false),
        witness: Witness::Ebpf,
    }
}

fn key(lane: Lane) -> u128 {
    let [a, b, c, d, e, f] = lane.mac.0;
    let [g, h] = lane.interface.to_be_bytes();
    u128::from(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}
