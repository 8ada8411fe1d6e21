// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes to values and back: pure, without allocation, without panic on any input.

pub mod arp;
pub mod banner;
pub mod certificate;
pub mod conntrack;
pub mod dhcp;
pub mod dns;
pub mod frame;
pub mod hosts;
pub mod icmp;
pub mod json;
pub mod leases;
pub mod lines;
pub mod ndp;
pub mod netdev;
pub mod netlink;
pub mod oui;
pub mod process;
pub mod procfs;
pub mod resolv;
pub mod uci;
pub mod units;
pub mod users;
pub mod wire;
