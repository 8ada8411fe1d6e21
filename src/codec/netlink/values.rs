// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the kernel tells of links, addresses, routes and neighbours.

use core::net::IpAddr;

use crate::model::addr::Mac;
use crate::model::interface::InterfaceName;

/// What the kernel says in one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// RTM_NEWLINK.
    Link(Link),
    /// RTM_DELLINK.
    LinkGone(Link),
    /// RTM_NEWADDR.
    Address(Address),
    /// RTM_DELADDR.
    AddressGone(Address),
    /// RTM_NEWROUTE, unicast.
    Route(Route),
    /// RTM_DELROUTE, unicast.
    RouteGone(Route),
    /// RTM_NEWNEIGH.
    Neighbour(Neighbour),
    /// RTM_DELNEIGH.
    NeighbourGone(Neighbour),
    /// NLMSG_DONE: the dump is over.
    Done,
    /// NLMSG_ERROR: the request failed with this error number; 0 is an acknowledgement.
    Error(i32),
    /// NLMSG_OVERRUN or another kind that is not read.
    Other,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its index.
    pub index: u32,
    /// IFLA_IFNAME; empty when absent.
    pub name: InterfaceName,
    /// IFLA_ADDRESS; `None` when it is not Ethernet's.
    pub mac: Option<Mac>,
    /// IFLA_MASTER: the index of the bridge that it is a port of.
    pub master: Option<u32>,
    /// IFF_UP.
    pub up: bool,
    /// IFF_RUNNING: it has a carrier.
    pub running: bool,
    /// IFF_LOOPBACK.
    pub loopback: bool,
    /// Whether it is an Ethernet (ARPHRD_ETHER).
    pub ethernet: bool,
    /// What it is.
    pub kind: Kind,
    /// IFLA_LINK: the index of the interface that all its frames pass as well, as a VLAN's do; not
    /// the other end of a pair.
    pub lower: Option<u32>,
    /// IFLA_PHYS_SWITCH_ID: the hardware switch that it is a port of; empty when of none.
    pub switch: SwitchId,
}

/// What a switch is known by (MAX_PHYS_ITEM_ID_LEN, linux/netdevice.h).
pub type SwitchId = heapless::Vec<u8, 32, u8>;

/// IFLA_INFO_KIND, as far as it makes a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A bridge: its ports say that it is their master.
    Bridge,
    /// A VLAN on its lower interface (802.1Q, 802.1ad).
    Vlan,
    /// Another one that shares its lower interface: macvlan, or a port of a switch in the
    /// Distributed Switch Architecture.
    Sharing,
    /// Anything else, most often hardware.
    #[default]
    Other,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The interface.
    pub index: u32,
    /// The own address (IFA_LOCAL, else IFA_ADDRESS).
    pub address: IpAddr,
    /// Bits of its prefix.
    pub prefix_bits: u8,
    /// Whether IFA_F_SECONDARY is not set.
    pub primary: bool,
}

/// A route to somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Whether it is of IPv6.
    pub ipv6: bool,
    /// Bits of the destination's prefix; 0 is the default route.
    pub prefix_bits: u8,
    /// RTA_GATEWAY.
    pub gateway: Option<IpAddr>,
    /// RTA_OIF: the interface it leaves by.
    pub index: Option<u32>,
    /// RTA_PRIORITY: the lowest metric wins. 0 when absent.
    pub metric: u32,
    /// RTA_TABLE; 254 is the main one.
    pub table: u32,
}

/// A neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The interface it is behind.
    pub index: u32,
    /// NDA_DST.
    pub address: IpAddr,
    /// NDA_LLADDR; `None` when unknown or not Ethernet's.
    pub mac: Option<Mac>,
    /// NUD_… bits.
    pub state: u16,
    /// Whether NTF_ROUTER is set.
    pub router: bool,
}

impl Neighbour {
    /// Whether the kernel uses the MAC address: REACHABLE, STALE, DELAY, PROBE, PERMANENT.
    pub fn is_valid(&self) -> bool {
        self.state & (0x02 | 0x04 | 0x08 | 0x10 | 0x80) != 0
    }
}
