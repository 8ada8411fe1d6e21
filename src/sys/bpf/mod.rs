// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames and bytes per device, counted in the kernel by a program of ours (bpf(2)): no frame
//! reaches user space.
//!
//! The program is a socket filter that counts and keeps nothing. What it counts, and how, stands in
//! `program.rs`; what a lane and a flow are, in [`crate::model::usage`].

mod tap;

use core::fmt;
use std::io;

pub use tap::Tap;

use crate::model::addr::Mac;
use crate::model::usage::{Flow, Lane, Totals};

/// The program in the kernel, and what it has counted. Cumulative since [`Counting::load`]; all of
/// it is gone when this and the last [`Tap`] are.
#[derive(Debug)]
pub struct Counting {}

/// Why the program is not in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// This process has neither CAP_BPF nor CAP_SYS_ADMIN.
    Permission,
    /// It has, and was refused all the same: memory that may be locked, or a security policy.
    Memlock,
    /// This kernel has no such programs or maps; the error number.
    Unsupported(i32),
    /// The kernel's verifier did not take the program.
    Rejected {
        /// The error number.
        errno: i32,
        /// What the verifier wrote.
        log: String,
    },
}

/// What became of the right to load programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadingRight {
    /// This thread has it no more, and cannot get it back.
    GivenUp,
    /// It was kept: this kernel (before 5.19) reads no map without it.
    Kept,
}

impl Counting {
    /// Puts the program into the kernel.
    ///
    /// # Errors
    /// [`LoadError`] says what and the remedy.
    pub fn load() -> Result<Self, LoadError> {
        Err(LoadError::Unsupported(libc::ENOSYS))
    }

    /// Counts what passes the interface with this index, which must be one with Ethernet headers,
    /// in both directions, until the tap is dropped.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW; `ENODEV` when there is no such interface.
    pub fn tap(&self, interface: u32) -> io::Result<Tap> {
        let _ = interface;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Says which addresses are this router's own; beyond [`crate::limits::OWN_MACS_MAX`] the rest
    /// is left out.
    ///
    /// # Errors
    /// What bpf(2) says.
    pub fn set_own(&self, own: &[Mac]) -> io::Result<()> {
        let _ = own;
        Ok(())
    }

    /// Hands every lane with its values to `on_lane`, in no order. Does not allocate.
    ///
    /// # Errors
    /// What bpf(2) says.
    pub fn each(&mut self, on_lane: impl FnMut(Lane, Flow)) -> io::Result<()> {
        let _ = on_lane;
        Ok(())
    }

    /// What was counted beside the lanes. Does not allocate.
    ///
    /// # Errors
    /// What bpf(2) says.
    pub fn totals(&mut self) -> io::Result<Totals> {
        Ok(Totals::default())
    }

    /// Removes a lane, so that another has room; its last values, `None` when there is none.
    ///
    /// # Errors
    /// What bpf(2) says.
    pub fn evict(&mut self, lane: Lane) -> io::Result<Option<Flow>> {
        let _ = lane;
        Ok(None)
    }

    /// Makes an empty lane unless there is one.
    ///
    /// # Errors
    /// What bpf(2) says; `ArgumentListTooLong` (E2BIG) when there is no room.
    pub fn reserve(&mut self, lane: Lane) -> io::Result<()> {
        let _ = lane;
        Ok(())
    }

    /// Gives up, for this thread, the right to load programs (CAP_BPF, CAP_SYS_ADMIN), unless this
    /// kernel needs it for reading. Taps need CAP_NET_RAW only.
    ///
    /// # Errors
    /// What capset(2) says, or the trial read for another reason than the missing right.
    pub fn give_up_loading(&mut self) -> io::Result<LoadingRight> {
        Ok(LoadingRight::Kept)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
