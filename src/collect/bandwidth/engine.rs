// SPDX-License-Identifier: MIT OR Apache-2.0
//! What counts frames: the program in the kernel with its taps, or the ring of captured frames.

use std::io;

use super::lanes::Lanes;
use super::show::Shown;
use crate::codec::wire::{self, Counted, Direction, Wire};
use crate::collect::taps::Target;
use crate::limits::TAPS_MAX;
use crate::model::traffic::{Heard, Traffic, Witness};
use crate::model::usage::{Flow, Lane, Totals};
use crate::sys::bpf::{Counting, LoadError, Tap};
use crate::sys::ring::{Captured, Kind, Ring};
use crate::time::Mono;

/// The program in the kernel.
#[derive(Debug)]
pub struct Kernel {
    pub counting: Counting,
    pub lanes: Lanes,
    taps: Vec<Tap>,
}

impl Kernel {
    /// Loads the program; nothing is tapped yet.
    pub fn load(seed: u64) -> Result<Self, LoadError> {
        Ok(Self {
            counting: Counting::load()?,
            lanes: Lanes::new(seed),
            taps: Vec::with_capacity(TAPS_MAX),
        })
    }

    /// Drops the taps of interfaces that do not stay.
    pub fn keep(&mut self, stays: impl Fn(u32) -> bool) {
        self.taps.retain(|tap| stays(tap.interface()));
    }

    /// Taps an interface unless it is.
    pub fn tap(&mut self, interface: u32) -> io::Result<()> {
        if self.is_tapped(interface) {
            return Ok(());
        }
        let tap = self.counting.tap(interface)?;
        self.taps.push(tap);
        Ok(())
    }

    /// Whether an interface is tapped.
    pub fn is_tapped(&self, interface: u32) -> bool {
        self.taps.iter().any(|tap| tap.interface() == interface)
    }

    /// Tells what was counted since the last reading.
    pub fn read(&mut self, traffic: &mut Traffic, tapped: &[Target], now: Mono) -> io::Result<()> {
        let is_wan = |interface| find(tapped, interface).map(|tap| tap.wan);
        self.lanes.read(&mut self.counting, traffic, is_wan, now)
    }
}

/// The one of these interfaces whose index ends in `low_bits`.
pub fn find(tapped: &[Target], low_bits: u16) -> Option<&Target> {
    tapped.iter().find(|tap| tap.index as u16 == low_bits)
}

/// Counts the frames that came into the ring. Does not allocate.
pub fn take(
    ring: &mut Ring,
    traffic: &mut Traffic,
    tapped: &[Target],
    shown: &mut Shown,
    now: Mono,
) {
    let mut totals = Totals::default();
    ring.take(|frame| {
        if let Some(wire) = count(&frame, &mut totals, traffic, tapped, now) {
            shown.frame(frame.headers, &wire, now);
        }
    });
    traffic.add_totals(&totals);
}

/// Counts a frame; what it is on the wire, `None` when it is none.
fn count(
    frame: &Captured<'_>,
    totals: &mut Totals,
    traffic: &mut Traffic,
    tapped: &[Target],
    now: Mono,
) -> Option<Wire> {
    if frame.kind == Kind::Loopback {
        return None;
    }
    let size = frame.gso.map(|gso| gso.size);
    let Some(wire) = wire::read(frame.headers, frame.len, frame.vlan_taken, size) else {
        totals.frames += 1;
        return None;
    };
    let counted = wire::classify(&wire, frame.kind == Kind::Outgoing, traffic.own());
    note(&counted, &wire, totals);
    let Some((mac, direction)) = counted.device else {
        return Some(wire);
    };
    // Of where nothing is captured any more the last block may still hold frames.
    let tap = tapped.iter().find(|tap| tap.index == frame.interface);
    let heard = Heard {
        lane: Lane {
            mac,
            interface: tap.map_or(0, |tap| tap.index as u16),
        },
        flow: flow(&wire, direction, counted.routed),
        wan: tap.is_some_and(|tap| tap.wan),
        witness: Witness::Ring,
    };
    traffic.add(&heard, now);
    Some(wire)
}

/// Adds a frame to what is counted beside the devices.
fn note(counted: &Counted, wire: &Wire, totals: &mut Totals) {
    let (bytes, frames) = (wire.bytes, u64::from(wire.frames));
    totals.frames += frames;
    if counted.group {
        totals.group_bytes += bytes;
        totals.group_frames += frames;
    }
    match counted.own {
        Some(Direction::Rx) => {
            totals.self_rx_bytes += bytes;
            totals.self_rx_frames += frames;
        }
        Some(Direction::Tx) => {
            totals.self_tx_bytes += bytes;
            totals.self_tx_frames += frames;
        }
        None => {}
    }
}

/// A frame as a device sees it.
fn flow(wire: &Wire, direction: Direction, routed: bool) -> Flow {
    let (bytes, frames) = (wire.bytes, u64::from(wire.frames));
    let routed = if routed { bytes } else { 0 };
    match direction {
        Direction::Tx => Flow {
            tx_bytes: bytes,
            tx_frames: frames,
            routed_tx_bytes: routed,
            ..Flow::default()
        },
        Direction::Rx => Flow {
            rx_bytes: bytes,
            rx_frames: frames,
            routed_rx_bytes: routed,
            ..Flow::default()
        },
    }
}
