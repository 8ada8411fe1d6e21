// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who is on the LAN and how much each of them moves, window by window: what `bandwidth` and the
//! agent have in common. Never waits for anything but what its owner waits for.

use core::time::Duration;
use std::io;

use super::hidden::Hidden;
use super::interfaces::Logical;
use super::roster::Roster;
use crate::collect::bandwidth::{Capture, Source, TurnError};
use crate::collect::discovery::{Discovery, Plan};
use crate::collect::lan::{FollowError, Lan};
use crate::collect::taps::Target;
use crate::encode::bandwidth::{self as document, Window};
use crate::encode::device::Entry;
use crate::encode::json::{Json, Write};
use crate::encode::traffic::{Capture as Captured, Moved};
use crate::model::interface::InterfaceName;
use crate::model::traffic::{Amount, Row, Witness};
use crate::model::unseen::{Blind, Unseen};
use crate::sys::poll::{AsFd, BorrowedFd};
use crate::time::Mono;

/// Neighbours and vendors are looked at so often, files with names every twelfth time.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const REREAD_EVERY: u32 = 12;

/// Interfaces are looked at again so long after they changed: addresses come a little later.
const SETTLE: Duration = Duration::from_millis(300);

/// Both, and when to look at what.
pub(super) struct Observer {
    pub(super) lan: Lan,
    pub(super) capture: Capture,
    roster: Roster,
    hidden: Hidden,
    discovery: Option<Discovery>,
    /// Names of the interfaces with neighbours.
    wanted: Vec<InterfaceName>,
    /// A device that was silent for longer is inactive.
    inactive_after: Duration,
    look_due: Mono,
    looks_count: u32,
    follow_due: Option<Mono>,
    /// Interfaces changed since this was set to false.
    pub(super) links_changed: bool,
    /// How many had no address at the end of the last window.
    strangers: usize,
    /// The list of vendors cannot be read, which was said.
    vendors_failing: bool,
    /// The counting has a fault that was said.
    failing: bool,
}

impl Observer {
    /// Will watch the LAN behind the interfaces of these names, which may not be there yet.
    pub(super) fn new(
        lan: Lan,
        capture: Capture,
        hidden: Hidden,
        discovery: Option<Discovery>,
        wanted: Vec<InterfaceName>,
        inactive_after: Duration,
        now: Mono,
    ) -> Self {
        let (heard_max, moving_max) = (lan.listener.devices.capacity(), capture.capacity());
        let mut observer = Self {
            lan,
            capture,
            roster: Roster::new(heard_max, moving_max),
            hidden,
            discovery,
            wanted,
            inactive_after,
            look_due: now,
            looks_count: 0,
            follow_due: None,
            links_changed: false,
            strangers: 0,
            vendors_failing: false,
            failing: false,
        };
        observer.follow(now);
        observer
    }

    /// Watches by other rules from now on; what was counted stays.
    pub(super) fn change(
        &mut self,
        wanted: Vec<InterfaceName>,
        inactive_after: Duration,
        discovery: Option<Plan>,
        now: Mono,
    ) {
        if wanted != self.wanted {
            self.capture.want(wanted.clone(), now);
            self.wanted = wanted;
        }
        self.inactive_after = inactive_after;
        match (&mut self.discovery, discovery) {
            (Some(discovery), Some(plan)) => discovery.plan(plan, now),
            (discovery, plan) => {
                *discovery = plan.map(|plan| Discovery::new(plan, now));
                self.lan.scan = None;
            }
        }
        self.follow(now);
    }

    /// What is to be waited for until it is readable.
    pub(super) fn descriptors(&self) -> [BorrowedFd<'_>; 3] {
        let capture = &self.capture;
        [self.lan.as_fd(), capture.frames(), capture.events()]
    }

    /// When there is something to be done even if nothing comes.
    pub(super) fn next_due(&self, now: Mono) -> Mono {
        let discovery = self.discovery.as_ref();
        let due = [
            discovery.map(|discovery| discovery.next_due(&self.lan)),
            self.lan.next_due(now),
            self.capture.next_due(),
            self.hidden.next_due(),
            self.follow_due,
        ];
        due.into_iter()
            .flatten()
            .fold(self.look_due, |first, due| first.min(due))
    }

    /// Does what is due, and takes what came to the descriptors that are `ready`.
    pub(super) fn turn(&mut self, ready: [bool; 3], now: Mono) {
        let [heard, _, changed] = ready;
        let turned = self.capture.turn(now);
        self.tell(turned);
        if changed {
            self.follow_due = Some(now.after(SETTLE));
            self.links_changed = true;
        }
        if self.follow_due.is_some_and(|due| due <= now) {
            self.follow_due = None;
            self.follow(now);
        }
        let lan_due = self.lan.next_due(now).is_some_and(|due| due <= now);
        if (heard || lan_due)
            && let Err(down) = self.lan.turn()
        {
            log::warn!("{down}; waiting for it");
        }
        if let Some(discovery) = &mut self.discovery
            && let Err(down) = discovery.turn(&mut self.lan, now)
        {
            log::warn!("{down}; waiting for it");
        }
        if self.hidden.next_due().is_some_and(|due| due <= now) {
            let claims = self.roster.claims(&self.lan);
            let traffic = self.capture.traffic_mut();
            self.hidden.turn(&self.lan, claims, traffic, now);
        }
        if self.look_due <= now {
            self.look_due = now.after(LOOK_EVERY);
            self.look_around();
        }
    }

    /// Says what goes wrong with the counting, once until it is well again.
    fn tell(&mut self, result: Result<(), TurnError>) {
        match result {
            Ok(()) => self.failing = self.capture.next_due().is_some() && self.failing,
            Err(error) if !core::mem::replace(&mut self.failing, true) => {
                log::warn!("counting: {error}; trying again");
            }
            Err(_) => {}
        }
    }

    fn look_around(&mut self) {
        self.looks_count = self.looks_count.wrapping_add(1);
        let reread = self.looks_count.is_multiple_of(REREAD_EVERY);
        if reread {
            self.hidden.look(&self.lan.sources.root);
        }
        let traffic = self.capture.traffic();
        if let Err(error) = self
            .lan
            .look_around(reread, &|mac| traffic.find(mac).is_some())
        {
            if !core::mem::replace(&mut self.vendors_failing, true) {
                log::warn!(
                    "vendors of new devices: {error}; put the list back, or name another with --oui"
                );
            }
        } else {
            self.vendors_failing = false;
        }
    }

    /// Listens where the interfaces with neighbours are now.
    fn follow(&mut self, now: Mono) {
        if self.wanted.is_empty()
            && let Ok(network) = self.lan.network()
            && let Some(usual) = Logical::read(&self.lan.sources.root).usual(&network)
        {
            log::info!("watching interface '{usual}'");
            self.wanted.push(usual);
            self.capture.want(self.wanted.clone(), now);
        }
        match self.lan.follow(&self.wanted) {
            // Who may not count may not listen either, which was said.
            Err(FollowError::Down(down))
                if down.error.kind() == io::ErrorKind::PermissionDenied
                    && self.capture.fallback_reason().is_some() => {}
            Err(error) => log::warn!("{error}"),
            Ok(()) => {}
        }
        if let Some(discovery) = &mut self.discovery {
            discovery.follow(&mut self.lan, now);
        }
    }

    /// Ends a window, and puts everybody in order; with `idle` those too who moved nothing.
    pub(super) fn end_window(&mut self, idle: bool, now: Mono) {
        let ended = self.capture.end_window(now);
        self.tell(ended);
        self.hidden.begin(now);
        self.roster.gather(&self.lan, self.capture.traffic(), idle);
        // Who is new most likely asked somebody for something, and the kernel knows its address.
        if self.roster.strangers() > self.strangers {
            self.look_around();
            self.roster.gather(&self.lan, self.capture.traffic(), idle);
        }
        self.strangers = self.roster.strangers();
    }

    /// Forgets who was silent for longer than `silence`, and moved nothing for so long.
    pub(super) fn forget(&mut self, silence: Duration, now: Mono) {
        self.capture.traffic_mut().forget(silence, now);
        let traffic = self.capture.traffic();
        self.lan.forget(silence, &|mac| traffic.find(mac).is_some());
    }

    /// Hands over everybody, with what they moved in the window.
    pub(super) fn each<E>(
        &self,
        now: Mono,
        take: impl FnMut(&Entry<'_>, Option<&Row>) -> Result<(), E>,
    ) -> Result<(), E> {
        let traffic = self.capture.traffic();
        self.roster
            .each(&self.lan, traffic, self.inactive_after, now, take)
    }

    /// Writes the objects of all.
    pub(super) fn devices<W: Write>(
        &self,
        json: &mut Json<W>,
        window: &Window,
        link_mbps: impl Fn(&str) -> u32,
    ) -> Result<(), W::Error> {
        let counting = self.witness();
        self.each(window.end.mono, |entry, row| {
            let still = Amount::default();
            let amounts = row.map(|row| (row.window(), *row.since_start()));
            let (in_window, since_start) = amounts.unwrap_or((still, still));
            let moved = counting.map(|counting| Moved {
                window: in_window,
                since_start,
                elapsed_us: window.elapsed_us(),
                link_mbps: self.tap(row).map_or(0, |tap| link_mbps(&tap.name)),
                witness: row.and_then(Row::witness).unwrap_or(counting),
                divided: true,
            });
            document::device(json, entry, moved.as_ref(), window.end)
        })
    }

    /// What is said of the capture in this window.
    pub(super) fn captured(&self) -> Captured<'_, impl Iterator<Item = &str> + Clone> {
        let capture = &self.capture;
        Captured {
            witness: self.witness(),
            fallback_reason: self.fallback_reason(),
            interfaces: capture.interfaces().iter().map(|tap| tap.name.as_str()),
            sums: capture.traffic().window_sums(),
            frames_lost: capture.frames_lost(),
            offload: self.hidden.offload(),
            unseen: self.unseen(),
        }
    }

    /// Why it is not the program in the kernel that counts; `None` when it is.
    fn fallback_reason(&self) -> Option<&str> {
        let chosen = match self.capture.source() {
            Source::Ebpf => None,
            Source::Ring => Some("the ring was asked for"),
            Source::None => Some("nothing was asked for"),
        };
        self.capture.fallback_reason().or(chosen)
    }

    /// What cannot be seen.
    pub(super) fn unseen(&self) -> Unseen {
        let mut unseen = self.capture.unseen();
        if self.wanted.is_empty() {
            unseen.insert(Blind::NoInterface);
        }
        if self.hidden.hides() {
            unseen.insert(Blind::HardwareOffload);
        }
        unseen
    }

    /// Puts those who move most in the window first.
    pub(super) fn by_rate(&mut self) {
        self.roster.by_rate(self.capture.traffic());
    }

    /// Where a device was last.
    fn tap(&self, row: Option<&Row>) -> Option<&Target> {
        self.capture.interface(row?.interface()?)
    }

    /// Whether there is somebody to leave out.
    pub(super) fn shows_devices(&self) -> bool {
        !self.roster.is_empty()
    }

    /// Leaves out the second half of all; how many are left.
    pub(super) fn leave_out_half(&mut self) -> usize {
        self.roster.leave_out_half()
    }

    /// Who counts; `None`: nobody may.
    pub(super) fn witness(&self) -> Option<Witness> {
        match self.capture.source() {
            Source::Ebpf => Some(Witness::Ebpf),
            Source::Ring => Some(Witness::Ring),
            Source::None => None,
        }
    }
}
