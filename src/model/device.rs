// SPDX-License-Identifier: MIT OR Apache-2.0
//! The devices of a LAN by MAC address, and which IPv4 addresses each of them claims.
//!
//! Not who they are called: names come from many places and are put to a device when it is shown.

use core::net::{Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use super::addr::Mac;
use super::index::Index;
use super::name::DeviceName;
use crate::limits::DEVICE_ADDRESSES_MAX;
use crate::time::Mono;

/// One MAC address.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its MAC address.
    pub mac: Mac,
    /// IPv4 addresses, the last seen first. Full: the one not seen for longest goes.
    pub ipv4: heapless::Vec<Ipv4Addr, DEVICE_ADDRESSES_MAX, u8>,
    /// IPv6 addresses in the same way.
    pub ipv6: heapless::Vec<Ipv6Addr, DEVICE_ADDRESSES_MAX, u8>,
    /// IPv4 addresses that it claims in all, also those that found no room above.
    pub claims_count: u32,
    /// When it was heard first.
    pub first_seen: Mono,
    /// When it was heard last.
    pub last_seen: Mono,
    announced: Option<u32>,
}

impl Device {
    /// A device of which no more is known than that it is there since `first_seen`.
    pub fn silent(mac: Mac, first_seen: Mono) -> Self {
        Self {
            mac,
            ipv4: heapless::Vec::new(),
            ipv6: heapless::Vec::new(),
            claims_count: 0,
            first_seen,
            last_seen: first_seen,
            announced: None,
        }
    }
}

/// An IPv4 address and a device that claims it.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The address.
    pub address: Ipv4Addr,
    /// The row of the device, see [`Devices::device`].
    pub device: usize,
    /// Round trip of the last answer; `None` when it was never asked.
    pub rtt: Option<Duration>,
    /// When it was heard last.
    pub last_seen: Mono,
    /// The source of the last frame that said so, where it is another than the device.
    pub frame_source: Option<Mac>,
}

/// What was heard of an IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Who has the address, as the packet says.
    pub mac: Mac,
    /// The address.
    pub address: Ipv4Addr,
    /// The source of the frame.
    pub frame_source: Mac,
    /// How long after our request; `None` when we did not ask.
    pub rtt: Option<Duration>,
}

impl Evidence {
    /// The device has the address, without a question of ours.
    pub fn of(mac: Mac, address: Ipv4Addr) -> Self {
        Self {
            mac,
            address,
            frame_source: mac,
            rtt: None,
        }
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learnt {
    /// The device, or that address of it, is new.
    New,
    /// Known already.
    Known,
    /// There is no room for it; counted.
    NoRoom,
}

/// The table. All room is reserved at the start; the kernel lends it when it is first written.
/// Full: what is new is refused and counted.
#[derive(Debug)]
pub struct Devices {
    devices: Vec<Device>,
    by_mac: Index,
    claims: Vec<Claim>,
    by_claim: Index,
    /// Names that devices announced; some are free for others to take.
    announced: Vec<DeviceName>,
    free_names: Vec<u32>,
    /// Where each row goes when others are forgotten.
    moved: Vec<u32>,
    capacity: usize,
    refused_count: u64,
}

impl Devices {
    /// Room for `capacity` devices, and for as many addresses: 400 B each when used, 260 B for a
    /// name that the device announced. `seed` is chance.
    pub fn new(capacity: usize, seed: u64) -> Self {
        Self {
            devices: Vec::with_capacity(capacity),
            by_mac: Index::new(capacity, seed),
            claims: Vec::with_capacity(capacity),
            by_claim: Index::new(capacity, seed.rotate_left(17)),
            announced: Vec::with_capacity(capacity),
            free_names: Vec::with_capacity(capacity),
            moved: Vec::with_capacity(capacity),
            capacity,
            refused_count: 0,
        }
    }

    /// Learns who has an IPv4 address, as long as more than `reserve` rows are free: they are kept
    /// for others.
    pub fn learn(&mut self, evidence: Evidence, reserve: usize, now: Mono) -> Learnt {
        let Evidence { mac, address, .. } = evidence;
        let room = self.capacity.saturating_sub(reserve);
        let Some((row, _)) = self.row(mac, room, now) else {
            return Learnt::NoRoom;
        };
        touch(&mut self.devices[row].ipv4, address);
        let frame_source = (evidence.frame_source != mac).then_some(evidence.frame_source);
        let same = |claim: &Claim| claim.address == address && claim.device == row;
        let key = claim_key(address, mac);
        if let Some(at) = self.by_claim.find(key, |at| same(&self.claims[at])) {
            let claim = &mut self.claims[at];
            claim.last_seen = now;
            claim.frame_source = frame_source;
            claim.rtt = evidence.rtt.or(claim.rtt);
            return Learnt::Known;
        }
        if self.claims.len() >= room {
            self.refused_count += 1;
            return Learnt::NoRoom;
        }
        self.by_claim.insert(key, self.claims.len());
        self.claims.push(Claim {
            address,
            device: row,
            rtt: evidence.rtt,
            last_seen: now,
            frame_source,
        });
        self.devices[row].claims_count += 1;
        Learnt::New
    }

    /// Joins an IPv4 address to a device that is known and has none: hearsay, which is no sign of
    /// life.
    pub fn join(&mut self, mac: Mac, address: Ipv4Addr) -> Learnt {
        match self.find(mac) {
            Some(device) if device.ipv4.is_empty() => {
                let seen = device.last_seen;
                self.learn(Evidence::of(mac, address), 0, seen)
            }
            _ => Learnt::Known,
        }
    }

    /// Learns that `mac` has an IPv6 address.
    pub fn learn_ipv6(&mut self, mac: Mac, address: Ipv6Addr, now: Mono) -> Learnt {
        let Some((row, learnt)) = self.row(mac, self.capacity, now) else {
            return Learnt::NoRoom;
        };
        match touch(&mut self.devices[row].ipv6, address) {
            true => Learnt::New,
            false => learnt,
        }
    }

    /// Joins an IPv6 address to a device that is known: hearsay, which is no sign of life.
    pub fn join_ipv6(&mut self, mac: Mac, address: Ipv6Addr) -> Learnt {
        match self.position(mac) {
            Some(row) if touch(&mut self.devices[row].ipv6, address) => Learnt::New,
            _ => Learnt::Known,
        }
    }

    /// Learns the name that the device says it has.
    pub fn learn_name(&mut self, mac: Mac, name: &DeviceName, now: Mono) -> Learnt {
        let Some((row, learnt)) = self.row(mac, self.capacity, now) else {
            return Learnt::NoRoom;
        };
        let device = &mut self.devices[row];
        if let Some(at) = device.announced {
            let slot = &mut self.announced[at as usize];
            let old = core::mem::replace(slot, name.clone());
            return if old == *name { learnt } else { Learnt::New };
        }
        device.announced = match self.free_names.pop() {
            Some(at) => {
                self.announced[at as usize] = name.clone();
                Some(at)
            }
            None => {
                self.announced.push(name.clone());
                u32::try_from(self.announced.len() - 1).ok()
            }
        };
        Learnt::New
    }

    /// The row of `mac`, made when there is none.
    fn row(&mut self, mac: Mac, room: usize, now: Mono) -> Option<(usize, Learnt)> {
        if let Some(row) = self.position(mac) {
            self.devices[row].last_seen = now;
            return Some((row, Learnt::Known));
        }
        if self.devices.len() >= room {
            self.refused_count += 1;
            return None;
        }
        let row = self.devices.len();
        self.by_mac.insert(mac_key(mac), row);
        self.devices.push(Device::silent(mac, now));
        Some((row, Learnt::New))
    }

    /// The device with this MAC address.
    pub fn find(&self, mac: Mac) -> Option<&Device> {
        self.position(mac).map(|row| &self.devices[row])
    }

    fn position(&self, mac: Mac) -> Option<usize> {
        self.by_mac
            .find(mac_key(mac), |row| self.devices[row].mac == mac)
    }

    /// Devices, in the order they were heard of first.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The device of a claim.
    pub fn device(&self, row: usize) -> &Device {
        &self.devices[row]
    }

    /// Claims, in the order they were made first.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// The name that `device` says it has.
    pub fn announced(&self, device: &Device) -> Option<&str> {
        let at = device.announced?;
        self.announced.get(at as usize).map(|name| name.as_str())
    }

    /// How many there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How often something was not learnt for want of room.
    pub fn refused_count(&self) -> u64 {
        self.refused_count
    }

    /// Forgets claims that were not heard for longer than `silence`, and devices that neither
    /// were nor are `moving` something.
    pub fn forget(&mut self, silence: Duration, now: Mono, moving: &dyn Fn(Mac) -> bool) {
        let heard = |seen: Mono| now.since(seen) <= silence;
        let stays = |device: &Device| heard(device.last_seen) || moving(device.mac);
        if self.claims.iter().all(|claim| heard(claim.last_seen)) && self.devices.iter().all(stays)
        {
            return;
        }
        // A device is heard whenever one of its claims is, so no claim outlives its device.
        self.moved.clear();
        let mut kept = 0;
        for device in &mut self.devices {
            self.moved.push(kept);
            if stays(device) {
                (device.claims_count, kept) = (0, kept + 1);
            } else {
                self.free_names.extend(device.announced.take());
            }
        }
        self.devices.retain(stays);
        self.claims.retain(|claim| heard(claim.last_seen));
        for claim in &mut self.claims {
            claim.device = self.moved[claim.device] as usize;
            self.devices[claim.device].claims_count += 1;
        }
        self.reindex();
    }

    fn reindex(&mut self) {
        self.by_mac.clear();
        for (row, device) in self.devices.iter().enumerate() {
            self.by_mac.insert(mac_key(device.mac), row);
        }
        self.by_claim.clear();
        for (at, claim) in self.claims.iter().enumerate() {
            let mac = self.devices[claim.device].mac;
            self.by_claim.insert(claim_key(claim.address, mac), at);
        }
    }
}

fn mac_key(mac: Mac) -> u128 {
    let [a, b, c, d, e, f] = mac.0;
    u64::from_be_bytes([0, 0, a, b, c, d, e, f]).into()
}

fn claim_key(address: Ipv4Addr, mac: Mac) -> u128 {
    u128::from(address.to_bits()) << 64 | mac_key(mac)
}

/// Puts `address` in front; whether it was not there before.
fn touch<A: PartialEq, const N: usize>(list: &mut heapless::Vec<A, N, u8>, address: A) -> bool {
    if let Some(at) = list.iter().position(|known| *known == address) {
        list[..=at].rotate_right(1);
        return false;
    }
    if list.is_full() {
        list.pop();
    }
    // There is room now, unless N is 0.
    let _ = list.insert(0, address);
    true
}

#[cfg(test)]
mod tests;
