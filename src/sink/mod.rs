// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finished bytes to the world.

pub mod batch;
pub mod file;
pub mod memory;
pub mod spool;
pub mod stdout;
