// SPDX-License-Identifier: MIT OR Apache-2.0
//! The headers of every frame on some interfaces, in memory that the kernel fills (packet(7),
//! Documentation/networking/packet_mmap.rst): a TPACKET_V3 ring of blocks.
//!
//! The kernel fills one block after the other and lends us each that is full, or old enough. We
//! read it and give it back. It writes only to blocks that are its own; when none is, it counts
//! the frames that it has no room for.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::limits::{RING_KIB, RING_SNAP_BYTES};
use crate::sys::{filter, packet};

pub mod block;
pub use block::{Captured, Gso, Kind};

/// A block is lent at the latest so long after it was begun. Longer wakes us less often where
/// little happens; shorter shows the last frames sooner; and kernels count it in ticks of 10 ms.
const BLOCK_AGE_MS_MAX: libc::c_int = 60;

/// Blocks in the smallest ring: while we read one, the kernel has others.
const BLOCKS_MIN: usize = 8;
/// A kernel whose memory is in pieces has no larger piece.
const BLOCK_BYTES_MAX: usize = 256 * 1_024;

/// A socket with its ring.
#[derive(Debug)]
pub struct Ring {
    memory: Memory,
    socket: OwnedFd,
    /// The block that the kernel lends next.
    next: usize,
    lost: u64,
}

impl Ring {
    /// Opens a ring of [`RING_KIB`] KiB that watches no interface yet.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW; `InvalidInput` when there is no such ring; else
    /// what socket(2), setsockopt(2), mmap(2) and bind(2) say.
    pub fn open(kib: u32) -> io::Result<Self> {
        if !RING_KIB.contains(&kib) {
            let (least, most) = (RING_KIB.start(), RING_KIB.end());
            let text = format!("a ring of {kib} KiB; it can have {least} to {most}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let socket = packet::unbound()?;
        let fd = socket.as_fd();
        let (block_bytes, blocks) = shape(kib as usize * 1_024, page_bytes());
        let set = |option, value: &[libc::c_int]| packet::set(fd, libc::SOL_PACKET, option, value);
        set(libc::PACKET_VERSION, &[TPACKET_V3])?;
        // What the kernel knows of the segments stands before each frame.
        set(libc::PACKET_VNET_HDR, &[1])?;
        filter::attach_interfaces(fd, &[], RING_SNAP_BYTES)?;
        // `struct tpacket_req3`: the size of a frame is of no consequence here.
        let (size, count) = (block_bytes as libc::c_int, blocks as libc::c_int);
        let ring = [size, count, size, count, BLOCK_AGE_MS_MAX, 0, 0];
        set(libc::PACKET_RX_RING, &ring)?;
        let memory = Memory::map(fd, block_bytes, blocks)?;
        packet::bind(fd, 0, libc::ETH_P_ALL)?;
        Ok(Self {
            memory,
            socket,
            next: 0,
            lost: 0,
        })
    }

    /// Watches these interfaces and no others, from the next frame on.
    ///
    /// # Errors
    /// `InvalidInput` when there are more than [`crate::limits::TAPS_MAX`]; else what
    /// setsockopt(2) says. Those before are still watched then.
    pub fn watch(&mut self, interfaces: &[u32]) -> io::Result<()> {
        filter::attach_interfaces(self.socket.as_fd(), interfaces, RING_SNAP_BYTES)
    }

    /// Hands over every frame in the blocks that the kernel lends, and gives them back; one round
    /// of the ring at most. Frames of the last 60 ms may not be among them.
    pub fn take(&mut self, mut see: impl FnMut(Captured<'_>)) {
        for _ in 0..self.memory.blocks {
            let Some(lent) = self.memory.lent(self.next) else {
                return;
            };
            block::each(lent, &mut see);
            self.memory.give_back(self.next);
            self.next = (self.next + 1) % self.memory.blocks;
        }
    }

    /// Frames of watched interfaces since the start that found the ring full, or whose segments
    /// the kernel could not describe.
    pub fn lost(&mut self) -> u64 {
        // `struct tpacket_stats_v3`: packets, drops, how often the ring was full.
        if let Ok([_, drops, _]) = packet::statistics(self.socket.as_fd()) {
            self.lost += u64::from(drops);
        }
        self.lost
    }
}

impl AsFd for Ring {
    /// Readable while the kernel lends a block.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// `enum tpacket_versions` (linux/if_packet.h).
const TPACKET_V3: libc::c_int = 2;

/// Bytes of a block, a power of two because the kernel finds no other sizes, and how many there
/// are.
fn shape(ring_bytes: usize, page_bytes: usize) -> (usize, usize) {
    let block = 1 << (ring_bytes / BLOCKS_MIN).ilog2();
    let block = block.min(BLOCK_BYTES_MAX).max(page_bytes);
    (block, ring_bytes / block)
}

#[allow(unsafe_code)]
fn page_bytes() -> usize {
    // SAFETY: sysconf(3) takes no pointers.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4_096)
}

/// The ring as we see it.
#[derive(Debug)]
struct Memory {
    start: NonNull<u8>,
    block_bytes: usize,
    blocks: usize,
}

// SAFETY: it is the only one that knows the mapping, which belongs to no thread.
#[allow(unsafe_code)]
unsafe impl Send for Memory {}

impl Memory {
    #[allow(unsafe_code)]
    fn map(socket: BorrowedFd<'_>, block_bytes: usize, blocks: usize) -> io::Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let (bytes, fd) = (block_bytes * blocks, socket.as_raw_fd());
        // SAFETY: the kernel chooses a place where nothing of ours is.
        let start = unsafe {
            let anywhere = core::ptr::null_mut();
            libc::mmap(anywhere, bytes, access, libc::MAP_SHARED, fd, 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            start,
            block_bytes,
            blocks,
        })
    }

    #[allow(unsafe_code)]
    fn block(&self, index: usize) -> NonNull<u8> {
        assert!(index < self.blocks);
        // SAFETY: the mapping has `blocks` of `block_bytes`, as `map` asked for.
        unsafe { self.start.add(index * self.block_bytes) }
    }

    #[allow(unsafe_code)]
    fn status(&self, index: usize) -> &AtomicU32 {
        // SAFETY: the word is inside of its block, which begins at a page and so is aligned; we
        // and the kernel only write it whole.
        unsafe { AtomicU32::from_ptr(self.block(index).add(block::STATUS).as_ptr().cast()) }
    }

    /// The block, when the kernel lends it.
    #[allow(unsafe_code)]
    fn lent(&self, index: usize) -> Option<&[u8]> {
        // What the kernel wrote before this word is seen after it.
        if self.status(index).load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        // SAFETY: the block is mapped as long as `self` lives. The kernel writes to it only after
        // `give_back`, which nobody can call while the slice is borrowed.
        Some(unsafe { core::slice::from_raw_parts(self.block(index).as_ptr(), self.block_bytes) })
    }

    /// What was read before is not read after.
    fn give_back(&mut self, index: usize) {
        let status = self.status(index);
        status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }
}

impl Drop for Memory {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        let bytes = self.block_bytes * self.blocks;
        // SAFETY: it is what `map` mapped, and no slice of it outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), bytes) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ring_has_blocks_for_both_sides() {
        for kib in RING_KIB {
            let (block, blocks) = shape(kib as usize * 1_024, 4_096);
            assert!((BLOCKS_MIN..=64).contains(&blocks), "{kib}: {blocks}");
            assert!(block.is_power_of_two() && block >= 16 * 1_024);
            let unused = kib as usize * 1_024 - block * blocks;
            assert!(unused < block, "{kib}: {unused}");
        }
        assert_eq!(shape(512 * 1_024, 4_096), (64 * 1_024, 8));
        assert_eq!(shape(128 * 1_024, 65_536), (65_536, 2));
    }

    #[test]
    fn a_ring_of_another_size_is_refused() {
        for kib in [0, RING_KIB.start() - 1, RING_KIB.end() + 1, u32::MAX] {
            let error = Ring::open(kib).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("128 to 16384"), "{error}");
        }
    }
}
