// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as the table of flows.
#![no_main]

#[path = "../bodies/conntrack.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
