// SPDX-License-Identifier: MIT OR Apache-2.0
//! A frame as the wire saw it, and for whom it counts.
//!
//! The kernel may hold many segments as one frame (GSO, GRO) and a VLAN tag beside it; on the wire
//! each segment has its own headers and its own tag. The FCS is not counted.

use core::num::NonZeroU16;

use crate::codec::frame::{HEADER_BYTES, IPV4, IPV6, is_tag};
use crate::model::addr::Mac;

const TCP: u8 = 6;
const UDP: u8 = 17;
const TAG_BYTES: usize = 4;
/// Tags in the frame that are looked behind for the headers of segments.
const TAGS_MAX: usize = 2;

/// A frame of the kernel, counted in frames of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Who sent it.
    pub source: Mac,
    /// Whom it is for.
    pub destination: Mac,
    /// Bytes on the wire, of all its segments.
    pub bytes: u64,
    /// Frames on the wire: its segments, 1 at least.
    pub frames: u32,
}

/// Which way, as seen from a device or from this router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Sent by it.
    Tx,
    /// Received by it.
    Rx,
}

/// For whom a frame counts. All of them count as seen, those too for whom nobody is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// The device at the other side of the interface, and its direction.
    pub device: Option<(Mac, Direction)>,
    /// The other side of the device's traffic is this router.
    pub routed: bool,
    /// It counts for this router itself, and its direction.
    pub own: Option<Direction>,
    /// It is for a group.
    pub group: bool,
}

/// Measures a frame of which `headers` is the start and `len` the length; `None` when it is too
/// short to have addresses.
pub fn read(
    headers: &[u8],
    len: u32,
    vlan_taken: bool,
    gso_size: Option<NonZeroU16>,
) -> Option<Wire> {
    let head = headers.first_chunk::<HEADER_BYTES>()?;
    let (destination, rest) = head.split_first_chunk()?;
    let source = rest.first_chunk()?;
    let (mut segments, mut repeated) = (1, 0);
    if let Some(size) = gso_size {
        repeated = segment_header_bytes(headers) as u32;
        let payload = len.saturating_sub(repeated);
        segments = payload.div_ceil(u32::from(size.get())).max(1);
    }
    let tag = if vlan_taken { TAG_BYTES as u32 } else { 0 };
    let more = u64::from(segments - 1) * u64::from(repeated);
    Some(Wire {
        source: Mac(*source),
        destination: Mac(*destination),
        bytes: u64::from(len) + u64::from(segments) * u64::from(tag) + more,
        frames: segments,
    })
}

/// Bytes of the headers that each segment has: Ethernet, tags, IP, TCP or UDP.
fn segment_header_bytes(headers: &[u8]) -> usize {
    let mut known = HEADER_BYTES;
    let _ = add_headers(headers, &mut known);
    known
}

/// Adds header by header to `known`; `None` at the first that is cut off or unknown.
fn add_headers(headers: &[u8], known: &mut usize) -> Option<()> {
    let byte = |at: usize| headers.get(at).copied();
    let pair = |at: usize| Some(u16::from_be_bytes([byte(at)?, byte(at + 1)?]));
    let mut kind = pair(*known - 2)?;
    for _ in 0..TAGS_MAX {
        if is_tag(kind) {
            kind = pair(*known + 2)?;
            *known += TAG_BYTES;
        }
    }
    let protocol = match kind {
        IPV4 => {
            let (words, protocol) = (byte(*known)? & 0xf, byte(*known + 9)?);
            *known += 4 * usize::from(words);
            protocol
        }
        IPV6 => {
            let protocol = byte(*known + 6)?;
            *known += 40;
            protocol
        }
        _ => return None,
    };
    *known += match protocol {
        TCP => 4 * usize::from(byte(*known + 12)? >> 4),
        UDP => 8,
        _ => return None,
    };
    Some(())
}

/// For whom a frame counts that was received, or sent when it is `outgoing`, by a router whose
/// addresses are `own`: the source of what comes in, the destination of what goes out, and the
/// router where it is the other of the two.
pub fn classify(wire: &Wire, outgoing: bool, own: &[Mac]) -> Counted {
    let nobody = Counted::default();
    let (source, destination) = (wire.source, wire.destination);
    if !source.is_device() {
        return nobody;
    }
    let (sent_by_us, group) = (own.contains(&source), destination.is_group());
    match (outgoing, sent_by_us) {
        // Our own frames do not come from outside: a loop, or a second port in the same network.
        (false, true) => nobody,
        (false, false) => {
            let routed = !group && own.contains(&destination);
            Counted {
                device: Some((source, Direction::Tx)),
                routed,
                own: routed.then_some(Direction::Rx),
                group,
            }
        }
        (true, true) if group => Counted {
            own: Some(Direction::Tx),
            group,
            ..nobody
        },
        // A copy, by a bridge, of what was counted where it came in.
        (true, false) if group => nobody,
        (true, _) if own.contains(&destination) => nobody,
        (true, _) => Counted {
            device: Some((destination, Direction::Rx)),
            routed: sent_by_us,
            own: sent_by_us.then_some(Direction::Tx),
            group,
        },
    }
}

#[cfg(test)]
mod tests;
