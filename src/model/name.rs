// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names that the network chooses: hostile text of bounded length, valid UTF-8, not yet escaped.

use crate::limits::{DEVICE_NAME_BYTES_MAX, VENDOR_NAME_BYTES_MAX};

/// Name of a device. Whatever bytes it came from, it is UTF-8; control characters may be in it.
pub type DeviceName = heapless::String<DEVICE_NAME_BYTES_MAX, u8>;

/// Name of a vendor, in the same way.
pub type VendorName = heapless::String<VENDOR_NAME_BYTES_MAX, u8>;

/// `raw` as text, each run of invalid bytes as U+FFFD, cut at the last character that fits.
pub fn lossy<const N: usize>(raw: &[u8]) -> heapless::String<N, u8> {
    let mut name = heapless::String::new();
    for chunk in raw.utf8_chunks() {
        let invalid = (!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER);
        for char in chunk.valid().chars().chain(invalid) {
            if name.push(char).is_err() {
                return name;
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn invalid_bytes_are_replaced_and_a_long_name_is_cut_between_characters() {
        assert_eq!(lossy::<16>(b"a\xff\xfeb\n"), "a\u{FFFD}\u{FFFD}b\n");
        assert_eq!(lossy::<4>("abc\u{e9}d".as_bytes()), "abc");
        assert_eq!(lossy::<5>("abc\u{e9}d".as_bytes()), "abc\u{e9}");
        assert_eq!(lossy::<4>(b""), "");
    }

    proptest! {
        #[test]
        fn a_name_is_the_beginning_of_its_text(raw: Vec<u8>) {
            let whole = String::from_utf8_lossy(&raw);
            let name: heapless::String<7, u8> = lossy(&raw);
            prop_assert!(whole.starts_with(name.as_str()));
            prop_assert!(whole.len() == name.len() || name.len() > 7 - 4);
        }
    }
}
