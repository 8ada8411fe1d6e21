// SPDX-License-Identifier: MIT OR Apache-2.0
//! The only place that asks the kernel what time it is (clock_gettime(2)).

use core::time::Duration;

use rustix::time::ClockId;

use crate::time::{Ctime, Mono, Wall, in_ns};

/// Now, on the clock for intervals (CLOCK_MONOTONIC).
pub fn mono() -> Mono {
    let (seconds, ns) = read(ClockId::Monotonic);
    Mono::from_ns(unsigned(seconds) * 1_000_000_000 + unsigned(ns))
}

/// Now, on the clock for stamps (CLOCK_REALTIME); 1970 when it is set before that.
pub fn wall() -> Wall {
    let (seconds, ns) = read(ClockId::Realtime);
    Wall::from_us(unsigned(seconds) * 1_000_000 + unsigned(ns) / 1_000)
}

/// Time since boot, asleep included (CLOCK_BOOTTIME): the same for all processes of one boot.
pub fn since_boot() -> Duration {
    let (seconds, ns) = read(ClockId::Boottime);
    Duration::new(unsigned(seconds), u32::try_from(ns).unwrap_or(0))
}

/// Whether somebody keeps the wall clock right, as the kernel sees it (adjtimex(2)); `None` when it
/// does not say. chrony tells the kernel only with `rtcsync`.
#[allow(unsafe_code)]
pub fn synchronised() -> Option<bool> {
    /// The clock's state when it is not synchronised (TIME_ERROR, adjtimex(2)).
    const ERROR: libc::c_long = 5;
    // `struct timex` has another form on every kind of CPU, 208 bytes at most; of all of them
    // `modes` comes first, and zeros set nothing. What comes back is not looked at.
    let mut timex = [0_u64; 64];
    // SAFETY: the kernel writes its `struct timex` (uapi/linux/timex.h) into `timex`, which is ours
    // and more than twice as long.
    let state = unsafe { libc::syscall(libc::SYS_adjtimex, timex.as_mut_ptr()) };
    (state >= 0).then_some(state != ERROR)
}

/// What clocks on the wall show at that moment, where this machine is: as TZ says, else the system
/// (tzset(3), localtime(3)).
#[allow(unsafe_code)]
pub fn local(wall: Wall) -> Ctime {
    #[cfg(not(all(target_env = "musl", target_pointer_width = "32")))]
    use libc::localtime_r;
    // SAFETY: musl has it since 1.2.0 on these CPUs, and its headers use it for localtime_r; the
    // libc crate still has seconds of 32 bits there.
    #[cfg(all(target_env = "musl", target_pointer_width = "32"))]
    unsafe extern "C" {
        #[link_name = "__localtime64_r"]
        fn localtime_r(seconds: *const i64, parts: *mut libc::tm) -> *mut libc::tm;
    }
    // SAFETY: a structure of integers and one pointer, for which all zeros are valid.
    let mut parts = unsafe { core::mem::zeroed::<libc::tm>() };
    let known = (wall.us() / 1_000_000).try_into().is_ok_and(|seconds| {
        // SAFETY: both are ours; the environment, which it reads, is changed by nobody once there
        // are threads (`time_zone::adopt`).
        unsafe { !localtime_r(&raw const seconds, &raw mut parts).is_null() }
    });
    #[allow(clippy::useless_conversion)] // The width differs from CPU to CPU.
    let offset_s = if known { parts.tm_gmtoff.into() } else { 0 };
    wall.ctime(offset_s)
}

/// One moment on both clocks, so that stamps of one can be told on the other.
#[derive(Clone, Copy, Debug)]
pub struct Both {
    /// On the clock for intervals.
    pub mono: Mono,
    /// On the clock for stamps, nanoseconds since 1970.
    wall_ns: u64,
    /// The clock for stamps was set since the reading before.
    was_set: bool,
}

/// A stamp farther away than this is of a time when the wall clock was set otherwise.
const STAMP_AGE_MAX_NS: u64 = 60_000_000_000;

/// What one reading of both clocks may take without being tried again, and how often that is.
const BOTH_NS_MAX: u64 = 2_000;
const BOTH_TRIES: u32 = 3;

/// Now, on both clocks, within microseconds even when others take the CPU in between.
pub fn both() -> Both {
    let mut tries = 0;
    loop {
        let before = mono();
        let (seconds, ns) = read(ClockId::Realtime);
        let took = mono().since(before);
        tries += 1;
        if in_ns(took) <= BOTH_NS_MAX || tries >= BOTH_TRIES {
            return Both {
                mono: before.after(took / 2),
                wall_ns: unsigned(seconds)
                    .saturating_mul(1_000_000_000)
                    .saturating_add(unsigned(ns)),
                was_set: false,
            };
        }
    }
}

/// Both clocks run alike, even while somebody slews them; what is more is a step.
const STEP_NS_MIN: u64 = 1_000_000;

/// Now, on both clocks, after `earlier`; what was stamped in between is told only when nobody has
/// set the clock for stamps meanwhile.
pub fn both_after(earlier: &Both) -> Both {
    let mut now = both();
    let expected_ns = earlier
        .wall_ns
        .saturating_add(in_ns(now.mono.since(earlier.mono)));
    now.was_set = now.wall_ns.abs_diff(expected_ns) > STEP_NS_MIN;
    now
}

impl Both {
    /// The moment on the clock for stamps.
    pub fn wall(&self) -> Wall {
        Wall::from_us(self.wall_ns / 1_000)
    }

    /// The moment of the kernel's stamp `at_ns`, nanoseconds since 1970; this one when the clock
    /// was set in between.
    pub fn mono_of(&self, at_ns: u64) -> Mono {
        let ns = Duration::from_nanos(at_ns.abs_diff(self.wall_ns));
        if self.was_set || at_ns.abs_diff(self.wall_ns) > STAMP_AGE_MAX_NS {
            self.mono
        } else if at_ns > self.wall_ns {
            self.mono.after(ns)
        } else {
            self.mono.before(ns)
        }
    }
}

/// Seconds and nanoseconds.
#[cfg(not(all(target_arch = "mips", target_env = "musl")))]
fn read(clock: ClockId) -> (i64, i64) {
    let now = rustix::time::clock_gettime(clock);
    #[allow(clippy::useless_conversion)] // The width differs from CPU to CPU.
    (now.tv_sec, now.tv_nsec.into())
}

/// Seconds and nanoseconds. rustix 1.1 and libc disagree on mips about what musl's `clock_gettime`
/// writes (32 bits each, which end in 2038 anyway), so this is the function that C programs get.
#[cfg(all(target_arch = "mips", target_env = "musl"))]
#[allow(unsafe_code)]
fn read(clock: ClockId) -> (i64, i64) {
    /// `struct timespec` of musl 1.2 on a 32-bit CPU (bits/alltypes.h).
    #[repr(C)]
    #[derive(Default)]
    struct Timespec {
        tv_sec: i64,
        #[cfg(target_endian = "big")]
        padding: u32,
        tv_nsec: i32,
        #[cfg(target_endian = "little")]
        padding: u32,
    }
    const _: () = assert!(size_of::<Timespec>() == 16);
    // SAFETY: musl has it since 1.2.0, with this signature.
    unsafe extern "C" {
        fn __clock_gettime64(clock: libc::clockid_t, now: *mut Timespec) -> libc::c_int;
    }
    let mut now = Timespec::default();
    // SAFETY: `now` is ours, and as large as the C library expects (asserted above).
    unsafe { __clock_gettime64(clock as libc::clockid_t, &raw mut now) };
    (now.tv_sec, now.tv_nsec.into())
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_for_intervals_never_goes_back() {
        let mut earlier = mono();
        for _ in 0..1_000 {
            let later = mono();
            assert!(later >= earlier);
            earlier = later;
        }
    }

    #[test]
    fn the_time_since_boot_is_not_less_than_the_one_awake() {
        let awake = mono().since(Mono::from_ns(0));
        let all = since_boot();
        assert!(awake <= all && all < Duration::from_secs(100 * 365 * 86_400));
    }

    #[test]
    fn the_kernel_says_whether_the_clock_is_right() {
        assert_eq!(synchronised(), synchronised());
    }

    #[test]
    fn a_stamp_is_told_on_the_other_clock() {
        let both = both();
        let ms = Duration::from_millis;
        assert_eq!(both.mono_of(both.wall_ns), both.mono);
        assert_eq!(
            both.mono_of(both.wall_ns - 5_000_000),
            both.mono.before(ms(5))
        );
        assert_eq!(
            both.mono_of(both.wall_ns + 5_000_000),
            both.mono.after(ms(5))
        );
        assert_eq!(both.mono_of(0), both.mono);
        assert_eq!(both.mono_of(u64::MAX), both.mono);
    }

    #[test]
    fn a_clock_that_was_set_tells_nothing_of_stamps_before() {
        let earlier = both();
        assert!(!both_after(&earlier).was_set);
        for step_ns in [2_000_000, u64::MAX - 2_000_000] {
            let wall_ns = earlier.wall_ns.wrapping_add(step_ns);
            let now = both_after(&Both { wall_ns, ..earlier });
            assert_eq!(now.mono_of(now.wall_ns - 5_000_000), now.mono);
            let next = both_after(&now);
            assert_eq!(
                next.mono_of(next.wall_ns - 9),
                next.mono.before(Duration::from_nanos(9))
            );
        }
    }

    #[test]
    fn the_clock_for_stamps_agrees_with_the_standard_library() {
        let reference = || {
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
            Wall::from_us(u64::try_from(now.as_micros()).unwrap())
        };
        let (before, now, after) = (reference(), wall(), reference());
        assert!(before <= now && now <= after);
    }
}
