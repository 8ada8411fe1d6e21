// SPDX-License-Identifier: MIT OR Apache-2.0
//! One LAN while it is swept or listened to: sockets, tables, and the turns of the loop.

use std::ffi::CString;
use std::io;

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use super::choose::{self, Chosen};
use super::{How, Plan};
use crate::cmd::quoted;
use crate::codec::arp;
use crate::collect::devices::{ANSWERS_WITH_ROOM, Ears, Listener};
use crate::collect::names::Names;
use crate::collect::network::Tables;
use crate::collect::reverse::ReverseNames;
use crate::collect::vendors::Vendors;
use crate::engine::arp_scan::{Action, ArpScan};
use crate::failure::Failure;
use crate::limits::{DEVICES_BEYOND_MAX, DEVICES_HEARD_MAX};
use crate::model::addr::Mac;
use crate::model::device::{Devices, Learnt};
use crate::sys::files::Root;
use crate::sys::filter::{SNAP_BYTES, Wanted};
use crate::sys::packet::PacketSocket;
use crate::sys::poll::{self, AsFd, Until};
use crate::sys::signal::{Signals, Woken};
use crate::sys::{clock, random};
use crate::time::Mono;

/// Frames that are looked at before the next request may go out: half a millisecond's worth.
const FRAMES_MAX: usize = 256;

/// How long names are waited for at the end when no server answers, and at most.
const NAMES_SILENT: Duration = Duration::from_millis(150);
const NAMES_MAX: Duration = Duration::from_millis(500);

/// What stays from turn to turn; nothing in it grows.
pub(super) struct Lan {
    pub(super) chosen: Chosen,
    pub(super) signals: Signals,
    pub(super) listener: Listener,
    pub(super) scan: Option<ArpScan>,
    pub(super) names: Names,
    pub(super) vendors: Vendors,
    pub(super) reverse: ReverseNames,
    /// Something is to be shown that was not.
    pub(super) changed: bool,
    /// Frames that found the socket full.
    pub(super) lost_count: u64,
    /// Requests that did not go out.
    pub(super) unsent_count: u64,
    root: Root,
    tables: Tables,
    socket: PacketSocket,
    buffer: Box<[u8]>,
    /// Claims before this one have been looked at for a name.
    named_up_to: usize,
    /// Goes on when the interface goes down.
    patient: bool,
    down: bool,
}

impl Lan {
    /// Finds the interface, reads the files, opens the sockets.
    pub(super) fn open(plan: Plan) -> Result<Self, Failure> {
        let signals = Signals::hold().map_err(|error| cannot("wait for signals", &error))?;
        let root = Root::system().map_err(|error| cannot("open /", &error))?;
        let mut tables = Tables::open().map_err(|error| cannot("ask the kernel", &error))?;
        let network = tables.network().map_err(|error| {
            Failure::failed(format_args!("cannot read the interfaces: {error}"))
        })?;
        let chosen = choose::interface(&plan, &network, &root)?;
        let scan = match plan.how {
            How::Ask(pace) => {
                let targets = choose::targets(&plan, &chosen)?;
                let skipped = choose::skipped(&chosen);
                Some(ArpScan::new(targets, &skipped, pace, clock::mono()))
            }
            How::Listen(_) => None,
        };
        let ears = if plan.watch || scan.is_none() {
            Ears::All
        } else {
            Ears::Answers
        };
        let socket = socket(&chosen, ears)?;
        let targets_count = scan.as_ref().map(ArpScan::targets_count);
        let capacity = targets_count.map_or(DEVICES_HEARD_MAX, room);
        let devices = Devices::new(capacity, random::bits());
        let names = names(plan.config, plan.names, &root)?;
        let mut vendors = Vendors::new(plan.oui, capacity);
        vendors.check().map_err(|error| unreadable_list(&error))?;
        Ok(Self {
            listener: Listener::new(devices, ears, chosen.mac, chosen.prefixes.clone()),
            reverse: if plan.ptr {
                ReverseNames::of_system(&root)
            } else {
                ReverseNames::off()
            },
            chosen,
            signals,
            scan,
            names,
            vendors,
            changed: false,
            lost_count: 0,
            unsent_count: 0,
            root,
            tables,
            socket,
            buffer: vec![0; SNAP_BYTES].into_boxed_slice(),
            named_up_to: 0,
            patient: plan.watch,
            down: false,
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
            match self
                .scan
                .as_mut()
                .map_or(Action::Done, |scan| scan.poll(now))
            {
                Action::Ask(target) => self.ask(target)?,
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
            let heard = self
                .reverse
                .reverse
                .heard_at()
                .map_or(start, |at| at.max(start));
            let end = heard.after(NAMES_SILENT).min(start.after(NAMES_MAX));
            if !self.reverse.reverse.is_waiting() || now >= end {
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
        let due = self.reverse.reverse.next_due(now);
        let end = due.map_or(moment, |due| due.min(moment));
        let signals = self.signals.as_fd();
        // A server that there is not is a second look at the signals.
        let peers = self.reverse.peers();
        let peer = |i: usize| peers.get(i).map_or(signals, AsFd::as_fd);
        let wanted = [signals, self.socket.as_fd(), peer(0), peer(1), peer(2)];
        let wanted = wanted.map(|fd| (fd, Until::Readable));
        let ready = poll::wait(wanted, Some(end.since(now)));
        let [terminate, frames, peers @ ..] =
            ready.map_err(|error| cannot("wait for frames", &error))?;
        if terminate {
            return Ok(Woken::Terminate);
        }
        if frames {
            self.take_frames()?;
        }
        let now = clock::mono();
        if peers.contains(&true) || due.is_some_and(|due| due <= now) {
            self.changed |= self.reverse.turn(now);
        }
        Ok(Woken::Due)
    }

    fn take_frames(&mut self) -> Result<(), Failure> {
        let (now, wall) = (clock::mono(), clock::wall());
        for _ in 0..FRAMES_MAX {
            let received = match self.socket.receive(&mut self.buffer) {
                Ok(Some(received)) => received,
                Ok(None) => break,
                Err(error) => {
                    self.went_down(&error)?;
                    break;
                }
            };
            // The kernel's stamp is of the wall clock; how long ago it was holds on both.
            let ago = received.at.map_or(Duration::ZERO, |at| wall.since(at));
            let at = now.before(ago);
            let frame = &self.buffer[..received.len];
            let learnt = self.listener.on_frame(frame, self.scan.as_mut(), at);
            self.changed |= learnt == Learnt::New;
            self.down = false;
        }
        self.lost_count += u64::from(self.socket.lost());
        self.want_names(now, self.named_up_to);
        self.named_up_to = self.listener.devices.claims().len();
        Ok(())
    }

    /// Asks for the names of claims from number `first` on that no file knows.
    fn want_names(&mut self, now: Mono, first: usize) {
        if self.reverse.peers().is_empty() {
            return;
        }
        let devices = &self.listener.devices;
        for claim in devices.claims().get(first..).unwrap_or_default() {
            let device = devices.device(claim.device);
            let address = IpAddr::V4(claim.address);
            let known = self.names.known.best(device.mac, [address]).is_some();
            if !known && devices.announced(device).is_none() {
                self.reverse.reverse.want(address, now);
            }
        }
    }

    fn ask(&mut self, target: Ipv4Addr) -> Result<(), Failure> {
        let source = choose::source(&self.chosen, target);
        let request = arp::request(self.chosen.mac, source, target);
        match self.socket.send(&request) {
            Ok(()) => {}
            // The queue of the interface is full: as good as lost on the wire.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.unsent_count += 1,
            Err(error) => self.went_down(&error)?,
        }
        Ok(())
    }

    /// The interface failed: the end of a single sweep; otherwise it may come back.
    fn went_down(&mut self, error: &io::Error) -> Result<(), Failure> {
        let name = &self.chosen.name;
        if !self.patient {
            return Err(Failure::failed(format_args!(
                "interface '{name}': {error}; is it up?"
            )));
        }
        if !core::mem::replace(&mut self.down, true) {
            log::warn!("interface '{name}': {error}; waiting for it");
        }
        Ok(())
    }

    /// What is to be done now and then: files, neighbours of IPv6, vendors, names that expired.
    pub(super) fn look_around(&mut self, reread: bool) -> Result<(), Failure> {
        let now = clock::mono();
        if reread && let Err(error) = self.names.read(&self.root) {
            log::warn!("names: {error}; going on without that file");
        }
        let devices = &mut self.listener.devices;
        let own = self.chosen.mac;
        let mut changed = false;
        let joined = self
            .tables
            .ipv6_neighbours(self.chosen.index, |mac, address, verified| {
                let learnt = match verified {
                    _ if mac == own => Learnt::Known,
                    true => devices.learn_ipv6(mac, address, now),
                    false => devices.join_ipv6(mac, address),
                };
                changed |= learnt == Learnt::New;
            });
        if let Err(error) = joined {
            log::info!("no neighbours of IPv6: {error}");
        }
        self.changed |= changed;
        let macs = self
            .listener
            .devices
            .devices()
            .iter()
            .map(|device| device.mac);
        let looked_up = self.vendors.look_up(&self.root, macs);
        looked_up.map_err(|error| unreadable_list(&error))?;
        if reread {
            self.want_names(now, 0);
        }
        Ok(())
    }

    /// Forgets who was silent for longer than `silence`.
    pub(super) fn forget(&mut self, silence: Duration) {
        self.listener.forget(silence, clock::mono());
        self.named_up_to = self.named_up_to.min(self.listener.devices.claims().len());
    }
}

fn names(config: Vec<(Mac, String)>, file: Option<CString>, root: &Root) -> Result<Names, Failure> {
    let path = file.clone().unwrap_or_default();
    let mut names = Names::new(config, file);
    names.read(root).map_err(|error| {
        let path = quoted(&path.to_string_lossy());
        Failure::failed(format_args!("cannot read {path}: {error}; see --names"))
    })?;
    Ok(names)
}

/// Rows for a sweep of so many addresses.
fn room(targets_count: usize) -> usize {
    targets_count * usize::from(ANSWERS_WITH_ROOM) + DEVICES_BEYOND_MAX
}

fn cannot(what: &str, error: &io::Error) -> Failure {
    Failure::failed(format_args!("cannot {what}: {error}; raise ulimit -n"))
}

fn unreadable_list(error: &io::Error) -> Failure {
    Failure::failed(format_args!(
        "cannot read the list of vendors: {error}; see --oui"
    ))
}

fn socket(chosen: &Chosen, ears: Ears) -> Result<PacketSocket, Failure> {
    let name = &chosen.name;
    let (wanted, outgoing) = match ears {
        Ears::Answers => (Wanted::Arp, false),
        Ears::All => (Wanted::Discovery, true),
    };
    PacketSocket::open(chosen.index, wanted, outgoing).map_err(|error| {
        if error.kind() == io::ErrorKind::PermissionDenied {
            return Failure::failed(format_args!(
                "may not send and receive frames on '{name}': CAP_NET_RAW is missing; run as \
                 root, or once: setcap cap_net_raw+ep PATH-OF-NETVITALS"
            ));
        }
        Failure::failed(format_args!(
            "cannot open a packet socket on '{name}': {error}; the kernel needs CONFIG_PACKET"
        ))
    })
}
