// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a file of connmonitor, of the form that its first line says.
#![no_main]

#[path = "../bodies/hosts.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
