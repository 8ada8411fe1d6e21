// SPDX-License-Identifier: MIT OR Apache-2.0
//! Decisions as state machines that are told the time: they never open, send, wait or log.

pub mod arp_scan;
pub mod changes;
pub mod echo;
pub mod lookup;
pub mod pace;
pub mod retry;
pub mod reverse;
pub mod route;
pub mod schedule;
