// SPDX-License-Identifier: MIT OR Apache-2.0
//! The only place that asks the kernel what time it is (clock_gettime(2)).

use std::time::Duration;

use rustix::time::ClockId;

use crate::time::{Mono, Wall};

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

/// Time since the machine was started, sleep included (CLOCK_BOOTTIME, since Linux 2.6.39): the
/// same for every process of this boot.
pub fn since_boot() -> Duration {
    let (seconds, ns) = read(ClockId::Boottime);
    Duration::from_secs(unsigned(seconds)) + Duration::from_nanos(unsigned(ns))
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
    fn the_time_since_boot_is_what_the_kernel_tells_everybody() {
        let text = std::fs::read_to_string("/proc/uptime").unwrap();
        let kernel: f64 = text.split(' ').next().unwrap().parse().unwrap();
        let ours = since_boot().as_secs_f64();
        // It was read before ours, and is cut off.
        assert!((kernel..kernel + 10.0).contains(&ours), "{kernel} {ours}");
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
