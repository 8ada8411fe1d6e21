// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plain values: what was seen, and the arithmetic on it. No bytes of any format, no system.

pub mod addr;
pub mod device;
pub mod flows;
pub mod index;
pub mod interface;
pub mod known_names;
pub mod mounts;
pub mod name;
pub mod probe;
pub mod ranges;
pub mod selection;
pub mod speeds;
pub mod system;
pub mod traffic;
pub mod unseen;
pub mod usage;
pub mod vitals;
