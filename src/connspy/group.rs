// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hosts of one group in one hour, wherever they are: in memory, beyond that on disk, or
//! estimated.

use std::io;

use super::fault::Fault;
use super::host;
use super::sketch::Sketch;
use super::spill::{Item, Merge, Order, Run, Spill};
use super::tally::{Budget, Full, Tally};

/// The hosts.
#[derive(Debug)]
pub struct Hosts {
    tally: Tally,
    key: u64,
    /// Sorted by name; the hosts of `tally` may be in them too.
    runs: Vec<Run>,
    /// How many were added to `tally` before its present ones.
    base: u64,
    /// How many were in memory when they went to disk first.
    early: u64,
    sketch: Option<Sketch>,
}

/// What a group has come to.
#[derive(Debug)]
pub enum Sum<'a> {
    /// A host, its connections, and by how much these may be too many.
    Host(&'a [u8], u64, u64),
    /// About so many different hosts.
    Estimate(u64),
}

impl Hosts {
    /// None yet; names are hashed with `key`.
    pub fn new(key: u64) -> Self {
        Self {
            tally: Tally::new(key),
            key,
            runs: Vec::new(),
            base: 0,
            early: 0,
            sketch: None,
        }
    }

    /// Counts `host`, in any case; whether it is known to be new.
    ///
    /// # Errors
    /// When there is no room for it in memory.
    #[inline]
    pub fn add(&mut self, host: &[u8], times: u64, budget: &mut Budget) -> Result<bool, Full> {
        if let Some(sketch) = &mut self.sketch {
            sketch.add(host::hash(host, self.key));
            return Ok(false);
        }
        Ok(self.tally.add(host, times, budget)? && self.runs.is_empty())
    }

    /// The host that was added last.
    pub fn last(&self) -> &[u8] {
        let last = self.tally.len().checked_sub(1);
        last.and_then(|last| self.tally.get(last))
            .unwrap_or_default()
            .0
    }

    /// Those in memory in the order of their appearance, each with its connections.
    pub fn in_memory(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.tally.iter()
    }

    /// Bytes that can be had back.
    pub fn bytes(&self) -> usize {
        self.tally.bytes()
    }

    /// Whether some of them are on disk.
    pub fn is_spilled(&self) -> bool {
        !self.runs.is_empty()
    }

    /// Hosts that were in memory when they went to disk first; all when they never did. They are
    /// the first ones.
    pub fn early(&self) -> u64 {
        match self.runs.is_empty() {
            true => self.base + self.tally.len() as u64,
            false => self.early,
        }
    }

    /// Brings those in memory to disk.
    ///
    /// # Errors
    /// What pwrite(2) says.
    pub fn spill(&mut self, spill: &mut Spill, budget: &mut Budget) -> io::Result<()> {
        if self.runs.is_empty() {
            self.early = self.early();
        }
        let start = spill.begin();
        let base = self.base;
        self.base += self.tally.len() as u64;
        self.tally.drain_by_name(budget, |index, host, count| {
            let first = base + index as u64;
            spill.push(&Item { host, first, count })
        })?;
        self.runs.push(spill.end(start)?);
        Ok(())
    }

    /// Estimates from now on: how many there are, or, where they are counted, which of them have
    /// most connections.
    pub fn estimate(&mut self, counted: bool, budget: &mut Budget) {
        if counted {
            self.tally.halve(budget);
            return;
        }
        let mut sketch = Sketch::new();
        for (name, _) in self.tally.iter() {
            sketch.add(host::hash(name, self.key));
        }
        self.tally.clear(budget);
        // Small, and there are few: what was just given back is more.
        budget.used += sketch.bytes();
        self.sketch = Some(sketch);
    }

    /// Forgets all, and gives back what they took.
    pub fn clear(&mut self, spill: Option<&Spill>, budget: &mut Budget) {
        self.tally.clear(budget);
        budget.used -= self.sketch.take().map_or(0, |sketch| sketch.bytes());
        if let Some(spill) = spill {
            spill.forget(&self.runs);
        }
        *self = Self::new(self.key);
    }

    /// Tells all hosts from number `from` on in the order of their appearance.
    ///
    /// # Errors
    /// What `each` says, what pread(2) and pwrite(2) say.
    pub fn each(
        &mut self,
        from: u64,
        spill: Option<&mut Spill>,
        budget: &mut Budget,
        each: &mut dyn FnMut(Sum<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if let Some(sketch) = &self.sketch {
            return each(Sum::Estimate(sketch.count()));
        }
        let Some(spill) = spill.filter(|_| !self.runs.is_empty()) else {
            for index in usize::try_from(from).unwrap_or(usize::MAX)..self.tally.len() {
                let (host, count) = self.tally.get(index).unwrap_or_default();
                each(Sum::Host(host, count, self.tally.error(index)))?;
            }
            return Ok(());
        };
        let mut runs = self.by_first(from, spill, budget).map_err(Fault::Disk)?;
        spill
            .condense(&mut runs, Order::First)
            .map_err(Fault::Disk)?;
        let mut merge = Merge::new(spill, &runs, Order::First).map_err(Fault::Disk)?;
        while let Some(item) = merge.next(spill).map_err(Fault::Disk)? {
            each(Sum::Host(item.host, item.count, 0))?;
        }
        spill.forget(&runs);
        Ok(())
    }

    /// Tells the host with most connections, the first of several; nothing when there is none.
    ///
    /// # Errors
    /// As [`Hosts::each`].
    pub fn busiest(
        &mut self,
        spill: Option<&mut Spill>,
        budget: &mut Budget,
        tell: &mut dyn FnMut(Sum<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Some(spill) = spill.filter(|_| !self.runs.is_empty()) else {
            let Some(index) = self.tally.largest() else {
                return Ok(());
            };
            let (host, count) = self.tally.get(index).unwrap_or_default();
            return tell(Sum::Host(host, count, self.tally.error(index)));
        };
        let mut merge = self.merge(spill, budget).map_err(Fault::Disk)?;
        let mut busiest = (Vec::new(), 0, 0);
        while let Some(item) = merge.next(spill).map_err(Fault::Disk)? {
            let (host, first, count) = &mut busiest;
            if item.count > *count || item.count == *count && item.first < *first {
                host.clear();
                host.extend_from_slice(item.host);
                (*first, *count) = (item.first, item.count);
            }
        }
        tell(Sum::Host(&busiest.0, busiest.2, 0))
    }

    /// All that is on disk, to which what is in memory goes first.
    fn merge(&mut self, spill: &mut Spill, budget: &mut Budget) -> io::Result<Merge> {
        self.spill(spill, budget)?;
        spill.condense(&mut self.runs, Order::Name)?;
        Merge::new(spill, &self.runs, Order::Name)
    }

    /// The merged hosts from number `from` on, in runs sorted by number.
    fn by_first(
        &mut self,
        from: u64,
        spill: &mut Spill,
        budget: &mut Budget,
    ) -> io::Result<Vec<Run>> {
        let mut merge = self.merge(spill, budget)?;
        let mut runs = Vec::new();
        let mut part = Part::default();
        let room = (budget.max.saturating_sub(budget.used) / 2).max(PART_BYTES_MIN);
        while let Some(item) = merge.next(spill)? {
            if item.first < from {
                continue;
            }
            if part.bytes() + item.host.len() >= room {
                runs.push(part.write(spill)?);
            }
            part.push(&item);
        }
        runs.push(part.write(spill)?);
        Ok(runs)
    }
}

/// Bytes that may be sorted by number at once, however little memory there is.
const PART_BYTES_MIN: usize = 256 * 1_024;

/// Hosts that are to be sorted by number.
#[derive(Debug, Default)]
struct Part {
    /// Number, count, and where the name is.
    items: Vec<(u64, u64, u32, u32)>,
    names: Vec<u8>,
}

impl Part {
    /// With what growing takes.
    fn bytes(&self) -> usize {
        2 * (self.names.len() + (self.items.len() + 1) * size_of::<(u64, u64, u32, u32)>())
    }

    fn push(&mut self, item: &Item<'_>) {
        let [start, len] = [self.names.len(), item.host.len()].map(|number| number as u32);
        self.names.extend_from_slice(item.host);
        self.items.push((item.first, item.count, start, len));
    }

    /// Writes them as a run, and begins anew.
    fn write(&mut self, spill: &mut Spill) -> io::Result<Run> {
        self.items.sort_unstable();
        let begin = spill.begin();
        for &(first, count, start, len) in &self.items {
            let host = &self.names[start as usize..][..len as usize];
            spill.push(&Item { host, first, count })?;
        }
        self.items.clear();
        self.names.clear();
        spill.end(begin)
    }
}
