// SPDX-License-Identifier: MIT OR Apache-2.0
//! Addresses of the link layer, and IPv4 prefixes.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr};

/// A MAC address (EUI-48).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// All zeros: nobody.
    pub const NULL: Self = Self([0; 6]);
    /// All ones: everybody.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Reads six hexadecimal numbers of one or two digits with `:` or `-` between, as ethers(5),
    /// leases and people write them; `None` when it is anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let separator = *text.iter().find(|byte| matches!(byte, b':' | b'-'))?;
        let mut octets = [0; 6];
        let mut parts = text.split(|&byte| byte == separator);
        for octet in &mut octets {
            *octet = match *parts.next()? {
                [low] => hex_digit(low)?,
                [high, low] => hex_digit(high)? << 4 | hex_digit(low)?,
                _ => return None,
            };
        }
        parts.next().is_none().then_some(Self(octets))
    }

    /// Whether frames to it go to a group: broadcast or multicast.
    pub fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether it was not given by a vendor: made up by its device, most often at random.
    pub fn is_local(self) -> bool {
        self.0[0] & 2 != 0
    }

    /// Whether it is all zeros.
    pub fn is_null(self) -> bool {
        self == Self::NULL
    }

    /// Whether one device can own it: neither a group nor all zeros.
    pub fn is_device(self) -> bool {
        !self.is_group() && !self.is_null()
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// The value of a hexadecimal digit in either case.
pub(crate) fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// An IPv4 address with the length of its prefix, as an interface has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: Ipv4Addr,
    len: u8,
}

impl Prefix {
    /// The prefix of `len` bits, 0 to 32, that `address` is in; `None` when it is longer.
    pub const fn new(address: Ipv4Addr, len: u8) -> Option<Self> {
        if len > 32 {
            return None;
        }
        Some(Self { address, len })
    }

    /// The address that it was made with, host bits included.
    pub fn address(self) -> Ipv4Addr {
        self.address
    }

    /// Its length in bits, 0 to 32.
    pub fn length(self) -> u8 {
        self.len
    }

    /// The lowest address: host bits zero.
    pub fn network(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() & self.mask())
    }

    /// The highest address: host bits one.
    pub fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() | !self.mask())
    }

    /// Whether `address` has the same network bits.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.address.to_bits()) & self.mask() == 0
    }

    /// The first and the last address that a host can have: without network and broadcast address,
    /// both of which are hosts in a /31 (RFC 3021) and the only one in a /32.
    pub fn hosts(self) -> (Ipv4Addr, Ipv4Addr) {
        let (first, last) = (self.network().to_bits(), self.broadcast().to_bits());
        let edge = u32::from(self.len < 31);
        (
            Ipv4Addr::from_bits(first + edge),
            Ipv4Addr::from_bits(last - edge),
        )
    }

    fn mask(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.len)).unwrap_or(0)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}

/// The address in its plain form (IPv4 not mapped into IPv6), if it can be that of one host.
pub fn one_host(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    let many = address.is_multicast() || address.is_unspecified() || broadcast;
    (!many).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAC: Mac = Mac([0x02, 0, 0, 0, 0x0a, 0xff]);

    #[track_caller]
    fn check_hosts(text: [u8; 4], len: u8, first: [u8; 4], last: [u8; 4]) {
        let prefix = Prefix::new(text.into(), len).unwrap();
        assert_eq!(prefix.hosts(), (first.into(), last.into()), "{prefix}");
    }

    #[test]
    fn a_mac_is_read_in_every_spelling() {
        for text in ["02:00:00:00:0a:ff", "2:0:0:0:a:fF", "02-00-00-00-0A-FF"] {
            assert_eq!(Mac::parse(text.as_bytes()), Some(MAC), "{text}");
        }
        for text in [
            "",
            "02:00:00:00:0a",
            "02:00:00:00:0a:ff:",
            "02:00:00:00:0a:ff:00",
            "02:00:00:00-0a:ff",
            "02:00:00:00:0a:fff",
            "02:00:00:00::ff",
            "02:00:00:00:0a:fg",
            "02:00:00:00:0a: f",
            "0200000000ff",
        ] {
            assert_eq!(Mac::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn two_bits_of_a_mac_have_a_meaning() {
        assert!(MAC.is_local() && !MAC.is_group() && MAC.is_device());
        assert!(Mac::BROADCAST.is_group() && !Mac::BROADCAST.is_device());
        assert!(Mac::NULL.is_null() && !Mac::NULL.is_device());
        assert!(!Mac([0x00, 0x0c, 0x29, 0, 0, 1]).is_local());
    }

    #[test]
    fn network_and_broadcast_are_no_hosts_where_there_are_such() {
        check_hosts([10, 0, 0, 1], 30, [10, 0, 0, 1], [10, 0, 0, 2]);
        check_hosts([10, 0, 0, 1], 31, [10, 0, 0, 0], [10, 0, 0, 1]);
        check_hosts([10, 0, 0, 1], 32, [10, 0, 0, 1], [10, 0, 0, 1]);
        check_hosts([192, 168, 1, 77], 24, [192, 168, 1, 1], [192, 168, 1, 254]);
        check_hosts([1, 2, 3, 4], 0, [0, 0, 0, 1], [255, 255, 255, 254]);
        check_hosts([255, 255, 255, 255], 32, [255; 4], [255; 4]);
        assert_eq!(Prefix::new(Ipv4Addr::UNSPECIFIED, 33), None);
    }

    proptest! {
        #[test]
        fn a_mac_is_written_and_read_back(octets: [u8; 6], noise: Vec<u8>) {
            let mac = Mac(octets);
            prop_assert_eq!(Mac::parse(mac.to_string().as_bytes()), Some(mac));
            Mac::parse(&noise);
        }

        #[test]
        fn every_host_is_in_its_prefix(bits: u32, len in 0_u8..=32) {
            let prefix = Prefix::new(Ipv4Addr::from_bits(bits), len).unwrap();
            let (first, last) = prefix.hosts();
            prop_assert!(first <= last && prefix.contains(first) && prefix.contains(last));
            prop_assert!(prefix.contains(prefix.address()));
        }
    }
}
