// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ethernet frames: Ethernet II, IEEE 802.3 with LLC and SNAP (RFC 1042), VLAN tags.
//!
//! The frame begins at its destination and ends before its FCS. A tag that the kernel took off
//! (PACKET_AUXDATA, packet(7)) is not here.

use crate::model::addr::Mac;

/// Bytes of a header without tags, and so of the shortest frame that is read.
pub const HEADER_BYTES: usize = 14;
/// Tags that are looked behind: QinQ has two.
pub const TAGS_MAX: usize = 4;

/// Ethertype of IPv4 (RFC 894).
pub const IPV4: u16 = 0x0800;
/// Ethertype of ARP (RFC 826).
pub const ARP: u16 = 0x0806;
/// Ethertype of IPv6 (RFC 2464).
pub const IPV6: u16 = 0x86dd;

/// Ethertypes of tags: IEEE 802.1Q, 802.1ad, and QinQ before there was 802.1ad.
const TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// A type field up to here is the length of what follows (IEEE 802.3).
const LENGTH_MAX: u16 = 1_500;
/// LLC unnumbered information to SNAP, organisation zero: an ethertype follows (RFC 1042).
const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Whom it is for.
    pub destination: Mac,
    /// Who sent it.
    pub source: Mac,
    /// VLAN tags, the outermost first.
    pub tags: Tags,
    /// What the payload is; `None` for LLC without SNAP, such as spanning tree.
    pub ethertype: Option<u16>,
    /// What is behind all headers, padding and trailers of Ethernet II included.
    pub payload: &'a [u8],
}

/// The VLAN tags of a frame, without their ethertypes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    controls: [u16; TAGS_MAX],
    count: u8,
}

impl Tags {
    /// VLAN identifiers, the outermost first; 0 is a tag with a priority only.
    pub fn ids(&self) -> impl Iterator<Item = u16> {
        let controls = self.controls.iter().take(usize::from(self.count));
        controls.map(|control| control & 0xfff)
    }

    /// How many tags there are.
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }
}

/// Why it is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It ends inside its headers, or before the length that it names.
    Short,
    /// More than [`TAGS_MAX`] tags.
    Tags,
}

/// Reads the headers of a frame.
///
/// # Errors
///
/// It is cut, or it has too many tags.
pub fn parse(frame: &[u8]) -> Result<Frame<'_>, Malformed> {
    let (destination, rest) = frame.split_first_chunk().ok_or(Malformed::Short)?;
    let (source, mut rest) = rest.split_first_chunk().ok_or(Malformed::Short)?;
    let mut tags = Tags::default();
    let mut kind = take_u16(&mut rest)?;
    while TAGS.contains(&kind) {
        let control = tags.controls.get_mut(usize::from(tags.count));
        *control.ok_or(Malformed::Tags)? = take_u16(&mut rest)?;
        tags.count += 1;
        kind = take_u16(&mut rest)?;
    }
    let (ethertype, payload) = if kind > LENGTH_MAX {
        (Some(kind), rest)
    } else {
        let llc = rest.get(..usize::from(kind)).ok_or(Malformed::Short)?;
        match llc.strip_prefix(&SNAP) {
            Some(mut rest) => (Some(take_u16(&mut rest)?), rest),
            None => (None, llc),
        }
    };
    Ok(Frame {
        destination: Mac(*destination),
        source: Mac(*source),
        tags,
        ethertype,
        payload,
    })
}

fn take_u16(rest: &mut &[u8]) -> Result<u16, Malformed> {
    let (octets, behind) = rest.split_first_chunk().ok_or(Malformed::Short)?;
    *rest = behind;
    Ok(u16::from_be_bytes(*octets))
}
