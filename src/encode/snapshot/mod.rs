// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parts of the document `realtimeSnapshot`.

pub mod interfaces;
pub mod metrics;
