// SPDX-License-Identifier: MIT OR Apache-2.0
//! Moments as plain values: [`Mono`] for intervals, [`Wall`] for stamps; they cannot be mixed.
//!
//! Neither is read here: the one place that asks the kernel is `sys::clock`.

use core::fmt;
use core::time::Duration;

/// A moment on the monotonic clock, nanoseconds since an arbitrary start (CLOCK_MONOTONIC,
/// clock_gettime(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mono(u64);

impl Mono {
    /// The moment `ns` nanoseconds after the clock's start.
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// Time since `earlier`; zero when `earlier` is later.
    #[inline(never)] // A division of 64 bits, at 60 places: 5 KB on machines of 32.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The moment `span` later; the far end of the clock (584 years) when it does not fit.
    #[inline(never)] // As above: 7 KB at 70 places.
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(in_ns(span)))
    }

    /// The last moment that is a multiple of `step` after the clock's start, and not later; itself
    /// without a step.
    pub fn floor(self, step: Duration) -> Self {
        Self(self.0 - self.0.checked_rem(in_ns(step)).unwrap_or(0))
    }

    /// The first such moment that is not earlier.
    pub fn ceil(self, step: Duration) -> Self {
        match self.floor(step) {
            floor if floor == self => self,
            floor => floor.after(step),
        }
    }

    /// The moment `span` earlier; the clock's start when that is before it.
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(in_ns(span)))
    }
}

/// A span in nanoseconds, as far as they fit: 584 years. (What [`Duration`] gives has 128 bits,
/// which is much code for machines of 32.)
pub fn in_ns(span: Duration) -> u64 {
    whole(span, 1_000_000_000)
}

/// A span in whole microseconds, as far as they fit.
pub fn in_us(span: Duration) -> u64 {
    whole(span, 1_000_000)
}

/// A span in whole milliseconds, as far as they fit.
pub fn in_ms(span: Duration) -> u64 {
    whole(span, 1_000)
}

#[inline(never)]
fn whole(span: Duration, per_second: u32) -> u64 {
    let rest = span.subsec_nanos() / (1_000_000_000 / per_second);
    span.as_secs()
        .saturating_mul(per_second.into())
        .saturating_add(rest.into())
}

/// A moment on the wall clock, microseconds since 1970-01-01 UTC; it can jump either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wall(u64);

impl Wall {
    /// The moment `us` microseconds after 1970-01-01 UTC.
    pub const fn from_us(us: u64) -> Self {
        Self(us)
    }

    /// Time since `earlier`, as far as the clock was not set in between; zero when it is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Microseconds since 1970-01-01 UTC.
    pub const fn us(self) -> u64 {
        self.0
    }

    /// Date and time of day in UTC.
    pub const fn utc(self) -> Utc {
        let (days, second_of_day) = (self.0 / 86_400_000_000, self.0 / 1_000_000 % 86_400);
        // Gregorian calendar in eras of 400 years = 146 097 days, years counted from 1 March, so
        // that the leap day is the last of its year. 719 468 days lie between 0000-03-01 and 1970.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        Utc {
            year: (era * 400 + year_of_era + (month <= 2) as u64) as u32,
            month: month as u8,
            day: (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u8,
            hour: (second_of_day / 3_600) as u8,
            minute: (second_of_day / 60 % 60) as u8,
            second: (second_of_day % 60) as u8,
            microsecond: (self.0 % 1_000_000) as u32,
        }
    }
}

impl Wall {
    /// Date and time of day where clocks show `utc_offset_s` seconds more than those of UTC.
    pub const fn ctime(self, utc_offset_s: i64) -> Ctime {
        Ctime(Self(self.0.saturating_add_signed(
            utc_offset_s.saturating_mul(1_000_000),
        )))
    }
}

/// Local date and time of day; shown as ctime(3) does it, without a line end:
/// `Sat Nov 21 00:32:18 2026`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ctime(Wall);

impl fmt::Display for Ctime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let Utc {
            year,
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = self.0.utc();
        // 1970 began on a Thursday.
        let weekday = DAYS[(self.0.0 / 86_400_000_000 % 7) as usize];
        let month = MONTHS[usize::from(month - 1)];
        write!(
            f,
            "{weekday} {month} {day:2} {hour:02}:{minute:02}:{second:02} {year}"
        )
    }
}

/// When this version was made: a clock that shows an earlier moment was never set. The day, set by
/// hand with each release, so that builds can be repeated to the byte.
pub const RELEASED: Wall = Wall::from_us(1_795_219_200_000_000);

/// Date and time of day in UTC; shown as in RFC 3339 without the `Z`, to the second or, as in
/// `{:.3}`, with so many decimals (at most 6), cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc {
    /// 1970 or later.
    pub year: u32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59; the wall clock knows no leap second.
    pub second: u8,
    /// 0 to 999 999.
    pub microsecond: u32,
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = self;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        match f.precision().map(|digits| digits.min(6)) {
            None | Some(0) => Ok(()),
            Some(digits) => {
                let cut_off = 10_u32.pow(6 - digits as u32);
                write!(f, ".{:0digits$}", self.microsecond / cut_off)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(seconds: u64, expected: &str) {
        assert_eq!(
            Wall::from_us(seconds * 1_000_000).utc().to_string(),
            expected
        );
    }

    proptest! {
        #[test]
        fn spans_are_those_of_the_standard_library(
            seconds in prop_oneof![0_u64..100, any::<u64>(), 18_446_744_000_u64..18_446_744_100],
            ns in 0_u32..1_000_000_000,
        ) {
            let span = Duration::new(seconds, ns);
            let whole = |wide: u128| u64::try_from(wide).unwrap_or(u64::MAX);
            prop_assert_eq!(in_ns(span), whole(span.as_nanos()));
            prop_assert_eq!(in_us(span), whole(span.as_micros()));
            prop_assert_eq!(in_ms(span), whole(span.as_millis()));
        }
    }

    #[test]
    fn dates_agree_with_the_calendar() {
        check(0, "1970-01-01T00:00:00");
        check(951_782_399, "2000-02-28T23:59:59");
        check(951_782_400, "2000-02-29T00:00:00");
        check(951_868_800, "2000-03-01T00:00:00");
        check(1_795_219_200, "2026-11-21T00:00:00");
        check(2_147_483_648, "2038-01-19T03:14:08");
        check(4_107_542_400, "2100-03-01T00:00:00");
    }

    #[test]
    fn the_release_has_a_day() {
        assert_eq!(RELEASED.utc().to_string(), "2026-11-21T00:00:00");
    }

    #[test]
    fn fractions_are_cut_off_not_rounded() {
        let utc = Wall::from_us(1_795_219_200_009_999).utc();
        assert_eq!(format!("{utc:.3}"), "2026-11-21T00:00:00.009");
        assert_eq!(format!("{utc:.6}"), "2026-11-21T00:00:00.009999");
    }

    #[test]
    fn local_time_is_shown_as_c_does() {
        let ctime = |seconds: u64, offset_s| {
            let wall = Wall::from_us(seconds * 1_000_000 + 999_999);
            wall.ctime(offset_s).to_string()
        };
        assert_eq!(ctime(1_795_221_138, 0), "Sat Nov 21 00:32:18 2026");
        assert_eq!(ctime(1_795_221_138, -3_600), "Fri Nov 20 23:32:18 2026");
        assert_eq!(ctime(1_795_221_138, 20_700), "Sat Nov 21 06:17:18 2026");
        assert_eq!(ctime(0, 0), "Thu Jan  1 00:00:00 1970");
        assert_eq!(ctime(0, -1), "Thu Jan  1 00:00:00 1970");
    }

    #[test]
    fn moments_are_rounded_to_steps() {
        let step = Duration::from_nanos(10);
        for (ns, floor, ceil) in [(0, 0, 0), (1, 0, 10), (10, 10, 10), (19, 10, 20)] {
            let moment = Mono::from_ns(ns);
            assert_eq!(moment.floor(step), Mono::from_ns(floor));
            assert_eq!(moment.ceil(step), Mono::from_ns(ceil));
            assert_eq!(moment.ceil(Duration::ZERO), moment);
        }
        let last = Mono::from_ns(u64::MAX);
        assert_eq!(last.ceil(step), last);
    }

    #[test]
    fn an_earlier_moment_is_no_time_ago() {
        let (early, late) = (Mono::from_ns(5), Mono::from_ns(7));
        assert_eq!(late.since(early), Duration::from_nanos(2));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(early.after(Duration::MAX), Mono::from_ns(u64::MAX));
        assert_eq!(late.before(Duration::from_nanos(2)), early);
        assert_eq!(late.before(Duration::MAX), Mono::from_ns(0));
    }
}
