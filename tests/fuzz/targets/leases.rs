// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a file that knows names.
#![no_main]

#[path = "../bodies/leases.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
