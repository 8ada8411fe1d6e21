// SPDX-License-Identifier: MIT OR Apache-2.0
//! In place of `servers` where the feature `http` is left out: there are none.

use core::time::Duration;

use super::config::Section;
use super::outputs::Spooling;
use crate::failure::Failure;
use crate::sys::signal::Signals;
use crate::time::Wall;

/// Servers to send to; none in this build.
#[derive(Debug)]
pub enum Servers {}

/// Documents under way; none in this build.
#[derive(Debug)]
pub enum Sending {}

/// Nothing is wrong with an address that is never used.
pub fn address_fault(_: &str) -> Option<String> {
    None
}

impl Servers {
    /// The servers of these `output` sections.
    ///
    /// # Errors
    /// When there are any: this build cannot send.
    pub fn plan(
        sections: &[Section],
        _: &'static str,
        _: &Spooling,
        _: Duration,
    ) -> Result<Self, Failure> {
        let what = ": needs a build with the feature 'http'";
        Err(match sections.first() {
            Some(section) => section.refuse("type", what),
            None => Failure::usage(what),
        })
    }

    /// What each output is called, and its type.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &'static str)> {
        core::iter::empty()
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
