// SPDX-License-Identifier: MIT OR Apache-2.0
//! The work on one job: when its rounds are, what of the running one is not over, the last route.
//! Its number is that of the host in all three collectors.

use core::net::IpAddr;

use super::subject::Rhythm;
use crate::engine::schedule::Rounds;
use crate::model::probe::{Hop, Route, is_other_route};
use crate::sys::zone;
use crate::time::Mono;

/// The parts of a round, as bits.
pub(super) const PING: u8 = 1;
pub(super) const TRACE: u8 = 2;
pub(super) const SCAN: u8 = 4;

#[derive(Debug)]
pub(super) struct Lane {
    /// Its job, by place; `None`: it is free.
    pub(super) of: Option<(usize, usize)>,
    pub(super) rounds: Rounds,
    /// The address that the collectors have.
    pub(super) address: Option<IpAddr>,
    pub(super) begun: Mono,
    /// A round runs.
    pub(super) running: bool,
    /// Parts of it that are not over.
    pub(super) left: u8,
    /// The name had no address when it began.
    pub(super) unresolved: bool,
    /// It is due, and waits for the first answer about its name.
    pub(super) waits: bool,
    /// The last known route, and to which address.
    pub(super) route: Vec<Option<Hop>>,
    pub(super) route_to: Option<IpAddr>,
}

impl Lane {
    /// Of a job that begins at `now`.
    pub(super) fn new(of: (usize, usize), rhythm: Rhythm, now: Mono) -> Self {
        Self {
            of: Some(of),
            rounds: Rounds::new(rhythm, now),
            address: None,
            begun: now,
            running: false,
            left: 0,
            unresolved: false,
            waits: false,
            route: Vec::new(),
            route_to: None,
        }
    }

    /// When its next round is due; `None` when it is free, runs or waits.
    pub(super) fn next_due(&self) -> Option<Mono> {
        let due = self.rounds.next_due();
        due.filter(|_| self.of.is_some() && !self.waits)
    }

    /// Takes note of a route to its address; whether it is the first one, or another. What is
    /// silent in it stays as it was known. Allocates when it is longer than all before.
    pub(super) fn learn(&mut self, found: &Route) -> bool {
        let Some(target) = self.address else {
            return false;
        };
        // The way to another address is another way.
        let known = &mut self.route;
        let is_first = self.route_to.replace(target) != Some(target);
        if is_first || is_other_route(known, found, zone::plain(target)) {
            known.clear();
            known.extend_from_slice(found);
            return true;
        }
        known.resize(known.len().max(found.len()), None);
        for (known, hop) in known.iter_mut().zip(found) {
            *known = hop.or(*known);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    const TARGET: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9));

    /// A route of hops named by a digit; `*` is silent, `9` the target.
    fn route(hops: &str) -> Vec<Option<Hop>> {
        let hop = |name: u8| Hop {
            address: Ipv4Addr::new(10, 0, 0, name - b'0').into(),
            rtt_ns: 1,
        };
        let bytes = hops.bytes();
        bytes
            .map(|name| (name != b'*').then(|| hop(name)))
            .collect()
    }

    /// Each route with whether it is told.
    #[track_caller]
    fn check(rounds: &[(&str, bool)]) {
        let mut lane = Lane::new(
            (0, 0),
            Rhythm::After(core::time::Duration::ZERO),
            Mono::from_ns(0),
        );
        lane.address = Some(TARGET);
        for (i, (hops, told)) in rounds.iter().enumerate() {
            assert_eq!(lane.learn(&route(hops)), *told, "{i}: {hops}");
        }
    }

    #[test]
    fn moving_stars_are_no_news() {
        check(&[
            ("1*9", true),
            ("*29", false),
            ("129", false),
            ("***", false),
            ("**9", false),
        ]);
        check(&[
            ("***", true),
            ("129", false),
            ("***", false),
            ("129", false),
        ]);
    }

    #[test]
    fn a_change_behind_a_star_is_news() {
        check(&[
            ("129", true),
            ("1*9", false),
            ("139", true),
            ("1*9", false),
            ("129", true),
        ]);
        check(&[
            ("12***", true),
            ("1*", false),
            ("12349", false),
            ("1359", true),
        ]);
    }

    #[test]
    fn a_longer_or_shorter_way_is_news_once() {
        check(&[
            ("129", true),
            ("1239", true),
            ("1239", false),
            ("19", true),
            ("*9", false),
        ]);
    }
}
