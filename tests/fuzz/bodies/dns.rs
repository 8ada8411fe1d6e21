// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as an answer to a PTR query, and with its question put before them.

use std::net::{IpAddr, Ipv4Addr};

use netvitals::codec::dns::message::Message;
use netvitals::codec::dns::{self, Outcome};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9));

fn answer(message: &[u8]) {
    if let Ok(answer) = dns::parse(message, ADDRESS) {
        assert_eq!(Some(answer.id), dns::id(message));
        if let Outcome::Name { name, .. } = answer.outcome {
            assert!(!name.is_empty());
        }
    }
    if let Ok(message) = Message::new(message) {
        for record in message.records().flatten() {
            assert!(record.owner.wire().len() <= 255);
            if let Ok((name, behind)) = message.name_in(&record, 0) {
                assert!(name.labels().count() < 128 && behind <= record.data.len());
            }
        }
    }
}

/// One input.
pub fn run(input: &[u8]) {
    answer(input);
    let mut buffer = [0; dns::QUERY_BYTES_MAX];
    let mut message = dns::query(1, ADDRESS, &mut buffer).to_vec();
    let Some((counts, records)) = input.split_first_chunk::<4>() else {
        return;
    };
    (message[2], message[3]) = (0x80, counts[3] & 0xf);
    for (i, count) in counts[..3].iter().enumerate() {
        message[7 + 2 * i] = *count;
    }
    message.extend(records);
    answer(&message);
}
