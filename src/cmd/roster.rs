// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everybody of a LAN once: who was heard, and who moved something; by address, then by MAC.

use core::cmp::Reverse;
use core::net::Ipv4Addr;
use core::time::Duration;

use super::claims::Claims;
use crate::collect::lan::Lan;
use crate::encode::device::Entry;
use crate::model::addr::Mac;
use crate::model::device::Device;
use crate::model::traffic::{Amount, Row, Traffic};
use crate::time::Mono;

/// What the keys of those without an address begin with.
const NO_ADDRESS: u128 = 1 << 80;

/// The order of all; room for it from the start.
pub(super) struct Roster {
    /// Whether there is no address, the address, the MAC address: in this order, as one number.
    keys: Vec<u128>,
    claims: Claims,
}

impl Roster {
    /// Room for so many devices that are heard, and so many that move something.
    pub(super) fn new(heard_max: usize, moving_max: usize) -> Self {
        Self {
            keys: Vec::with_capacity(heard_max + moving_max),
            claims: Claims::new(heard_max),
        }
    }

    /// Sorts all who moved something, and with `idle` also those who were only heard. Does not
    /// allocate.
    pub(super) fn gather(&mut self, lan: &Lan, traffic: &Traffic, idle: bool) {
        let devices = &lan.listener.devices;
        self.claims.sort(devices);
        self.keys.clear();
        for row in traffic.rows() {
            let device = devices.find(row.mac());
            self.keys.push(key(row.mac(), device));
        }
        if idle {
            let all = devices.devices().iter();
            let still = all.filter(|device| traffic.find(device.mac).is_none());
            self.keys
                .extend(still.map(|device| key(device.mac, Some(device))));
        }
        self.keys.sort_unstable();
    }

    /// Who claims which address now.
    pub(super) fn claims(&mut self, lan: &Lan) -> &Claims {
        self.claims.sort(&lan.listener.devices);
        &self.claims
    }

    /// Puts those first who moved most in the window, then most in all.
    pub(super) fn by_rate(&mut self, traffic: &Traffic) {
        self.keys.sort_unstable_by_key(|&key| {
            let amounts = traffic
                .find(mac(key))
                .map(|row| (row.window(), row.since_start()));
            let bytes = |amount: &Amount| amount.rx_bytes.saturating_add(amount.tx_bytes);
            let most = amounts.map(|(window, all)| (bytes(&window), bytes(all)));
            (Reverse(most), key)
        });
    }

    /// Whether there is nobody.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Leaves out the second half; how many are left.
    pub(super) fn leave_out_half(&mut self) -> usize {
        self.keys.truncate(self.keys.len() / 2);
        self.keys.len()
    }

    /// How many have no address, before they were put in another order.
    pub(super) fn strangers(&self) -> usize {
        self.keys.len() - self.keys.partition_point(|&key| key < NO_ADDRESS)
    }

    /// Hands over everybody. Active is who was heard, or moved something, within `silence` before
    /// `now`.
    pub(super) fn each<E>(
        &self,
        lan: &Lan,
        traffic: &Traffic,
        silence: Duration,
        now: Mono,
        mut take: impl FnMut(&Entry<'_>, Option<&Row>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut result = Ok(());
        self.each_until(lan, traffic, silence, now, &mut |entry, row| {
            result = take(entry, row);
            result.is_err()
        });
        result
    }

    /// The same, until `take` says that it is enough; compiled once, not for each kind of error.
    fn each_until(
        &self,
        lan: &Lan,
        traffic: &Traffic,
        silence: Duration,
        now: Mono,
        take: &mut dyn FnMut(&Entry<'_>, Option<&Row>) -> bool,
    ) {
        for &key in &self.keys {
            let mac = mac(key);
            let row = traffic.find(mac);
            let known = lan.listener.devices.find(mac);
            let stranger = Device::silent(mac, row.map_or(now, Row::first_traffic));
            let device = known.unwrap_or(&stranger);
            if self.hand_over(lan, device, row, silence, now, take) {
                return;
            }
        }
    }

    fn hand_over(
        &self,
        lan: &Lan,
        device: &Device,
        row: Option<&Row>,
        silence: Duration,
        now: Mono,
        take: &mut dyn FnMut(&Entry<'_>, Option<&Row>) -> bool,
    ) -> bool {
        let devices = &lan.listener.devices;
        let address = device.ipv4.first().copied();
        let (first, last) = match row {
            Some(row) => (row.first_traffic(), row.last_traffic()),
            None => (device.first_seen, device.last_seen),
        };
        let last_seen = device.last_seen.max(last);
        let claim = address.and_then(|address| self.claims.find(address, device.mac, devices));
        let conflict_macs =
            self.claims
                .conflicts(address, device.mac, now.before(silence), devices);
        let entry = Entry {
            device,
            address,
            active: now.since(last_seen) <= silence,
            name: lan.name(device, address),
            vendor: lan.sources.vendors.vendor(device.mac),
            conflict_macs: conflict_macs.as_slice(),
            first_seen: device.first_seen.min(first),
            last_seen,
            rtt: claim.and_then(|claim| claim.rtt),
        };
        take(&entry, row)
    }
}

fn key(mac: Mac, device: Option<&Device>) -> u128 {
    let address = device.and_then(|device| device.ipv4.first());
    let first = match address {
        Some(address) => u128::from(Ipv4Addr::to_bits(*address)) << 48,
        None => NO_ADDRESS,
    };
    mac.0
        .iter()
        .fold(0, |number, &octet| number << 8 | u128::from(octet))
        | first
}

fn mac(key: u128) -> Mac {
    let [.., a, b, c, d, e, f] = key.to_be_bytes();
    Mac([a, b, c, d, e, f])
}
