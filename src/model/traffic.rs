// SPDX-License-Identifier: MIT OR Apache-2.0
//! What each device moved, by MAC address, whoever counted the frames.
//!
//! All numbers only grow, from the start on; a window's are the difference to those at its start.
//! Full: who was silent for longest makes room, and what still finds none is "other". What a row
//! held that makes room goes there too, so nothing that was added is ever missing from the sum.

mod amount;
mod row;
#[cfg(test)]
mod tests;

use core::time::Duration;

pub use amount::{Amount, Sums};
pub use row::Row;

use super::addr::Mac;
use super::index::Index;
use super::usage::{Flow, Lane, Totals};
use crate::limits::OWN_MACS_MAX;
use crate::time::Mono;

/// How often at most it is looked who could make room: all rows are gone through for that.
const SCAN_EVERY: Duration = Duration::from_secs(1);

const _: () = assert!(size_of::<Row>() <= 200, "limits.rs says what a row costs");

/// The router's own MAC addresses.
pub type OwnMacs = heapless::Vec<Mac, OWN_MACS_MAX, u8>;

/// Who saw the traffic; of two for one device, the later one here is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Witness {
    /// A program in the kernel that counts.
    Ebpf,
    /// A ring of captured frames.
    Ring,
    /// The accounting of connections, for what hardware forwards.
    Conntrack,
}

/// What a device moved on an interface since it was last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The device, and the interface; 0 where that is not known.
    pub lane: Lane,
    /// How much.
    pub flow: Flow,
    /// Whether its routed part comes from and goes to another network.
    pub wan: bool,
    /// Who says so.
    pub witness: Witness,
}

/// The table. All room is reserved at the start; the kernel lends it when it is first written.
#[derive(Debug)]
pub struct Traffic {
    rows: Vec<Row>,
    by_mac: Index,
    capacity: usize,
    sums: Sums,
    sums_at_window: Sums,
    own: OwnMacs,
    /// Rows that may make room, the first to go last.
    candidates: Vec<u32>,
    next_scan: Option<Mono>,
}

impl Traffic {
    /// Room for `capacity` devices, 200 B each when used. `seed` is chance.
    pub fn new(capacity: usize, seed: u64) -> Self {
        Self {
            rows: Vec::with_capacity(capacity),
            by_mac: Index::new(capacity, seed),
            capacity,
            sums: Sums::default(),
            sums_at_window: Sums::default(),
            own: OwnMacs::new(),
            candidates: Vec::with_capacity(capacity),
            next_scan: None,
        }
    }

    /// Adds what a device moved. Does not allocate.
    ///
    /// Of several flows that were read at once, first those in which devices sent: where they did
    /// tells which frames to them are copies that a bridge flooded.
    pub fn add(&mut self, heard: &Heard, now: Mono) {
        let Heard {
            lane,
            flow,
            wan,
            witness,
        } = heard;
        if *flow == Flow::default() || !lane.mac.is_device() {
            return;
        }
        let mut moved = row::sent(flow, *wan);
        let received = row::received(flow, *wan);
        let known = self.position(lane.mac);
        if known.is_none() && self.own.contains(&lane.mac) {
            moved.add(&received);
            return self.sums.own.add(&moved);
        }
        let Some(at) = known.or_else(|| self.new_row(lane.mac, now)) else {
            moved.add(&received);
            return self.sums.add_other(&moved);
        };
        let row = &mut self.rows[at];
        if flow.tx_frames > 0 {
            row.sent(lane.interface, now);
        }
        if received == Amount::default() || row.receives_on(lane.interface, now) {
            moved.add(&received);
        } else {
            let (bytes, frames) = (received.rx_bytes, received.rx_frames);
            self.sums.add_flooded(bytes, frames);
        }
        if moved != Amount::default() {
            row.add(&moved, *witness, now);
        }
    }

    /// Adds by how much the totals of an engine grew.
    pub fn add_totals(&mut self, growth: &Totals) {
        self.sums.add(growth);
    }

    /// The router's own MAC addresses from now on. A device that turns out to be the router is none
    /// any more: what it moved is the router's.
    pub fn set_own(&mut self, own: &[Mac]) {
        self.own.clear();
        for &mac in own.iter().take(OWN_MACS_MAX) {
            let _ = self.own.push(mac);
            if let Some(at) = self.position(mac) {
                let row = self.take(at);
                self.sums.own.add(&row.since_start);
                self.sums_at_window.own.add(&row.at_window);
            }
        }
    }

    /// The router's own MAC addresses.
    pub fn own(&self) -> &[Mac] {
        &self.own
    }

    /// Forgets an interface that is gone: devices may be on any other now.
    pub fn forget_interface(&mut self, interface: u16) {
        for row in &mut self.rows {
            row.forget_interface(interface);
        }
    }

    /// Forgets devices that moved nothing for longer than `silence`: what they held is "other".
    pub fn forget(&mut self, silence: Duration, now: Mono) {
        for at in 0..self.rows.len() {
            let row = &self.rows[at];
            if !row.mac.is_null() && now.since(row.last_traffic()) > silence {
                self.free(at);
            }
        }
    }

    /// Begins the next window: what moved until now is no longer part of it.
    pub fn begin_window(&mut self) {
        for row in &mut self.rows {
            (row.at_window, row.witness) = (row.since_start, None);
        }
        self.sums_at_window = self.sums;
    }

    /// The devices, in no order that means anything.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.mac.is_null())
    }

    /// The row of a device.
    pub fn find(&self, mac: Mac) -> Option<&Row> {
        self.position(mac).map(|at| &self.rows[at])
    }

    /// Devices there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// What is no device's, since the start. In "other" is also what devices moved that made room.
    pub fn sums(&self) -> &Sums {
        &self.sums
    }

    /// What is no device's, in this window.
    pub fn window_sums(&self) -> Sums {
        self.sums.since(&self.sums_at_window)
    }

    fn position(&self, mac: Mac) -> Option<usize> {
        self.by_mac.find(key(mac), |at| self.rows[at].mac == mac)
    }

    /// A row for `mac`, which has none, when there is room for one.
    fn new_row(&mut self, mac: Mac, now: Mono) -> Option<usize> {
        let row = Row::new(mac, now);
        let at = if self.rows.len() < self.capacity {
            self.rows.push(row);
            self.rows.len() - 1
        } else {
            let at = self.make_room(now)?;
            self.rows[at] = row;
            at
        };
        self.by_mac.insert(key(mac), at);
        Some(at)
    }

    /// A row that is free now: that of the device which was silent for longest, if long enough.
    /// Those that only sent or only received go first, for so do invented ones.
    fn make_room(&mut self, now: Mono) -> Option<usize> {
        if self.candidates.is_empty() {
            if self.next_scan.is_some_and(|next| now < next) {
                return None;
            }
            self.next_scan = Some(now.after(SCAN_EVERY));
            let rows = &self.rows;
            let expired = (0..rows.len()).filter(|&at| rows[at].is_expired(now));
            self.candidates
                .extend(expired.filter_map(|at| u32::try_from(at).ok()));
            self.candidates.sort_unstable_by_key(|&at| {
                let row = &rows[at as usize];
                core::cmp::Reverse((row.is_two_way(), row.last_traffic()))
            });
        }
        while let Some(at) = self.candidates.pop() {
            let at = at as usize;
            // It may have moved something since.
            if self.rows[at].is_expired(now) {
                self.free(at);
                return Some(at);
            }
        }
        None
    }

    /// Takes a device out of its row; the sum is the same.
    fn free(&mut self, at: usize) {
        let row = self.take(at);
        self.sums.add_other(&row.since_start);
        self.sums_at_window.add_other(&row.at_window);
    }

    /// Takes a device out of its row.
    fn take(&mut self, at: usize) -> Row {
        let mac = self.rows[at].mac;
        if !mac.is_null() {
            let rows = &self.rows;
            self.by_mac
                .remove(key(mac), at, |other| key(rows[other].mac));
        }
        let free = Row::new(Mac::NULL, self.rows[at].last_traffic());
        core::mem::replace(&mut self.rows[at], free)
    }
}

fn key(mac: Mac) -> u128 {
    let [a, b, c, d, e, f] = mac.0;
    u128::from(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}
