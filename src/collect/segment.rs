// SPDX-License-Identifier: MIT OR Apache-2.0
//! An interface with neighbours: who we are there, and which addresses are neighbours.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::codec::netlink::Link;
use crate::collect::network::Network;
use crate::model::addr::{Mac, Prefix};
use crate::model::interface::InterfaceName;

/// An interface with neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: InterfaceName,
    /// Our MAC address there.
    pub mac: Mac,
    /// Our IPv4 addresses there.
    pub prefixes: Vec<Prefix>,
    /// Our IPv6 addresses there.
    pub ipv6: Vec<Ipv6Addr>,
}

impl Segment {
    /// The segment behind `link`; `None` where there is no ARP: the loopback, point-to-point.
    pub fn of(link: &Link, network: &Network) -> Option<Self> {
        let mac = link.mac.filter(|_| link.ethernet && !link.loopback)?;
        Some(Self {
            index: link.index,
            name: link.name.clone(),
            mac,
            prefixes: network.prefixes(link.index).collect(),
            ipv6: network.ipv6(link.index).collect(),
        })
    }

    /// The own address that a host at `target` takes for its neighbour's.
    pub fn source(&self, target: Ipv4Addr) -> Option<Ipv4Addr> {
        nearest(&self.prefixes, target).map(|prefix| prefix.address())
    }

    /// Addresses that are not to be asked: our own, and those of all hosts of a prefix.
    pub fn skipped(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.prefixes.iter().flat_map(|prefix| {
            let edges = [prefix.network(), prefix.broadcast()];
            let edges = edges.into_iter().filter(|_| prefix.length() < 31);
            edges.chain([prefix.address()])
        })
    }
}

/// The longest of `prefixes` with `target` in it.
pub fn nearest(prefixes: &[Prefix], target: Ipv4Addr) -> Option<Prefix> {
    let inside = prefixes.iter().filter(|prefix| prefix.contains(target));
    inside.copied().max_by_key(|prefix| prefix.length())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_own_address_asks() {
        let prefix = |text: [u8; 4], len| Prefix::new(text.into(), len).unwrap();
        let segment = Segment {
            index: 1,
            name: "x".try_into().unwrap(),
            mac: Mac::NULL,
            prefixes: vec![prefix([10, 0, 0, 1], 8), prefix([10, 1, 0, 1], 16)],
            ipv6: Vec::new(),
        };
        for (target, source) in [
            ([10, 1, 2, 3], Some(Ipv4Addr::new(10, 1, 0, 1))),
            ([10, 2, 2, 3], Some(Ipv4Addr::new(10, 0, 0, 1))),
            ([11, 2, 2, 3], None),
        ] {
            assert_eq!(segment.source(target.into()), source);
        }
        assert_eq!(segment.skipped().count(), 6);
    }
}
