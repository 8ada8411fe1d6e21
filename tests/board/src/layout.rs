// SPDX-License-Identifier: MIT OR Apache-2.0
//! The frames that are sent: who sends them to whom is filled in later.

use std::io;

/// Addresses for measurements (RFC 2544, RFC 5180) and the port that nobody answers (RFC 863).
const IPV4: [[u8; 4]; 2] = [[198, 18, 0, 1], [198, 19, 0, 1]];
const IPV6_PREFIX: [u8; 6] = [0x20, 1, 0, 2, 0, 0];
const DISCARD: u16 = 9;

const ETHERNET_BYTES: usize = 14;
const TAG_BYTES: usize = 4;
const IPV4_BYTES: usize = 20;
const IPV6_BYTES: usize = 40;
const TCP_BYTES: usize = 20;
const UDP_BYTES: usize = 8;

/// What is in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Udp4,
    Udp6,
    /// Local experimental Ethertype 1, which nobody knows.
    Plain,
    /// TCP over IPv4, to be cut into segments that carry so many bytes each.
    Tcp4(u16),
}

impl Kind {
    /// `udp4`, `udp6`, `plain`, `tcp4/1448`
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "udp4" => Self::Udp4,
            "udp6" => Self::Udp6,
            "plain" => Self::Plain,
            _ => Self::Tcp4(text.strip_prefix("tcp4/")?.parse().ok()?),
        })
    }

    /// Headers from Ethernet to the payload.
    fn headers(self, vlan: Option<u16>) -> usize {
        let tag = if vlan.is_some() { TAG_BYTES } else { 0 };
        ETHERNET_BYTES
            + tag
            + match self {
                Self::Udp4 => IPV4_BYTES + UDP_BYTES,
                Self::Udp6 => IPV6_BYTES + UDP_BYTES,
                Self::Plain => 0,
                Self::Tcp4(_) => IPV4_BYTES + TCP_BYTES,
            }
    }

    /// Frames and bytes on a wire for one frame that the system is given.
    pub fn on_the_wire(self, frame: &[u8], vlan: Option<u16>) -> (u64, u64) {
        let headers = self.headers(vlan);
        let segments = match self {
            Self::Tcp4(size) => (frame.len() - headers).div_ceil(size.into()).max(1),
            _ => 1,
        };
        let bytes = frame.len() + (segments - 1) * headers;
        (segments as u64, bytes as u64)
    }

    /// `struct virtio_net_hdr` (packet(7), PACKET_VNET_HDR): how the frame is to be cut.
    pub fn offload(self, vlan: Option<u16>) -> Option<[u8; 10]> {
        let Self::Tcp4(size) = self else {
            return None;
        };
        let headers = self.headers(vlan);
        let mut header = [0; 10];
        header[0] = 1; // The checksum is still to be filled in,
        header[1] = 1; // TCP over IPv4.
        let fields = [headers, size.into(), headers - TCP_BYTES, 16];
        for (place, field) in header[2..].chunks_exact_mut(2).zip(fields) {
            place.copy_from_slice(&(field as u16).to_ne_bytes());
        }
        Some(header)
    }
}

/// A frame from nobody to nobody.
pub fn frame(kind: Kind, bytes: usize, vlan: Option<u16>) -> io::Result<Vec<u8>> {
    let headers = kind.headers(vlan);
    if bytes < headers || bytes > usize::from(u16::MAX) {
        let range = format!("bytes={bytes} is not in {headers}-65535");
        return Err(io::Error::other(range));
    }
    let mut frame = vec![0; 12];
    if let Some(vlan) = vlan {
        frame.extend(0x8100_u16.to_be_bytes());
        frame.extend(vlan.to_be_bytes());
    }
    let ethertype: u16 = match kind {
        Kind::Udp4 | Kind::Tcp4(_) => 0x0800,
        Kind::Udp6 => 0x86dd,
        Kind::Plain => 0x88b5,
    };
    frame.extend(ethertype.to_be_bytes());
    let payload = bytes - headers;
    match kind {
        Kind::Plain => {}
        Kind::Udp4 => ipv4(&mut frame, 17, &udp(payload)),
        Kind::Tcp4(_) => ipv4(&mut frame, 6, &tcp(payload)),
        Kind::Udp6 => ipv6(&mut frame, &udp(payload)),
    }
    frame.resize(bytes, 0);
    Ok(frame)
}

/// Without a checksum (RFC 768).
fn udp(payload: usize) -> Vec<u8> {
    let mut udp = [DISCARD, DISCARD].map(u16::to_be_bytes).concat();
    udp.extend(((UDP_BYTES + payload) as u16).to_be_bytes());
    udp.resize(UDP_BYTES + payload, 0);
    udp
}

/// Of a connection that does not exist (RFC 9293); the checksum is what offloading starts with.
fn tcp(payload: usize) -> Vec<u8> {
    let mut tcp = [DISCARD, DISCARD].map(u16::to_be_bytes).concat();
    tcp.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.resize(TCP_BYTES + payload, 0);
    let pseudo = IPV4.concat();
    let sum = sum(&pseudo) + 6 + tcp.len() as u32;
    tcp[16..18].copy_from_slice(&fold(sum).to_be_bytes());
    tcp
}

fn ipv4(frame: &mut Vec<u8>, protocol: u8, payload: &[u8]) {
    let mut header = [0; IPV4_BYTES];
    header[0] = 0x45;
    let len = (IPV4_BYTES + payload.len()) as u16;
    header[2..4].copy_from_slice(&len.to_be_bytes());
    header[8] = 64;
    header[9] = protocol;
    header[12..].copy_from_slice(IPV4.as_flattened());
    let checksum = !fold(sum(&header));
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    frame.extend(header);
    frame.extend(payload);
}

/// UDP needs its checksum here (RFC 8200).
fn ipv6(frame: &mut Vec<u8>, udp: &[u8]) {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend((udp.len() as u16).to_be_bytes());
    header.extend([17, 64]);
    for host in [1, 2] {
        header.extend(IPV6_PREFIX);
        header.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
    }
    let checksum = !fold(sum(&header[8..]) + 17 + udp.len() as u32 + sum(udp));
    frame.extend(header);
    frame.extend(udp);
    let at = frame.len() - udp.len() + 6;
    frame[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
}

fn sum(bytes: &[u8]) -> u32 {
    let pairs = bytes.chunks(2);
    pairs
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum()
}

fn fold(sum: u32) -> u16 {
    let sum = (sum >> 16) + (sum & 0xffff);
    ((sum >> 16) + sum) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_as_long_as_asked_and_sums_hold() {
        for (kind, least) in [(Kind::Udp4, 42), (Kind::Udp6, 62), (Kind::Plain, 14)] {
            for vlan in [None, Some(7)] {
                let least = least + if vlan.is_some() { 4 } else { 0 };
                assert!(frame(kind, least - 1, vlan).is_err());
                assert_eq!(frame(kind, least, vlan).unwrap().len(), least);
                assert_eq!(
                    kind.on_the_wire(&frame(kind, 99, vlan).unwrap(), vlan),
                    (1, 99)
                );
            }
        }
        let frame = frame(Kind::Udp4, 60, None).unwrap();
        assert_eq!(fold(sum(&frame[14..34])), 0xffff);
        assert_eq!(frame[16..18], [0, 46]);
    }

    #[test]
    fn a_frame_that_is_cut_has_more_headers_on_the_wire() {
        let kind = Kind::parse("tcp4/1000").unwrap();
        let frame = frame(kind, 54 + 2001, None).unwrap();
        assert_eq!(kind.on_the_wire(&frame, None), (3, 54 * 3 + 2001));
        let header = kind.offload(Some(7)).unwrap();
        assert_eq!(header[2..4], 58_u16.to_ne_bytes());
        assert_eq!(header[6..8], 38_u16.to_ne_bytes());
    }
}
