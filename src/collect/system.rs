// SPDX-License-Identifier: MIT OR Apache-2.0
//! Processor, memory, disks, uptime and load, and which boot this is.
//!
//! A file that is absent, or that cannot be understood, leaves its value unknown: a container may
//! hide any of them, and the document goes on without.

use std::ffi::CStr;

use crate::codec::lines::Lines;
use crate::codec::procfs::{self, Meminfo};
use crate::limits::MOUNT_BYTES_MAX;
use crate::model::mounts::{Place, Places};
use crate::model::name;
use crate::model::system::{BootId, CpuTimes, Disk, Memory, Space, System};
use crate::sys::clock;
use crate::sys::files::{Blocks, Root};
use crate::time::{RELEASED, Wall};

const STAT: &CStr = c"proc/stat";
const MEMINFO: &CStr = c"proc/meminfo";
const UPTIME: &CStr = c"proc/uptime";
const LOADAVG: &CStr = c"proc/loadavg";
const MOUNTINFO: &CStr = c"proc/self/mountinfo";
const BOOT_ID: &CStr = c"proc/sys/kernel/random/boot_id";

/// Bytes of the lines that stand alone; the longest, of /proc/stat, has at most 220.
const SHORT_BYTES: usize = 512;

/// Reads the system, as often as wanted, through one buffer.
#[derive(Debug, Default)]
pub struct Collector {
    lines: Lines,
    places: Places,
    cpu: Option<CpuTimes>,
}

impl Collector {
    /// Has not read anything yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills `system` with what is now, and how busy the processors were since the last reading;
    /// the first one says 0 of that.
    pub fn read(&mut self, root: &Root, system: &mut System) {
        let cpu = short(root, STAT, procfs::cpu);
        let busy = cpu
            .zip(self.cpu)
            .and_then(|(now, then)| now.busy_tenths_since(then));
        self.cpu = cpu;
        system.cpu_tenths = busy.unwrap_or(0);
        system.memory = self.memory(root).unwrap_or_default();
        system.uptime_s = short(root, UPTIME, procfs::uptime_s).unwrap_or(0);
        system.load = short(root, LOADAVG, procfs::load);
        self.disks(root, system);
    }

    fn memory(&mut self, root: &Root) -> Option<Memory> {
        let file = root.open(MEMINFO).ok()?;
        let mut meminfo = Meminfo::default();
        let mut take = |line: &[u8]| meminfo.line(line);
        self.lines
            .each(&mut |space| file.read(space), &mut take)
            .ok()?;
        meminfo.memory()
    }

    fn disks(&mut self, root: &Root, system: &mut System) {
        let Self { lines, places, .. } = self;
        places.clear();
        system.disks.clear();
        if let Ok(file) = root.open(MOUNTINFO) {
            let mut path = [0; MOUNT_BYTES_MAX + 1];
            let mut take = |line: &[u8]| places.take(procfs::mount(line, &mut path));
            // What was read up to an error is as good as the file.
            let _ = lines.each(&mut |space| file.read(space), &mut take);
        }
        system.disks_left_out = places
            .left_out_count()
            .saturating_add(lines.overlong_count());
        for place in places.iter() {
            let disk = disk(root, place);
            if disk.is_none_or(|disk| system.disks.push(disk).is_err()) {
                system.disks_left_out = system.disks_left_out.saturating_add(1);
            }
        }
    }
}

/// Which boot this is; `None` when the kernel does not say.
pub fn boot_id(root: &Root) -> Option<BootId> {
    short(root, BOOT_ID, procfs::boot_id)
}

/// Whether `wall`, which was just read, can be believed: not before this version was made, and not
/// known as wrong to the kernel.
pub fn is_clock_synced(wall: Wall) -> bool {
    wall >= RELEASED && clock::synchronised() != Some(false)
}

/// The first line of a file, understood.
fn short<T>(root: &Root, path: &CStr, parse: fn(&[u8]) -> Option<T>) -> Option<T> {
    parse(first_line(root, path, &mut [0; SHORT_BYTES])?)
}

fn first_line<'a>(root: &Root, path: &CStr, text: &'a mut [u8]) -> Option<&'a [u8]> {
    let len = root.open(path).ok()?.read(text).ok()?;
    text[..len].split(|&byte| byte == b'\n').next()
}

/// The space of a file system; `None` when it cannot be asked.
fn disk(root: &Root, place: &Place) -> Option<Disk> {
    let mut path = [0; MOUNT_BYTES_MAX + 2];
    let relative: &[u8] = match place.asked.is_empty() {
        true => b".",
        false => &place.asked,
    };
    path[..relative.len()].copy_from_slice(relative);
    let blocks = root.blocks(CStr::from_bytes_until_nul(&path).ok()?).ok()?;
    let mut mount = [b'/'; MOUNT_BYTES_MAX + 1];
    mount[1..=place.path.len()].copy_from_slice(&place.path);
    Some(Disk {
        mount: name::lossy(&mount[..=place.path.len()]),
        kind: name::lossy(&place.kind),
        space: space(blocks),
    })
}

fn space(blocks: Blocks) -> Space {
    let bytes = |count: u64| count.saturating_mul(blocks.bytes);
    Space {
        total_bytes: bytes(blocks.all),
        used_bytes: bytes(blocks.all.saturating_sub(blocks.free)),
        free_bytes: bytes(blocks.available),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_bytes() {
        let blocks = Blocks {
            bytes: 4_096,
            all: 100,
            free: 40,
            available: 30,
        };
        let expected = Space {
            total_bytes: 409_600,
            used_bytes: 245_760,
            free_bytes: 122_880,
        };
        assert_eq!(space(blocks), expected);
        let odd = Blocks {
            all: u64::MAX,
            free: 0,
            available: u64::MAX,
            ..blocks
        };
        assert_eq!(space(odd).used_bytes, u64::MAX);
        let free = u64::MAX;
        assert_eq!(space(Blocks { free, ..blocks }).used_bytes, 0);
    }

    #[test]
    fn a_clock_from_before_the_release_is_not_believed() {
        assert!(!is_clock_synced(Wall::from_us(RELEASED.us() - 1)));
        let kernel = clock::synchronised() != Some(false);
        assert_eq!(is_clock_synced(RELEASED), kernel);
    }

    /// The layout of the C library's answer differs from CPU to CPU.
    #[test]
    fn the_space_of_the_real_root_is_plausible() {
        let blocks = Root::system().unwrap().blocks(c".").unwrap();
        assert!(
            blocks.bytes.is_power_of_two() && blocks.bytes >= 512,
            "{blocks:?}"
        );
        assert!(blocks.free <= blocks.all && blocks.available <= blocks.free);
        assert!(
            blocks
                .all
                .checked_mul(blocks.bytes)
                .is_some_and(|bytes| bytes < 1 << 60)
        );
    }
}
