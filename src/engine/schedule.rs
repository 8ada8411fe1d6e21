// SPDX-License-Identifier: MIT OR Apache-2.0
//! A fixed cadence: rounds stay on the grid of the first one, late ones do not pile up.

use core::time::Duration;

use crate::time::Mono;

/// When the next round of something that takes a while begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rhythm {
    /// On a fixed grid; one that lasts longer than that makes others fall out.
    Fixed(Duration),
    /// So long after the end of the last one.
    After(Duration),
}

/// When the next round is due.
#[derive(Clone, Copy, Debug)]
pub struct Cadence {
    due: Mono,
    interval: Duration,
}

impl Cadence {
    /// The first round is due one `interval` after `start`. An interval of zero is always due.
    pub fn new(start: Mono, interval: Duration) -> Self {
        Self {
            due: start.after(interval),
            interval,
        }
    }

    /// When the next round is due.
    pub fn next_due(&self) -> Mono {
        self.due
    }

    /// Says that the due round ran at `now`. The next one is the first on the grid that is at least
    /// half an interval away: rounds that were slept through are skipped, and none is too short.
    pub fn ran(&mut self, now: Mono) {
        let missed = match self.interval.as_nanos() {
            0 => 0,
            interval_ns => (now.since(self.due).as_nanos() + interval_ns / 2) / interval_ns,
        };
        let steps = u32::try_from(missed + 1).unwrap_or(u32::MAX);
        self.due = self.due.after(self.interval.saturating_mul(steps));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ran_at_ms: u64, next_ms: u64) {
        let ms = |ms: u64| Mono::from_ns(ms * 1_000_000);
        let mut cadence = Cadence::new(ms(500), Duration::from_millis(1_000));
        assert_eq!(cadence.next_due(), ms(1_500));
        cadence.ran(ms(ran_at_ms));
        assert_eq!(cadence.next_due(), ms(next_ms));
    }

    #[test]
    fn a_late_round_does_not_move_the_grid() {
        check(1_500, 2_500);
        check(1_501, 2_500);
        check(1_999, 2_500);
    }

    #[test]
    fn rounds_slept_through_are_skipped() {
        check(2_000, 3_500);
        check(2_499, 3_500);
        check(9_999, 10_500);
        check(10_000, 11_500);
    }

    #[test]
    fn an_early_round_counts_as_the_due_one() {
        check(700, 2_500);
    }
}
