// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is shown of a LAN, row by row: each address of each device, then devices without any; with
//! names and vendors put to them.

use core::time::Duration;

use crate::cmd::claims::Claims;
use crate::collect::lan::Lan;
use crate::encode::device::Entry;
use crate::model::device::Devices;
use crate::time::Mono;

/// The order of the rows; room for all of them from the start.
pub(super) struct Rows {
    claims: Claims,
    /// Devices that claim no IPv4 address.
    others: Vec<usize>,
}

impl Rows {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            claims: Claims::new(capacity),
            others: Vec::with_capacity(capacity),
        }
    }

    /// Sorts what is known now: by address, of one address by who claimed it first.
    pub(super) fn sort(&mut self, devices: &Devices) {
        self.claims.sort(devices);
        let all = devices.devices();
        self.others.clear();
        self.others
            .extend((0..all.len()).filter(|&row| all[row].claims_count == 0));
        self.others.sort_unstable_by_key(|&row| all[row].mac);
    }

    /// Hands over every row. Active is who was heard within `silence` before `now`; without it,
    /// everybody.
    pub(super) fn each<E>(
        &self,
        lan: &Lan,
        silence: Option<Duration>,
        now: Mono,
        mut row: impl FnMut(&Entry<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut result = Ok(());
        self.each_until(lan, silence, now, &mut |entry| {
            result = row(entry);
            result.is_err()
        });
        result
    }

    /// The same, until `row` says that it is enough; compiled once, not for each kind of error.
    fn each_until(
        &self,
        lan: &Lan,
        silence: Option<Duration>,
        now: Mono,
        row: &mut dyn FnMut(&Entry<'_>) -> bool,
    ) {
        let devices = &lan.listener.devices;
        let active = |seen: Mono| silence.is_none_or(|silence| now.since(seen) <= silence);
        for claim in self.claims.all(devices) {
            let device = devices.device(claim.device);
            let address = Some(claim.address);
            let since = silence.map_or(Mono::from_ns(0), |silence| now.before(silence));
            let conflict_macs = self.claims.conflicts(address, device.mac, since, devices);
            let entry = Entry {
                device,
                address,
                active: active(claim.last_seen),
                name: lan.name(device, address),
                vendor: lan.sources.vendors.vendor(device.mac),
                conflict_macs: conflict_macs.as_slice(),
                first_seen: device.first_seen,
                last_seen: claim.last_seen,
                rtt: claim.rtt,
            };
            if row(&entry) {
                return;
            }
        }
        for &at in &self.others {
            let device = devices.device(at);
            let entry = Entry {
                device,
                address: None,
                active: active(device.last_seen),
                name: lan.name(device, None),
                vendor: lan.sources.vendors.vendor(device.mac),
                conflict_macs: &[],
                first_seen: device.first_seen,
                last_seen: device.last_seen,
                rtt: None,
            };
            if row(&entry) {
                return;
            }
        }
    }
}
