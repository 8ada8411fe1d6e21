// SPDX-License-Identifier: MIT OR Apache-2.0
//! In place of `servers` where the feature `http` is left out: there are none.

use super::outputs::Options;
use crate::failure::Failure;
use crate::sys::signal::Signals;
use crate::time::Wall;

/// Servers to send to; none in this build.
#[derive(Debug)]
pub enum Servers {}

/// Documents under way; none in this build.
#[derive(Debug)]
pub enum Sending {}

impl Servers {
    /// Whether the options name a server.
    ///
    /// # Errors
    /// When they do: this build cannot send.
    pub fn plan(options: &Options, _: &str) -> Result<Option<Self>, Failure> {
        if options.eshost.is_some() || options.api_url.is_some() || options.spool.is_some() {
            return Err(Failure::usage(
                "--eshost, --api-url and --spool need a build with the feature 'http'",
            ));
        }
        Ok(None)
    }

    /// Starts to send.
    ///
    /// # Errors
    /// None.
    pub fn start(&self, _: &str, _: bool) -> Result<Sending, Failure> {
        match *self {}
    }
}

impl Sending {
    /// Hands over a document.
    pub fn offer(&mut self, _: Wall, _: &[u8]) {
        match *self {}
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// None.
    pub fn finish(self, _: &Signals, _: bool) -> Result<(), Failure> {
        match self {}
    }
}
