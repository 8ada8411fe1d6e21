// SPDX-License-Identifier: MIT OR Apache-2.0
//! RabbitMQ over AMQP 0-9-1, plain and TLS: slices go out as messages, several at once, and each is
//! kept until the broker confirms it.
//!
//! ```text
//! frame, wire (bytes ↔ fields) ─ method (fields ↔ what is said) ─ session (what to say when)
//! window (what is unconfirmed)      link (the line)         broker (drives them all)
//! ```

mod broker;
pub mod event;
pub mod fault;
pub mod frame;
mod link;
pub mod method;
mod pause;
pub mod session;
pub mod window;
mod wire;

pub use broker::{Broker, Patience};
