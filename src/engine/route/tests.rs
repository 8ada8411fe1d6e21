// SPDX-License-Identifier: MIT OR Apache-2.0
//! Traces in invented time, through routers that answer as a test wants.

mod gates;
mod reach;

use super::*;
use crate::codec::icmp::Version;
use core::net::{Ipv4Addr, Ipv6Addr};
use host::IN_FLIGHT_MAX;
use proptest::prelude::*;

const UDP: [Mode; 2] = [Mode::Udp(40_000), Mode::Udp(40_001)];
const ICMP: [Mode; 2] = [Mode::Icmp(0xfff7), Mode::Icmp(8)];
const TIMEOUT: Duration = Duration::from_millis(1_000);

fn ms(ms: u64) -> Mono {
    Mono::from_ns(ms * 1_000_000)
}

fn host(i: usize) -> IpAddr {
    Ipv4Addr::new(10, 3, (i >> 8) as u8, i as u8).into()
}

fn router(ttl: u8) -> IpAddr {
    Ipv4Addr::new(10, 1, 0, ttl).into()
}

fn routes(hosts: usize, hops_max: u8, modes: [Mode; 2]) -> Routes {
    let target = |i| Target {
        address: host(i),
        hops_max,
    };
    let targets: Vec<Target> = (0..hosts).map(target).collect();
    Routes::new(&targets, modes, 10_000, 7)
}

/// A packet on its way: host, TTL, time in milliseconds.
type Sent = (usize, u8, u64);

/// What became of it: who answers after how many milliseconds; `None`: nobody.
type Fate = Option<(IpAddr, Cause, u64)>;

/// A network in which the target is `distance` hops away, and every hop answers after `ttl` ms but
/// those that are `silent`.
fn network(distance: u8, silent: &[u8]) -> impl Fn(Sent) -> Fate {
    move |(number, ttl, _)| {
        let after = u64::from(ttl.min(distance));
        match ttl {
            ttl if silent.contains(&ttl) => None,
            ttl if ttl < distance => Some((router(ttl), Cause::TimeExceeded, after)),
            _ => Some((host(number), Cause::PortUnreachable, after)),
        }
    }
}

fn run(
    routes: &mut Routes,
    mut now: u64,
    fate: impl Fn(Sent) -> Fate,
) -> (Vec<Sent>, Vec<(usize, u64)>) {
    let (mut all, mut finished) = (Vec::new(), Vec::new());
    let mut answers: Vec<(u64, IpAddr, Cause, Quote)> = Vec::new();
    loop {
        while let Some(i) = answers.iter().position(|answer| answer.0 <= now) {
            let (at, from, cause, quote) = answers.remove(i);
            match quote.probe {
                Probe::Echo { id, sequence } if cause == Cause::PortUnreachable => {
                    let payload = payload(id, sequence);
                    let echo = icmp::Echo {
                        id,
                        sequence,
                        payload: &payload,
                    };
                    routes.on_reply(from, &echo, ms(at))
                }
                _ => routes.on_error(from, cause, &quote, ms(at)),
            };
        }
        match routes.poll(ms(now)) {
            Action::Send { host, ttl, probe } => {
                routes.on_sent(host, ms(now));
                all.push((host, ttl, now));
                let destination = routes.address(host);
                let quote = Quote {
                    destination,
                    hops_left: 1,
                    probe,
                };
                let answer = fate((host, ttl, now));
                answers
                    .extend(answer.map(|(from, cause, after)| (now + after, from, cause, quote)));
            }
            Action::Finished(host) => finished.push((host, now)),
            Action::WaitUntil(moment) => {
                let due = moment.since(ms(0)).as_micros().div_ceil(1_000) as u64;
                assert!(due > now, "it waits for the past");
                now = answers
                    .iter()
                    .map(|answer| answer.0)
                    .chain([due])
                    .min()
                    .unwrap();
            }
            Action::Idle => return (all, finished),
        }
    }
}

/// The hops found, as the TTL of each router, 0 for the target, `None` for a silent one.
fn found(routes: &Routes, number: usize) -> Vec<Option<u8>> {
    let name = |hop: Hop| match hop.address {
        address if address == host(number) => 0,
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(_) => panic!(),
    };
    routes.hops(number).map(|hop| hop.map(name)).collect()
}

#[test]
fn a_trace_stops_at_its_target() {
    for mode in [UDP, ICMP] {
        let mut routes = routes(1, 30, mode);
        routes.start(0, TIMEOUT, ms(0));
        let (sent, finished) = run(&mut routes, 0, network(3, &[]));
        assert_eq!(found(&routes, 0), [Some(1), Some(2), Some(0)], "{mode:?}");
        assert_eq!(sent, [(0, 1, 0), (0, 2, 8), (0, 3, 16)]);
        assert_eq!(finished, [(0, 19)]);
        let rtts: Vec<u64> = routes
            .hops(0)
            .map(|hop| hop.unwrap().rtt_ns / 1_000_000)
            .collect();
        assert_eq!(rtts, [1, 2, 3]);
    }
}

#[test]
fn thirty_hops_with_silent_ones_end_in_about_one_timeout() {
    let mut routes = routes(1, 30, UDP);
    routes.start(0, TIMEOUT, ms(0));
    let (_, finished) = run(&mut routes, 0, network(30, &[3, 7, 12, 20, 29]));
    let hops = found(&routes, 0);
    assert_eq!(
        (hops.len(), hops.iter().filter(|hop| hop.is_none()).count()),
        (30, 5)
    );
    assert!(finished[0].1 < 1_300, "{finished:?}");
}

#[test]
fn a_black_hole_shows_stars_to_the_last_hop() {
    let mut routes = routes(1, 6, UDP);
    routes.start(0, TIMEOUT, ms(0));
    let (_, finished) = run(&mut routes, 0, |_| None);
    assert_eq!(found(&routes, 0), [None; 6]);
    assert_eq!(finished, [(0, 1_040)]);
}

#[test]
fn a_router_that_says_unreachable_is_not_the_target() {
    let mut routes = routes(1, 6, UDP);
    routes.start(0, TIMEOUT, ms(0));
    run(&mut routes, 0, |(_, ttl, _)| match ttl {
        1 => Some((router(1), Cause::TimeExceeded, 1)),
        _ => Some((router(2), Cause::Unreachable, 1)),
    });
    assert_eq!(
        found(&routes, 0),
        [Some(1), Some(2), Some(2), Some(2), Some(2), Some(2)]
    );
}

#[test]
fn a_target_that_answers_from_another_address_ends_the_trace() {
    let mut routes = routes(1, 6, UDP);
    routes.start(0, TIMEOUT, ms(0));
    run(&mut routes, 0, |_| {
        Some((router(9), Cause::PortUnreachable, 20))
    });
    assert_eq!(found(&routes, 0), [Some(9)]);
}

#[test]
fn so_many_packets_of_a_host_are_under_way_and_no_more() {
    let mut routes = routes(1, 255, UDP);
    let long = Duration::from_secs(60);
    routes.start(0, long, ms(0));
    let (sent, _) = run(&mut routes, 0, |_| None);
    assert_eq!(sent.len(), 255);
    for (i, first) in sent.iter().enumerate() {
        let under_way = sent[i..]
            .iter()
            .filter(|sent| sent.2 < first.2 + 60_000)
            .count();
        assert!(under_way <= IN_FLIGHT_MAX, "{under_way}");
    }
}

/// Quotes that are like `good`, and none of ours.
fn forged(good: &Quote) -> Vec<Quote> {
    let about = |destination| Quote {
        destination,
        ..*good
    };
    let as_probe = |probe| Quote { probe, ..*good };
    let mut forged = [host(1), host(5), Ipv6Addr::LOCALHOST.into()]
        .map(about)
        .to_vec();
    match good.probe {
        Probe::Udp {
            source_port,
            destination_port,
            len,
        } => {
            let udp = |source_port, destination_port, len| {
                as_probe(Probe::Udp {
                    source_port,
                    destination_port,
                    len,
                })
            };
            forged.push(udp(source_port + 1, destination_port, len));
            forged.push(udp(source_port, destination_port + 1, len));
            // Of another round, of no hop at all, too short for a datagram.
            forged.extend([len ^ 1, 8, 9, 7, 0, 9_999].map(|len| udp(source_port, PORT, len)));
            forged.push(as_probe(Probe::Echo {
                id: 0xfff7,
                sequence: 1,
            }));
        }
        Probe::Echo { id, sequence } => {
            let echo = |id, sequence| as_probe(Probe::Echo { id, sequence });
            forged.push(echo(id + 1, sequence));
            let wrong = [sequence ^ 0x100, sequence & 0xff00, sequence | 0xff];
            forged.extend(wrong.map(|sequence| echo(id, sequence)));
        }
    }
    forged
}

#[test]
fn forged_answers_count_for_nothing() {
    for mode in [UDP, ICMP] {
        let mut routes = routes(2, 30, mode);
        routes.start(0, TIMEOUT, ms(0));
        let Action::Send { probe, .. } = routes.poll(ms(0)) else {
            panic!()
        };
        routes.on_sent(0, ms(0));
        let good = Quote {
            destination: host(0),
            hops_left: 1,
            probe,
        };
        let forged = forged(&good);
        let count = forged.len() as u64;
        for quote in forged {
            let heard = routes.on_error(router(1), Cause::TimeExceeded, &quote, ms(1));
            assert_ne!(heard, Heard::Hop, "{quote:?}");
        }
        let echo = icmp::Echo {
            id: 0xfff7,
            sequence: 0x0801,
            payload: &[1, 2],
        };
        assert_eq!(routes.on_reply(host(0), &echo, ms(1)), Heard::Foreign);
        assert!(
            routes.ignored_count() >= count - 1,
            "{}",
            routes.ignored_count()
        );
        assert_eq!(found(&routes, 0), [None]);
        assert_eq!(
            routes.on_error(router(1), Cause::TimeExceeded, &good, ms(2)),
            Heard::Hop
        );
        assert_eq!(
            routes.on_error(router(2), Cause::TimeExceeded, &good, ms(3)),
            Heard::Late
        );
        assert_eq!(found(&routes, 0), [Some(1)]);
    }
}

#[test]
fn an_answer_after_the_timeout_is_a_star() {
    let mut routes = routes(1, 2, UDP);
    routes.start(0, TIMEOUT, ms(0));
    run(&mut routes, 0, |(_, ttl, _)| {
        Some((router(ttl), Cause::TimeExceeded, 1_001))
    });
    assert_eq!(found(&routes, 0), [None, None]);
}

#[test]
fn the_flow_of_a_host_never_changes() {
    let mut udp = routes(1, 255, UDP);
    let mut icmp = routes(1, 255, ICMP);
    for (routes, mode) in [(&mut udp, UDP), (&mut icmp, ICMP)] {
        let mut flows = Vec::new();
        for round in 0..3 {
            routes.start(0, Duration::from_millis(1), ms(100_000 * round));
            let mut now = 100_000 * round;
            loop {
                match routes.poll(ms(now)) {
                    Action::Send { probe, .. } => {
                        routes.on_sent(0, ms(now));
                        flows.push(match probe {
                            Probe::Udp {
                                source_port,
                                destination_port,
                                ..
                            } => (source_port, destination_port),
                            Probe::Echo { id, sequence } => {
                                let [a, b] = payload(id, sequence);
                                let mut packet = [0, 0, 0, 0, 0, 0, 0, 0, a, b];
                                icmp::request(Version::V4, id, sequence, &mut packet);
                                assert_eq!(packet[2..4], [0xf7, 0xff], "whatever the id");
                                (id, u16::from_be_bytes([packet[2], packet[3]]))
                            }
                        });
                    }
                    Action::WaitUntil(_) => now += 1,
                    Action::Finished(_) => {}
                    Action::Idle => break,
                }
            }
        }
        assert_eq!(flows.len(), 255 + 3 + 3);
        flows.dedup();
        assert_eq!(flows.len(), 1, "{mode:?}");
    }
}

#[test]
fn no_hops_is_no_trace() {
    let mut routes = routes(1, 0, UDP);
    routes.start(0, TIMEOUT, ms(0));
    assert_eq!(routes.poll(ms(0)), Action::Finished(0));
    assert_eq!(routes.poll(ms(0)), Action::Idle);
    assert_eq!(routes.hops(0).len(), 0);
}

proptest! {
    /// Whatever is lost or late, the hops found are those of the network, in their places, and it
    /// ends in time.
    #[test]
    fn what_is_found_is_true(
        hosts in 1_usize..6,
        hops_max in 1_u8..60,
        distance in 1_u8..60,
        fates in prop::collection::vec(prop::option::weighted(0.8, 0_u64..1_300), 1..60),
        mode in prop::sample::select(vec![UDP, ICMP]),
    ) {
        let mut routes = routes(hosts, hops_max, mode);
        let honest = network(distance, &[]);
        let delay = |(number, ttl, _): Sent| fates[(number * 7 + usize::from(ttl)) % fates.len()];
        let mut now = 0;
        for _ in 0..2 {
            (0..hosts).for_each(|host| routes.start(host, TIMEOUT, ms(now)));
            let (sent, finished) = run(&mut routes, now, |packet| {
                let (from, cause, _) = honest(packet)?;
                Some((from, cause, delay(packet)?))
            });
            prop_assert_eq!(finished.len(), hosts);
            for number in 0..hosts {
                let own = sent.iter().filter(|sent| sent.0 == number);
                let last = own.map(|sent| sent.2).max().unwrap();
                let end = finished.iter().find(|finished| finished.0 == number).unwrap().1;
                prop_assert!(end <= last + 1_001, "{} {}", last, end);
                for (i, hop) in found(&routes, number).into_iter().enumerate() {
                    let ttl = i as u8 + 1;
                    let known = delay((number, ttl, 0)).is_some_and(|after| after <= 1_000);
                    let expected = if ttl < distance { ttl } else { 0 };
                    prop_assert!(hop.is_none_or(|hop| known && hop == expected));
                    prop_assert!(hop.is_some() || !known || ttl > distance, "{} {}", ttl, known);
                }
            }
            now = finished.iter().map(|finished| finished.1).max().unwrap() + 2_000;
        }
    }
}
