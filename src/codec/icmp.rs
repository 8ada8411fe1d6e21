// SPDX-License-Identifier: MIT OR Apache-2.0
//! ICMP (RFC 792) and ICMPv6 (RFC 4443): echo requests are made; replies are read, and errors with
//! the start of the packet that they quote.
//!
//! By hand, since what is quoted is cut and may have been changed on its way: a reader of whole
//! packets refuses it. The tests read what is made with etherparse.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of the header of an echo, and of an error before its quote.
pub const HEADER_BYTES: usize = 8;

/// Bytes of the header of an IPv4 packet without options, and of an IPv6 packet.
const IPV4_BYTES: usize = 20;
const IPV6_BYTES: usize = 40;

/// Protocol numbers (RFC 790, RFC 4443).
const ICMP: u8 = 1;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// ICMP, in IPv4.
    V4,
    /// ICMPv6, in IPv6.
    V6,
}

impl Version {
    /// That of packets to `address`.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// Types of echo request, echo reply, unreachable, time exceeded.
    const fn types(self) -> [u8; 4] {
        match self {
            Self::V4 => [8, 0, 3, 11],
            Self::V6 => [128, 129, 1, 3],
        }
    }
}

/// A message that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Somebody answers an echo request.
    Reply(Echo<'a>),
    /// A packet did not arrive.
    Error(Cause, Quote),
    /// Of another kind, or about a packet that is none of ours.
    Other,
}

/// An echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo<'a> {
    /// Tells who asks.
    pub id: u16,
    /// Tells which of the requests it is.
    pub sequence: u16,
    /// What came with it.
    pub payload: &'a [u8],
}

/// Why a packet did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It had no hops left; the sender is on the way to its destination.
    TimeExceeded,
    /// Nobody knows the way, or somebody forbids it.
    Unreachable,
    /// It arrived, and nobody takes it at that port: the end of the way.
    PortUnreachable,
}

/// What an error says of the packet that did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Where it was sent to.
    pub destination: IpAddr,
    /// The routers that it might still have passed, and the one or host that quotes it: 1 when it
    /// got as far as it could.
    pub hops_left: u8,
    /// What it was.
    pub probe: Probe,
}

/// The start of a packet, as far as any router has to quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A datagram (RFC 768).
    Udp {
        /// Who sent it.
        source_port: u16,
        /// Whom it was for.
        destination_port: u16,
        /// Bytes with the header.
        len: u16,
    },
    /// An echo request.
    Echo {
        /// Tells who asks.
        id: u16,
        /// Tells which of the requests it is.
        sequence: u16,
    },
}

/// Why it is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It ends inside a header.
    Short,
    /// Not the packet that it should be: another version, a header of impossible length.
    Ip,
    /// The checksum is wrong; only ICMP of IPv4 is checked here, the kernel checks ICMPv6.
    Checksum,
}

/// Makes `packet`, which holds the payload behind room for a header, an echo request. Of ICMPv6 the
/// kernel writes the checksum.
pub fn request(version: Version, id: u16, sequence: u16, packet: &mut [u8]) {
    let Some(header) = packet.first_chunk_mut::<HEADER_BYTES>() else {
        return;
    };
    let [[a, b], [c, d]] = [id, sequence].map(u16::to_be_bytes);
    *header = [version.types()[0], 0, 0, 0, a, b, c, d];
    if version == Version::V4 {
        let sum = checksum(packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
    }
}

/// What an IPv4 packet carries, as a raw socket hands it over (raw(7)).
///
/// # Errors
/// It is cut, or no IPv4.
pub fn ipv4_payload(packet: &[u8]) -> Result<&[u8], Malformed> {
    let header_len = ipv4_header_len(packet)?;
    packet.get(header_len..).ok_or(Malformed::Short)
}

/// Reads a message.
///
/// # Errors
/// It is cut, or damaged.
pub fn parse(version: Version, message: &[u8]) -> Result<Message<'_>, Malformed> {
    let (header, rest) = message
        .split_first_chunk::<HEADER_BYTES>()
        .ok_or(Malformed::Short)?;
    if version == Version::V4 && checksum(message) != 0 {
        return Err(Malformed::Checksum);
    }
    if header[..2] == [version.types()[1], 0] {
        return Ok(Message::Reply(Echo {
            id: u16::from_be_bytes([header[4], header[5]]),
            sequence: u16::from_be_bytes([header[6], header[7]]),
            payload: rest,
        }));
    }
    let Some(cause) = cause(version, [header[0], header[1]]) else {
        return Ok(Message::Other);
    };
    let quote = quote(version, rest)?;
    Ok(quote.map_or(Message::Other, |quote| Message::Error(cause, quote)))
}

/// What a type and code mean; `None` when not that a packet did not arrive.
pub fn cause(version: Version, [kind, code]: [u8; 2]) -> Option<Cause> {
    let [_, _, unreachable, time_exceeded] = version.types();
    let port_code = if version == Version::V4 { 3 } else { 4 };
    match kind {
        _ if kind == unreachable && code == port_code => Some(Cause::PortUnreachable),
        _ if kind == unreachable => Some(Cause::Unreachable),
        // Code 1 is about fragments that did not arrive in time.
        _ if kind == time_exceeded && code == 0 => Some(Cause::TimeExceeded),
        _ => None,
    }
}

/// The id and the sequence number of an echo request, of which at least the header is there; as
/// the kernel quotes it in the queue of errors (ip(7), IP_RECVERR).
pub fn echo_request(version: Version, message: &[u8]) -> Option<(u16, u16)> {
    let [kind, 0, _, _, a, b, c, d] = *message.first_chunk::<HEADER_BYTES>()? else {
        return None;
    };
    let ours = kind == version.types()[0];
    ours.then(|| (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

/// Reads the start of a packet; `None` when it cannot be a probe: another protocol, or a fragment
/// without the start.
fn quote(version: Version, packet: &[u8]) -> Result<Option<Quote>, Malformed> {
    let (protocol, hops_left, destination, rest) = match version {
        Version::V4 => {
            let header_len = ipv4_header_len(packet)?;
            let fragment_offset = u16::from_be_bytes([packet[6], packet[7]]) & 0x1fff;
            if fragment_offset != 0 {
                return Ok(None);
            }
            let destination = Ipv4Addr::new(packet[16], packet[17], packet[18], packet[19]);
            let rest = packet.get(header_len..).ok_or(Malformed::Short)?;
            (packet[9], packet[8], IpAddr::V4(destination), rest)
        }
        Version::V6 => {
            let (header, rest) = packet
                .split_first_chunk::<IPV6_BYTES>()
                .ok_or(Malformed::Short)?;
            if header[0] >> 4 != 6 {
                return Err(Malformed::Ip);
            }
            let destination = header.last_chunk::<16>().ok_or(Malformed::Short)?;
            (
                header[6],
                header[7],
                Ipv6Addr::from(*destination).into(),
                rest,
            )
        }
    };
    let probe = match (version, protocol) {
        (_, UDP) => {
            let [a, b, c, d, e, f, ..] = *rest else {
                return Err(Malformed::Short);
            };
            Some(Probe::Udp {
                source_port: u16::from_be_bytes([a, b]),
                destination_port: u16::from_be_bytes([c, d]),
                len: u16::from_be_bytes([e, f]),
            })
        }
        (Version::V4, ICMP) | (Version::V6, ICMPV6) if rest.len() < HEADER_BYTES => {
            return Err(Malformed::Short);
        }
        (Version::V4, ICMP) | (Version::V6, ICMPV6) => {
            echo_request(version, rest).map(|(id, sequence)| Probe::Echo { id, sequence })
        }
        _ => None,
    };
    Ok(probe.map(|probe| Quote {
        destination,
        hops_left,
        probe,
    }))
}

/// Bytes of the header that an IPv4 packet begins with; all of its fixed part is there.
fn ipv4_header_len(packet: &[u8]) -> Result<usize, Malformed> {
    let first = packet.first().ok_or(Malformed::Short)?;
    let header_len = 4 * usize::from(first & 0xf);
    if first >> 4 != 4 || header_len < IPV4_BYTES {
        return Err(Malformed::Ip);
    }
    if packet.len() < IPV4_BYTES {
        return Err(Malformed::Short);
    }
    Ok(header_len)
}

/// The checksum of the Internet (RFC 1071); over a whole message with its checksum it is zero.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    // Even 65 535 bytes do not overflow 32 bits.
    let (pairs, last) = bytes.as_chunks::<2>();
    for pair in pairs {
        sum += u32::from(u16::from_be_bytes(*pair));
    }
    if let [byte] = last {
        sum += u32::from(u16::from_be_bytes([*byte, 0]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests;
