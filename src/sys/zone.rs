// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interface that a link-local IPv6 address is on (RFC 4007): whoever handles addresses as
//! plain [`IpAddr`] carries it in the 32 bits behind the prefix, which are zero in every packet
//! (RFC 4291, 2.5.6). It is taken out again before the kernel, or a reader, sees the address.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

/// An address with its interface, by the kernel's number; 0 is none. Only one that is link-local
/// has one.
pub fn join(address: IpAddr, interface: u32) -> IpAddr {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            let mut octets = v6.octets();
            octets[2..6].copy_from_slice(&interface.to_be_bytes());
            Ipv6Addr::from(octets).into()
        }
        other => other,
    }
}

/// What the resolver found, with its interface; an IPv4 address is not mapped into IPv6.
pub fn of(found: &SocketAddr) -> IpAddr {
    match found {
        SocketAddr::V4(found) => IpAddr::V4(*found.ip()),
        SocketAddr::V6(found) => join(found.ip().to_canonical(), found.scope_id()),
    }
}

/// Whether it needs an interface, and has none: the kernel would take one that it likes.
pub fn is_missing(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()) && split(address).1 == 0
}

/// An address as it is in packets, and its interface; 0 is none.
pub fn split(address: IpAddr) -> (IpAddr, u32) {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            let [_, _, a, b, c, d, ..] = v6.octets();
            (join(address, 0), u32::from_be_bytes([a, b, c, d]))
        }
        other => (other, 0),
    }
}

/// An address as it is in packets.
pub fn plain(address: IpAddr) -> IpAddr {
    split(address).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_link_local_address_has_an_interface() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let zoned = join(address("fe80::1:2"), 0x1_0003);
        assert_eq!(zoned, address("fe80:1:3::1:2"));
        assert_eq!(split(zoned), (address("fe80::1:2"), 0x1_0003));
        assert_eq!(join(zoned, 7), address("fe80:0:7::1:2"));
        for other in ["10.0.0.1", "fd00:1:2::1", "::1", "ff02:1:2::1"].map(address) {
            assert_eq!((join(other, 7), split(other)), (other, (other, 0)));
        }
    }
}
