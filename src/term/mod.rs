// SPDX-License-Identifier: MIT OR Apache-2.0
//! What people see.

pub mod amount;
pub mod escape;
pub mod logger;
pub mod progress;
pub mod screen;
pub mod table;
