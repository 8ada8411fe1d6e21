// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a connection log, and any range.
#![no_main]

#[path = "../bodies/seek.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
