// SPDX-License-Identifier: MIT OR Apache-2.0
//! What DHCP for IPv4 (RFC 2131, RFC 2132) says of a client: its address and the name it announces.

use core::net::Ipv4Addr;

use crate::model::addr::Mac;
use crate::model::name::DeviceName;

/// A message of a client or to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Option 53; `None` for BOOTP and for a number that RFC 2132 does not know.
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

/// Reads an IPv4 packet (the payload of a frame); `None` when it is not UDP from or to port 67
/// or 68, or only a later fragment.
///
/// # Errors
///
/// See [`Malformed`].
pub fn parse_packet(packet: &[u8]) -> Result<Option<Message>, Malformed> {
    let _ = packet;
    Err(Malformed::Ip)
}

/// Reads the payload of a UDP datagram.
///
/// # Errors
///
/// See [`Malformed`].
pub fn parse(datagram: &[u8]) -> Result<Message, Malformed> {
    let _ = datagram;
    Err(Malformed::Short)
}
