// SPDX-License-Identifier: MIT OR Apache-2.0
//! ARP for IPv4 on Ethernet (RFC 826): requests are made, requests and replies are read.

use core::net::Ipv4Addr;

use crate::model::addr::Mac;

/// Bytes of a request: the shortest frame that Ethernet allows, without FCS.
pub const REQUEST_BYTES: usize = 60;

/// What a packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target address?
    Request,
    /// The sender has the sender's address.
    Reply,
}

/// An ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Request or reply.
    pub operation: Operation,
    /// The sender's MAC address as the packet says; that of the frame may be another one.
    pub sender_mac: Mac,
    /// The sender's address.
    pub sender: Ipv4Addr,
    /// The target's MAC address; in a request without meaning.
    pub target_mac: Mac,
    /// The target's address.
    pub target: Ipv4Addr,
}

impl Packet {
    /// Whether the sender asks if the target address is free: a probe (RFC 5227 section 1.1).
    pub fn is_probe(&self) -> bool {
        self.operation == Operation::Request && self.sender.is_unspecified()
    }

    /// Whether the sender tells everybody of its own address (RFC 5227 section 3).
    pub fn is_gratuitous(&self) -> bool {
        self.sender == self.target && !self.sender.is_unspecified()
    }

    /// What the packet says of its sender; `None` for a probe, and when no device can be at that
    /// MAC address.
    pub fn learnable(&self) -> Option<(Ipv4Addr, Mac)> {
        let known = !self.sender.is_unspecified() && self.sender_mac.is_device();
        known.then_some((self.sender, self.sender_mac))
    }
}

/// Why it is no packet that is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It ends inside the packet.
    Short,
    /// Not about IPv4 on Ethernet: other hardware, protocol or address lengths.
    Foreign,
    /// Neither a request nor a reply.
    Operation,
}

/// A broadcast frame with the request who has `target`, asked by `sender` at `source`; as `sender`
/// the unspecified address makes it a probe, `target` itself an announcement (RFC 5227).
pub fn request(source: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> [u8; REQUEST_BYTES] {
    let _ = (source, sender, target);
    [0; REQUEST_BYTES]
}

/// Reads the payload of a frame of ethertype [`ARP`](super::frame::ARP); what follows is padding.
///
/// # Errors
///
/// It is cut, foreign, or another operation.
pub fn parse(payload: &[u8]) -> Result<Packet, Malformed> {
    let _ = payload;
    Err(Malformed::Short)
}
