// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a segment file, and as a cursor file.
#![no_main]

#[path = "../bodies/segment.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
