// SPDX-License-Identifier: MIT OR Apache-2.0
//! netvitals: one small static binary that tells what a network is doing.
//!
//! # Bird's-eye view
//!
//! ```text
//! collect ──values──▶ model ──values──▶ encode ──bytes──▶ sink     cmd drives, and alone knows all
//!    │ engine (what next?)   codec (bytes↔values)   fixed tables   sys = system calls and clocks
//! ```
//!
//! Values flow one way. Collectors ask the system through [`sys`], turn bytes into values with
//! [`codec`], and leave every decision that depends on time to an [`engine`] that is told the time.
//! [`model`] holds the values and their arithmetic, [`encode`] writes documents into a buffer that
//! was reserved at start-up, [`sink`] carries finished bytes to the world, [`term`] is all that
//! people see, and [`cmd`] has one file per applet.
//!
//! # Where to change what
//!
//! | to change | go to |
//! |---|---|
//! | an option, a message, an applet | [`cmd`] |
//! | how a file or a frame is read | [`codec`] |
//! | a key of a document | [`encode`] |
//! | when something happens | [`engine`] |
//! | a capacity | [`limits`] |
//! | a system call | [`sys`] |
//!
//! # Invariants
//!
//! * `unsafe`, system calls and clocks stand in [`sys`] alone; nothing in [`codec`], [`engine`],
//!   [`model`] and [`encode`] can touch the world.
//! * Nothing allocates per window, packet or line after start-up. Every table has its capacity in
//!   [`limits`], says what happens when it is full, and counts it.
//! * No input makes the program panic; text from outside passes [`term::escape`] before anybody
//!   sees it, and JSON is valid whatever a name holds.
//! * No 64-bit atomics: MIPS and ARMv5 have none.
//! * What must not exist: global options, a clock read inside logic, a silent drop.
//!
//! `tests/tidy.rs` keeps these rules; its table says which room may import which.
#![deny(unsafe_code)]
#![deny(missing_docs)]

pub mod cmd;
pub mod codec;
pub mod collect;
#[cfg(feature = "connspy")]
pub mod connspy;
pub mod encode;
pub mod engine;
pub mod failure;
pub mod limits;
pub mod model;
pub mod sink;
pub mod sys;
pub mod term;
pub mod time;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "tstat")]
pub mod tstat;
