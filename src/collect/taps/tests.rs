// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the choice of interfaces, on networks as routers have them.

use super::*;
use crate::codec::netlink::SwitchId;
use crate::model::addr::Mac;
use proptest::prelude::*;

fn link(index: u32, name: &str) -> Link {
    Link {
        index,
        name: name.try_into().unwrap(),
        mac: Some(Mac([2, 0, 0, 0, 0, index as u8])),
        master: None,
        up: true,
        running: true,
        loopback: false,
        ethernet: true,
        kind: Kind::Other,
        lower: None,
        switch: SwitchId::new(),
    }
}

fn bridge(index: u32, name: &str) -> Link {
    Link {
        kind: Kind::Bridge,
        ..link(index, name)
    }
}

fn port(index: u32, name: &str, master: u32) -> Link {
    Link {
        master: Some(master),
        ..link(index, name)
    }
}

fn vlan(index: u32, name: &str, lower: u32) -> Link {
    Link {
        kind: Kind::Vlan,
        lower: Some(lower),
        ..link(index, name)
    }
}

/// A port of a switch in hardware.
fn switched(link: Link, switch: u8) -> Link {
    Link {
        switch: SwitchId::from_slice(&[switch; 8]).unwrap(),
        ..link
    }
}

fn names(wanted: &[&str]) -> Vec<InterfaceName> {
    wanted
        .iter()
        .map(|name| InterfaceName::try_from(*name).unwrap())
        .collect()
}

/// The choice in words: each tap with a `*` when it is wan, the own MACs by number, what is unseen.
#[track_caller]
fn check(links: &[Link], route: u32, wanted: &[&str], expected: (&str, &[u8], &[Blind])) {
    let targets = choose(links, (route > 0).then_some(route), &names(wanted));
    let taps = targets.taps.iter();
    let taps: Vec<_> = taps
        .map(|tap| format!("{}{}", tap.name, if tap.wan { "*" } else { "" }))
        .collect();
    let own: Vec<u8> = targets.own.iter().map(|mac| mac.0[5]).collect();
    let unseen: Vec<_> = targets.unseen.iter().collect();
    assert_eq!(
        (taps.join(" ").as_str(), &own[..], &unseen[..]),
        expected,
        "{wanted:?}"
    );
}

#[test]
fn an_interface_is_itself_and_is_waited_for() {
    let links = [link(1, "eth0"), link(2, "eth1")];
    check(&links, 0, &["eth0"], ("eth0", &[1], &[]));
    check(&links, 1, &["eth0"], ("eth0", &[1], &[]));
    check(&links, 2, &["eth0"], ("eth0*", &[1], &[]));
    check(
        &links,
        1,
        &["eth1", "eth0", "eth1"],
        ("eth1* eth0", &[1, 2], &[]),
    );
    check(&links, 1, &["eth7"], ("", &[], &[Blind::NoInterface]));
    check(
        &links,
        1,
        &["eth7", "eth1"],
        ("eth1*", &[2], &[Blind::NoInterface]),
    );
    check(&[], 0, &[], ("", &[], &[]));
    let tunnel = Link {
        ethernet: false,
        mac: None,
        ..link(3, "tun0")
    };
    check(&[tunnel], 0, &["tun0"], ("", &[], &[Blind::NoInterface]));
}

#[test]
fn a_bridge_is_its_ports_that_are_up() {
    let mut links = [
        port(1, "lan1", 4),
        port(2, "lan2", 4),
        link(3, "wan"),
        bridge(4, "br-lan"),
        port(5, "guest0", 6),
        bridge(6, "br-guest"),
    ];
    check(&links, 3, &["br-lan"], ("lan1* lan2*", &[4, 1, 2], &[]));
    check(&links, 4, &["br-lan"], ("lan1 lan2", &[4, 1, 2], &[]));
    check(
        &links,
        3,
        &["br-lan", "lan1"],
        ("lan1* lan2*", &[4, 1, 2], &[]),
    );
    check(&links, 4, &["lan1"], ("lan1", &[1, 4], &[]));
    check(
        &links,
        3,
        &["br-guest", "br-lan"],
        ("guest0* lan1* lan2*", &[4, 6, 1, 2, 5], &[]),
    );
    links[0].up = false;
    links[1].master = None;
    check(&links, 3, &["br-lan"], ("", &[4], &[]));
}

#[test]
fn frames_that_a_switch_keeps_to_itself_are_not_seen() {
    let local: &[Blind] = &[Blind::SwitchLocal];
    let mut links = [
        switched(port(1, "lan1", 4), 7),
        switched(port(2, "lan2", 4), 7),
        switched(link(3, "wan"), 7),
        bridge(4, "br-lan"),
        port(5, "wlan0", 4),
    ];
    let all = "lan1* lan2* wlan0*";
    check(&links, 3, &["br-lan"], (all, &[4, 1, 2, 5], local));
    check(&links, 3, &["lan1"], ("lan1*", &[1, 4], local));
    check(&links, 3, &["wan"], ("wan", &[3], &[]));
    check(&links, 3, &["wlan0"], ("wlan0*", &[5, 4], &[]));
    links[1] = switched(port(2, "lan2", 4), 8);
    check(&links, 3, &["br-lan"], (all, &[4, 1, 2, 5], &[]));
    links[1] = switched(port(2, "lan2", 4), 7);
    links[1].up = false;
    check(&links, 3, &["br-lan"], ("lan1* wlan0*", &[4, 1, 5], &[]));
}

#[test]
fn a_vlan_of_a_bridge_is_itself_and_is_own() {
    let links = [
        port(1, "lan1", 4),
        link(3, "wan"),
        bridge(4, "br-lan"),
        vlan(5, "br-lan.7", 4),
        vlan(6, "lan1.9", 1),
        vlan(8, "wan.2", 3),
    ];
    let local: &[Blind] = &[Blind::SwitchLocal];
    check(&links, 3, &["br-lan.7"], ("br-lan.7*", &[5], local));
    check(&links, 3, &["br-lan"], ("lan1*", &[4, 1, 5, 6], &[]));
    check(&links, 8, &["wan.2"], ("wan.2", &[8], &[]));
    // Frames that are seen below are not seen twice.
    check(
        &links,
        3,
        &["br-lan.7", "br-lan"],
        ("lan1*", &[4, 1, 5, 6], &[]),
    );
    check(&links, 3, &["wan.2", "wan"], ("wan", &[3, 8], &[]));
    check(
        &links,
        3,
        &["lan1.9", "br-lan"],
        ("lan1*", &[4, 1, 5, 6], &[]),
    );
}

#[test]
fn parts_of_a_bundle_are_seen_once() {
    let links = [port(1, "eth0", 3), port(2, "eth1", 3), link(3, "bond0")];
    check(&links, 0, &["eth0", "bond0"], ("bond0", &[3], &[]));
    check(&links, 0, &["eth0"], ("eth0", &[1, 3], &[]));
}

#[test]
fn more_interfaces_than_there_is_room_for_are_counted() {
    for count in [0, 1, TAPS_MAX - 1, TAPS_MAX, TAPS_MAX + 1, 1_000] {
        let ports = (0..count).map(|i| port(10 + i as u32, "lan", 2));
        let links: Vec<Link> = core::iter::once(bridge(2, "br-lan")).chain(ports).collect();
        let targets = choose(&links, None, &names(&["br-lan"]));
        assert_eq!(targets.taps.len(), count.min(TAPS_MAX));
        assert_eq!(targets.left_out, count.saturating_sub(TAPS_MAX));
        assert_eq!(targets.own.first(), Some(&Mac([2, 0, 0, 0, 0, 2])));
    }
}

type One = (Option<u32>, Option<u32>, u8, (bool, bool), u8);

/// Links that point at each other in any way.
fn any_links() -> impl Strategy<Value = Vec<Link>> {
    let other = || prop::option::of(1_u32..8);
    let one = (other(), other(), 0_u8..4, any::<(bool, bool)>(), 0_u8..3);
    let links = prop::collection::vec(one, 0..7);
    links.prop_map(|links| {
        let number = |(i, (master, lower, kind, (up, ethernet), switch)): (usize, One)| Link {
            master,
            lower,
            up,
            ethernet,
            kind: [Kind::Bridge, Kind::Vlan, Kind::Sharing, Kind::Other][usize::from(kind)],
            switch: SwitchId::from_slice(&vec![7; switch.into()]).unwrap(),
            ..link(i as u32 + 1, &format!("if{}", i + 1))
        };
        links.into_iter().enumerate().map(number).collect()
    })
}

proptest! {
    #[test]
    fn whatever_the_kernel_says_the_choice_is_sound(
        links in any_links(),
        route in prop::option::of(0_u32..9),
        wanted in prop::collection::vec(1_u32..9, 0..5),
    ) {
        let wanted: Vec<String> = wanted.iter().map(|i| format!("if{i}")).collect();
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let wanted = names(&wanted);
        let targets = choose(&links, route, &wanted);
        for (i, tap) in targets.taps.iter().enumerate() {
            let link = links.iter().find(|link| link.index == tap.index).unwrap();
            prop_assert!(link.ethernet && link.name == tap.name);
            prop_assert!(!targets.taps[..i].iter().any(|other| other.index == tap.index));
            prop_assert!(!tap.wan || (route.is_some() && route != Some(tap.index)));
            prop_assert!(targets.own.contains(&link.mac.unwrap()));
        }
    }
}
