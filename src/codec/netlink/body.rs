// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bodies of rtnetlink messages and their attributes (rtnetlink(7), linux/rtnetlink.h).
//!
//! The outer `None` is a wrong length, the inner one a message about something else.

use core::net::IpAddr;

use super::{Address, Kind, Link, Neighbour, Route, SwitchId};
use crate::model::addr::Mac;
use crate::model::interface::InterfaceName;
use crate::model::name::lossy;

/// struct ifinfomsg.
pub const LINK_BYTES: usize = 16;
/// struct ifaddrmsg.
pub const ADDRESS_BYTES: usize = 8;
/// struct rtmsg.
pub const ROUTE_BYTES: usize = 12;
/// struct ndmsg.
pub const NEIGHBOUR_BYTES: usize = 12;
/// struct rtnexthop.
const NEXT_HOP_BYTES: usize = 8;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const AF_BRIDGE: u8 = 7;
const ARPHRD_ETHER: u16 = 1;
const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;
const IFF_RUNNING: u32 = 0x40;
const IFA_F_SECONDARY: u32 = 0x1;
const NTF_ROUTER: u8 = 0x80;
const RTN_UNICAST: u8 = 1;
/// The two highest bits of an attribute's type are flags.
const TYPE: u16 = 0x3fff;

pub fn link(body: &[u8]) -> Option<Option<Link>> {
    let (head, attributes) = body.split_at_checked(LINK_BYTES)?;
    // A bridge tells of its ports in messages of its own, which say less.
    if head[0] == AF_BRIDGE {
        return Some(None);
    }
    let flags = u32_at(head, 8)?;
    let mut link = Link {
        index: u32_at(head, 4)?,
        name: InterfaceName::new(),
        mac: None,
        master: None,
        up: flags & IFF_UP != 0,
        running: flags & IFF_RUNNING != 0,
        loopback: flags & IFF_LOOPBACK != 0,
        ethernet: u16_at(head, 2)? == ARPHRD_ETHER,
        kind: Kind::Other,
        lower: None,
        switch: SwitchId::new(),
    };
    let (mut about, mut elsewhere): (&[u8], _) = (&[], false);
    each(attributes, &mut |kind, value| match kind {
        1 => link.mac = mac(value),
        3 => link.name = lossy(until_zero(value)),
        5 => link.lower = u32_at(value, 0),
        10 => link.master = u32_at(value, 0),
        18 => about = value,
        36 => link.switch = SwitchId::from_slice(value).unwrap_or_default(),
        37 => elsewhere = true,
        _ => {}
    })?;
    each(about, &mut |kind, value| {
        if kind == 1 {
            link.kind = match until_zero(value) {
                b"bridge" => Kind::Bridge,
                b"vlan" => Kind::Vlan,
                b"macvlan" | b"dsa" => Kind::Sharing,
                _ => Kind::Other,
            };
        }
    })?;
    // The other end of a pair stands in the same place, and an index may be of another namespace.
    let shares = matches!(link.kind, Kind::Vlan | Kind::Sharing) && !elsewhere;
    link.lower = link.lower.filter(|_| shares);
    Some(Some(link))
}

fn until_zero(value: &[u8]) -> &[u8] {
    value.split(|&byte| byte == 0).next().unwrap_or_default()
}

pub fn address(body: &[u8]) -> Option<Option<Address>> {
    let (head, attributes) = body.split_at_checked(ADDRESS_BYTES)?;
    let [family, prefix_bits, flags, _, ..] = *head else {
        return None;
    };
    let (mut own, mut peer, mut flags) = (None, None, u32::from(flags));
    each(attributes, &mut |kind, value| match kind {
        1 => peer = ip(family, value),
        2 => own = ip(family, value),
        8 => flags = u32_at(value, 0).unwrap_or(flags),
        _ => {}
    })?;
    let index = u32_at(head, 4)?;
    Some(own.or(peer).map(|address| Address {
        index,
        address,
        prefix_bits,
        primary: flags & IFA_F_SECONDARY == 0,
    }))
}

pub fn route(body: &[u8]) -> Option<Option<Route>> {
    let (head, attributes) = body.split_at_checked(ROUTE_BYTES)?;
    let [family, prefix_bits, _, _, table, _, _, kind, ..] = *head else {
        return None;
    };
    let mut route = Route {
        ipv6: family == AF_INET6,
        prefix_bits,
        gateway: None,
        index: None,
        metric: 0,
        table: table.into(),
    };
    let mut hops: &[u8] = &[];
    let mut hop = |kind, value: &[u8]| match kind {
        4 => route.index = u32_at(value, 0),
        5 => route.gateway = ip(family, value),
        6 => route.metric = u32_at(value, 0).unwrap_or_default(),
        15 => route.table = u32_at(value, 0).unwrap_or(table.into()),
        _ => {}
    };
    each(attributes, &mut |kind, value| match kind {
        9 => hops = value,
        _ => hop(kind, value),
    })?;
    // Of several next hops the first one.
    if let Some(first) = take(&mut hops, |hops| u16_at(hops, 0).map(usize::from)) {
        let (head, attributes) = first.split_at_checked(NEXT_HOP_BYTES)?;
        each(attributes, &mut hop)?;
        route.index = u32_at(head, 4);
    }
    let known = [AF_INET, AF_INET6].contains(&family) && kind == RTN_UNICAST;
    Some(known.then_some(route))
}

pub fn neighbour(body: &[u8]) -> Option<Option<Neighbour>> {
    let (head, attributes) = body.split_at_checked(NEIGHBOUR_BYTES)?;
    let family = *head.first()?;
    let (mut address, mut lladdr) = (None, None);
    each(attributes, &mut |kind, value| match kind {
        1 => address = ip(family, value),
        2 => lladdr = mac(value),
        _ => {}
    })?;
    let (index, state) = (u32_at(head, 4)?, u16_at(head, 8)?);
    let router = head[10] & NTF_ROUTER != 0;
    Some(address.map(|address| Neighbour {
        index,
        address,
        mac: lladdr,
        state,
        router,
    }))
}

/// Tells type and value of each attribute; `None` when a length is wrong.
fn each<'a>(mut attributes: &'a [u8], tell: &mut dyn FnMut(u16, &'a [u8])) -> Option<()> {
    while !attributes.is_empty() {
        let attribute = take(&mut attributes, |rest| u16_at(rest, 0).map(usize::from))?;
        tell(u16_at(attribute, 2)? & TYPE, attribute.get(4..)?);
    }
    Some(())
}

/// Cuts off what begins with its own length, and the padding to four bytes behind it, which the
/// last one may lack. `None` when it is longer than the rest, or so short that nothing would go on.
pub fn take<'a>(rest: &mut &'a [u8], len: impl Fn(&[u8]) -> Option<usize>) -> Option<&'a [u8]> {
    let len = len(rest).filter(|&len| len >= 4)?;
    let whole = rest.get(..len)?;
    *rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    Some(whole)
}

pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

fn mac(value: &[u8]) -> Option<Mac> {
    value.try_into().ok().map(Mac)
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => <[u8; 4]>::try_from(value).ok().map(IpAddr::from),
        AF_INET6 => <[u8; 16]>::try_from(value).ok().map(IpAddr::from),
        _ => None,
    }
}
