// SPDX-License-Identifier: MIT OR Apache-2.0
//! A peer that answers ARP requests (RFC 826) for a whole prefix.

use std::io;
use std::net::Ipv4Addr;
use std::process::Command;

use crate::frames::Socket;

const ETHERTYPE: u16 = 0x0806;

/// Ethernet and IPv4, lengths 6 and 4, a request.
const REQUEST: [u8; 8] = [0, 1, 8, 0, 6, 4, 0, 1];

/// The addresses that are answered for.
#[derive(Clone, Copy)]
pub struct Prefix {
    address: u32,
    mask: u32,
}

impl Prefix {
    /// `10.0.0.0/24`
    pub fn parse(text: &str) -> io::Result<Self> {
        let (address, len) = text.split_once('/').unwrap_or((text, "32"));
        let address: Ipv4Addr = address.parse().map_err(io::Error::other)?;
        let len: u32 = len.parse().map_err(io::Error::other)?;
        let mask = 32_u32
            .checked_sub(len)
            .map(|zeros| u32::MAX.checked_shl(zeros).unwrap_or(0))
            .ok_or_else(|| io::Error::other("a prefix is at most 32 bits long"))?;
        Ok(Self {
            address: address.to_bits(),
            mask,
        })
    }

    fn holds(self, octets: [u8; 4]) -> bool {
        (u32::from_be_bytes(octets) ^ self.address) & self.mask == 0
    }
}

/// Answers while the command runs, with the interface's own MAC address; the command's exit status.
pub fn serve(interface: &str, prefix: Prefix, command: Command) -> io::Result<u8> {
    let socket = Socket::open(interface, ETHERTYPE)?;
    let mut answers = 0;
    let status = socket.serve(command, |frame| match reply(frame, prefix, socket.mac) {
        Some(reply) => {
            answers += 1;
            socket.send(&reply)
        }
        None => Ok(()),
    })?;
    println!("answered {answers} ARP requests");
    Ok(status)
}

fn reply(request: &[u8], prefix: Prefix, mac: [u8; 6]) -> Option<[u8; 42]> {
    let request: &[u8; 42] = request.first_chunk()?;
    let target: [u8; 4] = request[38..42].try_into().ok()?;
    if request[14..22] != REQUEST || !prefix.holds(target) {
        return None;
    }
    let mut reply = *request;
    reply[..6].copy_from_slice(&request[22..28]); // To who asked,
    reply[6..12].copy_from_slice(&mac); // from us,
    reply[21] = 2; // a reply:
    reply[22..28].copy_from_slice(&mac); // we have
    reply[28..32].copy_from_slice(&target); // that address,
    reply[32..42].copy_from_slice(&request[22..32]); // says one to the other.
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

    fn request(target: [u8; 4]) -> Vec<u8> {
        let mut frame = vec![0xff; 6];
        frame.extend([2, 0, 0, 0, 0, 1, 8, 6]);
        frame.extend(REQUEST);
        frame.extend([2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        frame.extend(target);
        frame
    }

    #[test]
    fn a_request_inside_the_prefix_is_answered() {
        let prefix = Prefix::parse("10.0.0.0/24").unwrap();
        let reply = reply(&request([10, 0, 0, 7]), prefix, MAC).unwrap();
        assert_eq!(reply[..14], [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 6]);
        assert_eq!(reply[20..32], [0, 2, 2, 0, 0, 0, 0, 9, 10, 0, 0, 7]);
        assert_eq!(reply[32..], [2, 0, 0, 0, 0, 1, 10, 0, 0, 1]);
    }

    #[test]
    fn others_and_replies_are_not() {
        let prefix = Prefix::parse("10.0.0.0/24").unwrap();
        assert!(reply(&request([10, 0, 1, 7]), prefix, MAC).is_none());
        assert!(reply(&request([10, 0, 0, 7])[..41], prefix, MAC).is_none());
        let mut answered = request([10, 0, 0, 7]);
        answered[21] = 2;
        assert!(reply(&answered, prefix, MAC).is_none());
    }
}
