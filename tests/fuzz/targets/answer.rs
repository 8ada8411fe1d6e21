// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a server's answer.
#![no_main]

#[path = "../bodies/answer.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
