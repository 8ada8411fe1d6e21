// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames and bytes per device, counted in the kernel by a program of ours (bpf(2)): no frame
//! reaches user space.
//!
//! The program is a socket filter that counts and keeps nothing. What it counts, and how, stands in
//! `program.rs`; what a lane and a flow are, in [`crate::model::usage`].

mod asm;
mod call;
mod cpus;
mod load;
mod program;
mod rows;
mod tap;
#[cfg(test)]
mod vm;

use std::io;
use std::os::fd::{AsFd, OwnedFd};

pub use self::load::LoadError;
pub use self::tap::Tap;

use self::rows::{KernelTables, Rows};
use crate::model::addr::Mac;
use crate::model::usage::{Flow, Lane, Totals};
use crate::sys::privileges::{Outcome, ThisThread};

/// The program in the kernel, and what it has counted. Cumulative since [`Counting::load`]; all of
/// it is gone when this and the last [`Tap`] are.
///
/// Cost in the kernel: see [`crate::limits::LANES_MAX`]; here 3 KiB for each possible CPU.
#[derive(Debug)]
pub struct Counting {
    rows: Rows<KernelTables>,
    program: OwnedFd,
}

impl Counting {
    /// Puts the program into the kernel.
    ///
    /// # Errors
    /// [`LoadError`] says what and the remedy.
    pub fn load() -> Result<Self, LoadError> {
        let (tables, program, cpus) = load::load()?;
        let rows = Rows::new(tables, cpus);
        Ok(Self { rows, program })
    }

    /// Counts what passes the interface with this index, which must be one with Ethernet headers,
    /// in both directions, until the tap is dropped.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW; ENODEV when there is no such interface.
    pub fn tap(&self, interface: u32) -> io::Result<Tap> {
        Tap::open(interface, self.program.as_fd())
    }

    /// Says which addresses are this router's own, for the frames to come; beyond
    /// [`crate::limits::OWN_MACS_MAX`] the rest is left out, and so are groups and zeros.
    ///
    /// # Errors
    /// What bpf(2) says.
    pub fn set_own(&self, own: &[Mac]) -> io::Result<()> {
        self.rows.set_own(own)
    }

    /// Hands every lane with its values to `on_lane`, in no order. Does not allocate.
    ///
    /// # Errors
    /// What bpf(2) says; some lanes may have been handed over by then.
    pub fn each(&mut self, on_lane: impl FnMut(Lane, Flow)) -> io::Result<()> {
        self.rows.each(on_lane)
    }

    /// What was counted beside the lanes. Does not allocate.
    ///
    /// # Errors
    /// What bpf(2) says.
    pub fn totals(&mut self) -> io::Result<Totals> {
        self.rows.totals()
    }

    /// Removes a lane, so that another has room; its last values, `None` when there is none. The
    /// next frame of the device makes a new one from zero.
    ///
    /// # Errors
    /// What bpf(2) says.
    pub fn evict(&mut self, lane: Lane) -> io::Result<Option<Flow>> {
        self.rows.evict(lane)
    }

    /// Makes an empty lane unless there is one.
    ///
    /// # Errors
    /// What bpf(2) says; `ArgumentListTooLong` (E2BIG) when there is no room.
    pub fn reserve(&mut self, lane: Lane) -> io::Result<()> {
        self.rows.reserve(lane)
    }

    /// Gives up, for this thread and those it starts, the right to load programs (CAP_BPF,
    /// CAP_SYS_ADMIN), unless this kernel reads no map without it (before Linux 5.19). Taps need
    /// CAP_NET_RAW only.
    ///
    /// # Errors
    /// What capset(2) says, or the trial read for another reason than the missing right.
    pub fn give_up_loading(&mut self) -> io::Result<Outcome> {
        self.rows.give_up_loading(&mut ThisThread)
    }
}
