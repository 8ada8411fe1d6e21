// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a list of vendors: what is kept is what the longest prefix says.

use netvitals::codec::oui::{Reader, Wanted, keep};
use netvitals::model::addr::Mac;

/// One input.
pub fn run(input: &[u8]) {
    let macs = [
        [0; 6],
        [0x00, 0x00, 0x0c, 0x12, 0x34, 0x56],
        [0x40, 0xd8, 0x55, 0xe1, 0x00, 0x00],
        [0x70, 0xb3, 0xd5, 0x00, 0x10, 0x00],
        [0xff; 6],
    ];
    let mut wanted = macs.map(|mac| Wanted::new(Mac(mac)));
    let mut reader = Reader::new();
    let mut longest = [0; 5];
    for line in input.split(|&byte| byte == b'\n') {
        let Some(assignment) = reader.line(line) else {
            continue;
        };
        assert!((16..=48).contains(&assignment.bits) && !assignment.vendor.is_empty());
        keep(&assignment, &mut wanted);
        for (mac, longest) in macs.iter().zip(&mut longest) {
            let bit = |mac: &[u8; 6], i: u8| mac[usize::from(i / 8)] >> (7 - i % 8) & 1;
            if (0..assignment.bits).all(|i| bit(mac, i) == bit(&assignment.first.0, i)) {
                *longest = assignment.bits.max(*longest);
            }
        }
    }
    assert_eq!(wanted.map(|wanted| wanted.prefix_bits), longest);
}
