// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a block of the ring, and as a frame in it.
#![no_main]

#[path = "../bodies/wire.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
