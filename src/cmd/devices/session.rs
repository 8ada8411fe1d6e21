// SPDX-License-Identifier: MIT OR Apache-2.0
//! One LAN while it is swept or listened to: the turns of the loop.

use core::net::Ipv4Addr;
use core::time::Duration;

use super::{How, Plan, choose};
use crate::cmd::interfaces::{self, Logical};
use crate::cmd::lan::{Named, cannot, closed, unreadable_list};
use crate::collect::devices::{ANSWERS_WITH_ROOM, Ears};
use crate::collect::lan::{Down, Lan};
use crate::collect::network::Tables;
use crate::engine::arp_scan::{Action, ArpScan};
use crate::failure::Failure;
use crate::limits::{DEVICES_BEYOND_MAX, DEVICES_HEARD_MAX};
use crate::model::device::Devices;
use crate::sys::files::Root;
use crate::sys::poll::{self, AsFd, Until};
use crate::sys::signal::{Signals, Woken};
use crate::sys::{clock, random};
use crate::time::Mono;

/// How long names are waited for at the end when no server answers, and at most.
const NAMES_SILENT: Duration = Duration::from_millis(150);
const NAMES_MAX: Duration = Duration::from_millis(500);

/// One LAN, and what ends the wait for it.
pub(super) struct Session {
    pub(super) lan: Lan,
    pub(super) signals: Signals,
    /// Goes on when the interface goes down.
    patient: bool,
}

impl Session {
    /// Finds the interface, reads the files, opens the sockets.
    pub(super) fn open(plan: Plan) -> Result<Self, Failure> {
        let signals = Signals::hold().map_err(|error| cannot("wait for signals", &error))?;
        let root = Root::system().map_err(|error| cannot("open /", &error))?;
        let mut tables = Tables::open().map_err(|error| cannot("ask the kernel", &error))?;
        let network = tables.network().map_err(|error| {
            Failure::failed(format_args!("cannot read the interfaces: {error}"))
        })?;
        let link = Logical::read(&root).link(plan.interface.as_deref(), &network)?;
        let segment = interfaces::segment(link, &network)?;
        let scan = match plan.how {
            How::Ask(pace) => {
                let targets = choose::targets(&plan, &segment)?;
                let skipped: Vec<Ipv4Addr> = segment.skipped().collect();
                Some(ArpScan::new(targets, &skipped, pace, clock::mono()))
            }
            How::Listen(_) => None,
        };
        let ears = if plan.watch || scan.is_none() {
            Ears::All
        } else {
            Ears::Answers
        };
        let targets_count = scan.as_ref().map(ArpScan::targets_count);
        let capacity = targets_count.map_or(DEVICES_HEARD_MAX, room);
        let devices = Devices::new(capacity, random::bits());
        let named = Named {
            config: plan.config,
            names: plan.names,
            oui: plan.oui,
            ptr: plan.ptr,
        };
        let sources = named.open(root, capacity)?;
        let mut lan = Lan::new(devices, ears, sources, tables)
            .map_err(|error| cannot("wait for frames", &error))?;
        lan.set_segments(&[segment]).map_err(|down| closed(&down))?;
        lan.scan = scan;
        Ok(Self {
            lan,
            signals,
            patient: plan.watch,
        })
    }

    /// Asks whom the sweep wants to be asked, until it is done or a signal has come; `show` is
    /// called at every turn.
    pub(super) fn sweep(
        &mut self,
        mut show: impl FnMut(&mut Self, Mono) -> Result<(), Failure>,
    ) -> Result<Woken, Failure> {
        loop {
            let now = clock::mono();
            let scan = self.lan.scan.as_mut();
            match scan.map_or(Action::Done, |scan| scan.poll(now)) {
                Action::Ask(target) => {
                    let asked = self.lan.ask(target);
                    self.patiently(asked)?;
                }
                Action::WaitUntil(moment) => {
                    if self.turn(moment)? == Woken::Terminate {
                        return Ok(Woken::Terminate);
                    }
                    show(self, now)?;
                }
                Action::Done => return Ok(Woken::Due),
            }
        }
    }

    /// Listens until `moment`, or until a signal has come.
    pub(super) fn listen(
        &mut self,
        moment: Mono,
        mut show: impl FnMut(&mut Self, Mono) -> Result<(), Failure>,
    ) -> Result<Woken, Failure> {
        loop {
            let now = clock::mono();
            if now >= moment {
                return Ok(Woken::Due);
            }
            // Once a second, so that the silent are seen to be silent.
            let next = moment.min(now.after(Duration::from_secs(1)));
            if self.turn(next)? == Woken::Terminate {
                return Ok(Woken::Terminate);
            }
            show(self, now)?;
        }
    }

    /// Waits for names that are still under way, but not for servers that do not answer.
    pub(super) fn wait_for_names(&mut self) -> Result<(), Failure> {
        let start = clock::mono();
        loop {
            let now = clock::mono();
            let reverse = &self.lan.sources.reverse.reverse;
            let heard = reverse.heard_at().map_or(start, |at| at.max(start));
            let end = heard.after(NAMES_SILENT).min(start.after(NAMES_MAX));
            if !reverse.is_waiting() || now >= end {
                return Ok(());
            }
            if self.turn(end)? == Woken::Terminate {
                return Ok(());
            }
        }
    }

    /// Sleeps until `moment` or until something comes, and takes it.
    fn turn(&mut self, moment: Mono) -> Result<Woken, Failure> {
        let now = clock::mono();
        let end = self.lan.next_due(now).map_or(moment, |due| due.min(moment));
        let wanted = [self.signals.as_fd(), self.lan.as_fd()].map(|fd| (fd, Until::Readable));
        let [terminate, _] = poll::wait(wanted, Some(end.since(now)))
            .map_err(|error| cannot("wait for frames", &error))?;
        if terminate {
            return Ok(Woken::Terminate);
        }
        let result = self.lan.turn();
        self.patiently(result).map(|()| Woken::Due)
    }

    /// The interface failed: the end of a single sweep; otherwise it may come back.
    fn patiently(&self, result: Result<(), Down>) -> Result<(), Failure> {
        match result {
            Ok(()) => Ok(()),
            Err(down) if self.patient => {
                log::warn!("{down}; waiting for it");
                Ok(())
            }
            Err(down) => Err(Failure::failed(format_args!("{down}; is it up?"))),
        }
    }

    /// What is to be done now and then: files, neighbours of IPv6, vendors, names that expired.
    pub(super) fn look_around(&mut self, reread: bool) -> Result<(), Failure> {
        let looked = self.lan.look_around(reread, &|_| false);
        looked.map_err(|error| unreadable_list(&self.lan.sources.vendors, &error))
    }
}

/// Rows for a sweep of so many addresses.
fn room(targets_count: usize) -> usize {
    targets_count * usize::from(ANSWERS_WITH_ROOM) + DEVICES_BEYOND_MAX
}
