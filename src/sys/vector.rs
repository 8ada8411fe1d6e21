// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many bytes at once, with the instructions that the CPU has for that.

/// Bytes that are looked at together.
pub const BLOCK: usize = 64;

/// A bit for each byte of the block, the first one lowest, that is no graphic ASCII: a blank, a
/// control character below it, or 0x80 and above. 0x7f counts as graphic.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[inline]
pub fn not_graphic(block: &[u8; BLOCK]) -> u64 {
    use core::arch::x86_64::{_mm_cmpgt_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8};
    let mut bits = 0;
    let (words, _) = block.as_chunks::<16>();
    for (number, word) in words.iter().enumerate() {
        // SAFETY: every x86_64 CPU has SSE2; the load needs no alignment and takes the 16 bytes
        // of `word`.
        let marks = unsafe {
            let bytes = _mm_loadu_si128(word.as_ptr().cast());
            // As signed numbers those from 0x80 on are below the blank as well.
            _mm_movemask_epi8(_mm_cmpgt_epi8(_mm_set1_epi8(0x21), bytes))
        };
        bits |= u64::from(marks as u32) << (16 * number);
    }
    bits
}

/// A bit for each byte of the block, the first one lowest, that is no graphic ASCII: a blank, a
/// control character below it, or 0x80 and above. 0x7f counts as graphic.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub fn not_graphic(block: &[u8; BLOCK]) -> u64 {
    portable(block)
}

/// The same with eight bytes at a time.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable(block: &[u8; BLOCK]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut bits = 0;
    let (words, _) = block.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let above = (word & (0x7f * ONES)) + (0x7f - 0x20) * ONES;
        let others = (!above | word) & (0x80 * ONES);
        // The top bits of the bytes, side by side.
        let eight = (others >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits |= eight << (8 * number);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_marked_alike_on_all_machines_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..BLOCK {
                let mut block = [b'a'; BLOCK];
                block[at] = byte;
                let expected = if matches!(byte, 0x21..=0x7f) {
                    0
                } else {
                    1 << at
                };
                assert_eq!(not_graphic(&block), expected, "{byte} at {at}");
                assert_eq!(portable(&block), expected, "{byte} at {at}");
                let others = block.map(|byte| byte ^ 0x80 ^ b'a');
                assert_eq!(not_graphic(&others), portable(&others));
            }
        }
    }
}
