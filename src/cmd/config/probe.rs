// SPDX-License-Identifier: MIT OR Apache-2.0
//! A `probe` section as values.

use core::time::Duration;

use super::{Section, kinds};

/// What is asked again and again. A time between rounds of zero: never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The section's name, which the document shows.
    pub name: String,
    /// Whether it is asked at all.
    pub enabled: bool,
    /// Name or address.
    pub host: String,
    /// Between rounds of echo requests.
    pub ping: Duration,
    /// Between traces of the route.
    pub trace: Duration,
    /// Between tries of the ports.
    pub scan: Duration,
    /// Echo requests in a round.
    pub pings_count: u16,
    /// Bytes behind the header of an echo request.
    pub payload_bytes: u16,
    /// Routers on the way, at most.
    pub hops_max: u8,
    /// How long an answer may take.
    pub timeout: Duration,
    /// The ports to try.
    pub ports: Vec<u16>,
    /// Whether the certificates of https are looked at.
    pub tls: bool,
}

impl Probe {
    /// What a checked section says.
    pub fn of(section: &Section) -> Self {
        let mut ports: Vec<u16> = section.list("port").filter_map(kinds::port).collect();
        if ports.is_empty() {
            ports = ["http", "https", "mysql"]
                .into_iter()
                .filter_map(kinds::port)
                .collect();
        }
        let number = |option| u16::try_from(section.integer(option)).unwrap_or(u16::MAX);
        Self {
            name: section.name.clone(),
            enabled: section.boolean("enabled"),
            host: section.text("host").to_owned(),
            ping: section.duration("ping"),
            trace: section.duration("trace"),
            scan: section.duration("scan"),
            pings_count: number("numpings"),
            payload_bytes: number("payload"),
            hops_max: u8::try_from(section.integer("hops")).unwrap_or(u8::MAX),
            timeout: section.duration("timeout"),
            ports,
            tls: section.boolean("tls"),
        }
    }
}
