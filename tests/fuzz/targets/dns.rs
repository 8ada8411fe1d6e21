// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as an answer of DNS.
#![no_main]

#[path = "../bodies/dns.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
