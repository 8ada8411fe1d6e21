// SPDX-License-Identifier: MIT OR Apache-2.0
//! What DHCP for IPv4 (RFC 2131, RFC 2132) says of a client: its address and the name it announces.

mod options;

use core::net::Ipv4Addr;

use etherparse::{Ipv4Slice, UdpSlice, ip_number};

use crate::model::addr::Mac;
use crate::model::name::DeviceName;
use options::Options;

/// A message of a client or to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Option 53; `None` for BOOTP and for a number without a name here.
    pub kind: Option<Kind>,
    /// The client's hardware address (`chaddr`); `None` when it is not Ethernet's.
    pub client: Option<Mac>,
    /// `ciaddr`: the address that the client has; unspecified when none.
    pub client_address: Ipv4Addr,
    /// `yiaddr`: the address that the server gives; unspecified when none.
    pub your_address: Ipv4Addr,
    /// Option 50: the address that the client asks for.
    pub requested: Option<Ipv4Addr>,
    /// Option 12: the name that the client announces, or the server gives.
    pub host_name: Option<DeviceName>,
    /// Option 81: the client's full name (RFC 4702), in either encoding.
    pub full_name: Option<DeviceName>,
    /// Option 61, the client identifier, holds this MAC address; `None` when it holds another kind.
    pub identifier: Option<Mac>,
}

/// Option 53 (RFC 2132 section 9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// DHCPDISCOVER.
    Discover = 1,
    /// DHCPOFFER.
    Offer,
    /// DHCPREQUEST.
    Request,
    /// DHCPDECLINE.
    Decline,
    /// DHCPACK.
    Ack,
    /// DHCPNAK.
    Nak,
    /// DHCPRELEASE.
    Release,
    /// DHCPINFORM.
    Inform,
    /// DHCPFORCERENEW (RFC 3203).
    ForceRenew,
    /// DHCPLEASEQUERY (RFC 4388): a relay asks who has an address.
    LeaseQuery,
    /// DHCPLEASEUNASSIGNED.
    LeaseUnassigned,
    /// DHCPLEASEUNKNOWN.
    LeaseUnknown,
    /// DHCPLEASEACTIVE.
    LeaseActive,
}

/// Why it is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The IPv4 or UDP header is wrong or cut.
    Ip,
    /// Shorter than the fixed fields.
    Short,
    /// Neither BOOTREQUEST nor BOOTREPLY.
    Operation,
}

/// Bytes before the options: the message of BOOTP (RFC 951) without its vendor area.
const FIXED_BYTES: usize = 236;
/// Where `sname` and `file` are, which may hold options too (RFC 2132 section 9.3).
const SERVER_NAME: core::ops::Range<usize> = 44..108;
const FILE: core::ops::Range<usize> = 108..236;
/// What options begin with (RFC 2131 section 3).
const COOKIE: [u8; 4] = [99, 130, 83, 99];

/// Reads an IPv4 packet (the payload of a frame); `None` when it is not UDP from or to port 67
/// or 68, or a fragment.
///
/// # Errors
///
/// See [`Malformed`].
pub fn parse_packet(packet: &[u8]) -> Result<Option<Message>, Malformed> {
    let ip = Ipv4Slice::from_slice(packet).map_err(|_| Malformed::Ip)?;
    let payload = ip.payload();
    if payload.ip_number != ip_number::UDP || payload.fragmented {
        return Ok(None);
    }
    let udp = UdpSlice::from_slice(payload.payload).map_err(|_| Malformed::Ip)?;
    let ports = [udp.source_port(), udp.destination_port()];
    if !ports.contains(&67) && !ports.contains(&68) {
        return Ok(None);
    }
    parse(udp.payload()).map(Some)
}

/// Reads the payload of a UDP datagram. Without the cookie of RFC 2131 it has no options.
///
/// # Errors
///
/// See [`Malformed`].
pub fn parse(datagram: &[u8]) -> Result<Message, Malformed> {
    let fixed = datagram.get(..FIXED_BYTES).ok_or(Malformed::Short)?;
    let [1 | 2, hardware, hardware_len, ..] = *fixed else {
        return Err(Malformed::Operation);
    };
    let address = |at: usize| Ipv4Addr::new(fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]);
    // Some clients leave the type at 0, which is nobody's (RFC 5494 section 4).
    let ethernet = matches!((hardware, hardware_len), (0 | 1 | 6, 6));
    let client = fixed[28..].first_chunk().filter(|_| ethernet);
    let mut message = Message {
        kind: None,
        client: client.map(|mac| Mac(*mac)),
        client_address: address(12),
        your_address: address(16),
        requested: None,
        host_name: None,
        full_name: None,
        identifier: None,
    };
    if let Some(options) = datagram[FIXED_BYTES..].strip_prefix(&COOKIE) {
        let mut found = Options::default();
        found.walk(options);
        let overload = found.overload;
        if overload & 1 != 0 {
            found.walk(&fixed[FILE]);
        }
        if overload & 2 != 0 {
            found.walk(&fixed[SERVER_NAME]);
        }
        found.tell(&mut message);
    }
    Ok(message)
}

impl Kind {
    fn of(number: u8) -> Option<Self> {
        let kinds = [
            Self::Discover,
            Self::Offer,
            Self::Request,
            Self::Decline,
            Self::Ack,
            Self::Nak,
            Self::Release,
            Self::Inform,
            Self::ForceRenew,
            Self::LeaseQuery,
            Self::LeaseUnassigned,
            Self::LeaseUnknown,
            Self::LeaseActive,
        ];
        kinds.into_iter().find(|kind| *kind as u8 == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

    fn datagram(options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; FIXED_BYTES];
        bytes[..4].copy_from_slice(&[1, 1, 6, 0]);
        bytes[12..20].copy_from_slice(&[10, 0, 0, 8, 10, 0, 0, 9]);
        bytes[28..34].copy_from_slice(&MAC.0);
        [&bytes, &COOKIE[..], options].concat()
    }

    fn packet(ports: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let len = |len: usize| (len as u16).to_be_bytes();
        let mut bytes = vec![0x45, 0];
        bytes.extend(len(28 + payload.len()));
        bytes.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        bytes.extend(ports);
        bytes.extend(len(8 + payload.len()));
        bytes.extend([0, 0]);
        [&bytes, payload].concat()
    }

    fn read(options: &[u8]) -> Message {
        parse(&datagram(options)).unwrap()
    }

    #[track_caller]
    fn check_names(options: &[u8], host_name: Option<&str>, full_name: Option<&str>) {
        let message = read(options);
        assert_eq!(message.host_name.as_deref(), host_name);
        assert_eq!(message.full_name.as_deref(), full_name);
    }

    #[test]
    fn a_request_tells_who_asks_for_what() {
        let address = b"\x32\x04\x0a\0\0\x07\0\0";
        let identifier = b"\x3d\x07\x01\x02\0\0\0\0\x09";
        let name = b"\x0c\x02tv\xff\x0c\x01x";
        let message = read(&[&b"\x35\x01\x03"[..], address, identifier, name].concat());
        assert_eq!(
            (message.kind, message.client),
            (Some(Kind::Request), Some(MAC))
        );
        assert_eq!(message.client_address, Ipv4Addr::new(10, 0, 0, 8));
        assert_eq!(message.your_address, Ipv4Addr::new(10, 0, 0, 9));
        assert_eq!(message.requested, Some(Ipv4Addr::new(10, 0, 0, 7)));
        assert_eq!(message.identifier, Some(MAC));
        assert_eq!(message.host_name.as_deref(), Some("tv"));
    }

    #[test]
    fn a_full_name_has_two_encodings() {
        check_names(b"\x51\x0a\x00\x00\x00tv.home", None, Some("tv.home"));
        check_names(
            b"\x51\x0c\x04\x00\x00\x02tv\x04home\x00",
            None,
            Some("tv.home"),
        );
        check_names(b"\x51\x06\x04\x00\x00\x02tv", None, Some("tv"));
        check_names(b"\x51\x07\x04\x00\x00\x02tv\x04", None, Some("tv"));
        check_names(b"\x51\x03\x00\x00\x00", None, None);
        check_names(b"\x51\x02\x00\x00", None, None);
    }

    #[test]
    fn a_split_option_is_joined_and_a_nul_ends_a_name() {
        check_names(b"\x0c\x02ab\x35\x01\x01\x0c\x03cd\0", Some("abcd"), None);
        check_names(b"\x0c\x01\0", None, None);
        check_names(b"\x0c\x02a\xff", Some("a\u{FFFD}"), None);
        let long = [&[12, 255], &[b'x'; 255][..], &[12, 5], b"yyyyy"].concat();
        check_names(&long, Some(&"x".repeat(255)), None);
    }

    #[test]
    fn options_may_be_in_the_fields_of_other_names() {
        let mut bytes = datagram(&[52, 1, 3, 53, 1, 1, 255]);
        bytes[FILE][..4].copy_from_slice(b"\x0c\x02tv");
        bytes[SERVER_NAME][..3].copy_from_slice(&[52, 1, 3]);
        bytes[SERVER_NAME][3..9].copy_from_slice(b"\x32\x04\x0a\0\0\x05");
        let message = parse(&bytes).unwrap();
        assert_eq!(message.host_name.as_deref(), Some("tv"));
        assert_eq!(message.requested, Some(Ipv4Addr::new(10, 0, 0, 5)));
        assert_eq!(message.kind, Some(Kind::Discover));
        bytes[FIXED_BYTES + 6] = 2;
        let message = parse(&bytes).unwrap();
        assert_eq!(
            (message.host_name, message.requested.is_some()),
            (None, true)
        );
    }

    #[test]
    fn what_is_cut_ends_the_options() {
        for options in [&b"\x35\x01\x03\x0c\x03tv"[..], &[53, 1, 3, 12], &[53, 1, 3]] {
            let message = read(options);
            assert_eq!(
                (message.kind, message.host_name),
                (Some(Kind::Request), None)
            );
        }
        assert_eq!(read(&[53, 2, 3, 3]).kind, None);
        assert_eq!(read(&[53, 1, 13]).kind, Some(Kind::LeaseActive));
        assert_eq!(read(&[53, 1, 14]).kind, None);
        assert_eq!(read(&[50, 3, 1, 2, 3]).requested, None);
    }

    #[test]
    fn a_message_has_its_fixed_fields() {
        let bytes = datagram(&[53, 1, 1]);
        assert_eq!(parse(&bytes[..FIXED_BYTES - 1]), Err(Malformed::Short));
        assert_eq!(parse(&bytes[..FIXED_BYTES]).unwrap().kind, None);
        let mut other = bytes.clone();
        other[FIXED_BYTES] = 98;
        assert_eq!(parse(&other).unwrap().kind, None, "no cookie, no options");
        other[1] = 0;
        assert_eq!(parse(&other).unwrap().client, Some(MAC));
        other[1] = 32;
        assert_eq!(parse(&other).unwrap().client, None, "not Ethernet");
        other[0] = 3;
        assert_eq!(parse(&other), Err(Malformed::Operation));
    }

    #[test]
    fn only_datagrams_of_its_ports_are_read() {
        let message = datagram(&[53, 1, 1]);
        let read = |ports| parse_packet(&packet(ports, &message)).unwrap();
        assert!(read([0, 68, 0, 67]).is_some() && read([0, 67, 1, 0]).is_some());
        assert_eq!(read([0, 53, 0, 53]), None);
        let mut bytes = packet([0, 68, 0, 67], &message);
        assert_eq!(parse_packet(&bytes[..60]), Err(Malformed::Ip));
        bytes[9] = 6;
        assert_eq!(parse_packet(&bytes), Ok(None));
        (bytes[9], bytes[6]) = (17, 0x20);
        assert_eq!(parse_packet(&bytes), Ok(None), "a fragment");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(noise: Vec<u8>, options: Vec<u8>, overload: u8) {
            let _ = parse_packet(&noise);
            let _ = parse(&noise);
            let mut bytes = datagram(&[&[52, 1, overload][..], &options].concat());
            bytes[FILE].iter_mut().zip(noise).for_each(|(to, from)| *to = from);
            let _ = parse_packet(&packet([0, 68, 0, 67], &bytes));
        }
    }
}
