// SPDX-License-Identifier: MIT OR Apache-2.0
//! What neighbour discovery (RFC 4861) says of who has an IPv6 address.

use core::net::Ipv6Addr;

use crate::model::addr::Mac;

/// Why an IPv6 packet is not a whole one, or its neighbour discovery not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The IPv6 headers are wrong or cut.
    Ip,
    /// A message of neighbour discovery that RFC 4861 section 6.1 or 7.1 tells to discard: hop limit
    /// not 255, wrong checksum, code or length, an option of length zero.
    Discarded,
}

/// The address that an IPv6 packet (the payload of a frame) shows to be at a MAC address: from the
/// source link-layer option of solicitations and router advertisements that are not from `::`, and
/// from the target option of neighbour advertisements. `None` when it says nothing of the kind.
///
/// # Errors
///
/// See [`Malformed`].
pub fn learnable(packet: &[u8]) -> Result<Option<(Ipv6Addr, Mac)>, Malformed> {
    let _ = packet;
    Err(Malformed::Ip)
}
