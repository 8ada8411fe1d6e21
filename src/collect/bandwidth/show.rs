// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames of the ring as lines in the log, for whoever wants to see what is counted; a few a
//! second, so that the log does not become the traffic.

use core::net::IpAddr;
use core::time::Duration;

use log::Level;

use crate::codec::frame::{self, IPV4, IPV6};
use crate::codec::wire::Wire;
use crate::time::Mono;

/// Lines in a second.
const LINES_MAX: u32 = 20;

/// What was shown in this second.
#[derive(Debug, Default)]
pub struct Shown {
    second: Option<Mono>,
    lines_count: u32,
    left_out_count: u64,
}

impl Shown {
    /// Shows a frame, if anybody wants to see it and not too many were shown.
    pub fn frame(&mut self, headers: &[u8], wire: &Wire, now: Mono) {
        if !log::log_enabled!(Level::Debug) {
            return;
        }
        let over = |second| now.since(second) >= Duration::from_secs(1);
        if self.second.is_none_or(over) {
            if self.left_out_count > 0 {
                log::debug!("captured packets not shown: {}", self.left_out_count);
            }
            (self.second, self.lines_count, self.left_out_count) = (Some(now), 0, 0);
        }
        if self.lines_count == LINES_MAX {
            self.left_out_count += 1;
            return;
        }
        self.lines_count += 1;
        let bytes = wire.bytes;
        match addresses(headers) {
            Some((source, destination)) => {
                log::debug!("Captured packet: {source} -> {destination}, Size: {bytes}");
            }
            None => {
                let (source, destination) = (wire.source, wire.destination);
                log::debug!("Captured packet: {source} -> {destination}, Size: {bytes}");
            }
        }
    }
}

/// Source and destination of an IP packet (RFC 791, RFC 8200); `None` when it is none.
fn addresses(headers: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let frame = frame::parse(headers).ok()?;
    let at = |from: usize, len: usize| frame.payload.get(from..from + len);
    match frame.ethertype? {
        IPV4 => {
            let address = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
            Some((address(at(12, 4)?)?, address(at(16, 4)?)?))
        }
        IPV6 => {
            let address = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from);
            Some((address(at(8, 16)?)?, address(at(24, 16)?)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ip_packet_has_two_ends() {
        let mut headers = [0; 54];
        headers[12..14].copy_from_slice(&IPV4.to_be_bytes());
        headers[14 + 12..14 + 20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        let ends = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(addresses(&headers), Some(ends.into()));
        headers[12..14].copy_from_slice(&IPV6.to_be_bytes());
        headers[14 + 8..].copy_from_slice(&[&[0; 15][..], &[1], &[0; 15], &[2]].concat());
        let ends = ["::1", "::2"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(addresses(&headers), Some(ends.into()));
        assert_eq!(addresses(&headers[..53]), None);
        headers[12..14].copy_from_slice(&[8, 6]);
        assert_eq!(addresses(&headers), None);
    }
}
