// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as an ICMP message.
#![no_main]

#[path = "../bodies/quote.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
