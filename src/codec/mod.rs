// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes to values and back: pure, without allocation, without panic on any input.

pub mod lines;
pub mod netdev;
pub mod units;
