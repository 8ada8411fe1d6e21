// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of hosts: which are in it, and which of them an address stands for. Of those with the
//! same address, one at a time has packets under way.

use core::net::IpAddr;

use super::gate::Gate;
use super::host::Host;
use super::{Routes, Target, key};
use crate::model::index::Index;
use crate::time::Mono;

impl Routes {
    /// From now on the host of this number, which may be a new one, is that target; its trace is
    /// dropped, and what was known of its way forgotten. Allocates.
    pub fn set(&mut self, host: usize, target: Target) {
        while self.hosts.len() <= host {
            let nobody = Target {
                hops_max: 0,
                ..target
            };
            self.hosts.push(Host::new(nobody, self.seed as u8));
        }
        self.stop(host);
        self.disown(host);
        let entry = &mut self.hosts[host];
        entry.replace(target);
        let gates = self.gates.len().max(usize::from(target.hops_max) + 1);
        self.gates.resize(gates, Gate::OPEN);
        let count = self.hosts.len();
        self.finished.reserve(count - self.finished.len());
        let events_max = 2 * (count + gates) + 16;
        self.events
            .reserve(events_max.saturating_sub(self.events.len()));
        if count > self.index.capacity() {
            self.index = Index::new(2 * count, self.seed);
            let owners = self.hosts.iter().enumerate().filter(|(_, host)| host.owns);
            owners.for_each(|(number, host)| self.index.insert(key(host.address), number));
        }
    }

    /// Begins with those that waited for one that is done.
    pub(super) fn start_waiting(&mut self, now: Mono) {
        for host in 0..self.hosts.len() {
            if self.hosts[host].waits {
                let timeout = self.hosts[host].timeout;
                self.start(host, timeout, now);
            }
        }
    }

    /// The host of this address whose packets were sent last.
    pub(super) fn owner(&self, address: IpAddr) -> Option<usize> {
        self.index
            .find(key(address), |row| self.hosts[row].address == address)
    }

    /// What comes from its address is not about the packets of `host` any more.
    pub(super) fn disown(&mut self, host: usize) {
        if core::mem::take(&mut self.hosts[host].owns) {
            let hosts = &self.hosts;
            self.index.remove(
                key(hosts[host].address),
                host,
                |row| key(hosts[row].address),
            );
        }
    }
}
