// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a frame with ARP, neighbour discovery or DHCP inside, and without its headers.

use netvitals::codec::{arp, dhcp, frame, ndp};

/// One input.
pub fn run(input: &[u8]) {
    let _ = arp::parse(input);
    let _ = ndp::learnable(input);
    let _ = dhcp::parse_packet(input);
    let _ = dhcp::parse(input);
    let Ok(frame) = frame::parse(input) else {
        return;
    };
    assert!(frame.payload.len() + frame::HEADER_BYTES <= input.len());
    assert_eq!(frame.tags.count(), frame.tags.ids().count());
    match frame.ethertype {
        Some(frame::ARP) => arp_packet(frame.payload),
        Some(frame::IPV6) => {
            if let Ok(Some((address, mac))) = ndp::learnable(frame.payload) {
                assert!(mac.is_device() && !address.is_unspecified() && !address.is_multicast());
            }
        }
        Some(frame::IPV4) => {
            if let Ok(Some(message)) = dhcp::parse_packet(frame.payload) {
                let names = [message.host_name, message.full_name];
                assert!(names.into_iter().flatten().all(|name| !name.is_empty()));
            }
        }
        _ => {}
    }
}

fn arp_packet(payload: &[u8]) {
    let Ok(packet) = arp::parse(payload) else {
        return;
    };
    assert!(!(packet.is_probe() && packet.is_gratuitous()));
    if let Some((address, mac)) = packet.learnable() {
        assert!(mac.is_device() && !address.is_unspecified());
    }
    let request = arp::request(packet.sender_mac, packet.sender, packet.target);
    let again = arp::parse(frame::parse(&request).unwrap().payload).unwrap();
    assert_eq!((again.sender, again.target), (packet.sender, packet.target));
}
