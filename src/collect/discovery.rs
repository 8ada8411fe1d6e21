// SPDX-License-Identifier: MIT OR Apache-2.0
//! Devices found in the background: sweep after sweep, and in between a question to those that
//! have not been heard for a while.

use core::net::Ipv4Addr;
use core::time::Duration;

use crate::collect::lan::{Down, Lan};
use crate::collect::segment::Segment;
use crate::engine::arp_scan::{Action, ArpScan, Pace};
use crate::engine::schedule::Cadence;
use crate::limits::SWEEP_ADDRESSES_MAX;
use crate::model::ranges::Ranges;
use crate::time::Mono;

/// Who is to be asked, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// As the user wrote them, each with what it means; empty: the interfaces' own prefixes.
    pub ranges: Vec<(String, Ranges)>,
    /// From sweep to sweep.
    pub interval: Duration,
    /// How fast.
    pub pace: Pace,
    /// A device is inactive after so long a silence.
    pub inactive_after: Duration,
}

/// The background.
#[derive(Debug)]
pub struct Discovery {
    plan: Plan,
    /// What the present sweep was made for.
    segments: Vec<Segment>,
    cadence: Cadence,
    /// The sweep is over, the next one begins with the cadence.
    resting: bool,
    /// When the sweep wants to go on.
    sweep_due: Mono,
    /// The next claim to look at, and when.
    cursor: usize,
    check_due: Mono,
}

impl Discovery {
    /// The first sweep begins at once.
    pub fn new(plan: Plan, now: Mono) -> Self {
        Self {
            cadence: Cadence::new(now, plan.interval),
            plan,
            segments: Vec::new(),
            resting: false,
            sweep_due: now,
            cursor: 0,
            check_due: now,
        }
    }

    /// Asks by another plan from now on; nothing begins anew when it is the same.
    pub fn plan(&mut self, plan: Plan, now: Mono) {
        if self.plan != plan {
            *self = Self::new(plan, now);
        }
    }

    /// Asks where the LAN is now.
    pub fn follow(&mut self, lan: &mut Lan, now: Mono) {
        if lan.segments().eq(&self.segments) {
            return;
        }
        self.segments = lan.segments().cloned().collect();
        let targets = self.targets();
        let skipped: Vec<Ipv4Addr> = self.segments.iter().flat_map(Segment::skipped).collect();
        lan.scan =
            (!targets.is_empty()).then(|| ArpScan::new(targets, &skipped, self.plan.pace, now));
        (self.resting, self.sweep_due) = (false, now);
    }

    /// The addresses to ask, and a word about those that are left out.
    fn targets(&self) -> Ranges {
        let mut targets = Ranges::new();
        let prefixes = self.segments.iter().flat_map(|segment| &segment.prefixes);
        for (text, range) in &self.plan.ranges {
            for (first, last) in range.spans() {
                let inside = prefixes
                    .clone()
                    .any(|p| p.contains(first) && p.contains(last));
                let added = inside && targets.add_span(first, last).is_ok();
                if !added {
                    log::warn!("range {text}: not asked; it is in no prefix of the interfaces");
                }
            }
        }
        if !self.plan.ranges.is_empty() {
            return targets;
        }
        for prefix in prefixes.filter(|prefix| prefix.length() < 31) {
            let addresses = 1_u64 << (32 - prefix.length());
            if addresses > SWEEP_ADDRESSES_MAX || targets.add_prefix(*prefix).is_err() {
                log::warn!(
                    "prefix {prefix}: too large to be asked as a whole, it is listened to; name a \
                     range to ask"
                );
            }
        }
        targets
    }

    /// When [`Self::turn`] is due.
    pub fn next_due(&self, lan: &Lan) -> Mono {
        match lan.scan {
            Some(_) => self.check_due.min(self.sweep_due),
            None => self.check_due,
        }
    }

    /// Asks whoever is due. Does not allocate.
    ///
    /// # Errors
    /// When an interface went down; said once.
    pub fn turn(&mut self, lan: &mut Lan, now: Mono) -> Result<(), Down> {
        let mut result = Ok(());
        while self.sweep_due <= now
            && let Some(scan) = &mut lan.scan
        {
            if self.resting {
                scan.restart(now);
                self.cadence.ran(now);
                self.resting = false;
            }
            match scan.poll(now) {
                Action::Ask(target) => result = result.and(lan.ask(target)),
                Action::WaitUntil(moment) => self.sweep_due = moment,
                Action::Done => {
                    self.resting = true;
                    self.sweep_due = self.cadence.next_due().max(now.after(self.between()));
                }
            }
        }
        while self.check_due <= now {
            result = result.and(self.check(lan, now));
        }
        result
    }

    /// Between two questions.
    fn between(&self) -> Duration {
        Duration::from_secs(1) / self.plan.pace.rate.max(1)
    }

    /// Asks the next device that was silent for a while but is not yet inactive.
    fn check(&mut self, lan: &mut Lan, now: Mono) -> Result<(), Down> {
        let (silent, inactive) = (self.plan.inactive_after / 4, self.plan.inactive_after);
        let devices = &lan.listener.devices;
        while let Some(claim) = devices.claims().get(self.cursor) {
            self.cursor += 1;
            let silence = now.since(claim.last_seen);
            if silence >= silent && silence < inactive {
                self.check_due = now.after(self.between());
                return lan.ask(claim.address);
            }
        }
        self.cursor = 0;
        self.check_due = now.after(silent / 2);
        Ok(())
    }
}
