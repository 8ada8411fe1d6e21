// SPDX-License-Identifier: MIT OR Apache-2.0
//! A packet(7) socket that hands every frame of one interface to the program and gets none.

use std::os::fd::OwnedFd;

/// One interface that is counted; dropping it ends that.
#[derive(Debug)]
pub struct Tap(#[allow(dead_code)] OwnedFd);
