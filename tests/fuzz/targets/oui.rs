// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a list of vendors.
#![no_main]

#[path = "../bodies/oui.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
