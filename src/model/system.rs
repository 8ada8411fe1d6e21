// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine itself: processor, memory, disks, uptime and load.

use crate::limits::{DISKS_MAX, FILE_SYSTEM_BYTES_MAX, MOUNT_BYTES_MAX};

/// States that a processor's time is spent in, as far as none is part of another.
pub const CPU_STATES: usize = 8;

/// Time of all processors since boot in ticks, by state (proc_stat(5)): user, nice, system, idle,
/// iowait, irq, softirq, steal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuTimes(pub [u64; CPU_STATES]);

const IDLE: usize = 3;
const IOWAIT: usize = 4;

impl CpuTimes {
    /// How busy the processors were since `earlier`, all together, in tenths of a percent, rounded;
    /// `None` when no time went by. Idle and iowait are idle; a state that went backwards, as
    /// iowait may, did not move.
    pub fn busy_tenths_since(self, earlier: Self) -> Option<u64> {
        let grown: [u64; CPU_STATES] =
            core::array::from_fn(|i| self.0[i].saturating_sub(earlier.0[i]));
        let all: u128 = grown.iter().map(|&ticks| u128::from(ticks)).sum();
        let idle = u128::from(grown[IDLE]) + u128::from(grown[IOWAIT]);
        rounded((all - idle) * 1_000, all)
    }
}

/// Memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// All.
    pub total_bytes: u64,
    /// What programs could have without swapping; at most all.
    pub available_bytes: u64,
}

impl Memory {
    /// What is in use, caches not included.
    pub fn used_bytes(self) -> u64 {
        self.total_bytes.saturating_sub(self.available_bytes)
    }

    /// The part in use in tenths of a percent, rounded; 0 of nothing.
    pub fn used_tenths(self) -> u64 {
        let used = u128::from(self.used_bytes());
        rounded(used * 1_000, self.total_bytes.into()).unwrap_or(0)
    }
}

/// A file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Where it is mounted; invalid bytes became U+FFFD.
    pub mount: heapless::String<MOUNT_BYTES_MAX, u8>,
    /// Its type.
    pub kind: heapless::String<FILE_SYSTEM_BYTES_MAX, u8>,
    /// How much of it there is.
    pub space: Space,
}

/// The space of a file system in bytes (statvfs(3)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// All.
    pub total_bytes: u64,
    /// Neither free nor kept for root.
    pub used_bytes: u64,
    /// What is free for everybody. With the used it is less than all where some is kept for root.
    pub free_bytes: u64,
}

impl Space {
    /// The part in use, of what everybody may have, in tenths of a percent, rounded; 0 of nothing.
    pub fn used_tenths(self) -> u64 {
        let used = u128::from(self.used_bytes);
        rounded(used * 1_000, used + u128::from(self.free_bytes)).unwrap_or(0)
    }
}

/// Processes that ran or waited to, on average of one, five and fifteen minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// In hundredths.
    pub hundredths: [u64; 3],
}

/// Bytes of a [`BootId`].
pub const BOOT_ID_BYTES: usize = 36;

/// A UUID in lower case that the kernel made at boot.
pub type BootId = heapless::String<BOOT_ID_BYTES, u8>;

/// All of it at one moment. What could not be read is 0, empty, or `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    /// How busy the processors were since the reading before, in tenths of a percent.
    pub cpu_tenths: u64,
    /// Memory.
    pub memory: Memory,
    /// File systems, `/` first, then in the order they were mounted.
    pub disks: heapless::Vec<Disk, DISKS_MAX, u8>,
    /// File systems that found no room, or could not be asked.
    pub disks_left_out: u32,
    /// Whole seconds since boot.
    pub uptime_s: u64,
    /// Load.
    pub load: Option<Load>,
}

/// `part` / `whole`, rounded half up; `None` of nothing.
pub fn rounded(part: u128, whole: u128) -> Option<u64> {
    let doubled = part.checked_mul(2)?.checked_add(whole)?;
    let quotient = doubled.checked_div(whole.checked_mul(2)?)?;
    Some(u64::try_from(quotient).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(earlier: [u64; CPU_STATES], later: [u64; CPU_STATES], expected: Option<u64>) {
        assert_eq!(
            CpuTimes(later).busy_tenths_since(CpuTimes(earlier)),
            expected
        );
    }

    #[test]
    fn a_processor_is_busy_when_it_is_neither_idle_nor_waiting() {
        let none = [0; CPU_STATES];
        check(none, none, None);
        check(none, [1, 0, 0, 38, 1, 0, 0, 0], Some(25));
        check(none, [1, 1, 1, 0, 0, 1, 1, 1], Some(1_000));
        check(none, [0, 0, 0, 9, 9, 0, 0, 0], Some(0));
        check(none, [1, 0, 0, 2, 0, 0, 0, 0], Some(333));
        check(none, [2, 0, 0, 1, 0, 0, 0, 0], Some(667));
    }

    #[test]
    fn a_state_that_goes_backwards_did_not_move() {
        check(
            [0, 0, 0, 5, 9, 0, 0, 0],
            [3, 0, 0, 6, 2, 0, 0, 0],
            Some(750),
        );
        check([9; CPU_STATES], [0; CPU_STATES], None);
        check([0; CPU_STATES], [u64::MAX; CPU_STATES], Some(750));
    }

    #[test]
    fn memory_in_use_is_what_is_not_available() {
        let memory = Memory {
            total_bytes: 25_276_502_016,
            available_bytes: 23_766_179_840,
        };
        assert_eq!(
            (memory.used_bytes(), memory.used_tenths()),
            (1_510_322_176, 60)
        );
        assert_eq!(Memory::default().used_tenths(), 0);
    }

    #[test]
    fn a_disk_is_full_when_nothing_is_left_for_everybody() {
        let space = |used_bytes, free_bytes| Space {
            total_bytes: 270_553_174_016,
            used_bytes,
            free_bytes,
        };
        assert_eq!(space(23_213_371_392, 74_359_377_920).used_tenths(), 238);
        assert_eq!(space(u64::MAX, u64::MAX).used_tenths(), 500);
        assert_eq!(
            (space(7, 0).used_tenths(), space(0, 0).used_tenths()),
            (1_000, 0)
        );
    }

    proptest! {
        #[test]
        fn a_part_is_between_nothing_and_all(earlier: [u64; 8], later: [u64; 8]) {
            let tenths = CpuTimes(later).busy_tenths_since(CpuTimes(earlier));
            prop_assert!(tenths.is_none_or(|tenths| tenths <= 1_000));
        }
    }
}
