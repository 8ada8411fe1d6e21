// SPDX-License-Identifier: MIT OR Apache-2.0
//! What does not fit into memory: sorted runs in one file without a name, and their merging.
//!
//! A record is a host with its number in the order of appearance and its count. Runs of a group
//! are sorted by name; those of a merged set, that is to be printed, by number.

use core::ops::Range;
use std::io;

use crate::sys::scratch::Scratch;

/// Runs that are merged at once. With more, some are made one first.
const RUNS_MERGED_MAX: usize = 32;

/// Bytes of each run that are read at once, unless a name is longer: 1 MiB for all.
const READ_BYTES: usize = 32 * 1_024;

/// Bytes that are written at once.
const WRITE_BYTES: usize = 64 * 1_024;

/// A host on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its name, in lower case.
    pub host: &'a [u8],
    /// Its number in the order of appearance.
    pub first: u64,
    /// Its connections.
    pub count: u64,
}

/// What a run is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By name; what is there twice is added up.
    Name,
    /// By number.
    First,
}

/// Where a run lies.
#[derive(Debug)]
pub struct Run {
    start: u64,
    bytes: u64,
}

/// The file that all runs are in.
#[derive(Debug)]
pub struct Spill {
    scratch: Scratch,
    end: u64,
    buffer: Vec<u8>,
}

impl Spill {
    /// Nothing in it yet.
    pub fn new(scratch: Scratch) -> Self {
        Self {
            scratch,
            end: 0,
            buffer: Vec::with_capacity(WRITE_BYTES),
        }
    }

    /// Where the next run begins.
    pub fn begin(&self) -> u64 {
        self.end
    }

    /// Adds to the run that is being written.
    ///
    /// # Errors
    /// What pwrite(2) says.
    pub fn push(&mut self, item: &Item<'_>) -> io::Result<()> {
        for number in [item.host.len() as u64, item.first, item.count] {
            push_number(&mut self.buffer, number);
        }
        self.buffer.extend_from_slice(item.host);
        if self.buffer.len() >= WRITE_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.scratch.write_at(&self.buffer, self.end);
        self.end += self.buffer.len() as u64;
        self.buffer.clear();
        result
    }

    /// Ends the run that began at `start`.
    ///
    /// # Errors
    /// What pwrite(2) says.
    pub fn end(&mut self, start: u64) -> io::Result<Run> {
        self.flush()?;
        Ok(Run {
            start,
            bytes: self.end - start,
        })
    }

    /// Gives the space of runs back.
    pub fn forget(&self, runs: &[Run]) {
        for run in runs {
            self.scratch.forget(run.start, run.bytes);
        }
    }

    /// Makes so few of `runs` that they can be merged at once.
    ///
    /// # Errors
    /// What pread(2) and pwrite(2) say.
    pub fn condense(&mut self, runs: &mut Vec<Run>, order: Order) -> io::Result<()> {
        while runs.len() > RUNS_MERGED_MAX {
            let some: Vec<Run> = runs.drain(..RUNS_MERGED_MAX).collect();
            let start = self.begin();
            let mut merge = Merge::new(self, &some, order)?;
            while let Some(item) = merge.next(self)? {
                self.push(&item)?;
            }
            runs.push(self.end(start)?);
            self.forget(&some);
        }
        Ok(())
    }
}

/// Seven bits in each byte, the lowest first; the top bit says that there are more.
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// The number at the start of `bytes`, and the rest.
fn take_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    if let Some((small @ ..0x80, rest)) = bytes.split_first() {
        return Some((u64::from(*small), rest));
    }
    let len = bytes.iter().take(10).position(|byte| *byte < 0x80)? + 1;
    let (number, rest) = bytes.split_at(len);
    let number = number.iter().rev();
    Some((
        number.fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f)),
        rest,
    ))
}

/// A run that is being read.
#[derive(Debug)]
struct Reader {
    start: u64,
    left: u64,
    buffer: Vec<u8>,
    /// Where the name of the present item is, and so where the next item begins.
    host: Range<usize>,
    first: u64,
    count: u64,
}

impl Reader {
    fn new(run: &Run) -> Self {
        Self {
            start: run.start,
            left: run.bytes,
            buffer: Vec::new(),
            host: 0..0,
            first: 0,
            count: 0,
        }
    }

    fn item(&self) -> Item<'_> {
        Item {
            host: &self.buffer[self.host.clone()],
            first: self.first,
            count: self.count,
        }
    }

    /// Goes to the next item; `None` when it is not all there.
    fn step(&mut self) -> Option<()> {
        let all = &self.buffer[self.host.end..];
        let (len, rest) = take_number(all)?;
        let (first, rest) = take_number(rest)?;
        let (count, rest) = take_number(rest)?;
        let len = usize::try_from(len).ok().filter(|len| *len <= rest.len())?;
        let start = self.buffer.len() - rest.len();
        (self.host, self.first, self.count) = (start..start + len, first, count);
        Some(())
    }

    /// Goes to the next item; false at the end of the run.
    fn advance(&mut self, scratch: &Scratch) -> io::Result<bool> {
        while self.step().is_none() {
            if self.left == 0 {
                return Ok(false);
            }
            self.buffer.drain(..self.host.end);
            self.host = 0..0;
            let old = self.buffer.len();
            let len = self.left.min(READ_BYTES as u64);
            self.buffer.reserve_exact(len as usize);
            self.buffer.resize(old + len as usize, 0);
            scratch.read_at(&mut self.buffer[old..], self.start)?;
            (self.start, self.left) = (self.start + len, self.left - len);
        }
        Ok(true)
    }
}

/// Runs as one.
#[derive(Debug)]
pub struct Merge {
    readers: Vec<Reader>,
    /// Numbers of readers; none is less than the one it hangs under, at half its place.
    heap: Vec<usize>,
    order: Order,
    host: Vec<u8>,
}

impl Merge {
    /// All of `runs`, which are not too many, see [`Spill::condense`].
    ///
    /// # Errors
    /// What pread(2) says.
    pub fn new(spill: &Spill, runs: &[Run], order: Order) -> io::Result<Self> {
        let mut merge = Self {
            readers: runs.iter().map(Reader::new).collect(),
            heap: Vec::new(),
            order,
            host: Vec::new(),
        };
        for (number, reader) in merge.readers.iter_mut().enumerate() {
            if reader.advance(&spill.scratch)? {
                merge.heap.push(number);
            }
        }
        for place in (0..merge.heap.len() / 2).rev() {
            merge.sift_down(place);
        }
        Ok(merge)
    }

    /// The next item; one that several runs have is the first of them, with all their counts.
    ///
    /// # Errors
    /// What pread(2) says.
    pub fn next(&mut self, spill: &Spill) -> io::Result<Option<Item<'_>>> {
        let Some(&top) = self.heap.first() else {
            return Ok(None);
        };
        let Item {
            host,
            mut first,
            mut count,
        } = self.readers[top].item();
        self.host.clear();
        self.host.extend_from_slice(host);
        self.advance(spill)?;
        while let Some(&top) = self.heap.first() {
            let same = self.readers[top].item();
            if same.host != self.host {
                break;
            }
            (first, count) = (first.min(same.first), count + same.count);
            self.advance(spill)?;
        }
        let host = &self.host;
        Ok(Some(Item { host, first, count }))
    }

    /// Takes the top item away.
    fn advance(&mut self, spill: &Spill) -> io::Result<()> {
        if !self.readers[self.heap[0]].advance(&spill.scratch)? {
            self.heap.swap_remove(0);
        }
        self.sift_down(0);
        Ok(())
    }

    fn is_less(&self, a: usize, b: usize) -> bool {
        let [a, b] = [a, b].map(|place| self.readers[self.heap[place]].item());
        match self.order {
            Order::Name => a.host < b.host,
            Order::First => a.first < b.first,
        }
    }

    fn sift_down(&mut self, mut place: usize) {
        loop {
            let mut least = place;
            for below in [2 * place + 1, 2 * place + 2] {
                if below < self.heap.len() && self.is_less(below, least) {
                    least = below;
                }
            }
            if least == place {
                return;
            }
            self.heap.swap(place, least);
            place = least;
        }
    }
}
