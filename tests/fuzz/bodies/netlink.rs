// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a datagram of routing netlink, and as the body of each kind of message.

use netvitals::codec::netlink::{Kind, Message, Messages};

fn read(datagram: &[u8]) {
    let mut count = 0;
    for message in Messages::new(datagram) {
        count += 1;
        if let Ok((_, Message::Link(link) | Message::LinkGone(link))) = message {
            assert!(link.name.len() <= 47);
            assert!(link.lower.is_none() || matches!(link.kind, Kind::Vlan | Kind::Sharing));
        }
    }
    assert!(count <= datagram.len() / 4 + 1);
}

/// One input; its first byte is the kind of message.
pub fn run(input: &[u8]) {
    read(input);
    let Some((kind, body)) = input.split_first() else {
        return;
    };
    let mut datagram = (16 + body.len() as u32).to_ne_bytes().to_vec();
    datagram.extend(u16::from(kind % 32).to_ne_bytes());
    datagram.extend([0; 10]);
    datagram.extend(body);
    read(&datagram);
}
