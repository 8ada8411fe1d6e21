// SPDX-License-Identifier: MIT OR Apache-2.0
//! Back-off: how long to wait before the next try, spread so that many senders do not march in
//! step.

use core::time::Duration;

/// The wait after the first failure, before it is spread.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait that a server can ask for (Retry-After, RFC 9110).
const ASKED_MAX: Duration = Duration::from_secs(3_600);

/// Waits that double from failure to failure, up to a ceiling.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    ceiling: Duration,
    failures: u32,
}

impl Backoff {
    /// No failure yet.
    pub fn new(ceiling: Duration) -> Self {
        Self {
            ceiling,
            failures: 0,
        }
    }

    /// How long to wait after one more failure: half of what is due, and up to as much again by
    /// `random`; at least what the server `asked` for, up to an hour.
    pub fn failed(&mut self, random: u64, asked: Option<Duration>) -> Duration {
        let due = FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = (self.failures + 1).min(u32::BITS - 1);
        self.spread(due.min(self.ceiling), random)
            .max(asked.unwrap_or_default().min(ASKED_MAX))
    }

    /// How long to wait when only a person can mend what is wrong: the ceiling, spread.
    pub fn set_up_wrong(&mut self, random: u64) -> Duration {
        self.spread(self.ceiling, random)
    }

    /// Says that a try succeeded.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    fn spread(&self, due: Duration, random: u64) -> Duration {
        let half = due / 2;
        // 24 bits of chance are plenty, and their product with an hour in nanoseconds fits.
        let share = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX >> 25) >> 8;
        half + Duration::from_nanos((share * (random & 0xff_ffff)) >> 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_double_up_to_the_ceiling() {
        let mut backoff = Backoff::new(Duration::from_secs(3));
        let waits: Vec<_> = (0..5)
            .map(|_| backoff.failed(0, None).as_millis())
            .collect();
        assert_eq!(waits, [250, 500, 1_000, 1_500, 1_500]);
        backoff.succeeded();
        assert_eq!(backoff.failed(0, None), Duration::from_millis(250));
        assert_eq!(backoff.set_up_wrong(0), Duration::from_millis(1_500));
    }

    #[test]
    fn the_server_may_ask_for_more_but_not_for_ever() {
        let mut backoff = Backoff::new(Duration::from_secs(3));
        assert_eq!(
            backoff.failed(0, Some(Duration::from_secs(7))),
            Duration::from_secs(7)
        );
        assert_eq!(backoff.failed(0, Some(Duration::MAX)), ASKED_MAX);
        assert_eq!(
            backoff.failed(0, Some(Duration::ZERO)),
            Duration::from_millis(1_000)
        );
    }

    proptest! {
        #[test]
        fn a_wait_lies_between_half_and_all_of_what_is_due(random: u64, failures in 0_u32..70) {
            let ceiling = Duration::from_secs(300);
            let mut backoff = Backoff::new(ceiling);
            for _ in 0..failures {
                backoff.failed(random, None);
            }
            let due = (0.5 * f64::from(failures).exp2()).min(300.0);
            let wait = backoff.failed(random, None).as_secs_f64();
            prop_assert!(wait >= due / 2.0 - 1e-6 && wait <= due + 1e-6, "{wait} of {due}");
        }
    }
}
