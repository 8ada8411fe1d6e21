// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is new at a host: whether it answers, whether more is lost than there may be, its way, its
//! name. From rounds to the few of them that are worth a line.

use core::net::IpAddr;

use crate::model::probe::{Ping, Route};

/// Something new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It answers.
    Up,
    /// It does not.
    Down,
    /// More is lost than there may be.
    Loss,
    /// No longer.
    LossEnd,
    /// The way is another one.
    Route,
    /// Its name has no address.
    Unresolved,
    /// It has one again.
    Resolved,
}

impl Event {
    /// What documents call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Loss => "loss",
            Self::LossEnd => "loss-end",
            Self::Route => "route",
            Self::Unresolved => "unresolved",
            Self::Resolved => "resolved",
        }
    }
}

/// What a round told; a part that was not run is `None`.
#[derive(Clone, Copy, Debug)]
pub struct Round<'a> {
    /// Its name has no address.
    pub unresolved: bool,
    /// Where it is.
    pub address: Option<IpAddr>,
    /// Echoes.
    pub ping: Option<&'a Ping>,
    /// Whether any port is open.
    pub open: Option<bool>,
    /// The way.
    pub route: Option<&'a Route>,
    /// The way is another one than before, or the first.
    pub route_changed: bool,
}

/// Which test tells whether a host answers: the best of those that are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// Pings.
    Ping,
    /// Open ports.
    Ports,
    /// A trace that reaches it.
    Trace,
}

/// What was known of a host after its last round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    witness: Witness,
    loss_limit_ppm_percent: u64,
    up: Option<bool>,
    lossy: bool,
    unresolved: bool,
    loss_ppm_percent: Option<u64>,
}

impl Changes {
    /// Nothing is known yet; loss above so many percent will be an event.
    pub fn new(witness: Witness, loss_limit_percent: u64) -> Self {
        Self {
            witness,
            loss_limit_ppm_percent: loss_limit_percent * 1_000_000,
            up: None,
            lossy: false,
            unresolved: false,
            loss_ppm_percent: None,
        }
    }

    /// Goes by another test and another limit from now on; what is known stays.
    pub fn adjust(&mut self, new: &Self) {
        self.witness = new.witness;
        self.loss_limit_ppm_percent = new.loss_limit_ppm_percent;
    }

    /// Whether the host answers; `None` while that is not known.
    pub fn up(&self) -> Option<bool> {
        self.up.filter(|_| !self.unresolved)
    }

    /// Whether its name has no address.
    pub fn is_unresolved(&self) -> bool {
        self.unresolved
    }

    /// What the last pings lost; `None` when there were none.
    pub fn loss_ppm_percent(&self) -> Option<u64> {
        self.loss_ppm_percent
    }

    /// Takes in a round and hands over what is new, in the order in which it is to be told.
    pub fn on_round(&mut self, round: &Round<'_>, mut on_event: impl FnMut(&Self, Event)) {
        if let Some(ping) = round.ping {
            self.loss_ppm_percent = Some(ping.loss_ppm_percent());
        }
        if core::mem::replace(&mut self.unresolved, round.unresolved) != round.unresolved {
            on_event(
                self,
                match round.unresolved {
                    true => Event::Unresolved,
                    false => Event::Resolved,
                },
            );
        }
        if round.unresolved {
            // Nobody was asked, so nobody can be said to be down.
            return;
        }
        if let Some(up) = self.answers(round)
            && self.up.replace(up) != Some(up)
        {
            on_event(self, if up { Event::Up } else { Event::Down });
        }
        if let Some(ping) = round.ping.filter(|ping| ping.received() > 0) {
            let lossy = ping.loss_ppm_percent() > self.loss_limit_ppm_percent;
            if core::mem::replace(&mut self.lossy, lossy) != lossy {
                on_event(self, if lossy { Event::Loss } else { Event::LossEnd });
            }
        }
        if round.route_changed && round.route.is_some() {
            on_event(self, Event::Route);
        }
    }

    /// What the witness says, if it was asked in this round.
    fn answers(&self, round: &Round<'_>) -> Option<bool> {
        match self.witness {
            Witness::Ping => round.ping.map(|ping| ping.received() > 0),
            Witness::Ports => round.open,
            Witness::Trace => round.route.map(|route| {
                let mut hops = route.iter().flatten();
                hops.any(|hop| Some(hop.address) == round.address)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::probe::Hop;
    use core::net::Ipv4Addr;
    use core::time::Duration;

    fn ping(sent: u32, received: u32) -> Ping {
        let mut ping = Ping::default();
        (0..sent).for_each(|_| ping.on_sent());
        (0..received).for_each(|_| ping.on_reply(Duration::from_millis(1)));
        ping
    }

    const NOTHING: Round<'_> = Round {
        unresolved: false,
        address: Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9))),
        ping: None,
        open: None,
        route: None,
        route_changed: false,
    };

    #[track_caller]
    fn check(changes: &mut Changes, round: &Round<'_>, expected: &[&str]) {
        let mut events = Vec::new();
        changes.on_round(round, |_, event| events.push(event.name()));
        assert_eq!(events, expected);
    }

    #[track_caller]
    fn check_pings(changes: &mut Changes, received: u32, expected: &[&str]) {
        let ping = ping(10, received);
        let round = Round {
            ping: Some(&ping),
            ..NOTHING
        };
        check(changes, &round, expected);
    }

    #[test]
    fn only_what_is_new_is_told() {
        let mut changes = Changes::new(Witness::Ping, 20);
        assert_eq!(changes.up(), None);
        check_pings(&mut changes, 10, &["up"]);
        check_pings(&mut changes, 8, &[]);
        check_pings(&mut changes, 7, &["loss"]);
        check_pings(&mut changes, 1, &[]);
        check_pings(&mut changes, 0, &["down"]);
        check_pings(&mut changes, 0, &[]);
        assert_eq!(changes.up(), Some(false));
        assert_eq!(changes.loss_ppm_percent(), Some(100_000_000));
        check_pings(&mut changes, 3, &["up"]);
        check_pings(&mut changes, 8, &["loss-end"]);
    }

    #[test]
    fn a_dead_host_is_down_and_not_lossy() {
        let mut changes = Changes::new(Witness::Ping, 0);
        check_pings(&mut changes, 0, &["down"]);
        check_pings(&mut changes, 10, &["up"]);
        check_pings(&mut changes, 9, &["loss"]);
    }

    #[test]
    fn a_name_without_address_is_neither_up_nor_down() {
        let mut changes = Changes::new(Witness::Ping, 20);
        check_pings(&mut changes, 10, &["up"]);
        let lost = ping(10, 0);
        let round = Round {
            unresolved: true,
            ping: Some(&lost),
            ..NOTHING
        };
        check(&mut changes, &round, &["unresolved"]);
        check(&mut changes, &round, &[]);
        assert_eq!((changes.up(), changes.is_unresolved()), (None, true));
        check_pings(&mut changes, 10, &["resolved"]);
        check(&mut changes, &round, &["unresolved"]);
        check_pings(&mut changes, 0, &["resolved", "down"]);
    }

    #[test]
    fn the_best_test_that_is_on_is_the_witness() {
        let hop = |last| {
            Some(Hop {
                address: Ipv4Addr::new(10, 0, 0, last).into(),
                rtt_ns: 1,
            })
        };
        let (near, far) = ([hop(1), None], [hop(1), hop(9)]);
        let round = |route, route_changed| Round {
            route: Some(route),
            route_changed,
            ..NOTHING
        };
        let mut changes = Changes::new(Witness::Trace, 20);
        check(&mut changes, &round(&near, true), &["down", "route"]);
        check(&mut changes, &round(&far, false), &["up"]);
        check(&mut changes, &round(&far, true), &["route"]);
        let ports = |open| Round {
            open: Some(open),
            ..NOTHING
        };
        let mut changes = Changes::new(Witness::Ports, 20);
        check(&mut changes, &round(&far, true), &["route"]);
        check(&mut changes, &ports(false), &["down"]);
        check(&mut changes, &ports(true), &["up"]);
        assert_eq!(changes.loss_ppm_percent(), None);
    }
}
