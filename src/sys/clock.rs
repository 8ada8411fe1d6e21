// SPDX-License-Identifier: MIT OR Apache-2.0
//! The only place that asks the kernel what time it is (clock_gettime(2)).

// The widths of the fields differ from CPU to CPU.
#![allow(clippy::useless_conversion)]

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::time::{Mono, Wall};

/// Now, on the clock for intervals (CLOCK_MONOTONIC).
pub fn mono() -> Mono {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Monotonic);
    Mono::from_ns(unsigned(tv_sec) * 1_000_000_000 + unsigned(tv_nsec.into()))
}

/// Now, on the clock for stamps (CLOCK_REALTIME); 1970 when it is set before that.
pub fn wall() -> Wall {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Realtime);
    Wall::from_us(unsigned(tv_sec) * 1_000_000 + unsigned(tv_nsec.into()) / 1_000)
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
}
