// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far packets go, round after round, while the way grows and shrinks and targets fall silent.

use super::*;

/// A round of host 0: the distances that packets went to, and what was found.
fn round(routes: &mut Routes, now: &mut u64, fate: impl Fn(Sent) -> Fate) -> (u8, Vec<Option<u8>>) {
    routes.start(0, TIMEOUT, ms(*now));
    let (sent, finished) = run(routes, *now, fate);
    assert_eq!(finished.len(), 1);
    let ttls: Vec<u8> = sent.iter().map(|sent| sent.1).collect();
    let expected: Vec<u8> = (1..=ttls.len() as u8).collect();
    assert_eq!(ttls, expected, "each distance once, in order");
    *now = finished[0].1 + 1_000;
    (ttls.len() as u8, found(routes, 0))
}

/// Rounds through networks of these distances, the target silent where it is `!`; each with how
/// far packets went.
#[track_caller]
fn check_reach(hops_max: u8, rounds: &[(u8, &str, u8)]) {
    for modes in [UDP, ICMP] {
        let mut routes = routes(1, hops_max, modes);
        let mut now = 0;
        for (i, &(distance, silent, reach)) in rounds.iter().enumerate() {
            // Further stars are silent routers before the target.
            let mut quiet: Vec<u8> = (0..silent.matches('*').count() as u8)
                .map(|back| distance - 1 - back)
                .collect();
            if silent.contains('!') {
                quiet.extend(distance..=255);
            }
            let (went, hops) = round(&mut routes, &mut now, network(distance, &quiet));
            assert_eq!(went, reach, "round {i} of {rounds:?}");
            let answers = distance <= went && !quiet.contains(&distance);
            assert_eq!(
                hops.last() == Some(&Some(0)),
                answers,
                "round {i}: {hops:?}"
            );
            if answers {
                assert_eq!(hops.len(), usize::from(distance));
            }
        }
    }
}

#[test]
fn packets_go_as_far_as_the_target_was_and_no_farther() {
    // The first answers come before more than three packets too many have left.
    check_reach(30, &[(3, "", 3), (3, "", 3), (3, "", 3)]);
    check_reach(
        30,
        &[(12, "", 13), (12, "", 12), (12, "*", 12), (12, "***", 12)],
    );
}

#[test]
fn a_way_that_grows_or_shrinks_is_found_in_the_same_round() {
    check_reach(
        30,
        &[
            (3, "", 3),
            (4, "", 4),
            (4, "", 4),
            (2, "", 2),
            (9, "", 10),
            (9, "", 9),
        ],
    );
    check_reach(
        30,
        &[
            (3, "", 3),
            (20, "", 22),
            (20, "", 20),
            (1, "", 1),
            (1, "", 1),
        ],
    );
    // Silent routers where the target was do not hide it.
    check_reach(
        30,
        &[
            (3, "", 3),
            (4, "*", 4),
            (4, "*", 4),
            (6, "**", 6),
            (6, "", 6),
        ],
    );
}

#[test]
fn a_target_that_falls_silent_and_returns_is_found_where_it_was() {
    check_reach(
        30,
        &[
            (5, "", 5),
            // It did not answer, so three more; and from then on no more than that.
            (5, "!", 8),
            (5, "!", 7),
            (5, "!", 7),
            (5, "", 5),
            (5, "", 5),
        ],
    );
    // Behind silent routers it is still looked for where it was once.
    check_reach(
        30,
        &[
            (9, "***", 10),
            (9, "!***", 12),
            (9, "!***", 9),
            (9, "***", 9),
        ],
    );
}

#[test]
fn a_target_that_never_answered_is_looked_for_all_the_way_now_and_then() {
    let mut rounds = vec![(4, "!", 30)];
    rounds.extend([(4, "!", 6); 9]);
    rounds.extend([
        (4, "!", 30),
        (4, "!", 6),
        (10, "!", 12),
        (4, "!", 12),
        (4, "!", 6),
    ]);
    // Seven silent routers before it: not by a short look, but by the next long one.
    rounds.extend([(12, "*******", 7); 5]);
    rounds.extend([(12, "*******", 13), (12, "*******", 12), (12, "", 12)]);
    check_reach(30, &rounds);
}

#[test]
fn the_limit_of_hops_holds_whatever_was_learned() {
    check_reach(
        4,
        &[
            (9, "", 4),
            (9, "", 4),
            (3, "", 3),
            (9, "", 4),
            (4, "!", 4),
            (4, "", 4),
        ],
    );
}

#[test]
fn a_router_that_sends_nothing_farther_is_not_asked_on_and_on() {
    let mut routes = routes(1, 30, UDP);
    let mut now = 0;
    let refused = |(_, ttl, _): Sent| match ttl {
        1 => Some((router(1), Cause::TimeExceeded, 1)),
        _ => Some((router(2), Cause::Unreachable, 1)),
    };
    let went = [(); 3].map(|()| round(&mut routes, &mut now, refused).0);
    assert_eq!(went, [30, 4, 4]);
    assert_eq!(round(&mut routes, &mut now, network(3, &[])).0, 3);
}

#[test]
fn hosts_of_one_address_are_traced_one_after_the_other() {
    for modes in [UDP, ICMP] {
        let mut routes = routes(2, 30, modes);
        let other = Target {
            address: host(0),
            hops_max: 30,
        };
        routes.set(1, other);
        routes.set(2, other);
        for start in [0, 10_000, 20_000] {
            (0..3).for_each(|host| routes.start(host, TIMEOUT, ms(start)));
            let fate = |(_, ttl, now): Sent| network(3, &[2])((0, ttl, now));
            let (sent, finished) = run(&mut routes, start, fate);
            let order: Vec<usize> = sent.iter().map(|sent| sent.0).collect();
            assert_eq!(order, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
            assert_eq!(finished.len(), 3);
            for number in 0..3 {
                let hops: Vec<_> = routes.hops(number).collect();
                assert_eq!(hops.len(), 3, "{number}");
                assert_eq!((hops[1], hops[2].unwrap().address), (None, host(0)));
            }
        }
        // Who leaves lets the next one begin; who waits may leave.
        (0..3).for_each(|host| routes.start(host, TIMEOUT, ms(30_000)));
        routes.stop(1);
        let target = Target {
            address: host(5),
            hops_max: 0,
        };
        routes.set(0, target);
        let fate = |(_, ttl, now): Sent| network(3, &[])((0, ttl, now));
        let (sent, finished) = run(&mut routes, 30_000, fate);
        assert_eq!((sent.len(), finished.len()), (3, 1));
        assert_eq!(routes.hops(2).len(), 3);
    }
}

/// What is done to a host: it is set to an address, started or stopped; or all run for a while.
#[derive(Clone, Copy, Debug)]
enum Step {
    Set(usize, usize),
    Start(usize),
    Stop(usize),
    Run,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_usize..5, 0_usize..3).prop_map(|(number, address)| Step::Set(number, address)),
        (0_usize..5).prop_map(Step::Start),
        (0_usize..5).prop_map(Step::Start),
        (0_usize..5).prop_map(Step::Stop),
        Just(Step::Run),
    ]
}

proptest! {
    /// Hosts come, go, change and share addresses: each that was started and left alone ends once.
    #[test]
    fn whatever_is_done_to_others_a_trace_ends(
        steps in prop::collection::vec(step(), 1..60),
        distance in 1_u8..6,
        silent in prop::collection::vec(1_u8..7, 0..3),
    ) {
        let mut routes = routes(5, 8, UDP);
        let (mut wanted, mut now) = ([false; 5], 0);
        let fate = |(_, ttl, _): Sent| match ttl {
            ttl if silent.contains(&ttl) => None,
            ttl if ttl < distance => Some((router(ttl), Cause::TimeExceeded, 1)),
            _ => Some((router(99), Cause::PortUnreachable, 1)),
        };
        for step in steps.into_iter().chain([Step::Run]) {
            match step {
                Step::Set(number, address) => {
                    let address = host(address);
                    routes.set(number, Target { address, hops_max: 8 });
                    wanted[number] = false;
                }
                Step::Start(number) => {
                    routes.start(number, TIMEOUT, ms(now));
                    wanted[number] = true;
                }
                Step::Stop(number) => {
                    routes.stop(number);
                    wanted[number] = false;
                }
                Step::Run => {
                    let (_, finished) = run(&mut routes, now, fate);
                    let mut ended = [0; 5];
                    finished.iter().for_each(|&(number, _)| ended[number] += 1);
                    prop_assert_eq!(ended, wanted.map(u32::from));
                    now = finished.iter().map(|finished| finished.1).fold(now, u64::max) + 100;
                    wanted = [false; 5];
                }
            }
        }
    }
}

#[test]
fn a_target_that_answers_a_later_packet_stands_where_it_is() {
    let far = [Some(1), None, None, None, Some(0)];
    for (hops_left, expected) in [
        (4, &[Some(1), Some(0)][..]),
        (3, &[Some(1), None, Some(0)]),
        // Where a router answered, or nobody can be, or nothing is said.
        (5, &far),
        (64, &far),
        (1, &far),
        (0, &far),
    ] {
        let mut routes = routes(1, 30, UDP);
        routes.start(0, TIMEOUT, ms(0));
        let mut probes = Vec::new();
        let mut now = ms(0);
        while probes.len() < 5 {
            match routes.poll(now) {
                Action::Send { probe, .. } => {
                    routes.on_sent(0, now);
                    probes.push(probe);
                }
                Action::WaitUntil(moment) => now = moment,
                other => panic!("{other:?}"),
            }
        }
        let quote = |ttl: usize, hops_left| Quote {
            destination: host(0),
            hops_left,
            probe: probes[ttl - 1],
        };
        routes.on_error(router(1), Cause::TimeExceeded, &quote(1, 1), now);
        routes.on_error(host(0), Cause::PortUnreachable, &quote(5, hops_left), now);
        assert_eq!(found(&routes, 0), expected, "{hops_left}");
    }
}
