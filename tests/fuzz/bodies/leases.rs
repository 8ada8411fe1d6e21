// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as the lines of each file that knows names or their servers, and the same in pieces
//! of another size.

use netvitals::codec::leases::{self, Line};
use netvitals::codec::lines::Lines;
use netvitals::codec::resolv;

fn read(mut rest: &[u8], piece: usize) -> Vec<String> {
    let mut lines = Lines::new();
    let mut found = Vec::new();
    let mut note = |line: &[u8]| {
        resolv::nameserver(line);
        let readers: [fn(&[u8]) -> Line<'_>; 5] = [
            leases::dnsmasq,
            leases::odhcpd,
            leases::ethers,
            leases::hosts,
            leases::names,
        ];
        for reader in readers {
            if let Line::Entry(entry) = reader(line) {
                assert!(!entry.name.is_empty());
                assert!(entry.mac.is_some() || entry.address.is_some());
                found.push(format!("{entry:?}"));
            }
        }
    };
    while !rest.is_empty() {
        let space = lines.space();
        let len = piece.min(space.len()).min(rest.len());
        space[..len].copy_from_slice(&rest[..len]);
        rest = &rest[len..];
        lines.filled(len);
        while let Some(line) = lines.next_line() {
            note(line);
        }
    }
    lines.rest().into_iter().for_each(note);
    found
}

/// One input; its first byte is the size of the pieces.
pub fn run(input: &[u8]) {
    let (piece, text) = input.split_first().unwrap_or((&0, &[]));
    assert_eq!(read(text, usize::from(*piece) + 1), read(text, usize::MAX));
}
