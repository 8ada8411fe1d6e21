// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as /proc/net/dev.
#![no_main]

#[path = "../bodies/netdev.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
