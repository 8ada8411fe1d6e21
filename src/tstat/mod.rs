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
pub mod configure;
pub mod flow;
pub mod http;
pub mod ini;
pub mod journal;
pub mod layout;
pub mod local;
pub mod number;
pub mod reading;
pub mod rows;
pub mod settings;
pub mod slices;
mod write;
