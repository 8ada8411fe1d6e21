// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as what a service says first.
#![no_main]

#[path = "../bodies/banner.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
