// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which interfaces to capture on.
