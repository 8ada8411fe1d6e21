// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a kept state of connspy.
#![no_main]

#[path = "../bodies/kept.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
