// SPDX-License-Identifier: MIT OR Apache-2.0
//! The logs of tstat: found, read row by row, turned into objects, carried away in slices.
//!
//! ```text
//! walk ─▶ directory ─▶ rows ─▶ flow ─▶ slices ─▶ carrier ─▶ journal (.progress) ─▶ .processed
//!          layout: which column is what          amqp, http, local
//! ```
//!
//! A guest: nothing in the core knows it but the table of applets.

pub mod amqp;
pub mod carrier;
pub mod configure;
pub mod cull;
mod directory;
mod exchange;
pub mod flow;
pub mod http;
pub mod ini;
pub mod journal;
pub mod layout;
pub mod local;
mod name;
pub mod number;
mod passage;
pub mod reading;
pub mod report;
pub mod rows;
pub mod send;
pub mod settings;
pub mod slices;
pub mod walk;
mod write;
