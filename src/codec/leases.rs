// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that know names: leases of dnsmasq, hosts of odhcpd, ethers(5), hosts(5), `MAC name`.
//!
//! Each function reads one line, given without its line end.

use core::net::IpAddr;

use crate::model::addr::Mac;

/// A name, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The device's MAC address; `None` in files that know addresses only.
    pub mac: Option<Mac>,
    /// The device's address; `None` in files that know MAC addresses only.
    pub address: Option<IpAddr>,
    /// Never empty; any bytes: see [`lossy`](crate::model::name::lossy).
    pub name: &'a [u8],
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Somebody's name.
    Entry(Entry<'a>),
    /// Blank, a comment, or somebody without a name.
    Nothing,
    /// Not in the form of the file.
    Malformed,
}

/// A line of dnsmasq's leases: `expiry mac address name|* clientid|*`, for DHCPv6
/// `expiry iaid address name|* duid`, and `duid …`.
pub fn dnsmasq(line: &[u8]) -> Line<'_> {
    let _ = line;
    Line::Nothing
}

/// A line of odhcpd's hosts file: `address name.domain name`, or a lease as a comment.
pub fn odhcpd(line: &[u8]) -> Line<'_> {
    let _ = line;
    Line::Nothing
}

/// A line of ethers(5): `MAC name`; with an address instead of the name it says nothing.
pub fn ethers(line: &[u8]) -> Line<'_> {
    let _ = line;
    Line::Nothing
}

/// A line of hosts(5): `address name alias…`; the first name counts. Addresses of the machine
/// itself and of groups are left out.
pub fn hosts(line: &[u8]) -> Line<'_> {
    let _ = line;
    Line::Nothing
}

/// A line of the user's own file: `MAC name`, the name to the end of the line, blanks and all.
pub fn names(line: &[u8]) -> Line<'_> {
    let _ = line;
    Line::Nothing
}
