// SPDX-License-Identifier: MIT OR Apache-2.0
//! The address of a host with a name: when to ask for it again, and which one of several is kept.
//!
//! A name is asked for every minute, and sooner as long as there is no answer. An address stays as
//! long as it is among those of the name, whatever their order. Nothing is asked here.

use core::net::IpAddr;
use core::time::Duration;

use crate::engine::retry::Backoff;
use crate::time::Mono;

/// From one answer to the next question.
const EVERY: Duration = Duration::from_secs(60);

/// So long after the first question the host counts as unresolved when there is no answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no answer yet.
const LATE: &str = "no answer in time";

/// What is known of a name.
#[derive(Debug)]
pub struct Lookup {
    /// The last one that it had.
    address: Option<IpAddr>,
    /// Why it has none now.
    reason: Option<String>,
    /// When to ask next; `None`: it is an address, or being asked for.
    due: Option<Mono>,
    /// Until then the first answer is waited for; `None` also before the question.
    patience: Option<Mono>,
    backoff: Backoff,
}

impl Lookup {
    /// A host that is written as an address, which is never asked for.
    pub fn fixed(address: IpAddr) -> Self {
        Self {
            address: Some(address),
            due: None,
            patience: None,
            ..Self::new(Mono::from_ns(0))
        }
    }

    /// A host that is nobody, for this reason.
    pub fn impossible(reason: String) -> Self {
        Self {
            reason: Some(reason),
            due: None,
            patience: None,
            ..Self::new(Mono::from_ns(0))
        }
    }

    /// A name, to be asked for at once.
    pub fn new(now: Mono) -> Self {
        Self {
            address: None,
            reason: None,
            due: Some(now),
            patience: None,
            backoff: Backoff::new(EVERY),
        }
    }

    /// The last address that it had.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Why it has no address now; `None` also as long as the first answer is waited for.
    pub fn unresolved(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Whether it has an address, or certainly none.
    pub fn is_decided(&self) -> bool {
        self.address.is_some() || self.reason.is_some()
    }

    /// When to ask for it; `None`: never, or it is being asked for.
    pub fn next_due(&self) -> Option<Mono> {
        self.due
    }

    /// When waiting for the first answer ends; `None` when that is over.
    pub fn patience(&self) -> Option<Mono> {
        self.patience
    }

    /// Says that somebody wants to know it again now.
    pub fn hurry(&mut self, now: Mono) {
        self.due = self.due.map(|due| due.min(now));
    }

    /// Says that it is being asked for since `now`: whoever waits for his turn is not late.
    pub fn on_asked(&mut self, now: Mono) {
        self.due = None;
        if !self.is_decided() {
            self.patience = Some(now.after(PATIENCE));
        }
    }

    /// Says that the first answer was waited for until `now`.
    pub fn on_late(&mut self, now: Mono) {
        if self.patience.is_some_and(|patience| patience <= now) {
            self.patience = None;
            self.reason = Some(LATE.to_owned());
        }
    }

    /// Hears that it has these addresses, at least one.
    pub fn on_found(&mut self, found: &[IpAddr], now: Mono) {
        if self.address.is_none_or(|address| !found.contains(&address)) {
            self.address = found.first().copied().or(self.address);
        }
        (self.reason, self.patience, self.due) = (None, None, Some(now.after(EVERY)));
        self.backoff.succeeded();
    }

    /// Hears that it has none, and why; `random` is chance.
    pub fn on_failed(&mut self, reason: String, now: Mono, random: u64) {
        let wait = self.backoff.failed(random, None);
        (self.reason, self.patience, self.due) = (Some(reason), None, Some(now.after(wait)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    fn s(s: u64) -> Mono {
        Mono::from_ns(s * 1_000_000_000)
    }

    fn host(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    #[test]
    fn an_address_is_kept_as_long_as_the_name_has_it() {
        let mut lookup = Lookup::new(s(5));
        assert_eq!(
            (lookup.next_due(), lookup.is_decided()),
            (Some(s(5)), false)
        );
        lookup.on_asked(s(5));
        assert_eq!(lookup.next_due(), None);
        lookup.on_found(&[host(1), host(2)], s(6));
        assert_eq!(
            (lookup.address(), lookup.next_due()),
            (Some(host(1)), Some(s(66)))
        );
        lookup.on_asked(s(66));
        lookup.on_found(&[host(2), host(1)], s(66));
        assert_eq!(lookup.address(), Some(host(1)));
        lookup.on_asked(s(127));
        lookup.on_found(&[host(2)], s(127));
        assert_eq!(
            (lookup.address(), lookup.unresolved()),
            (Some(host(2)), None)
        );
    }

    #[test]
    fn a_name_that_fails_is_asked_for_sooner_and_keeps_its_last_address() {
        let mut lookup = Lookup::new(s(0));
        lookup.on_found(&[host(1)], s(0));
        let mut now = s(60);
        let mut waits = Vec::new();
        for _ in 0..10 {
            lookup.on_asked(now);
            lookup.on_failed("unknown".to_owned(), now, 0);
            assert_eq!(lookup.address(), Some(host(1)));
            assert_eq!(lookup.unresolved(), Some("unknown"));
            let due = lookup.next_due().unwrap();
            waits.push(due.since(now).as_millis());
            now = due;
        }
        assert_eq!(
            waits,
            [
                250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000
            ]
        );
        lookup.on_found(&[host(1)], now);
        assert_eq!(
            (lookup.address(), lookup.unresolved()),
            (Some(host(1)), None)
        );
        assert_eq!(lookup.next_due(), Some(now.after(EVERY)));
    }

    #[test]
    fn the_first_answer_is_not_waited_for_for_ever() {
        let mut lookup = Lookup::new(s(0));
        // Others were asked for first.
        lookup.on_late(s(70));
        assert_eq!((lookup.is_decided(), lookup.patience()), (false, None));
        lookup.on_asked(s(80));
        lookup.on_late(s(89));
        assert!(!lookup.is_decided());
        assert_eq!(lookup.patience(), Some(s(90)));
        lookup.on_late(s(90));
        assert_eq!((lookup.unresolved(), lookup.patience()), (Some(LATE), None));
        // It still comes.
        lookup.on_found(&[host(1)], s(100));
        assert_eq!(
            (lookup.address(), lookup.unresolved()),
            (Some(host(1)), None)
        );
    }

    #[test]
    fn an_address_is_never_asked_for() {
        let mut lookup = Lookup::fixed(host(1));
        lookup.hurry(s(0));
        assert_eq!((lookup.address(), lookup.next_due()), (Some(host(1)), None));
        assert_eq!((lookup.unresolved(), lookup.patience()), (None, None));
        let nobody = Lookup::impossible("a group".to_owned());
        assert_eq!(
            (nobody.unresolved(), nobody.next_due()),
            (Some("a group"), None)
        );
    }
}
