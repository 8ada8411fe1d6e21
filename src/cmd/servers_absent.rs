// SPDX-License-Identifier: MIT OR Apache-2.0
//! In place of `servers` where the feature `http` is left out: there are none.

use core::time::Duration;

use super::config::Section;
use super::outputs::Spooling;
use crate::encode::snapshot::{Output, Spool};
use crate::failure::Failure;
use crate::sys::signal::Signals;
use crate::time::{Mono, Wall};

/// Servers to send to; none in this build.
#[derive(Debug, PartialEq, Eq)]
pub enum Servers {}

/// Documents under way; none in this build.
#[derive(Debug)]
pub enum Sending {}

/// Nothing is wrong with an address that is never used.
pub fn address_fault(_: &str) -> Option<String> {
    None
}

/// Who hands documents over.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// What its host is called.
    pub host: &'a str,
    /// Tells this run apart from others.
    pub start_id: u64,
    /// Documents that it handed over before.
    pub sequence: u64,
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

    /// Sees whether the certificates of CAs are there.
    ///
    /// # Errors
    /// None.
    pub fn check(&self) -> Result<(), Failure> {
        match *self {}
    }

    /// Starts to send.
    ///
    /// # Errors
    /// None.
    pub fn start(&self, _: Sender<'_>, _: bool) -> Result<Sending, Failure> {
        match *self {}
    }
}

impl Sending {
    /// Hands over a document.
    pub fn offer(&mut self, _: Wall, _: &[u8]) {
        match *self {}
    }

    /// Hands over what happened at each server.
    pub fn each(&self, _: Wall, _: impl FnMut(&Output<'_>)) {
        match *self {}
    }

    /// Makes way for others.
    pub fn retire(self) -> Option<Self> {
        match self {}
    }

    /// Whether whoever retired has sent what it could.
    pub fn is_over(&self) -> bool {
        match *self {}
    }

    /// What happened to the files of the spool.
    pub fn spool(&self) -> Option<Spool> {
        match *self {}
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// None.
    pub fn finish(self, _: &Signals, _: bool, _: Mono) -> Result<(), Failure> {
        match self {}
    }
}
