// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests that did not leave, or whose answers nobody waits for any more: they tell nothing of
//! the host, so they do not count.

use super::{Echo, Phase, State};
use crate::engine::pace;
use crate::time::Mono;

impl Echo {
    /// Says that the request with this sequence number, the last one, found no room here at `at`:
    /// it is sent a little later. False when that has lasted too long: then it counts as sent.
    pub fn on_blocked(&mut self, sequence: u16, at: Mono) -> bool {
        let slot = self.slots.at_mut(sequence);
        let number = slot.host as usize;
        let host = &mut self.hosts[number];
        if at.since(*host.blocked.get_or_insert(at)) > pace::BLOCKED_MAX {
            return false;
        }
        slot.state = State::Free;
        host.ping.on_withdrawn();
        host.phase = Phase::Sending;
        self.pace.hold(at);
        self.push(number, at);
        true
    }

    /// Says that a request left for `host`.
    pub fn on_room(&mut self, host: usize) {
        self.hosts[host].blocked = None;
    }

    /// Ends all bursts at `now`. A request whose answer may still come is neither answered nor
    /// lost: it counts as if it had not been sent.
    pub fn stop_all(&mut self, now: Mono) {
        for slot in self.slots.iter_mut() {
            let Some(host) = self.hosts.get_mut(slot.host as usize) else {
                continue;
            };
            if host.waits_for(slot) && now < slot.sent.after(host.burst.timeout) {
                host.ping.on_withdrawn();
                slot.state = State::Free;
            }
        }
        for host in &mut self.hosts {
            host.phase = Phase::Idle;
        }
        self.finished.clear();
    }
}
