// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much each device moves: a program in the kernel that counts (eBPF), or where that is
//! refused a ring of captured frames, into one table.
//!
//! What is captured follows the interfaces as they come, go and join bridges.

mod engine;
mod lanes;
mod show;
mod start;

use core::fmt;
use core::time::Duration;
use std::io;

use engine::Kernel;
use show::Shown;
pub use start::{Mode, Options};

use crate::collect::network::ReadError;
use crate::collect::taps::{Changes, Taps, Target};
use crate::model::addr::Mac;
use crate::model::interface::InterfaceName;
use crate::model::traffic::Traffic;
use crate::model::unseen::{Blind, Unseen};
use crate::sys::poll::{AsFd, BorrowedFd};
use crate::sys::privileges::Outcome;
use crate::sys::ring::Ring;
use crate::time::Mono;

/// After an interface could not be captured on.
const RETRY_AFTER: Duration = Duration::from_secs(1);

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

/// What went wrong in a turn; all is tried again.
#[derive(Debug)]
pub enum TurnError {
    /// The kernel's tables of interfaces and routes could not be read.
    Interfaces(ReadError),
    /// The counters could not be read or set.
    Counters(io::Error),
    /// An interface could not be captured on.
    Tap(io::Error),
}

/// Counts what devices move.
#[derive(Debug)]
pub struct Capture {
    traffic: Traffic,
    taps: Taps,
    engine: Engine,
    /// Where it counts.
    tapped: Vec<Target>,
    fallback_reason: Option<String>,
    remedy: Option<String>,
    /// What the engine itself cannot see.
    unseen: Unseen,
    lost: u64,
    lost_at_window: u64,
    retry_at: Option<Mono>,
    shown: Shown,
}

#[derive(Debug)]
enum Engine {
    Ebpf(Box<Kernel>),
    Ring(Ring),
    None,
}

impl Capture {
    /// Devices there is room for.
    pub fn capacity(&self) -> usize {
        self.traffic.capacity()
    }

    /// What counts.
    pub fn source(&self) -> Source {
        match self.engine {
            Engine::Ebpf(_) => Source::Ebpf,
            Engine::Ring(_) => Source::Ring,
            Engine::None => Source::None,
        }
    }

    /// Why a better source does not count; `None` where nothing was refused.
    pub fn fallback_reason(&self) -> Option<&str> {
        self.fallback_reason.as_deref()
    }

    /// What the user can do so that it counts; `None` where nothing was refused.
    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }

    /// To be waited for until it is readable, then [`Self::turn`]: interfaces changed.
    pub fn events(&self) -> BorrowedFd<'_> {
        self.taps.as_fd()
    }

    /// To be waited for until it is readable, then [`Self::turn`]: frames came. The same as
    /// [`Self::events`] where there is no ring.
    pub fn frames(&self) -> BorrowedFd<'_> {
        match &self.engine {
            Engine::Ring(ring) => ring.as_fd(),
            Engine::Ebpf(_) | Engine::None => self.events(),
        }
    }

    /// When [`Self::turn`] is due at the latest; `None` when nothing but what is waited for.
    pub fn next_due(&self) -> Option<Mono> {
        let reading = match &self.engine {
            Engine::Ebpf(kernel) => kernel.lanes.next_due(),
            Engine::Ring(_) | Engine::None => None,
        };
        let all = [reading, self.taps.next_due(), self.retry_at];
        all.into_iter().flatten().min()
    }

    /// Takes the frames that came, reads the counters when that is due, follows the interfaces.
    /// Does not allocate while these stay as they are.
    ///
    /// # Errors
    /// The last thing that went wrong; nothing is lost by that.
    pub fn turn(&mut self, now: Mono) -> Result<(), TurnError> {
        let mut result = Ok(());
        match self.taps.turn(now) {
            Ok(Some(changes)) => result = self.follow(&changes, now),
            Ok(None) => {}
            Err(error) => result = Err(TurnError::Interfaces(error)),
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            result = result.and(self.tap(now));
        }
        let due = match &self.engine {
            Engine::Ebpf(kernel) => kernel.lanes.next_due().is_none_or(|due| due <= now),
            Engine::Ring(_) | Engine::None => true,
        };
        if due {
            result = result.and(self.read(now));
        }
        result
    }

    /// Counts on other interfaces from the next turn on, which is due at once.
    pub fn want(&mut self, wanted: Vec<InterfaceName>, now: Mono) {
        self.taps.want(wanted, now);
    }

    /// Ends a window: brings [`Self::traffic`] up to now. Nothing is added to it before the next
    /// call to another of these functions, [`Self::begin_window`] first of all. Does not allocate.
    ///
    /// # Errors
    /// When the counters cannot be read: what they hold is told at the next reading.
    pub fn end_window(&mut self, now: Mono) -> Result<(), TurnError> {
        self.read(now)?;
        if let Engine::Ring(ring) = &mut self.engine {
            self.lost = ring.lost();
        }
        Ok(())
    }

    /// Begins the next window.
    pub fn begin_window(&mut self) {
        self.traffic.begin_window();
        self.lost_at_window = self.lost;
    }

    /// What was counted.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// To add what others know of devices, as the accounting of connections does.
    pub fn traffic_mut(&mut self) -> &mut Traffic {
        &mut self.traffic
    }

    /// Frames that were looked at in this window, as they were on the wire.
    pub fn frames_seen(&self) -> u64 {
        self.traffic.window_sums().frames
    }

    /// Frames that found the ring full in this window.
    pub fn frames_lost(&self) -> u64 {
        self.lost.saturating_sub(self.lost_at_window)
    }

    /// What cannot be seen, as far as it is known; without what hardware forwards.
    pub fn unseen(&self) -> Unseen {
        let mut unseen = self.unseen.and(self.taps.targets().unseen);
        if self.frames_lost() > 0 {
            unseen.insert(Blind::RingLoss);
        }
        unseen
    }

    /// The interfaces that are captured on.
    pub fn interfaces(&self) -> &[Target] {
        &self.tapped
    }

    /// The interface whose index ends in these bits, as [`crate::model::traffic::Row::interface`]
    /// gives them; `None` when it is not, or no longer, captured on.
    pub fn interface(&self, low_bits: u16) -> Option<&Target> {
        engine::find(&self.tapped, low_bits)
    }

    /// Interfaces that are not captured on because there are too many.
    pub fn interfaces_left_out(&self) -> usize {
        self.taps.targets().left_out
    }

    /// The router's own MAC addresses.
    pub fn own(&self) -> &[Mac] {
        self.traffic.own()
    }

    /// Gives up the right to load programs where what is left to do does not need it.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn give_up_loading(&mut self) -> io::Result<Option<Outcome>> {
        match &mut self.engine {
            Engine::Ebpf(kernel) => kernel.counting.give_up_loading().map(Some),
            Engine::Ring(_) | Engine::None => Ok(None),
        }
    }

    fn read(&mut self, now: Mono) -> Result<(), TurnError> {
        let (traffic, tapped) = (&mut self.traffic, &self.tapped);
        match &mut self.engine {
            Engine::Ebpf(kernel) => kernel
                .read(traffic, tapped, now)
                .map_err(TurnError::Counters),
            Engine::Ring(ring) => {
                engine::take(ring, traffic, tapped, &mut self.shown, now);
                Ok(())
            }
            Engine::None => Ok(()),
        }
    }

    /// Captures on what is to be captured on now.
    fn follow(&mut self, changes: &Changes, now: Mono) -> Result<(), TurnError> {
        let targets = self.taps.targets();
        let stays = |index: u32| {
            !changes.is_gone(index) && targets.taps.iter().any(|target| target.index == index)
        };
        if let Engine::Ebpf(kernel) = &mut self.engine {
            kernel.keep(stays);
        }
        let gone = self.tapped.iter().filter(|tap| !stays(tap.index));
        let gone: Vec<u32> = gone.map(|tap| tap.index).collect();
        // What was counted so far was counted by the rules of so far.
        let read = self.read(now);
        for index in gone {
            self.traffic.forget_interface(index as u16);
        }
        read.and(self.tap(now))
    }

    /// Captures on all targets on which it does not yet.
    fn tap(&mut self, now: Mono) -> Result<(), TurnError> {
        let targets = self.taps.targets();
        let tapped = &mut self.tapped;
        tapped.clear();
        let result = match &mut self.engine {
            Engine::Ebpf(kernel) => {
                // Before the taps, so that nothing of ours is taken for a device.
                let set = kernel.counting.set_own(&targets.own);
                let mut result = set.map_err(TurnError::Counters);
                for target in &targets.taps {
                    match kernel.tap(target.index) {
                        Ok(()) => tapped.push(target.clone()),
                        Err(error) => result = Err(TurnError::Tap(error)),
                    }
                }
                result
            }
            Engine::Ring(ring) => {
                let indexes = targets.taps.iter().map(|target| target.index);
                let indexes: Vec<u32> = indexes.collect();
                let watched = ring.watch(&indexes);
                if watched.is_ok() {
                    tapped.extend(targets.taps.iter().cloned());
                }
                watched.map_err(TurnError::Tap)
            }
            Engine::None => return Ok(()),
        };
        self.traffic.set_own(&targets.own);
        (self.unseen, self.retry_at) = (Unseen::NOTHING, None);
        if let Err(error) = &result {
            self.retry_at = Some(now.after(RETRY_AFTER));
            self.unseen.insert(error.blind());
        }
        result
    }
}

impl TurnError {
    fn blind(&self) -> Blind {
        match self {
            Self::Tap(error) | Self::Counters(error)
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                Blind::NoPermission
            }
            _ => Blind::NoInterface,
        }
    }
}

impl fmt::Display for TurnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interfaces(error) => write!(f, "interfaces cannot be read: {error}"),
            Self::Counters(error) => write!(f, "counters of devices cannot be read: {error}"),
            Self::Tap(error) => write!(f, "an interface cannot be captured on: {error}"),
        }
    }
}
