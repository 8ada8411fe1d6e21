// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a slice is called: the same in every repeat, so that consumers can tell one.

use core::fmt::Write;

use super::walk::Place;
use crate::limits::TSTAT_MESSAGE_ID_BYTES_MAX;

/// Bytes around the directory's name at most: `tstat-`, `-SLICE-`, the hash.
const AROUND_BYTES: usize = 6 + 1 + 20 + 1 + 16;

/// `tstat-DIRECTORY-SLICE-HASH`: the directory's own name, with `_` for all that is not a letter,
/// digit, `.`, `_` or `-`; the slice from 0; FNV-1a (64 bits) of the path below the root and of the
/// body, as 16 hex digits.
pub fn message_id(place: &Place, number: u64, body: &[u8]) -> String {
    let mut id = String::with_capacity(TSTAT_MESSAGE_ID_BYTES_MAX);
    id.push_str("tstat-");
    let letters = place.name().bytes().map(|byte| match byte {
        b'.' | b'_' | b'-' => char::from(byte),
        _ if byte.is_ascii_alphanumeric() => char::from(byte),
        _ => '_',
    });
    id.extend(letters.take(TSTAT_MESSAGE_ID_BYTES_MAX - AROUND_BYTES));
    let hash = fnv(fnv(OFFSET, place.relative.as_bytes()), body);
    // Writing to a string cannot fail.
    let _ = write!(id, "-{number}-{hash:016x}");
    id
}

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv(OFFSET, b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv(OFFSET, b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv(fnv(OFFSET, b"foo"), b"bar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_name_tells_directory_slice_and_content() {
        let place = Place::root("logs").below(c"2020_06_11_19_02.out");
        let id = message_id(&place, 7, b"[]");
        assert!(id.starts_with("tstat-2020_06_11_19_02.out-7-"), "{id}");
        assert_eq!(
            id,
            message_id(&Place::root("/x/").below(c"2020_06_11_19_02.out"), 7, b"[]")
        );
        assert_ne!(id, message_id(&place, 7, b"[1]"));
        let long = "\u{e4}/".repeat(300) + ".out";
        let place = Place {
            path: long.replace('/', " "),
            relative: long,
        };
        let id = message_id(&place, u64::MAX, b"[]");
        assert!(
            id.len() <= TSTAT_MESSAGE_ID_BYTES_MAX && id.is_ascii(),
            "{id}"
        );
    }
}
