// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as the files of /proc that tell of the system.
#![no_main]

#[path = "../bodies/procfs.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
