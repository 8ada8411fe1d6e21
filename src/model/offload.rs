// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who forwards beside the kernel's ordinary path.

/// How much of the forwarding leaves the ordinary path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offload {
    /// Nothing.
    #[default]
    None,
    /// A short cut in the kernel; every frame still passes the interfaces.
    Software,
    /// Hardware: the CPU does not see those frames.
    Hardware,
}
