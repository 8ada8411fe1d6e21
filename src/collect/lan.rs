// SPDX-License-Identifier: MIT OR Apache-2.0
//! The LAN behind some interfaces: sockets that listen and ask there, who was heard, and what is
//! known of them elsewhere. Never waits; whoever owns it does.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use std::io;

use crate::codec::arp;
use crate::collect::devices::{Ears, Listener};
use crate::collect::ear::Ear;
use crate::collect::names::Names;
use crate::collect::network::{Network, ReadError, Tables};
use crate::collect::reverse::ReverseNames;
use crate::collect::segment::{Segment, nearest};
use crate::collect::vendors::Vendors;
use crate::engine::arp_scan::ArpScan;
use crate::model::addr::Mac;
use crate::model::device::{Device, Devices, Evidence, Learnt};
use crate::model::interface::InterfaceName;
use crate::model::known_names::NameSource;
use crate::sys::clock;
use crate::sys::files::Root;
use crate::sys::filter::SNAP_BYTES;
use crate::sys::packet::PacketSocket;
use crate::sys::poll::{AsFd, BorrowedFd, Crowd};
use crate::time::Mono;

/// Frames that are looked at in one turn of each socket: half a millisecond's worth.
const FRAMES_MAX: usize = 256;

/// An interface failed.
#[derive(Debug)]
pub struct Down {
    /// Which one.
    pub name: InterfaceName,
    /// How.
    pub error: io::Error,
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interface '{}': {}", self.name, self.error)
    }
}

/// Why it is not listened where it should be.
#[derive(Debug)]
pub enum FollowError {
    /// The kernel does not tell its interfaces.
    Read(ReadError),
    /// An interface is none to listen on.
    Down(Down),
}

impl fmt::Display for FollowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "cannot read the interfaces: {error}"),
            Self::Down(down) => down.fmt(f),
        }
    }
}

/// What is known elsewhere of those that were heard.
#[derive(Debug)]
pub struct Sources {
    /// Names from files.
    pub names: Names,
    /// Who made what.
    pub vendors: Vendors,
    /// Names from name servers.
    pub reverse: ReverseNames,
    /// Where the files are.
    pub root: Root,
}

/// What stays from turn to turn; nothing in it grows.
#[derive(Debug)]
pub struct Lan {
    /// Who was heard.
    pub listener: Listener,
    /// The sweep that is under way, or rests.
    pub scan: Option<ArpScan>,
    /// What else is known.
    pub sources: Sources,
    /// Something is known that was not when this was set to false.
    pub changed: bool,
    /// Frames that found a socket full.
    pub lost_count: u64,
    /// Requests that did not go out.
    pub unsent_count: u64,
    tables: Tables,
    ears: Vec<Ear>,
    crowd: Crowd,
    buffer: Box<[u8]>,
    /// Claims before this one have been looked at for a name.
    named_up_to: usize,
}

impl Lan {
    /// Will learn into `devices`, once there are segments.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn new(devices: Devices, ears: Ears, sources: Sources, tables: Tables) -> io::Result<Self> {
        let crowd = Crowd::new()?;
        for peer in sources.reverse.peers() {
            crowd.add(peer)?;
        }
        Ok(Self {
            listener: Listener::new(devices, ears, &[]),
            scan: None,
            sources,
            changed: false,
            lost_count: 0,
            unsent_count: 0,
            tables,
            ears: Vec::new(),
            crowd,
            buffer: vec![0; SNAP_BYTES].into_boxed_slice(),
            named_up_to: 0,
        })
    }

    /// Asks others for names from now on.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn set_sources(&mut self, sources: Sources) -> io::Result<()> {
        for peer in sources.reverse.peers() {
            self.crowd.add(peer)?;
        }
        self.sources = sources;
        self.named_up_to = 0;
        Ok(())
    }

    /// Listens on these segments from now on, and no longer on others.
    ///
    /// # Errors
    /// When a socket cannot be opened: `PermissionDenied` without CAP_NET_RAW. It goes on with the
    /// others.
    pub fn set_segments(&mut self, segments: &[Segment]) -> Result<(), Down> {
        let stays = |ear: &Ear| segments.iter().any(|s| s.index == ear.segment.index);
        self.ears.retain(stays);
        let mut result = Ok(());
        for segment in segments {
            let known = |ear: &Ear| ear.segment.index == segment.index;
            let at = self.ears.iter().position(known).unwrap_or_else(|| {
                self.ears.push(Ear::new(segment.clone()));
                self.ears.len() - 1
            });
            let ear = &mut self.ears[at];
            ear.segment.clone_from(segment);
            if let Err(error) = ear.open(self.listener.ears(), &self.crowd) {
                let name = segment.name.clone();
                result = Err(Down { name, error });
            }
        }
        self.listener.set_segments(segments);
        result
    }

    /// Listens to something else once the segments are set again.
    pub fn set_ears(&mut self, ears: Ears) {
        if ears != self.listener.ears() {
            self.listener.set_ears(ears);
            self.ears.clear();
        }
    }

    /// The interfaces as they are now.
    ///
    /// # Errors
    /// When the kernel does not tell them.
    pub fn network(&mut self) -> Result<Network, ReadError> {
        self.tables.network()
    }

    /// Listens where the interfaces of these names are now, as far as they are up and have
    /// neighbours.
    ///
    /// # Errors
    /// When the kernel does not tell its interfaces, or a socket cannot be opened.
    pub fn follow(&mut self, names: &[InterfaceName]) -> Result<(), FollowError> {
        let network = self.tables.network().map_err(FollowError::Read)?;
        let links = names.iter().filter_map(|name| network.by_name(name));
        let up = links.filter(|link| link.up);
        let segments: Vec<Segment> = up.filter_map(|link| Segment::of(link, &network)).collect();
        self.set_segments(&segments).map_err(FollowError::Down)
    }

    /// The segments there are, whether they can be listened on or not.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.ears.iter().map(|ear| &ear.segment)
    }

    /// When there is something to be done, even if nothing comes.
    pub fn next_due(&self, now: Mono) -> Option<Mono> {
        self.sources.reverse.reverse.next_due(now)
    }

    /// Takes what has come, and asks name servers. Does not allocate.
    ///
    /// # Errors
    /// When an interface went down; said once, until a frame came from there.
    pub fn turn(&mut self) -> Result<(), Down> {
        let mut result = Ok(());
        for i in 0..self.ears.len() {
            self.take_requests(i);
            if let Err(down) = self.take_frames(i) {
                result = Err(down);
            }
        }
        self.want_names(clock::mono(), self.named_up_to);
        self.named_up_to = self.listener.devices.claims().len();
        self.changed |= self.sources.reverse.turn(clock::mono());
        result
    }

    fn take_frames(&mut self, i: usize) -> Result<(), Down> {
        let (now, wall) = (clock::mono(), clock::wall());
        for _ in 0..FRAMES_MAX {
            let Some(socket) = &self.ears[i].socket else {
                return Ok(());
            };
            let received = match socket.receive(&mut self.buffer) {
                Ok(Some(received)) => received,
                Ok(None) => break,
                Err(error) => return self.went_down(i, error),
            };
            // The kernel's stamp is of the wall clock; how long ago it was holds on both.
            let ago = received.at.map_or(Duration::ZERO, |at| wall.since(at));
            let at = now.before(ago);
            let frame = &self.buffer[..received.len];
            let learnt = self.listener.on_frame(frame, self.scan.as_mut(), at);
            self.changed |= learnt == Learnt::New;
            self.ears[i].down = false;
        }
        let socket = self.ears[i].socket.as_ref();
        self.lost_count += u64::from(socket.map_or(0, PacketSocket::lost));
        Ok(())
    }

    fn take_requests(&mut self, i: usize) {
        let now = clock::mono();
        for _ in 0..FRAMES_MAX {
            let Some(len) = self.ears[i].request(&mut self.buffer) else {
                return;
            };
            let learnt = self.listener.on_packet(&self.buffer[..len], None, now);
            self.changed |= learnt == Learnt::New;
        }
    }

    /// Asks for the names of claims from number `first` on that no file knows.
    fn want_names(&mut self, now: Mono, first: usize) {
        if self.sources.reverse.peers().is_empty() {
            return;
        }
        let devices = &self.listener.devices;
        for claim in devices.claims().get(first..).unwrap_or_default() {
            let device = devices.device(claim.device);
            let address = IpAddr::V4(claim.address);
            let known = self.sources.names.known.best(device.mac, [address]);
            if known.is_none() && devices.announced(device).is_none() {
                self.sources.reverse.reverse.want(address, now);
            }
        }
    }

    /// Sends a request for `target` where it is a neighbour.
    ///
    /// # Errors
    /// When the interface is down; said once, until a frame came from there.
    pub fn ask(&mut self, target: Ipv4Addr) -> Result<(), Down> {
        let best = |ear: &Ear| nearest(&ear.segment.prefixes, target).map(|p| p.length());
        let ears = (0..self.ears.len()).filter(|&i| best(&self.ears[i]).is_some());
        let Some(i) = ears.max_by_key(|&i| best(&self.ears[i])) else {
            self.unsent_count += 1;
            return Ok(());
        };
        let ear = &self.ears[i];
        let Some(socket) = &ear.socket else {
            self.unsent_count += 1;
            return Ok(());
        };
        let source = ear.segment.source(target).unwrap_or(Ipv4Addr::UNSPECIFIED);
        let request = arp::request(ear.segment.mac, source, target);
        match socket.send(&request) {
            Ok(()) => Ok(()),
            // The queue of the interface is full: as good as lost on the wire.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.unsent_count += 1;
                Ok(())
            }
            Err(error) => self.went_down(i, error),
        }
    }

    fn went_down(&mut self, i: usize, error: io::Error) -> Result<(), Down> {
        let ear = &mut self.ears[i];
        if core::mem::replace(&mut ear.down, true) {
            return Ok(());
        }
        let name = ear.segment.name.clone();
        Err(Down { name, error })
    }

    /// What is to be done now and then: neighbours of the kernel, vendors; with `reread` also files
    /// and names that expired. Of who is `alive`, old addresses are believed as well.
    ///
    /// # Errors
    /// When the list of vendors cannot be read.
    pub fn look_around(&mut self, reread: bool, alive: &dyn Fn(Mac) -> bool) -> io::Result<()> {
        let now = clock::mono();
        if reread && let Err(error) = self.sources.names.read(&self.sources.root) {
            log::warn!("file of names: {error}; going on without it, see --names");
        }
        for i in 0..self.ears.len() {
            if let Err(error) = self.join_neighbours(i, now, alive) {
                log::info!("no neighbours of the kernel: {error}");
            }
        }
        let devices = self.listener.devices.devices().iter();
        let Sources { vendors, root, .. } = &mut self.sources;
        vendors.look_up(root, devices.map(|device| device.mac))?;
        if reread {
            self.want_names(now, 0);
        }
        Ok(())
    }

    fn join_neighbours(
        &mut self,
        i: usize,
        now: Mono,
        alive: &dyn Fn(Mac) -> bool,
    ) -> Result<(), ReadError> {
        let Segment {
            index, mac: own, ..
        } = self.ears[i].segment;
        // Who only hears answers learns addresses of IPv4 from these alone.
        let ipv4 = self.listener.ears() != Ears::Answers;
        let devices = &mut self.listener.devices;
        let mut changed = false;
        let mut join = |mac: Mac, address: IpAddr, verified: bool| {
            let learnt = match (address, verified || alive(mac)) {
                _ if mac == own => Learnt::Known,
                (IpAddr::V6(address), true) => devices.learn_ipv6(mac, address, now),
                (IpAddr::V6(address), false) => devices.join_ipv6(mac, address),
                (IpAddr::V4(_), _) if !ipv4 => Learnt::Known,
                (IpAddr::V4(address), true) => devices.learn(Evidence::of(mac, address), 0, now),
                (IpAddr::V4(address), false) => devices.join(mac, address),
            };
            changed |= learnt == Learnt::New;
        };
        let result = self.tables.neighbours(index, &mut join);
        self.changed |= changed;
        result
    }

    /// Forgets who was silent for longer than `silence` and is not `moving` anything.
    pub fn forget(&mut self, silence: Duration, moving: &dyn Fn(Mac) -> bool) {
        self.listener.forget(silence, clock::mono(), moving);
        self.named_up_to = self.named_up_to.min(self.listener.devices.claims().len());
    }

    /// What a device is called at `address`: by the files, by itself, by the name server.
    pub fn name(&self, device: &Device, address: Option<Ipv4Addr>) -> Option<(&str, NameSource)> {
        let ipv6 = device.ipv6.iter().copied().map(IpAddr::V6);
        let addresses = address.map(IpAddr::V4).into_iter().chain(ipv6);
        let announced = || {
            let name = self.listener.devices.announced(device)?;
            Some((name, NameSource::Announced))
        };
        let ptr = || {
            let name = self.sources.reverse.reverse.name(address?.into())?;
            Some((name, NameSource::Ptr))
        };
        let known = self.sources.names.known.best(device.mac, addresses);
        known.or_else(announced).or_else(ptr)
    }
}

impl AsFd for Lan {
    /// Readable when [`Lan::turn`] has something to do.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.crowd.as_fd()
    }
}
