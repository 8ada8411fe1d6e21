// SPDX-License-Identifier: MIT OR Apache-2.0
//! Traces of `netvitals connvitals` through routers that answer seldom, that choose between paths,
//! and through thirty of them.

#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "support/path.rs"]
mod path;
mod support;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use netvitals::model::probe::{Hop, is_other_route};
use path::{at_a_path, has, sh, told};
use support::skip::skip;

type Routes = Vec<(IpAddr, Vec<Option<Hop>>)>;

/// The route of each host, from the text without pings.
fn routes(text: &str) -> Routes {
    let mut routes = Routes::new();
    for line in text.lines() {
        let hop = line.split_once('\t').map(|(address, _)| Hop {
            address: address.parse().unwrap(),
            rtt_ns: 1,
        });
        match (hop, line) {
            (None, host) if host != "*" => routes.push((host.parse().unwrap(), Vec::new())),
            (hop, _) => routes.last_mut().unwrap().1.push(hop),
        }
    }
    routes
}

/// Twenty addresses of the server's.
fn twenty_hosts() -> String {
    let hosts: Vec<String> = (201..=220).map(|last| format!("10.3.0.{last}")).collect();
    for host in &hosts {
        sh(&format!("ip -n server address add {host}/24 dev far0"));
    }
    hosts.join(" ")
}

#[test]
fn routers_that_answer_seldom_change_no_route() {
    at_a_path("routers_that_answer_seldom_change_no_route", |_| {
        let hosts = twenty_hosts();
        // As the kernel has it, unless it is told otherwise.
        sh("for name in near far server; do
            ip netns exec $name sh -c '
                echo 1000 >/proc/sys/net/ipv4/icmp_ratelimit
                echo 6168 >/proc/sys/net/ipv4/icmp_ratemask'
        done");
        let rounds: Vec<Routes> = (0..2)
            .map(|_| routes(&told(&format!("-tP -H5 --timeout 300ms {hosts}"))))
            .collect();
        let stars = rounds.iter().flatten().flat_map(|route| &route.1);
        assert!(
            stars.filter(|hop| hop.is_none()).count() > 10,
            "the limits hold"
        );
        for (earlier, later) in rounds[0].iter().zip(&rounds[1]) {
            assert!(
                !is_other_route(&earlier.1, &later.1, earlier.0),
                "{earlier:?} {later:?}"
            );
        }
    });
}

#[test]
fn load_balancing_shows_one_steady_route_for_each_host() {
    at_a_path(
        "load_balancing_shows_one_steady_route_for_each_host",
        |_| {
            let hosts = twenty_hosts();
            // A second path between the routers; near chooses by ports, far says where it came in.
            sh(
                "ip -n near link add other type veth peer name other netns far
            ip -n near address add 10.4.0.1/24 dev other
            ip -n far address add 10.4.0.2/24 dev other
            ip -n near link set other up
            ip -n far link set other up
            ip netns exec near sh -c 'echo 1 >/proc/sys/net/ipv4/fib_multipath_hash_policy'
            ip netns exec far sh -c 'echo 1 >/proc/sys/net/ipv4/icmp_errors_use_inbound_ifaddr'
            ip -n near route replace default nexthop via 10.2.0.2 nexthop via 10.4.0.2",
            );
            let mut first: Option<Routes> = None;
            for _ in 0..3 {
                let found = routes(&told(&format!("-tP {hosts}")));
                let ways: BTreeSet<IpAddr> =
                    found.iter().map(|r| r.1[1].unwrap().address).collect();
                assert_eq!(ways.len(), 2, "both paths are used: {ways:?}");
                assert!(
                    found
                        .iter()
                        .all(|(host, hops)| hops.len() == 3 && hops[2].unwrap().address == *host)
                );
                let earlier = first.get_or_insert_with(|| found.clone());
                for (earlier, later) in earlier.iter().zip(&found) {
                    assert!(!is_other_route(&earlier.1, &later.1, earlier.0));
                }
            }
        },
    );
}

#[test]
fn this_machine_is_no_hop_to_a_neighbour_that_is_not_there() {
    let name = "this_machine_is_no_hop_to_a_neighbour_that_is_not_there";
    at_a_path(name, |_| {
        // After 3 s without a MAC address our own kernel says that the host is unreachable.
        let found = routes(&told("-tP -H2 --timeout 4s 10.1.0.99"));
        assert_eq!(found[0].1, [None, None]);
    });
}

#[test]
fn thirty_hops_with_five_silent_ones_take_little_more_than_one_timeout() {
    let name = "thirty_hops_with_five_silent_ones_take_little_more_than_one_timeout";
    at_a_path(name, |_| {
        if !has("nft") {
            return skip("nft is not installed");
        }
        // The target is behind far and 26 more.
        let mut script = String::new();
        for i in 1..=27 {
            let (from, to) = (format!("hop{}", i - 1), format!("hop{i}"));
            let from = if i == 1 { "far".to_owned() } else { from };
            script += &format!(
                "ip netns add {to}; ip -n {to} link set lo up
                ip -n {from} link add down{i} type veth peer name up{i} netns {to}
                ip -n {from} address add 10.30.{i}.1/24 dev down{i}
                ip -n {to} address add 10.30.{i}.2/24 dev up{i}
                ip -n {from} link set down{i} up; ip -n {to} link set up{i} up
                ip -n {to} route add default via 10.30.{i}.1
                ip netns exec {to} sh -c '
                    echo 1 >/proc/sys/net/ipv4/ip_forward
                    echo 0 >/proc/sys/net/ipv4/icmp_ratemask'\n"
            );
            script += &format!("ip -n {from} route add 10.99.0.0/24 via 10.30.{i}.2\n");
        }
        script += "ip -n hop27 address add 10.99.0.9/32 dev lo
            ip -n near route add 10.99.0.0/24 via 10.2.0.2\n";
        for i in [1, 5, 10, 18, 26] {
            script += &format!(
                "ip netns exec hop{i} nft 'add table inet t; add chain inet t o {{ type filter \
                 hook output priority 0; }}; add rule inet t o icmp type time-exceeded drop'\n"
            );
        }
        sh(&script);
        told("-p1 10.99.0.9");
        let start = Instant::now();
        let found = routes(&told("-tP 10.99.0.9"));
        let lasted = start.elapsed();
        let hops = &found[0].1;
        // near, far and 26 more that forward, then the target.
        assert_eq!(hops.len(), 29, "{hops:?}");
        let silent: Vec<usize> = (1..=29).filter(|&ttl| hops[ttl - 1].is_none()).collect();
        assert_eq!(silent, [3, 7, 12, 20, 28]);
        for (i, hop) in hops.iter().enumerate().skip(2).take(26) {
            let expected = format!("10.30.{}.2", i - 1);
            assert!(
                hop.is_none_or(|hop| hop.address.to_string() == expected),
                "{i} {hop:?}"
            );
        }
        assert!(lasted < Duration::from_millis(1_500), "{lasted:?}");
    });
}
