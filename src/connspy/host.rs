// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of hosts as numbers: eight bytes at a time, in lower case, hashed with a key.
//!
//! Whoever writes the log chooses the names, so the key is drawn at start.

/// Where the multiplication starts to mix (the fraction of the golden ratio, odd).
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// The ASCII letters among eight bytes in lower case.
fn lower(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let low = word & (0x7f * ONES);
    let from_a = low + (0x80 - u64::from(b'A')) * ONES;
    let beyond_z = low + (0x7f - u64::from(b'Z')) * ONES;
    let capital = !word & (from_a ^ beyond_z) & (0x80 * ONES);
    word | capital >> 2
}

fn word(bytes: &[u8]) -> u64 {
    bytes
        .first_chunk()
        .map_or(0, |word| lower(u64::from_le_bytes(*word)))
}

/// Less than eight bytes; different for different bytes of the same length.
fn short(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            let [first, last] = [first, last].map(|four| u64::from(u32::from_le_bytes(*four)));
            lower(first | last << 32)
        }
        _ => {
            let byte = |at: usize| u64::from(bytes.get(at).copied().unwrap_or_default());
            let [second, last] = [bytes.len() / 2, bytes.len().saturating_sub(1)].map(byte);
            lower(byte(0) | second << 8 | last << 16)
        }
    }
}

/// A number for the name, whatever its case.
pub fn hash(host: &[u8], key: u64) -> u64 {
    let fold = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * u128::from(MIX);
        product as u64 ^ (product >> 64) as u64
    };
    let state = key ^ host.len() as u64;
    let Some(last) = host.last_chunk::<8>() else {
        return fold(fold(state, short(host)), key);
    };
    let whole = host[..host.len() - 1].chunks_exact(8);
    let state = whole.fold(state, |state, chunk| fold(state, word(chunk)));
    fold(fold(state, word(last)), key)
}

/// Whether two names are the same but for the case of their letters.
pub fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some(last_a), Some(last_b)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) else {
        return short(a) == short(b);
    };
    let whole = a.chunks_exact(8).zip(b.chunks_exact(8));
    word(last_a) == word(last_b) && whole.into_iter().all(|(a, b)| word(a) == word(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_are_the_same_as_byte_by_byte(
            a in prop::collection::vec(prop_oneof!["[@-Z`-z]".prop_map(|c| c.as_bytes()[0]),
                any::<u8>()], 0..40),
            at in 0_usize..40,
            byte: u8,
        ) {
            let other = a.to_ascii_uppercase();
            prop_assert!(is_same(&a, &other));
            prop_assert_eq!(hash(&a, 7), hash(&other, 7));
            prop_assert_ne!(hash(&a, 7), hash(&a, 8));
            let mut other = a.clone();
            if let Some(old) = other.get_mut(at) {
                *old = byte;
            }
            prop_assert_eq!(is_same(&a, &other), a.eq_ignore_ascii_case(&other));
            if !a.eq_ignore_ascii_case(&other) {
                prop_assert_ne!(hash(&a, 7), hash(&other, 7));
            }
        }
    }
}
