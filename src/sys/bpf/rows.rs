// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the program has counted, read: the copies of all CPUs added up.
//!
//! A 32-bit kernel copies 64 bits in two steps, so a value may be torn when its low half wraps in
//! between. There, every row is read until two looks agree.

use std::io;

use super::call::{Kind, Map, Place, Write};
use super::load::LOADING;
use crate::limits::{LANES_MAX, OWN_MACS_MAX};
use crate::model::addr::Mac;
use crate::model::usage::{Flow, Lane, Totals};
use crate::sys::privileges::{self, Holder, Outcome};

/// Words of a row, for one CPU.
const FLOW_WORDS: usize = size_of::<Flow>() / 8;
const TOTALS_WORDS: usize = size_of::<Totals>() / 8;

/// Lanes read at once; two calls for each lane cost four times as much.
const BATCH_LANES: usize = 64;

/// Looks at a row until two agree: a second wrap within microseconds is none of a network.
const LOOKS_MAX: usize = 4;

/// ENOTSUPP of the kernel, which has no number for user space.
const NOT_SUPPORTED: i32 = 524;

/// The maps, or what stands in for them. Rows hold a copy for each CPU, one behind the other.
pub trait Tables {
    /// Reads a lane; false when there is none.
    fn lane(&self, key: u64, row: &mut [u64]) -> io::Result<bool>;
    /// Reads and removes a lane in one step; false when there is none.
    fn take_lane(&self, key: u64, row: &mut [u64]) -> io::Result<bool>;
    /// Removes a lane; false when there is none.
    fn remove_lane(&self, key: u64) -> io::Result<bool>;
    /// Makes a lane, EEXIST when there is one.
    fn new_lane(&self, key: u64, row: &[u64]) -> io::Result<()>;
    /// Reads lanes from a place on; how many, and the place behind them, `None` at the end.
    fn lanes(
        &self,
        from: Option<Place>,
        keys: &mut [u64],
        rows: &mut [u64],
    ) -> io::Result<(usize, Option<Place>)>;
    /// Reads the totals.
    fn totals(&self, row: &mut [u64]) -> io::Result<bool>;
    /// Sets the own addresses.
    fn set_own(&self, own: &[u64; OWN_MACS_MAX]) -> io::Result<()>;
}

/// Those of the kernel.
#[derive(Debug)]
pub struct KernelTables {
    pub lanes: Map<u64>,
    pub totals: Map<u32>,
    pub own: Map<u32>,
}

impl KernelTables {
    /// Makes them, in the kernel, on a machine that can have so many CPUs.
    pub fn create(cpus: usize) -> io::Result<Self> {
        let lanes = Map::create::<Flow>(Kind::PerCpuHash, LANES_MAX, cpus, "netvitals_lanes")?;
        let totals = Map::create::<Totals>(Kind::PerCpuArray, 1, cpus, "netvitals_total")?;
        let own = Map::create::<[u64; OWN_MACS_MAX]>(Kind::Array, 1, cpus, "netvitals_own")?;
        Ok(Self { lanes, totals, own })
    }
}

impl Tables for KernelTables {
    fn lane(&self, key: u64, row: &mut [u64]) -> io::Result<bool> {
        self.lanes.read(key, row)
    }

    fn take_lane(&self, key: u64, row: &mut [u64]) -> io::Result<bool> {
        self.lanes.take(key, row)
    }

    fn remove_lane(&self, key: u64) -> io::Result<bool> {
        self.lanes.remove(key)
    }

    fn new_lane(&self, key: u64, row: &[u64]) -> io::Result<()> {
        self.lanes.write(key, row, Write::OnlyNew)
    }

    fn lanes(
        &self,
        from: Option<Place>,
        keys: &mut [u64],
        rows: &mut [u64],
    ) -> io::Result<(usize, Option<Place>)> {
        self.lanes.read_many(from, keys, rows)
    }

    fn totals(&self, row: &mut [u64]) -> io::Result<bool> {
        self.totals.read(0, row)
    }

    fn set_own(&self, own: &[u64; OWN_MACS_MAX]) -> io::Result<()> {
        self.own.write(0, own, Write::Always)
    }
}

/// An address as the program compares it: its octets from the highest down.
pub fn number(mac: Mac) -> u64 {
    mac.0
        .iter()
        .fold(0, |number, &octet| number << 8 | u64::from(octet))
}

/// A lane as the program keys it: the address, then 16 bits of the interface.
pub fn key(lane: Lane) -> u64 {
    number(lane.mac) << 16 | u64::from(lane.interface)
}

/// The inverse of [`key`].
pub fn lane(key: u64) -> Lane {
    let [a, b, c, d, e, f, high, low] = key.to_be_bytes();
    Lane {
        mac: Mac([a, b, c, d, e, f]),
        interface: u16::from_be_bytes([high, low]),
    }
}

/// The rows, and room to read them.
#[derive(Debug)]
pub struct Rows<T> {
    pub tables: T,
    /// Whether a value may be torn.
    tears: bool,
    cpus: usize,
    row: Vec<u64>,
    before: Vec<u64>,
    keys: [u64; BATCH_LANES],
    batch: Vec<u64>,
}

impl<T: Tables> Rows<T> {
    /// Rows with copies for so many CPUs.
    pub fn new(tables: T, cpus: usize) -> Self {
        Self {
            tables,
            tears: cfg!(target_pointer_width = "32"),
            cpus,
            row: vec![0; cpus * FLOW_WORDS.max(TOTALS_WORDS)],
            before: vec![0; cpus * FLOW_WORDS.max(TOTALS_WORDS)],
            keys: [0; BATCH_LANES],
            batch: vec![0; cpus * FLOW_WORDS * BATCH_LANES],
        }
    }

    /// Reads a row that is not torn.
    fn look(&mut self, read: impl Fn(&T, &mut [u64]) -> io::Result<bool>) -> io::Result<bool> {
        Ok(read(&self.tables, &mut self.row)? && self.look_again(read)?)
    }

    /// Reads the row, of which there was a first look, until two looks agree.
    fn look_again(
        &mut self,
        read: impl Fn(&T, &mut [u64]) -> io::Result<bool>,
    ) -> io::Result<bool> {
        for _ in 1..LOOKS_MAX {
            if !self.tears {
                break;
            }
            self.before.copy_from_slice(&self.row);
            if !read(&self.tables, &mut self.row)? {
                return Ok(false);
            }
            if self.agrees() {
                break;
            }
        }
        Ok(true)
    }

    /// Whether the row follows from the one before without a step in the high halves.
    fn agrees(&self) -> bool {
        let mut pairs = self.before.iter().zip(&self.row);
        pairs.all(|(before, now)| now >= before && now >> 32 == before >> 32)
    }

    fn flow(&self) -> Flow {
        Flow::from_words(sum(&self.row, self.cpus))
    }

    pub fn each(&mut self, mut on_lane: impl FnMut(Lane, Flow)) -> io::Result<()> {
        let words = FLOW_WORDS * self.cpus;
        let mut place = None;
        // The program may add some meanwhile, but a walk ends.
        for _ in 0..LANES_MAX {
            let (keys, rows) = (&mut self.keys, &mut self.batch);
            let (count, next) = self.tables.lanes(place, keys, rows)?;
            for i in 0..count {
                let key = self.keys[i];
                self.row[..words].copy_from_slice(&self.batch[words * i..][..words]);
                if self.look_again(|tables, row| tables.lane(key, row))? {
                    on_lane(lane(key), self.flow());
                }
            }
            if next.is_none() {
                break;
            }
            place = next;
        }
        Ok(())
    }

    pub fn totals(&mut self) -> io::Result<Totals> {
        self.look(Tables::totals)?;
        Ok(Totals::from_words(sum(&self.row, self.cpus)))
    }

    pub fn evict(&mut self, lane: Lane) -> io::Result<Option<Flow>> {
        let key = key(lane);
        if self.tears && !self.look(|tables, row| tables.lane(key, row))? {
            return Ok(None);
        }
        self.before.copy_from_slice(&self.row);
        let there = match self.tables.take_lane(key, &mut self.row) {
            Err(error) if is_unknown(&error) => {
                // Before Linux 5.14. A frame between the two steps is lost.
                self.tables.lane(key, &mut self.row)? && self.tables.remove_lane(key)?
            }
            there => there?,
        };
        if self.tears && !self.agrees() {
            self.row.copy_from_slice(&self.before);
        }
        Ok(there.then(|| self.flow()))
    }

    pub fn reserve(&mut self, lane: Lane) -> io::Result<()> {
        self.row.fill(0);
        match self.tables.new_lane(key(lane), &self.row) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
    }

    /// Gives up the right to load, unless rows are not read without it.
    pub fn give_up_loading(&mut self, holder: &mut impl Holder) -> io::Result<Outcome> {
        privileges::give_up(holder, LOADING, || self.totals().map(drop))
    }

    pub fn set_own(&self, own: &[Mac]) -> io::Result<()> {
        let mut numbers = [0; OWN_MACS_MAX];
        let devices = own.iter().filter(|mac| mac.is_device());
        for (number_of, mac) in numbers.iter_mut().zip(devices) {
            *number_of = number(*mac);
        }
        self.tables.set_own(&numbers)
    }
}

/// The kernel does not know this command for this map.
fn is_unknown(error: &io::Error) -> bool {
    [libc::EINVAL, libc::EOPNOTSUPP, NOT_SUPPORTED]
        .map(Some)
        .contains(&error.raw_os_error())
}

/// The words of all CPUs added up.
fn sum<const N: usize>(row: &[u64], cpus: usize) -> [u64; N] {
    let mut total = [0_u64; N];
    for copy in row.chunks_exact(N).take(cpus) {
        for (total, word) in total.iter_mut().zip(copy) {
            *total = total.wrapping_add(*word);
        }
    }
    total
}

#[cfg(test)]
mod tests;
