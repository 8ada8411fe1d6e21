// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as the configuration of tstat-send.
#![no_main]

#[path = "../bodies/tstat_ini.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
