// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a block of the ring; behind 7 bytes that say length, segment size and tag, as a
//! frame.

use std::num::NonZeroU16;

use netvitals::codec::wire;
use netvitals::model::addr::Mac;
use netvitals::sys::ring::block;

/// One input.
pub fn run(input: &[u8]) {
    block::each(input, |frame| {
        assert!(frame.headers.len() <= input.len());
        let gso = frame.gso.map(|gso| gso.size);
        read(frame.headers, frame.len, frame.vlan_taken, gso);
    });
    let Some(([a, b, c, d, e, f, tag], headers)) = input.split_first_chunk() else {
        return;
    };
    let len = u32::from_be_bytes([*a, *b, *c, *d]);
    let size = NonZeroU16::new(u16::from_be_bytes([*e, *f]));
    read(headers, len, tag & 1 != 0, size);
}

fn read(headers: &[u8], len: u32, vlan_taken: bool, size: Option<NonZeroU16>) {
    let Some(wire) = wire::read(headers, len, vlan_taken, size) else {
        assert!(headers.len() < 14);
        return;
    };
    let tags = if vlan_taken {
        4 * u64::from(wire.frames)
    } else {
        0
    };
    let repeated = wire.bytes - u64::from(len) - tags;
    // 14 + 4 tags + 60 + 60 bytes of headers at most.
    assert!(repeated <= u64::from(wire.frames - 1) * 150);
    assert!(
        wire.frames == 1
            || size
                .is_some_and(|size| (wire.frames - 1).saturating_mul(u32::from(size.get())) <= len)
    );
    for own in [&[][..], &[wire.source], &[wire.destination], &[Mac::NULL]] {
        for outgoing in [false, true] {
            let counted = wire::classify(&wire, outgoing, own);
            assert_eq!(
                counted.routed,
                counted.device.is_some() && counted.own.is_some()
            );
            if let Some((mac, _)) = counted.device {
                assert!(!mac.is_group() && !own.contains(&mac));
            }
        }
    }
}
