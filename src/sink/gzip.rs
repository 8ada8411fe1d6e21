// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compressed request bodies: one gzip member (RFC 1952) around a deflate stream.

use super::spool::crc::crc32;

/// Whether this build compresses.
pub const AVAILABLE: bool = true;

/// A level that a router's CPU bears: most of the gain for little of the time.
const LEVEL: u8 = 3;

/// `body` as a gzip file without name and time.
pub fn compress(body: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend_from_slice(&miniz_oxide::deflate::compress_to_vec(body, LEVEL));
    out.extend_from_slice(&crc32(&[body]).to_le_bytes());
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_compressed_is_read_back(body in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let packed = compress(&body);
            let (head, rest) = packed.split_at(10);
            let (deflated, trailer) = rest.split_at(rest.len() - 8);
            prop_assert_eq!(&head[..3], &[0x1f, 0x8b, 8]);
            let length = body.len() as u32;
            prop_assert_eq!(&trailer[4..], &length.to_le_bytes());
            prop_assert_eq!(miniz_oxide::inflate::decompress_to_vec(deflated).unwrap(), body);
        }
    }
}
