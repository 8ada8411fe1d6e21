// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as what a broker says.
#![no_main]

#[path = "../bodies/amqp.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::run(input));
