// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the packets of a trace look like: one flow for each host, which tells distance and round.

use crate::codec::icmp::Probe;

/// The port that datagrams are for, as those of connvitals: nobody listens there.
pub const PORT: u16 = 33_440;

/// Bytes of the header of a datagram (RFC 768).
const UDP_HEADER_BYTES: u16 = 8;

/// What packets are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Datagrams, from this port.
    Udp(u16),
    /// Echo requests, with this id.
    Icmp(u16),
}

impl Mode {
    /// The packet of a round that may go `ttl` hops.
    pub(super) fn probe(self, round: u8, ttl: u8) -> Probe {
        match self {
            Self::Udp(source_port) => Probe::Udp {
                source_port,
                destination_port: PORT,
                len: UDP_HEADER_BYTES + (u16::from(ttl) << 1) + u16::from(round & 1),
            },
            Self::Icmp(id) => Probe::Echo {
                id,
                sequence: u16::from(round) << 8 | u16::from(ttl),
            },
        }
    }

    /// How many hops the packet of a round may go; `None` when it is not of ours.
    pub(super) fn ttl_of(self, round: u8, probe: &Probe) -> Option<u16> {
        let (ttl, ours) = match (self, *probe) {
            (
                Self::Udp(port),
                Probe::Udp {
                    source_port,
                    destination_port,
                    len,
                },
            ) => {
                let len = len.checked_sub(UDP_HEADER_BYTES)?;
                let ours = source_port == port && destination_port == PORT;
                (len >> 1, ours && len & 1 == u16::from(round & 1))
            }
            (Self::Icmp(own), Probe::Echo { id, sequence }) => {
                let ours = id == own && sequence >> 8 == u16::from(round);
                (sequence & 0xff, ours)
            }
            _ => return None,
        };
        ours.then_some(ttl)
    }
}

/// The payload of an echo request: whatever id and sequence number are, the sum of all three, and
/// so the checksum, is the same.
pub fn payload(id: u16, sequence: u16) -> [u8; 2] {
    let (sum, carry) = id.overflowing_add(sequence);
    (!(sum + u16::from(carry))).to_be_bytes()
}
