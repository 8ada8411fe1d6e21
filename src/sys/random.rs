// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chance, from the kernel (getrandom(2)).

/// 64 random bits. Never waits: a router that just booted gives what it has, which is enough to
/// tell processes apart and to spread retries; nothing secret is made of it.
#[allow(unsafe_code)]
pub fn bits() -> u64 {
    let mut bytes = [0_u8; 8];
    // SAFETY: the pointer and the length are those of `bytes`, which outlives the call; the kernel
    // writes at most so many bytes (getrandom(2)).
    let len =
        unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), libc::GRND_INSECURE) };
    if len != 8 {
        // Before Linux 5.6, or a sandbox: process and time differ at least.
        let now = super::clock::mono()
            .since(crate::time::Mono::from_ns(0))
            .as_nanos() as u64;
        return now.rotate_left(32)
            ^ u64::from(std::process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn bits_differ() {
        assert_ne!(super::bits(), super::bits());
    }
}
