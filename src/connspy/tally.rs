// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hosts in the order of their first appearance, each with a count: an arena of names and a table
//! of open addressing.

use super::host;

/// What all tallies together may cost, and do.
#[derive(Debug)]
pub struct Budget {
    /// Bytes that they have.
    pub used: usize,
    /// Bytes that they may have.
    pub max: usize,
}

/// There is no room for one more within the budget; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// What is known of a host.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Of the name, the upper half.
    hash: u32,
    /// Where the name begins in the arena; it ends where the next one begins.
    start: u32,
    count: u64,
}

/// The hosts.
#[derive(Debug, Default)]
pub struct Tally {
    key: u64,
    /// Numbers of entries, one more than they are; 0: free. A power of two, or none.
    slots: Vec<u32>,
    entries: Vec<Entry>,
    names: Vec<u8>,
    /// Those that were forgotten had no more connections than this; 0: none were.
    floor: u64,
    /// By how much the count of each entry may be too large; none without a floor.
    errors: Vec<u64>,
}

impl Tally {
    /// An empty one, whose names are hashed with `key`.
    pub fn new(key: u64) -> Self {
        Self {
            key,
            ..Self::default()
        }
    }

    /// Hosts.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes that it takes of the budget.
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u32>()
            + self.entries.capacity() * size_of::<Entry>()
            + self.names.capacity()
            + self.errors.capacity() * size_of::<u64>()
    }

    /// Counts `host`, in any case, `times` more; whether it was new.
    ///
    /// # Errors
    /// When it is new and there is no room for it.
    pub fn add(&mut self, host: &[u8], times: u64, budget: &mut Budget) -> Result<bool, Full> {
        let hash = host::hash(host, self.key);
        if let Ok(found) = self.find(host, hash) {
            self.entries[found].count += times;
            return Ok(false);
        }
        self.make_room(host.len(), budget)?;
        let slot = match self.find(host, hash) {
            Err(slot) => slot,
            Ok(_) => return Ok(false),
        };
        // Both fit: make_room saw to it.
        self.slots[slot] = self.entries.len() as u32 + 1;
        self.entries.push(Entry {
            hash: (hash >> 32) as u32,
            start: self.names.len() as u32,
            count: self.floor + times,
        });
        if self.floor > 0 {
            self.errors.push(self.floor);
        }
        let start = self.names.len();
        self.names.extend_from_slice(host);
        self.names[start..].make_ascii_lowercase();
        Ok(true)
    }

    /// The number of the entry of `host`, or the slot where it would be; 0 without slots.
    #[inline]
    fn find(&self, host: &[u8], hash: u64) -> Result<usize, usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = hash as usize & mask;
        while let Some(&number) = self.slots.get(slot) {
            let Some(index) = (number as usize).checked_sub(1) else {
                break;
            };
            if self.entries[index].hash == (hash >> 32) as u32
                && host::is_same(self.name(index), host)
            {
                return Ok(index);
            }
            slot = (slot + 1) & mask;
        }
        Err(slot)
    }

    fn name(&self, index: usize) -> &[u8] {
        let start = self.entries[index].start as usize;
        let next = self.entries.get(index + 1);
        let end = next.map_or(self.names.len(), |next| next.start as usize);
        &self.names[start..end]
    }

    /// The host of that number in the order of appearance, and its count.
    pub fn get(&self, index: usize) -> Option<(&[u8], u64)> {
        let entry = self.entries.get(index)?;
        Some((self.name(index), entry.count))
    }

    /// All hosts in their order, each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// By how much the count of that host may be too large.
    pub fn error(&self, index: usize) -> u64 {
        self.errors.get(index).copied().unwrap_or_default()
    }

    /// Tells all hosts sorted by name, each with its number and its count, and forgets them.
    ///
    /// # Errors
    /// What `each` says; the hosts are forgotten then, too.
    pub fn drain_by_name<E>(
        &mut self,
        budget: &mut Budget,
        mut each: impl FnMut(usize, &[u8], u64) -> Result<(), E>,
    ) -> Result<(), E> {
        // There are more slots than entries, and they are not needed any more.
        let mut numbers = core::mem::take(&mut self.slots);
        budget.used -= numbers.capacity() * size_of::<u32>();
        numbers.truncate(self.len());
        for (number, index) in numbers.iter_mut().zip(0..) {
            *number = index;
        }
        numbers.sort_unstable_by(|a, b| self.name(*a as usize).cmp(self.name(*b as usize)));
        let told = numbers.iter().try_for_each(|number| {
            let index = *number as usize;
            each(index, self.name(index), self.entries[index].count)
        });
        self.clear(budget);
        told
    }

    /// Forgets the half of the hosts with the smaller counts: space saving (Metwally, Agrawal, El
    /// Abbadi 2005), many at a time. Whoever comes anew may be one of them, so its count begins
    /// with what it can have had at most, and that is its error. The largest stays, however many
    /// have as much.
    pub fn halve(&mut self, budget: &mut Budget) {
        let before = self.bytes();
        if self.floor == 0 {
            self.errors.resize(self.len(), 0);
        }
        let counts = &mut self.slots[..self.entries.len()];
        for (count, entry) in counts.iter_mut().zip(&self.entries) {
            *count = u32::try_from(entry.count).unwrap_or(u32::MAX);
        }
        let half = counts.len() / 2;
        if half < counts.len() {
            self.floor = u64::from(*counts.select_nth_unstable(half).1);
        }
        let largest = self.largest();
        let (mut kept, mut end) = (0, 0);
        for index in 0..self.len() {
            let Entry { start, count, hash } = self.entries[index];
            if count > self.floor || Some(index) == largest {
                let name = start as usize..start as usize + self.name(index).len();
                let start = end as u32;
                end += name.len();
                self.names.copy_within(name, start as usize);
                self.errors[kept] = self.errors[index];
                self.entries[kept] = Entry { start, count, hash };
                kept += 1;
            }
        }
        self.entries.truncate(kept);
        self.entries.shrink_to_fit();
        self.errors.truncate(kept);
        self.errors.shrink_to_fit();
        self.names.truncate(end);
        self.names.shrink_to_fit();
        self.spread((kept * 4 / 3 + 1).next_power_of_two());
        budget.used = budget.used - before + self.bytes();
    }

    /// The number of the host with the largest count, the first of several.
    pub fn largest(&self) -> Option<usize> {
        let max = self.entries.iter().map(|entry| entry.count).max()?;
        self.entries.iter().position(|entry| entry.count == max)
    }

    /// Forgets all hosts, and gives the memory back.
    pub fn clear(&mut self, budget: &mut Budget) {
        budget.used -= self.bytes();
        *self = Self::new(self.key);
    }

    /// Makes room for one more host with a name of `len` bytes.
    fn make_room(&mut self, len: usize, budget: &mut Budget) -> Result<(), Full> {
        let before = self.bytes();
        let entries = match self.entries.len() < self.entries.capacity() {
            true => 0,
            false => self.entries.capacity().max(24),
        };
        let names = match self.names.len() + len <= self.names.capacity() {
            true => 0,
            false => self.names.capacity().max(256).max(len),
        };
        // Three quarters full at most.
        let slots = match (self.entries.len() + 1) * 4 <= self.slots.len() * 3 {
            true => self.slots.len(),
            false => (self.slots.len() * 2).max(32),
        };
        let errors = if self.floor > 0 { entries } else { 0 };
        let more = entries * size_of::<Entry>()
            + errors * size_of::<u64>()
            + names
            + (slots - self.slots.len()) * size_of::<u32>();
        let is_addressable = self.names.len() + len <= u32::MAX as usize;
        if budget.used.saturating_add(more) > budget.max || !is_addressable {
            return Err(Full);
        }
        self.entries.reserve_exact(entries);
        self.names.reserve_exact(names);
        self.errors.reserve_exact(errors);
        if slots > self.slots.len() {
            self.spread(slots);
        }
        budget.used = budget.used - before + self.bytes();
        Ok(())
    }

    /// Makes the table anew with so many slots.
    fn spread(&mut self, slots: usize) {
        // The old one goes first, so that they never are there both.
        self.slots = Vec::new();
        self.slots = vec![0; slots];
        for index in 0..self.entries.len() {
            let hash = host::hash(self.name(index), self.key);
            let mut slot = hash as usize & (slots - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (slots - 1);
            }
            self.slots[slot] = index as u32 + 1;
        }
    }
}
