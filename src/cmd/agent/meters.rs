// SPDX-License-Identifier: MIT OR Apache-2.0
//! The router itself: its interfaces and its system, at both ends of a window.

use core::num::NonZeroU64;

use crate::collect::interfaces::{Interfaces, ReadError};
use crate::collect::speeds::Speeds;
use crate::collect::system::Collector;
use crate::model::interface::{Sample, Window};
use crate::model::selection::Selection;
use crate::model::system::System;
use crate::sys::files::Root;
use crate::time::Mono;

/// What stays from window to window; nothing in it grows.
pub(super) struct Meters {
    interfaces: Interfaces,
    earlier: Box<Sample>,
    later: Box<Sample>,
    collector: Collector,
    /// The system at the end of the window.
    pub(super) system: Box<System>,
    /// How fast the links are.
    pub(super) speeds: Box<Speeds>,
    /// /proc/net/dev cannot be read, which was said.
    failing: bool,
}

impl Meters {
    /// Reads everything for the first time: the first window begins.
    pub(super) fn start(root: &Root, now: Mono) -> Self {
        let mut meters = Self {
            interfaces: Interfaces::new(Selection::default(), &[]),
            earlier: Box::default(),
            later: Box::default(),
            collector: Collector::new(),
            system: Box::default(),
            speeds: Box::default(),
            failing: false,
        };
        meters.read(root, now);
        meters.begin_window();
        meters
    }

    /// Reads everything: the window ends. Does not allocate.
    pub(super) fn read(&mut self, root: &Root, now: Mono) {
        match self.interfaces.read(root, &mut self.later) {
            Ok(()) => self.failing = false,
            Err(error) => self.tell(&error),
        }
        self.collector.read(root, &mut self.system);
        let names = self.later.iter().map(|(name, _)| name.as_str());
        self.speeds.read(root, names, now);
    }

    fn tell(&mut self, error: &ReadError) {
        // What was read before the fault is no sample.
        self.later.clear();
        if !core::mem::replace(&mut self.failing, true) {
            log::warn!("cannot read /proc/net/dev: {error}; going on without interfaces");
        }
    }

    /// The interfaces in the window.
    pub(super) fn window(&self, elapsed_us: NonZeroU64) -> Window<'_> {
        Window {
            earlier: &self.earlier,
            later: &self.later,
            elapsed_us,
        }
    }

    /// The next window begins where this one ends.
    pub(super) fn begin_window(&mut self) {
        core::mem::swap(&mut self.earlier, &mut self.later);
    }
}
