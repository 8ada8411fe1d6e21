// SPDX-License-Identifier: MIT OR Apache-2.0
//! https in a build without TLS: nobody is talked to.

use std::io::{self, Read, Write};

use core::convert::Infallible;

use crate::failure::Failure;
use crate::model::probe::Certificate;

/// Whether this build speaks TLS.
pub const AVAILABLE: bool = false;

/// How to talk to servers: not at all.
#[derive(Debug)]
pub struct Checker;

impl Checker {
    /// Nothing.
    ///
    /// # Errors
    /// None.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self)
    }

    /// Nothing.
    pub fn judge(&mut self) {}

    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn begin(&self, _: &str, _: bool) -> io::Result<Session> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A talk that never is.
#[derive(Debug)]
pub struct Session(Infallible);

impl Session {
    /// Never called.
    ///
    /// # Errors
    /// None.
    pub fn say(&mut self, _: &[u8]) -> io::Result<()> {
        match self.0 {}
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub fn send(&mut self, _: &mut impl Write) -> io::Result<()> {
        match self.0 {}
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub fn exchange(&mut self, _: &mut (impl Read + Write), _: &mut [u8]) -> io::Result<usize> {
        match self.0 {}
    }

    /// Never called.
    pub fn wants_write(&self) -> bool {
        match self.0 {}
    }
}

/// Nothing.
pub fn certificate(session: &Session) -> Option<Certificate> {
    match session.0 {}
}
