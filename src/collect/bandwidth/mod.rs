// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much each device moves: a program in the kernel that counts (eBPF), or where that is
//! refused a ring of captured frames, into one table.
//!
//! What is captured follows the interfaces as they come, go and join bridges.

use core::time::Duration;

use crate::collect::network::ReadError;
use crate::model::addr::Mac;
use crate::model::interface::InterfaceName;
use crate::model::traffic::Traffic;
use crate::model::unseen::Unseen;
use crate::sys::poll::BorrowedFd;
use crate::time::Mono;

/// What is to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The program in the kernel, else the ring.
    #[default]
    Auto,
    /// The program in the kernel or nothing.
    Ebpf,
    /// The ring or nothing.
    Ring,
    /// Nothing.
    Off,
}

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The program in the kernel.
    Ebpf,
    /// The ring.
    Ring,
    /// Nothing.
    None,
}

/// How to capture.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is to count.
    pub mode: Mode,
    /// KiB of the ring.
    pub ring_kib: u32,
    /// Devices there is room for.
    pub devices_max: usize,
    /// Chance.
    pub seed: u64,
}

/// Counts what devices move.
#[derive(Debug)]
pub struct Capture {
    traffic: Traffic,
}

impl Capture {
    /// Starts to count on the interfaces of these names, which may not be there yet. Without
    /// permission nothing is counted, see [`Self::source`].
    ///
    /// # Errors
    /// When the kernel does not tell its interfaces.
    pub fn start(
        options: &Options,
        wanted: Vec<InterfaceName>,
        now: Mono,
    ) -> Result<Self, ReadError> {
        let _ = (wanted, now);
        let traffic = Traffic::new(options.devices_max, options.seed);
        Ok(Self { traffic })
    }

    /// Devices there is room for.
    pub fn capacity(&self) -> usize {
        self.traffic.capacity()
    }

    /// What counts.
    pub fn source(&self) -> Source {
        Source::None
    }

    /// Why a better source does not count, and what helps; `None` where nothing was refused.
    pub fn fallback_reason(&self) -> Option<&str> {
        None
    }

    /// To be waited for until it is readable, then [`Self::turn`]: interfaces changed.
    pub fn events(&self) -> BorrowedFd<'_> {
        todo!("skeleton")
    }

    /// To be waited for until it is readable, then [`Self::turn`]: frames came. The same as
    /// [`Self::events`] where there is no ring.
    pub fn frames(&self) -> BorrowedFd<'_> {
        todo!("skeleton")
    }

    /// When [`Self::turn`] is due at the latest; `None` when nothing but what is waited for.
    pub fn next_due(&self) -> Option<Mono> {
        None
    }

    /// Takes the frames that came, reads the counters when that is due, follows the interfaces.
    pub fn turn(&mut self, now: Mono) {
        let _ = now;
    }

    /// Ends a window: brings [`Self::traffic`] up to now. Nothing is added to it before
    /// [`Self::begin_window`].
    pub fn end_window(&mut self, now: Mono) {
        let _ = now;
    }

    /// Begins the next window.
    pub fn begin_window(&mut self) {
        self.traffic.begin_window();
    }

    /// What was counted.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// To add what others know of devices, as the accounting of connections does.
    pub fn traffic_mut(&mut self) -> &mut Traffic {
        &mut self.traffic
    }

    /// Frames that found the ring full in this window.
    pub fn frames_lost(&self) -> u64 {
        0
    }

    /// What cannot be seen, as far as it is known; without hardware offload.
    pub fn unseen(&self) -> Unseen {
        Unseen::NOTHING
    }

    /// The names of the interfaces that are captured on.
    pub fn interfaces(&self) -> impl Iterator<Item = &str> + Clone {
        [].into_iter()
    }

    /// The name of the interface whose index ends in these 16 bits; `None` when it is not (or no
    /// longer) captured on.
    pub fn interface(&self, low_bits: u16) -> Option<&str> {
        let _ = low_bits;
        None
    }

    /// The router's own MAC addresses.
    pub fn own(&self) -> &[Mac] {
        &[]
    }

    /// Tries to read the counters, as is to be done after a permission was given up.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn try_read(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// How often the counters are read while there is little room left in the kernel.
pub const READ_EVERY: Duration = Duration::from_secs(1);
