// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the system to values: what is read with `sys`, understood with `codec`, kept in `model`.

pub mod bandwidth;
pub mod devices;
pub mod discovery;
pub mod ear;
pub mod echo;
pub mod interfaces;
pub mod lan;
pub mod names;
pub mod network;
pub mod offload;
pub mod ports;
pub mod prober;
pub mod reverse;
pub mod route;
pub mod segment;
pub mod speeds;
pub mod system;
pub mod taps;
pub mod vendors;
