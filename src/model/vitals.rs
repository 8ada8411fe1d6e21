// SPDX-License-Identifier: MIT OR Apache-2.0
//! One round of tests of one host, as far as they are switched on.

use core::net::IpAddr;

use super::probe::{Finding, Ping, Route};

/// What the tests of a host told.
#[derive(Clone, Copy, Debug)]
pub struct Vitals<'a> {
    /// As the user wrote it.
    pub name: &'a str,
    /// Its address.
    pub address: IpAddr,
    /// Echoes.
    pub ping: Option<&'a Ping>,
    /// The way to it.
    pub trace: Option<&'a Route>,
    /// Its services.
    pub scan: Option<Scan<'a>>,
}

/// What listens at the ports of a host; `None` is nobody, or not that service.
#[derive(Clone, Copy, Debug)]
pub struct Scan<'a> {
    /// At port 80.
    pub http: Option<&'a Finding>,
    /// At port 443.
    pub https: Option<&'a Finding>,
    /// At port 3306.
    pub mysql: Option<&'a Finding>,
    /// At further ports that were asked for.
    pub ports: &'a [(u16, Option<&'a Finding>)],
}
