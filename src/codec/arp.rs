// SPDX-License-Identifier: MIT OR Apache-2.0
//! ARP for IPv4 on Ethernet (RFC 826): requests are made, requests and replies are read.

use core::net::Ipv4Addr;

use super::frame::ARP;
use crate::model::addr::Mac;

/// Hardware types: Ethernet, and IEEE 802 as RFC 1042 has it.
const HARDWARE: [u8; 2] = [1, 6];
/// Operations (RFC 826).
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

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
    let mut frame = [0; REQUEST_BYTES];
    frame[..6].copy_from_slice(&Mac::BROADCAST.0);
    frame[6..12].copy_from_slice(&source.0);
    frame[12..14].copy_from_slice(&ARP.to_be_bytes());
    frame[14..20].copy_from_slice(&[0, 1, 0x08, 0x00, 6, 4]);
    frame[20..22].copy_from_slice(&REQUEST.to_be_bytes());
    frame[22..28].copy_from_slice(&source.0);
    frame[28..32].copy_from_slice(&sender.octets());
    frame[38..42].copy_from_slice(&target.octets());
    frame
}

/// Reads the payload of a frame of ethertype [`ARP`]; what follows the packet is padding.
///
/// # Errors
///
/// It is cut, foreign, or another operation.
pub fn parse(payload: &[u8]) -> Result<Packet, Malformed> {
    let (kind, rest) = payload.split_first_chunk().ok_or(Malformed::Short)?;
    let [0, hardware, 0x08, 0x00, 6, 4, high, low] = *kind else {
        return Err(Malformed::Foreign);
    };
    if !HARDWARE.contains(&hardware) {
        return Err(Malformed::Foreign);
    }
    let operation = match u16::from_be_bytes([high, low]) {
        REQUEST => Operation::Request,
        REPLY => Operation::Reply,
        _ => return Err(Malformed::Operation),
    };
    let (sender_mac, rest) = rest.split_first_chunk().ok_or(Malformed::Short)?;
    let (sender, rest) = rest.split_first_chunk::<4>().ok_or(Malformed::Short)?;
    let (target_mac, rest) = rest.split_first_chunk().ok_or(Malformed::Short)?;
    let target = rest.first_chunk::<4>().ok_or(Malformed::Short)?;
    Ok(Packet {
        operation,
        sender_mac: Mac(*sender_mac),
        sender: (*sender).into(),
        target_mac: Mac(*target_mac),
        target: (*target).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::frame;
    use proptest::prelude::*;

    const US: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const REPLY: [u8; 28] = [
        0, 1, 8, 0, 6, 4, 0, 2, // Ethernet, IPv4, 6, 4, reply
        2, 0, 0, 0, 0, 9, 10, 0, 0, 9, // sender
        2, 0, 0, 0, 0, 1, 10, 0, 0, 1, // target
    ];

    fn reply() -> Packet {
        parse(&REPLY).unwrap()
    }

    #[test]
    fn a_reply_tells_of_its_sender() {
        let packet = reply();
        assert_eq!(packet.operation, Operation::Reply);
        let sender = (Ipv4Addr::new(10, 0, 0, 9), Mac([2, 0, 0, 0, 0, 9]));
        assert_eq!(packet.learnable(), Some(sender));
        assert_eq!(
            (packet.target, packet.target_mac),
            (Ipv4Addr::new(10, 0, 0, 1), US)
        );
        assert!(!packet.is_probe() && !packet.is_gratuitous());
        let padded = [&REPLY[..], &[0xee; 18]].concat();
        assert_eq!(parse(&padded), Ok(packet));
    }

    #[test]
    fn a_request_is_a_whole_frame() {
        let bytes = request(US, Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 9));
        let literal = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0,
            1, //
            2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 9,
        ];
        assert_eq!((&bytes[..42], &bytes[42..]), (&literal[..], &[0; 18][..]));
    }

    #[test]
    fn probes_and_announcements_are_told_apart() {
        let us = Ipv4Addr::new(10, 0, 0, 1);
        let read =
            |bytes: [u8; REQUEST_BYTES]| parse(frame::parse(&bytes).unwrap().payload).unwrap();
        let probe = read(request(US, Ipv4Addr::UNSPECIFIED, us));
        assert!(probe.is_probe() && !probe.is_gratuitous());
        assert_eq!(
            probe.learnable(),
            None,
            "RFC 5227: nobody has the address yet"
        );
        let announcement = read(request(US, us, us));
        assert!(announcement.is_gratuitous() && !announcement.is_probe());
        assert_eq!(announcement.learnable(), Some((us, US)));
    }

    #[test]
    fn no_device_is_at_a_group_address() {
        for mac in [Mac::NULL, Mac::BROADCAST, Mac([1, 0, 0x5e, 0, 0, 1])] {
            let packet = Packet {
                sender_mac: mac,
                ..reply()
            };
            assert_eq!(packet.learnable(), None);
        }
    }

    #[test]
    fn wrong_kinds_and_lengths_are_refused() {
        for (at, value, expected) in [
            (1, 7, Malformed::Foreign),
            (2, 0x86, Malformed::Foreign),
            (4, 8, Malformed::Foreign),
            (5, 16, Malformed::Foreign),
            (6, 1, Malformed::Operation),
            (7, 3, Malformed::Operation),
            (7, 0, Malformed::Operation),
        ] {
            let mut bytes = REPLY;
            bytes[at] = value;
            assert_eq!(parse(&bytes), Err(expected), "{at} {value}");
        }
        for len in 0..REPLY.len() {
            assert_eq!(parse(&REPLY[..len]), Err(Malformed::Short), "{len}");
        }
        let ieee802 = [&[0, 6], &REPLY[2..]].concat();
        assert_eq!(parse(&ieee802), Ok(reply()), "RFC 1042 has hardware type 6");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(noise: Vec<u8>) {
            let _ = parse(&noise);
        }

        #[test]
        fn a_request_is_read_back(source: [u8; 6], sender: [u8; 4], target: [u8; 4]) {
            let bytes = request(Mac(source), sender.into(), target.into());
            let frame = frame::parse(&bytes).unwrap();
            prop_assert_eq!(frame.ethertype, Some(frame::ARP));
            let packet = parse(frame.payload).unwrap();
            prop_assert_eq!(packet.operation, Operation::Request);
            prop_assert_eq!((packet.sender_mac, frame.source), (Mac(source), Mac(source)));
            prop_assert_eq!((packet.sender.octets(), packet.target.octets()), (sender, target));
        }
    }
}
