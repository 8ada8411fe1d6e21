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
    while is_tag(kind) {
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

/// Whether an ethertype is that of a VLAN tag, behind which is another ethertype.
pub(crate) fn is_tag(ethertype: u16) -> bool {
    TAGS.contains(&ethertype)
}

fn take_u16(rest: &mut &[u8]) -> Result<u16, Malformed> {
    let (octets, behind) = rest.split_first_chunk().ok_or(Malformed::Short)?;
    *rest = behind;
    Ok(u16::from_be_bytes(*octets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOURCE: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const ADDRESSES: [u8; 12] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1];

    type Seen<'a> = (Option<u16>, &'a [u16], &'a [u8]);

    /// Ethertype, VLANs and payload of what follows the addresses.
    #[track_caller]
    fn check(rest: &[u8], expected: Result<Seen, Malformed>) {
        let bytes = [&ADDRESSES, rest].concat();
        let frame = parse(&bytes);
        if let Ok(frame) = frame {
            assert_eq!((frame.destination, frame.source), (Mac::BROADCAST, SOURCE));
        }
        let ids: Vec<u16> = frame
            .iter()
            .flat_map(|frame| frame.tags.ids().collect::<Vec<_>>())
            .collect();
        let seen = frame.map(|frame| (frame.ethertype, ids.as_slice(), frame.payload));
        assert_eq!(seen, expected, "{rest:02x?}");
        assert_eq!(frame.map_or(0, |frame| frame.tags.count()), ids.len());
    }

    #[test]
    fn an_ethertype_is_above_1500() {
        check(&[0x08, 0x06, 1, 2], Ok((Some(ARP), &[], &[1, 2])));
        check(&[0x05, 0xdd], Ok((Some(1_501), &[], &[])));
    }

    #[test]
    fn up_to_1500_it_is_a_length_that_cuts_the_padding() {
        check(
            &[0, 3, 0x42, 0x42, 3, 0, 0],
            Ok((None, &[], &[0x42, 0x42, 3])),
        );
        let snap = [0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x06, 7, 0, 0];
        check(&[&[0, 9], &snap[..]].concat(), Ok((Some(ARP), &[], &[7])));
        check(&[&[0, 8], &snap[..]].concat(), Ok((Some(ARP), &[], &[])));
        check(&[&[0, 7], &snap[..]].concat(), Err(Malformed::Short));
        check(&[&[0, 12], &snap[..]].concat(), Err(Malformed::Short));
        let other = [0, 8, 0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0];
        check(&other, Ok((None, &[], &other[2..])));
    }

    #[test]
    fn tags_are_looked_behind() {
        check(
            &[0x81, 0, 0xe0, 5, 0x08, 0, 9],
            Ok((Some(IPV4), &[5], &[9])),
        );
        check(
            &[0x88, 0xa8, 0, 7, 0x81, 0, 0x0f, 0xff, 0x86, 0xdd],
            Ok((Some(IPV6), &[7, 4_095], &[])),
        );
        check(
            &[
                0x81, 0, 0, 1, 0, 9, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x06, 7, 0,
            ],
            Ok((Some(ARP), &[1], &[7])),
        );
        let tag = [0x91, 0, 0, 1];
        check(
            &[&tag.repeat(TAGS_MAX), &[8, 0][..]].concat(),
            Ok((Some(IPV4), &[1; 4], &[])),
        );
        check(
            &[&tag.repeat(TAGS_MAX + 1), &[8, 0][..]].concat(),
            Err(Malformed::Tags),
        );
        check(&[0x81, 0, 0, 1, 8], Err(Malformed::Short));
    }

    #[test]
    fn a_frame_has_at_least_a_header() {
        for len in 0..HEADER_BYTES {
            assert_eq!(parse(&[8; HEADER_BYTES][..len]), Err(Malformed::Short));
        }
        assert!(parse(&[8; HEADER_BYTES]).is_ok());
    }

    proptest! {
        #[test]
        fn the_payload_is_the_end_of_any_frame(bytes: Vec<u8>) {
            if let Ok(frame) = parse(&bytes) {
                prop_assert!(frame.payload.len() + HEADER_BYTES <= bytes.len());
            }
        }
    }
}
