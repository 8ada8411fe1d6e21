// SPDX-License-Identifier: MIT OR Apache-2.0
//! The counting rule once more, in plain Rust.

use super::{Counted, Frame, OUTGOING};
use crate::model::addr::Mac;
use crate::model::usage::{Flow, Lane};

const LOOPBACK: u32 = 5;

pub struct Reference {
    pub own: Vec<Mac>,
    pub room: usize,
    pub counted: Counted,
}

impl Reference {
    pub fn count(&mut self, frame: &Frame) {
        if frame.kind == LOOPBACK {
            return;
        }
        let Some((head, _)) = frame.bytes.split_first_chunk::<14>() else {
            self.counted.totals.frames += 1;
            return;
        };
        let mac = |start: usize| Mac(head[start..start + 6].try_into().unwrap());
        let (destination, source) = (mac(0), mac(6));
        let (bytes, frames) = wire_size(frame);
        let totals = &mut self.counted.totals;
        totals.frames += frames;
        let from_own = self.own.contains(&source);
        let to_own = self.own.contains(&destination);
        let sent = frame.kind == OUTGOING;
        let to_group = destination.is_group();
        if !source.is_device() || (sent && to_own) || (!sent && from_own) {
            return;
        }
        if sent && to_group && !from_own {
            return;
        }
        if to_group {
            totals.group_bytes += bytes;
            totals.group_frames += frames;
        }
        if sent && from_own {
            totals.self_tx_bytes += bytes;
            totals.self_tx_frames += frames;
        }
        if to_own {
            totals.self_rx_bytes += bytes;
            totals.self_rx_frames += frames;
        }
        let (mut flow, device) = (Flow::default(), if sent { destination } else { source });
        if sent && to_group {
            return;
        }
        if sent {
            (flow.rx_bytes, flow.rx_frames) = (bytes, frames);
            flow.routed_rx_bytes = if from_own { bytes } else { 0 };
        } else {
            (flow.tx_bytes, flow.tx_frames) = (bytes, frames);
            flow.routed_tx_bytes = if to_own { bytes } else { 0 };
        }
        self.add(device, frame.interface as u16, flow);
    }

    fn add(&mut self, mac: Mac, interface: u16, flow: Flow) {
        let lane = Lane { mac, interface };
        let Counted { lanes, totals } = &mut self.counted;
        if lanes.len() < self.room || lanes.contains_key(&lane) {
            lanes.entry(lane).or_default().add(flow);
        } else {
            totals.other_rx_bytes += flow.rx_bytes;
            totals.other_tx_bytes += flow.tx_bytes;
            totals.other_frames += flow.rx_frames + flow.tx_frames;
        }
    }
}

/// Bytes and frames on the wire.
fn wire_size(frame: &Frame) -> (u64, u64) {
    let tag = if frame.vlan_taken { 4 } else { 0 };
    let bytes = u64::from(frame.len) + tag;
    if frame.gso_size == 0 {
        return (bytes, 1);
    }
    let header = header(&frame.bytes).0;
    let segments = match frame.gso_segments {
        0 => {
            let payload = u64::from(frame.len).saturating_sub(header);
            payload.div_ceil(u64::from(frame.gso_size)).max(1)
        }
        segments => u64::from(segments),
    };
    (bytes + (segments - 1) * (header + tag), segments)
}

/// Bytes of the headers as far as they can be read, twice for the sake of `?`.
fn header(frame: &[u8]) -> (u64, Option<()>) {
    let mut len = 14;
    let all = more(frame, &mut len);
    (len as u64, all)
}

fn more(frame: &[u8], len: &mut usize) -> Option<()> {
    let half = |at: usize| Some(u16::from_be_bytes(*frame.get(at..)?.first_chunk()?));
    let mut ethertype = half(12)?;
    for _ in 0..2 {
        if [0x8100, 0x88a8, 0x9100].contains(&ethertype) {
            ethertype = half(*len + 2)?;
            *len += 4;
        }
    }
    let network = frame.get(*len..)?;
    let protocol = match ethertype {
        0x0800 => {
            let fixed = network.first_chunk::<10>()?;
            *len += usize::from(fixed[0] & 15) * 4;
            fixed[9]
        }
        0x86dd => {
            let fixed = network.first_chunk::<7>()?;
            *len += 40;
            fixed[6]
        }
        _ => return None,
    };
    match protocol {
        6 => *len += usize::from(frame.get(*len + 12)? >> 4) * 4,
        17 => *len += 8,
        _ => return None,
    }
    Some(())
}
