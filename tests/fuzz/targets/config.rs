// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a configuration.
#![no_main]

#[path = "../bodies/config.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
