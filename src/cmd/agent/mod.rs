// SPDX-License-Identifier: MIT OR Apache-2.0
//! `agent`: the snapshot of the network, window after window.

pub mod options;
pub mod settings;
