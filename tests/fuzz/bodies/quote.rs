// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as an ICMP message: as they are, with the right checksum, behind an IPv4 header.

use netvitals::codec::icmp::{self, Message, Probe, Version};

fn parse(version: Version, message: &[u8]) {
    match icmp::parse(version, message) {
        Ok(Message::Reply(echo)) => assert_eq!(echo.payload.len() + 8, message.len()),
        Ok(Message::Error(_, quote)) => {
            assert_eq!(Version::of(quote.destination), version);
            if let Probe::Echo { id, sequence } = quote.probe {
                let found = (8..message.len())
                    .any(|at| icmp::echo_request(version, &message[at..]) == Some((id, sequence)));
                assert!(found);
            }
        }
        Ok(Message::Other) | Err(_) => {}
    }
}

/// One input.
pub fn run(input: &[u8]) {
    parse(Version::V4, input);
    parse(Version::V6, input);
    if let Ok(message) = icmp::ipv4_payload(input) {
        parse(Version::V4, message);
    }
    let Some((kind, rest)) = input.split_first_chunk::<2>() else {
        return;
    };
    // A request of our own has the right checksum; another type needs another.
    let mut message = [&[0; 8], rest].concat();
    icmp::request(Version::V4, 0, 0, &mut message);
    let sum = u32::from(u16::from_be_bytes([message[2], message[3]]));
    let other = sum + 0x0800 + (0xffff - u32::from(u16::from_be_bytes(*kind)));
    let other = (other & 0xffff) + (other >> 16);
    message[..2].copy_from_slice(kind);
    message[2..4].copy_from_slice(&(other as u16).to_be_bytes());
    parse(Version::V4, &message);
}
