// SPDX-License-Identifier: MIT OR Apache-2.0
//! Values to documents, with the exact key names that readers know.

pub mod bandwidth;
pub mod device;
pub mod json;
pub mod netmon;
pub mod probe;
pub mod snapshot;
pub mod traffic;
pub mod vitals;
