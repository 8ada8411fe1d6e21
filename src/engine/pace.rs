// SPDX-License-Identifier: MIT OR Apache-2.0
//! A steady rate: packets leave one interval apart, a late wake-up is made up for within a bound.

use core::time::Duration;

use crate::time::Mono;

/// What a sleep that lasted too long may be made up for with packets in a row.
const CATCH_UP: Duration = Duration::from_millis(8);

/// From one attempt to the next while there is no room here.
const RETRY: Duration = Duration::from_millis(5);

/// How long there may be no room for the packets of a host. What waits for the MAC addresses of
/// neighbours that are not there takes room for 3 s.
pub const BLOCKED_MAX: Duration = Duration::from_secs(10);

/// When the next packet may leave.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    interval: Duration,
    due: Mono,
}

impl Pace {
    /// At most `rate` packets a second, 1 or more.
    pub fn new(rate: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / rate.max(1),
            due: Mono::from_ns(0),
        }
    }

    /// When the next packet may leave.
    pub fn due(&self) -> Mono {
        self.due
    }

    /// Says that one found no room here at `now`.
    pub fn hold(&mut self, now: Mono) {
        self.due = self.due.max(now.after(RETRY));
    }

    /// Says that one left at `now`.
    pub fn took(&mut self, now: Mono) {
        // A late wake-up is made up for, up to a bound: the rest of it is lost.
        self.due = self.due.max(now.before(CATCH_UP)).after(self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_wake_up_is_made_up_for_within_a_bound() {
        let mut pace = Pace::new(1_000);
        let ms = |ms: u64| Mono::from_ns(ms * 1_000_000);
        let mut sent_at = |now: Mono| {
            let mut count = 0;
            while pace.due() <= now {
                pace.took(now);
                count += 1;
            }
            count
        };
        assert_eq!(sent_at(ms(1_000)), 9, "after a long silence");
        assert_eq!(sent_at(ms(1_001)), 1);
        assert_eq!(sent_at(ms(1_004)), 3);
        assert_eq!(sent_at(ms(2_000)), 9);
    }
}
