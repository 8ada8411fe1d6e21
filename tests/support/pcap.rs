// SPDX-License-Identifier: MIT OR Apache-2.0
//! A reader of pcap files (draft-ietf-opsawg-pcap): either byte order, micro- or nanoseconds.

const HEADER_BYTES: usize = 24;
const RECORD_BYTES: usize = 16;
const ETHERNET: u32 = 1;

/// The frames of a capture of Ethernet. Panics when it is anything else.
pub fn frames(file: &[u8]) -> Vec<&[u8]> {
    let little = match file[..4] {
        [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => true,
        [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => false,
        ref other => panic!("no pcap file: {other:02x?}"),
    };
    let number = |bytes: &[u8]| {
        let bytes = bytes[..4].try_into().unwrap();
        match little {
            true => u32::from_le_bytes(bytes),
            false => u32::from_be_bytes(bytes),
        }
    };
    assert_eq!(number(&file[20..]) & 0xffff, ETHERNET);
    let mut frames = Vec::new();
    let mut rest = &file[HEADER_BYTES..];
    while !rest.is_empty() {
        let (head, behind) = rest.split_at(RECORD_BYTES);
        let (frame, behind) = behind.split_at(number(&head[8..]) as usize);
        frames.push(frame);
        rest = behind;
    }
    frames
}

#[test]
fn captures_of_every_kind_are_read() {
    for magic in [0xa1b2_c3d4_u32, 0xa1b2_3c4d] {
        for swap in [u32::to_le_bytes as fn(u32) -> [u8; 4], u32::to_be_bytes] {
            let head = [magic, 0, 0, 0, 65_535, ETHERNET].map(swap);
            let record = [1, 2, 3, 3].map(swap);
            let file = [
                head.as_flattened(),
                record.as_flattened(),
                b"abc",
                record.as_flattened(),
                b"def",
            ];
            assert_eq!(frames(&file.concat()), [b"abc", b"def"]);
        }
    }
}
