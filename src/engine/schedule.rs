// SPDX-License-Identifier: MIT OR Apache-2.0
//! A fixed cadence: rounds stay on the grid of the first one, late ones do not pile up; and rounds
//! that take a while, on such a grid or with a pause between them.

use core::time::Duration;

use crate::time::{Mono, in_ns};

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

    /// Says that nothing could run until `now`: the due round is the first on the grid that is not
    /// late by more than half an interval.
    pub fn busy_until(&mut self, now: Mono) {
        let interval_ns = in_ns(self.interval);
        let late_ns = in_ns(now.since(self.due));
        let missed = late_ns
            .saturating_add(interval_ns / 2)
            .saturating_sub(1)
            .checked_div(interval_ns);
        let missed = u32::try_from(missed.unwrap_or(0)).unwrap_or(u32::MAX);
        self.due = self.due.after(self.interval.saturating_mul(missed));
    }

    /// Says that the due round ran at `now`. The next one is the first on the grid that is at least
    /// half an interval away: rounds that were slept through are skipped, and none is too short.
    pub fn ran(&mut self, now: Mono) {
        let interval_ns = in_ns(self.interval);
        let late_ns = in_ns(now.since(self.due));
        let missed = late_ns
            .saturating_add(interval_ns / 2)
            .checked_div(interval_ns)
            .unwrap_or(0);
        let steps = u32::try_from(missed.saturating_add(1)).unwrap_or(u32::MAX);
        self.due = self.due.after(self.interval.saturating_mul(steps));
    }
}

/// Rounds that take a while: the first is due at once.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    rhythm: Rhythm,
    grid: Cadence,
    /// `None` while one runs.
    due: Option<Mono>,
}

impl Rounds {
    /// The first round is due at `now`.
    pub fn new(rhythm: Rhythm, now: Mono) -> Self {
        let interval = match rhythm {
            Rhythm::Fixed(interval) => interval,
            Rhythm::After(_) => Duration::ZERO,
        };
        let grid = Cadence { due: now, interval };
        Self {
            rhythm,
            grid,
            due: Some(now),
        }
    }

    /// When the next round is due; `None` while one runs.
    pub fn next_due(&self) -> Option<Mono> {
        self.due
    }

    /// Says that the due round begins at `now`.
    pub fn begin(&mut self, now: Mono) {
        self.due = None;
        self.grid.ran(now);
    }

    /// Says that it was over at `now`.
    pub fn end(&mut self, now: Mono) {
        self.due = Some(match self.rhythm {
            Rhythm::Fixed(_) => {
                self.grid.busy_until(now);
                self.grid.next_due()
            }
            Rhythm::After(pause) => now.after(pause),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Mono {
        Mono::from_ns(ms * 1_000_000)
    }

    /// When the rounds begin that last so long.
    fn begun(rhythm: Rhythm, lasts_ms: &[u64]) -> Vec<u64> {
        let mut rounds = Rounds::new(rhythm, ms(700));
        let mut begun = Vec::new();
        let mut now = ms(700);
        for &lasts in lasts_ms {
            now = now.max(rounds.next_due().unwrap());
            rounds.begin(now);
            assert_eq!(rounds.next_due(), None);
            begun.push(now.since(ms(0)).as_millis() as u64);
            now = now.after(Duration::from_millis(lasts));
            rounds.end(now);
        }
        begun
    }

    #[test]
    fn rounds_on_a_grid_begin_there_however_long_they_last() {
        let fixed = Rhythm::Fixed(Duration::from_millis(500));
        assert_eq!(
            begun(fixed, &[0, 100, 499, 500, 1]),
            [700, 1_200, 1_700, 2_200, 2_700]
        );
        // Late by up to half an interval it begins at once, later than that on the next place.
        assert_eq!(begun(fixed, &[600, 1, 750, 0]), [700, 1_300, 1_700, 2_450]);
        assert_eq!(begun(fixed, &[751, 0]), [700, 1_700]);
        assert_eq!(begun(fixed, &[100_000, 0, 0]), [700, 100_700, 101_200]);
    }

    #[test]
    fn a_pause_is_counted_from_the_end() {
        let after = Rhythm::After(Duration::from_millis(500));
        assert_eq!(begun(after, &[100, 2_000, 0]), [700, 1_300, 3_800]);
        assert_eq!(
            begun(Rhythm::After(Duration::ZERO), &[0, 7, 1]),
            [700, 700, 707]
        );
        assert_eq!(
            begun(Rhythm::Fixed(Duration::ZERO), &[5, 5, 5]),
            [700, 705, 710]
        );
    }

    #[test]
    fn a_week_of_rounds_drifts_by_nothing() {
        const ROUNDS: u64 = 7 * 86_400 * 2;
        let interval = Duration::from_millis(500);
        let mut rounds = Rounds::new(Rhythm::Fixed(interval), ms(123));
        let (mut now, mut chance, mut count) = (ms(123), 7_u64, 0_u64);
        let end = ms(123 + ROUNDS * 500);
        while rounds.next_due().unwrap() < end {
            // Whoever wakes us is late by up to 3 ms, and a round lasts up to 400 ms.
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let late = Duration::from_micros((chance >> 33) % 3_000);
            let due = rounds.next_due().unwrap();
            assert_eq!(due, ms(123 + count * 500), "round {count}");
            now = now.max(due.after(late));
            rounds.begin(now);
            now = now.after(Duration::from_micros((chance >> 40) % 400_000));
            rounds.end(now);
            count += 1;
        }
        assert_eq!(count, ROUNDS);
    }

    proptest! {
        /// Whatever happens, rounds begin on the grid or half an interval behind it at most, and
        /// never two in the same place.
        #[test]
        fn the_grid_is_kept(steps in prop::collection::vec((0_u64..3_000, 0_u64..3_000), 1..50)) {
            let mut rounds = Rounds::new(Rhythm::Fixed(Duration::from_millis(500)), ms(0));
            let (mut now, mut place) = (0, None);
            for (late, lasts) in steps {
                let due = rounds.next_due().unwrap().since(ms(0)).as_millis() as u64;
                prop_assert_eq!(due % 500, 0);
                prop_assert!(place.is_none_or(|place| due / 500 > place), "{} {:?}", due, place);
                place = Some(due / 500);
                now = now.max(due) + late;
                rounds.begin(ms(now));
                now += lasts;
                rounds.end(ms(now));
                let due = rounds.next_due().unwrap().since(ms(0)).as_millis() as u64;
                prop_assert!(due + 250 >= now, "{} at {}", due, now);
            }
        }
    }

    #[track_caller]
    fn check(ran_at_ms: u64, next_ms: u64) {
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
