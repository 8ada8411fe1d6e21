// SPDX-License-Identifier: MIT OR Apache-2.0
//! The logs of tstat: found, read row by row, turned into objects, carried away in slices.
//!
//! ```text
//! ini ─▶ settings            walk ─▶ log rows ─▶ objects ─▶ slice ─▶ carrier ─▶ .progress
//!                                                                              .processed
//! ```
//!
//! A guest: nothing in the core knows it but the table of applets.

pub mod amqp;
pub mod carrier;
pub mod settings;
