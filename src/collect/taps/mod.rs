// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which interfaces to capture on, so that each frame of a device is seen once: the ports of a
//! bridge rather than the bridge, for what hardware helps to forward never reaches that.

mod follow;
#[cfg(test)]
mod tests;

pub use follow::{Changes, Taps};

use crate::codec::netlink::{Kind, Link};
use crate::limits::TAPS_MAX;
use crate::model::interface::InterfaceName;
use crate::model::traffic::OwnMacs;
use crate::model::unseen::{Blind, Unseen};

/// How many interfaces may lie below one another.
const DEPTH_MAX: usize = 8;

/// An interface to capture on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: InterfaceName,
    /// Whether what the router forwards there is of another network: the default route leaves by
    /// another interface.
    pub wan: bool,
}

/// All interfaces to capture on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// The interfaces.
    pub taps: Vec<Target>,
    /// The router's own MAC addresses there, those of bridges first.
    pub own: OwnMacs,
    /// What is not seen there.
    pub unseen: Unseen,
    /// Interfaces beyond [`TAPS_MAX`], which are not captured on.
    pub left_out: usize,
}

/// Chooses, for the interfaces that are `wanted` by name, among those there are.
pub fn choose(links: &[Link], default_route: Option<u32>, wanted: &[InterfaceName]) -> Targets {
    let mut targets = Targets::default();
    let all = All { links, wanted };
    for name in wanted {
        match all.by_name(name).filter(|link| link.ethernet) {
            None => targets.unseen.insert(Blind::NoInterface),
            Some(link) if link.kind == Kind::Bridge => {
                for port in links.iter().filter(|port| all.is_port(port, link)) {
                    targets.add(&all, port, default_route);
                }
            }
            Some(link) => targets.add(&all, link, default_route),
        }
    }
    targets.own = own_macs(&all, &targets.taps);
    targets
}

/// The MAC addresses of bridges, of what is captured on, of what that belongs to, and of what
/// stands on any of them.
fn own_macs(all: &All<'_>, taps: &[Target]) -> OwnMacs {
    let tapped = |link: &Link| taps.iter().any(|tap| tap.index == link.index);
    let bridges = all.links.iter().filter(|link| all.is_wanted_bridge(link));
    let taps = all.links.iter().filter(|link| tapped(link));
    let masters = taps.clone().filter_map(|link| all.by_index(link.master?));
    let over = all.links.iter().filter(|link| {
        all.below(link)
            .any(|below| all.is_wanted_bridge(below) || tapped(below))
    });
    let mut own = OwnMacs::new();
    for link in bridges.chain(taps).chain(masters).chain(over) {
        if let Some(mac) = link.mac.filter(|mac| mac.is_device() && !own.contains(mac)) {
            let _ = own.push(mac);
        }
    }
    own
}

impl Targets {
    fn add(&mut self, all: &All<'_>, link: &Link, default_route: Option<u32>) {
        let known = self.taps.iter().any(|tap| tap.index == link.index);
        if known || all.is_seen_below(link) {
            return;
        }
        if all.is_switched(link) {
            self.unseen.insert(Blind::SwitchLocal);
        }
        let leaves_here = |out: u32| out == link.index || Some(out) == link.master;
        let target = Target {
            index: link.index,
            name: link.name.clone(),
            wan: default_route.is_some_and(|out| !leaves_here(out)),
        };
        if self.taps.len() < TAPS_MAX {
            self.taps.push(target);
        } else {
            self.left_out += 1;
        }
    }
}

/// The interfaces there are, and which of them are wanted.
struct All<'a> {
    links: &'a [Link],
    wanted: &'a [InterfaceName],
}

impl<'a> All<'a> {
    fn by_name(&self, name: &str) -> Option<&'a Link> {
        self.links.iter().find(|link| link.name == name)
    }

    fn by_index(&self, index: u32) -> Option<&'a Link> {
        self.links.iter().find(|link| link.index == index)
    }

    fn is_port(&self, port: &Link, bridge: &Link) -> bool {
        port.master == Some(bridge.index) && port.up && port.ethernet
    }

    fn is_wanted_bridge(&self, link: &Link) -> bool {
        link.kind == Kind::Bridge && self.wanted.contains(&link.name)
    }

    /// Whether frames are captured on an interface for its own sake, or as a port of a bridge.
    fn is_tapped(&self, link: &Link) -> bool {
        let master = link.master.and_then(|master| self.by_index(master));
        let is_port = |bridge| self.is_wanted_bridge(bridge) && self.is_port(link, bridge);
        (self.wanted.contains(&link.name) && link.kind != Kind::Bridge)
            || master.is_some_and(is_port)
    }

    /// The interfaces that the frames of `link` pass as well, from the nearest on.
    fn below(&self, link: &Link) -> impl Iterator<Item = &'a Link> {
        let next = |link: &Link| self.by_index(link.lower.filter(|&lower| lower != link.index)?);
        core::iter::successors(next(link), move |link| next(link)).take(DEPTH_MAX)
    }

    /// Whether its frames are captured where they pass anyway.
    fn is_seen_below(&self, link: &Link) -> bool {
        let captured = |on: &Link| self.is_wanted_bridge(on) || self.is_tapped(on);
        let master = link.master.and_then(|master| self.by_index(master));
        let bundled = |of: &Link| of.kind != Kind::Bridge && self.is_tapped(of);
        self.below(link).any(captured) || master.is_some_and(bundled)
    }

    /// Whether frames pass by it, in a switch or between the ports of the bridge below it.
    fn is_switched(&self, link: &Link) -> bool {
        let on_bridge = link.kind == Kind::Vlan
            && self
                .below(link)
                .next()
                .is_some_and(|on| on.kind == Kind::Bridge);
        let with = |other: &Link| {
            other.index != link.index
                && other.up
                && other.switch == link.switch
                && other.master == link.master
        };
        let in_switch = !link.switch.is_empty() && link.master.is_some();
        on_bridge || (in_switch && self.links.iter().any(with))
    }
}
