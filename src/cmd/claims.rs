// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who claims which IPv4 address, by address.

use core::net::Ipv4Addr;

use crate::limits::CONFLICT_MACS_MAX;
use crate::model::addr::Mac;
use crate::model::device::{Claim, Devices};
use crate::time::Mono;

/// The order of all claims; room for it from the start.
pub(super) struct Claims(Vec<u32>);

impl Claims {
    pub(super) fn new(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Sorts what is claimed now: by address, of one address by who claimed it first.
    pub(super) fn sort(&mut self, devices: &Devices) {
        let all = devices.claims();
        self.0.clear();
        self.0
            .extend((0..all.len()).filter_map(|at| u32::try_from(at).ok()));
        self.0
            .sort_unstable_by_key(|&at| (all[at as usize].address, at));
    }

    /// All claims in their order.
    pub(super) fn all<'d>(&self, devices: &'d Devices) -> impl Iterator<Item = &'d Claim> {
        self.0.iter().map(|&at| &devices.claims()[at as usize])
    }

    /// The claims of one address.
    pub(super) fn of<'d>(
        &self,
        address: Ipv4Addr,
        devices: &'d Devices,
    ) -> impl Iterator<Item = &'d Claim> {
        let all = devices.claims();
        let start = self
            .0
            .partition_point(|&at| all[at as usize].address < address);
        let rest = self.0[start..].iter().map(|&at| &all[at as usize]);
        rest.take_while(move |claim| claim.address == address)
    }

    /// The claim that `mac` has to an address.
    pub(super) fn find<'d>(
        &self,
        address: Ipv4Addr,
        mac: Mac,
        devices: &'d Devices,
    ) -> Option<&'d Claim> {
        self.of(address, devices)
            .find(|claim| devices.device(claim.device).mac == mac)
    }

    /// Who else claims the address of `mac`, and was heard there since `since`: before, it was
    /// somebody else's by right.
    pub(super) fn conflicts(
        &self,
        address: Option<Ipv4Addr>,
        mac: Mac,
        since: Mono,
        devices: &Devices,
    ) -> Macs {
        let mut macs = Macs::default();
        if let Some(address) = address {
            let others = self
                .of(address, devices)
                .filter(|claim| claim.last_seen >= since)
                .map(|claim| devices.device(claim.device).mac);
            others
                .filter(|&other| other != mac)
                .for_each(|other| macs.push(other));
        }
        macs
    }
}

/// A few MAC addresses; more are left out.
#[derive(Default)]
pub(super) struct Macs {
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

    pub(super) fn as_slice(&self) -> &[Mac] {
        &self.macs[..self.len]
    }
}
