// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many hosts behind the same routers.

use super::*;

/// When the packets of one distance left, in milliseconds.
fn times(sent: &[Sent], ttl: u8) -> Vec<u64> {
    sent.iter().filter(|s| s.1 == ttl).map(|s| s.2).collect()
}

#[test]
fn packets_of_one_distance_are_spaced_over_all_hosts() {
    let mut routes = routes(20, 30, UDP);
    (0..20).for_each(|host| routes.start(host, TIMEOUT, ms(0)));
    let (sent, finished) = run(&mut routes, 0, network(4, &[2]));
    assert_eq!(finished.len(), 20);
    for ttl in 1..=30 {
        let spacing = if [1, 3, 4].contains(&ttl) { 5 } else { 50 };
        let times = times(&sent, ttl);
        assert!(
            times.windows(2).all(|pair| pair[1] - pair[0] >= spacing),
            "{ttl}: {times:?}"
        );
    }
    assert!(
        finished.iter().all(|finished| finished.1 < 2_100),
        "{finished:?}"
    );
}

#[test]
fn a_thousand_hosts_behind_routers_that_answer_take_seconds() {
    let mut routes = routes(1_000, 30, UDP);
    (0..1_000).for_each(|host| routes.start(host, TIMEOUT, ms(0)));
    let (sent, finished) = run(&mut routes, 0, network(12, &[]));
    let end = finished.iter().map(|finished| finished.1).max().unwrap();
    assert!(end < 6_000, "{end}");
    for ttl in 1..=12 {
        let times = times(&sent, ttl);
        assert_eq!(times.len(), 1_000);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 5), "{ttl}");
    }
    for host in 0..1_000 {
        let hops = found(&routes, host);
        assert!(hops.len() == 12 && hops.iter().all(Option::is_some));
    }
}

#[test]
fn a_thousand_hosts_behind_nobody_take_seconds() {
    let mut routes = routes(1_000, 8, UDP);
    (0..1_000).for_each(|host| routes.start(host, TIMEOUT, ms(0)));
    let (sent, finished) = run(&mut routes, 0, network(200, &[1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!((sent.len(), finished.len()), (8_000, 1_000));
    let end = finished.iter().map(|finished| finished.1).max().unwrap();
    assert!(end < 8_500, "{end}");
    let times = times(&sent, 1);
    assert!(times[..40].windows(2).all(|pair| pair[1] - pair[0] >= 50));
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 5));
}

/// A router that answers six at once, and then one a second: as many answers as it has, whoever
/// asks fast or slowly; so it is asked slowly.
#[test]
fn a_router_that_answers_seldom_is_asked_slowly() {
    let mut routes = routes(100, 1, UDP);
    (0..100).for_each(|host| routes.start(host, TIMEOUT, ms(0)));
    let tokens = std::cell::Cell::new((6_000, 0));
    let (sent, _) = run(&mut routes, 0, |(_, _, now)| {
        let (level, at) = tokens.get();
        let level = (level + now - at).min(6_000);
        let answers = level >= 1_000;
        tokens.set((if answers { level - 1_000 } else { level }, now));
        answers.then_some((router(1), Cause::TimeExceeded, 1))
    });
    let times = times(&sent, 1);
    let fast = times.windows(2).filter(|pair| pair[1] - pair[0] < 50);
    let fast = fast.count();
    assert!((6..=20).contains(&fast), "{fast}: {times:?}");
}

#[test]
fn hosts_that_start_again_and_again_are_traced_in_the_end() {
    let mut routes = routes(40, 30, UDP);
    for round in 0..50 {
        for host in 0..40 {
            if !(host + round as usize).is_multiple_of(3) {
                routes.start(host, TIMEOUT, ms(round * 7));
            }
        }
        // Some of what is due is done, then many begin again.
        for _ in 0..20 {
            if let Action::Send { host, .. } = routes.poll(ms(round * 7)) {
                routes.on_sent(host, ms(round * 7));
            }
        }
    }
    let (_, finished) = run(&mut routes, 1_000, network(9, &[4]));
    assert_eq!(finished.len(), 40, "{finished:?}");
    assert!(routes.events.len() <= 2 * (40 + 31) + 16);
    for host in 0..40 {
        assert_eq!(found(&routes, host).len(), 9);
    }
}

#[test]
fn wake_ups_that_are_late_do_not_make_packets_fewer() {
    let mut gate = Gate::OPEN;
    let mut sent = Vec::new();
    for now in (3..2_003).step_by(10) {
        // Answers come at once during the first second.
        while gate.free_at <= ms(now) {
            gate.on_sent(ms(0), ms(now));
            sent.push(now);
            if now < 1_000 {
                gate.on_answer(ms(now));
            }
        }
    }
    let fast = sent.iter().filter(|&&at| at < 1_000).count();
    assert!((195..=205).contains(&fast), "{fast}");
    let slow = sent.iter().filter(|&&at| at > 1_200).count();
    assert!((15..=17).contains(&slow), "{slow}");
    // A long sleep is not made up for.
    let before = sent.len();
    while gate.free_at <= ms(9_000) {
        gate.on_sent(ms(0), ms(9_000));
        sent.push(9_000);
    }
    assert_eq!(sent.len() - before, 1);
}

#[test]
fn whoever_is_another_host_at_a_gate_does_not_lose_those_behind_him() {
    let mut routes = routes(20, 30, UDP);
    (0..20).for_each(|host| routes.start(host, TIMEOUT, ms(0)));
    let Action::Send { host: first, .. } = routes.poll(ms(0)) else {
        panic!()
    };
    routes.on_sent(first, ms(0));
    assert_eq!(routes.poll(ms(5)), Action::WaitUntil(ms(8)));
    assert!(routes.hosts[3].queued && routes.hosts[4].queued);
    // Another address, more hops, no hops; and more hosts, some of which have the same address.
    let address = |number: usize| match number {
        3 => host(300),
        21 => host(7),
        other => host(other),
    };
    for (number, hops_max) in [(3, 30), (4, 255), (5, 0), (20, 30), (21, 30)] {
        let target = Target {
            address: address(number),
            hops_max,
        };
        routes.set(number, target);
        routes.start(number, TIMEOUT, ms(5));
    }
    routes.stop(6);
    let (sent, finished) = run(&mut routes, 5, |(number, ttl, _)| match ttl {
        4.. => Some((address(number), Cause::PortUnreachable, 4)),
        ttl => Some((router(ttl), Cause::TimeExceeded, 1)),
    });
    assert_eq!(finished.len(), 21, "{finished:?}");
    for number in (0..22).filter(|number| ![5, 6].contains(number)) {
        let hops: Vec<_> = routes.hops(number).collect();
        assert_eq!(hops.len(), 4, "{number}");
        let target = hops[3].unwrap().address;
        assert_eq!(target, address(number), "{number}");
    }
    for ttl in 1..=4 {
        let times = times(&sent, ttl);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 5), "{ttl}");
    }
}
