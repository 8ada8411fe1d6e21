// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is shown of a LAN, row by row: each address of each device, then devices without any; with
//! names and vendors put to them.

use core::time::Duration;

use crate::collect::lan::Lan;
use crate::encode::device::Entry;
use crate::limits::CONFLICT_MACS_MAX;
use crate::model::addr::Mac;
use crate::model::device::{Claim, Devices};
use crate::time::Mono;

/// The order of the rows; room for all of them from the start.
pub(super) struct Rows {
    claims: Vec<usize>,
    /// Devices that claim no IPv4 address.
    others: Vec<usize>,
}

impl Rows {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            claims: Vec::with_capacity(capacity),
            others: Vec::with_capacity(capacity),
        }
    }

    /// Sorts what is known now: by address, of one address by who claimed it first.
    pub(super) fn sort(&mut self, devices: &Devices) {
        let all = devices.claims();
        self.claims.clear();
        self.claims.extend(0..all.len());
        self.claims
            .sort_unstable_by_key(|&at| (all[at].address, at));
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
        let devices = &lan.listener.devices;
        let active = |seen: Mono| silence.is_none_or(|silence| now.since(seen) <= silence);
        for (i, &at) in self.claims.iter().enumerate() {
            let claim = &devices.claims()[at];
            let device = devices.device(claim.device);
            let conflict_macs = self.conflicts(i, devices);
            row(&Entry {
                device,
                address: Some(claim.address),
                active: active(claim.last_seen),
                name: lan.name(device, Some(claim.address)),
                vendor: lan.sources.vendors.vendor(device.mac),
                conflict_macs: conflict_macs.as_slice(),
                last_seen: claim.last_seen,
                rtt: claim.rtt,
            })?;
        }
        for &at in &self.others {
            let device = devices.device(at);
            row(&Entry {
                device,
                address: None,
                active: active(device.last_seen),
                name: lan.name(device, None),
                vendor: lan.sources.vendors.vendor(device.mac),
                conflict_macs: &[],
                last_seen: device.last_seen,
                rtt: None,
            })?;
        }
        Ok(())
    }

    /// Who else claims the address of row `i`.
    fn conflicts(&self, i: usize, devices: &Devices) -> Macs {
        let claim = |i: usize| -> &Claim { &devices.claims()[self.claims[i]] };
        let address = claim(i).address;
        let before = (0..i).rev().take_while(|&j| claim(j).address == address);
        let after = (i + 1..self.claims.len()).take_while(|&j| claim(j).address == address);
        let mut macs = Macs::default();
        for j in before
            .take(CONFLICT_MACS_MAX)
            .chain(after.take(CONFLICT_MACS_MAX))
        {
            macs.push(devices.device(claim(j).device).mac);
        }
        macs
    }
}

/// A few MAC addresses; more are left out.
#[derive(Default)]
struct Macs {
    macs: [Mac; CONFLICT_MACS_MAX],
    len: usize,
}

impl Macs {
    fn push(&mut self, mac: Mac) {
        if let Some(slot) = self.macs.get_mut(self.len) {
            *slot = mac;
            self.len += 1;
        }
    }

    fn as_slice(&self) -> &[Mac] {
        &self.macs[..self.len]
    }
}
