// SPDX-License-Identifier: MIT OR Apache-2.0
//! The devices of a LAN, from the frames on one interface: answers to a sweep, and what passes by.
//!
//! Frames are looked at one by one, whoever sent them; what is wrong with them is counted.

use core::net::Ipv4Addr;
use core::time::Duration;

use crate::codec::arp::{self, Operation, Packet};
use crate::codec::dhcp::{self, Kind};
use crate::codec::frame::{self, Frame};
use crate::codec::ndp;
use crate::collect::segment::Segment;
use crate::engine::arp_scan::{ArpScan, Heard};
use crate::limits::DEVICES_BEYOND_MAX;
use crate::model::addr::{Mac, Prefix};
use crate::model::device::{Devices, Evidence, Learnt};
use crate::time::Mono;

/// Devices that may claim one address of a sweep and find room in any case: the right one, and one
/// more. A flood of answers cannot take that from them.
pub const ANSWERS_WITH_ROOM: u8 = 2;

/// What is learnt from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ears {
    /// Answers to our own requests only.
    Answers,
    /// Whatever passes by, too.
    All,
    /// What can be heard at no cost to what passes by: ARP, and requests to a DHCP server here.
    Light,
    /// Nothing.
    Off,
}

/// Frames that did not lead to a device, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Not readable: cut, of wrong lengths, of an unknown kind.
    pub malformed: u64,
    /// Answers for addresses that were not asked for.
    pub not_asked: u64,
    /// Announcements without being asked (RFC 5227 section 3).
    pub gratuitous: u64,
    /// A MAC address that no device can have, or an address that no device of this LAN can have.
    pub impossible: u64,
}

/// Learns devices from frames.
#[derive(Debug)]
pub struct Listener {
    /// What was learnt.
    pub devices: Devices,
    /// What was not.
    pub ignored: Ignored,
    /// Frames that were looked at.
    pub frames_count: u64,
    ears: Ears,
    own_macs: Vec<Mac>,
    prefixes: Vec<Prefix>,
    /// Rows left for those who have none of their own.
    crowd_room: usize,
}

impl Listener {
    /// Learns into `devices` what concerns the LAN behind these interfaces, but not ourselves.
    pub fn new(devices: Devices, ears: Ears, segments: &[Segment]) -> Self {
        let mut listener = Self {
            devices,
            ignored: Ignored::default(),
            frames_count: 0,
            ears,
            own_macs: Vec::new(),
            prefixes: Vec::new(),
            crowd_room: DEVICES_BEYOND_MAX,
        };
        listener.set_segments(segments);
        listener
    }

    /// The LAN is behind these interfaces from now on.
    pub fn set_segments(&mut self, segments: &[Segment]) {
        self.own_macs = segments.iter().map(|segment| segment.mac).collect();
        let prefixes = segments.iter().flat_map(|segment| &segment.prefixes);
        self.prefixes = prefixes.copied().collect();
    }

    /// Learns from something else from now on.
    pub fn set_ears(&mut self, ears: Ears) {
        self.ears = ears;
    }

    /// What is learnt from.
    pub fn ears(&self) -> Ears {
        self.ears
    }

    /// Forgets who was silent for longer than `silence` and is not `moving` anything; there is room
    /// for others then.
    pub fn forget(&mut self, silence: Duration, now: Mono, moving: &dyn Fn(Mac) -> bool) {
        self.devices.forget(silence, now, moving);
        self.crowd_room = DEVICES_BEYOND_MAX;
    }

    /// Looks at a frame that came at `at`. Does not allocate.
    pub fn on_frame(&mut self, frame: &[u8], scan: Option<&mut ArpScan>, at: Mono) -> Learnt {
        self.frames_count += 1;
        let Ok(frame) = frame::parse(frame) else {
            return self.malformed();
        };
        match frame.ethertype {
            Some(frame::ARP) => match arp::parse(frame.payload) {
                Ok(packet) => self.on_arp(&frame, &packet, scan, at),
                Err(_) => self.malformed(),
            },
            Some(frame::IPV6) if self.ears == Ears::All => match ndp::learnable(frame.payload) {
                Ok(Some((_, mac))) if self.is_own(mac) => Learnt::Known,
                Ok(Some((address, mac))) => self.devices.learn_ipv6(mac, address, at),
                Ok(None) => Learnt::Known,
                Err(_) => self.malformed(),
            },
            Some(frame::IPV4) if self.ears == Ears::All => {
                self.on_packet(frame.payload, Some(frame.source), at)
            }
            _ => Learnt::Known,
        }
    }

    /// Looks at a packet of IPv4 that came at `at`, and from `source` if that is known; otherwise
    /// it was sent to a server here. Does not allocate.
    pub fn on_packet(&mut self, packet: &[u8], source: Option<Mac>, at: Mono) -> Learnt {
        match dhcp::parse_packet(packet) {
            Ok(Some(message)) => self.on_dhcp(source, &message, at),
            Ok(None) => Learnt::Known,
            Err(_) => self.malformed(),
        }
    }

    fn on_arp(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet,
        scan: Option<&mut ArpScan>,
        at: Mono,
    ) -> Learnt {
        if packet.is_probe() {
            return Learnt::Known;
        }
        let Some((address, mac)) = packet.learnable() else {
            return self.impossible();
        };
        if self.is_own(mac) {
            return Learnt::Known;
        }
        let mut evidence = Evidence {
            mac,
            address,
            frame_source: frame.source,
            rtt: None,
        };
        let mut crowded = false;
        if let Some(scan) = scan {
            let heard = match packet.operation {
                Operation::Reply => scan.on_reply(address, at),
                Operation::Request => Heard::NotAsked,
            };
            match heard {
                Heard::First(rtt) => {
                    evidence.rtt = Some(rtt);
                    return self.devices.learn(evidence, 0, at);
                }
                Heard::Again(rtt, answers) => {
                    evidence.rtt = Some(rtt);
                    return self.learn(evidence, answers > ANSWERS_WITH_ROOM, at);
                }
                Heard::NotAsked => crowded = true,
            }
        }
        if packet.is_gratuitous() {
            self.ignored.gratuitous += 1;
        } else if packet.operation == Operation::Reply && self.ears == Ears::Answers {
            self.ignored.not_asked += 1;
        }
        if self.ears == Ears::Answers {
            return Learnt::Known;
        }
        if !self.is_local(address) {
            return self.impossible();
        }
        self.learn(evidence, crowded, at)
    }

    /// Learns; what is `crowded` only while there is room for such.
    fn learn(&mut self, evidence: Evidence, crowded: bool, at: Mono) -> Learnt {
        if !crowded {
            return self.devices.learn(evidence, 0, at);
        }
        let reserve = if self.crowd_room == 0 {
            self.devices.capacity()
        } else {
            0
        };
        let learnt = self.devices.learn(evidence, reserve, at);
        self.crowd_room -= usize::from(learnt == Learnt::New && self.crowd_room > 0);
        learnt
    }

    fn on_dhcp(&mut self, source: Option<Mac>, message: &dhcp::Message, at: Mono) -> Learnt {
        let client = message.client.filter(|mac| mac.is_device());
        let Some(mac) = client.filter(|&mac| !self.is_own(mac)) else {
            return Learnt::Known;
        };
        // The name that a client says itself; a server may give another back.
        let from_client = source.is_none_or(|source| source == mac);
        let name = message.host_name.as_ref().or(message.full_name.as_ref());
        let mut learnt = Learnt::Known;
        if let Some(name) = name.filter(|name| from_client && !name.is_empty()) {
            learnt = self.devices.learn_name(mac, name, at);
        }
        let address = match message.kind {
            Some(Kind::Ack) => message.your_address,
            _ if from_client => message.client_address,
            _ => Ipv4Addr::UNSPECIFIED,
        };
        if self.is_local(address) {
            let evidence = Evidence {
                mac,
                address,
                frame_source: mac,
                rtt: None,
            };
            if self.devices.learn(evidence, 0, at) == Learnt::New {
                learnt = Learnt::New;
            }
        }
        learnt
    }

    /// Whether a device of this LAN can have the address: in one of its prefixes where there are
    /// any, and not a group's.
    fn is_local(&self, address: Ipv4Addr) -> bool {
        let is_host = |prefix: &Prefix| {
            let edge = prefix.length() < 31
                && (address == prefix.network() || address == prefix.broadcast());
            prefix.contains(address) && !edge
        };
        if address.is_unspecified() || address.is_multicast() || address.is_broadcast() {
            return false;
        }
        self.prefixes.is_empty() || self.prefixes.iter().any(is_host)
    }

    fn is_own(&self, mac: Mac) -> bool {
        self.own_macs.contains(&mac)
    }

    fn malformed(&mut self) -> Learnt {
        self.ignored.malformed += 1;
        Learnt::Known
    }

    fn impossible(&mut self) -> Learnt {
        self.ignored.impossible += 1;
        Learnt::Known
    }
}
