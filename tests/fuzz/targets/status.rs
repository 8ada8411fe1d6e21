// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as what `status` and a change of user read.
#![no_main]

#[path = "../bodies/status.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
