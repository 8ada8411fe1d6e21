// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every system call, every `unsafe`, every clock; no parsing, no decisions.

pub mod clock;
pub mod doorbell;
pub mod files;
pub mod host;
pub mod poll;
pub mod random;
pub mod resolver;
pub mod signal;
pub mod spool_directory;
pub mod terminal;
