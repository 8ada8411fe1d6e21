// SPDX-License-Identifier: MIT OR Apache-2.0
//! One round of tests of one host, as far as they are switched on.

use core::net::IpAddr;

use super::probe::{Finding, Ping, Route, Service};
use crate::time::Wall;

/// The forms of a result that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// That of connvitals, and of connmonitor up to 3: all tests of a round.
    Round,
    /// That of connmonitor 4: one test, and when it was over if that is wanted.
    Single(Option<Wall>),
}

/// What the tests of a host told.
#[derive(Clone, Copy, Debug)]
pub struct Vitals<'a> {
    /// As the user wrote it.
    pub name: &'a str,
    /// Its address; `None`: its name never had one.
    pub address: Option<IpAddr>,
    /// Echoes.
    pub ping: Option<&'a Ping>,
    /// The way to it.
    pub trace: Option<&'a Route>,
    /// Its services.
    pub scan: Option<Scan<'a>>,
}

/// The services of a scan, at their ports.
pub const SERVICES: [(u16, Service); 3] = [
    (80, Service::Http),
    (443, Service::Https),
    (3_306, Service::Mysql),
];

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

/// What changed at a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// `up`, `down` and so on.
    pub event: &'a str,
    /// When.
    pub when: Wall,
    /// Pings that are lost, in millionths of a percent; `None` without pings.
    pub loss_ppm_percent: Option<u64>,
}
