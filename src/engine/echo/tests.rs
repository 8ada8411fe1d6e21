// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bursts in invented time, against a network that answers as a test wants.

mod unsent;

use super::*;
use core::net::{Ipv4Addr, Ipv6Addr};
use proptest::prelude::*;

const IDS: [u16; 2] = [0x1234, 0x5678];
const BURST: Burst = Burst {
    count: 3,
    payload: Payload::Zeros(4),
    spacing: Duration::from_millis(10),
    timeout: Duration::from_millis(1_000),
};

fn us(us: u64) -> Mono {
    Mono::from_ns(us * 1_000)
}

fn host(i: usize) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + i as u32).into()
}

fn echo(hosts: usize, in_flight_max: usize, rate: u32) -> Echo {
    let hosts: Vec<IpAddr> = (0..hosts).map(host).collect();
    Echo::new(&hosts, in_flight_max, rate, IDS, 65_534)
}

fn reply(sequence: u16) -> icmp::Echo<'static> {
    icmp::Echo {
        id: IDS[0],
        sequence,
        payload: &[0; 4],
    }
}

/// A request that left: host, sequence number, time in microseconds.
type Sent = (usize, u16, u64);

/// Runs until nothing is left to do or `until_us`; every request is answered after `answer` says.
fn run(
    echo: &mut Echo,
    mut now_us: u64,
    until_us: u64,
    answer: impl Fn(Sent) -> Option<u64>,
) -> (Vec<Sent>, Vec<(usize, u64)>) {
    let (mut sent, mut finished) = (Vec::new(), Vec::new());
    let mut answers: Vec<(u64, Sent)> = Vec::new();
    loop {
        answers.sort_unstable();
        while let Some(&(at, (host_number, sequence, _))) =
            answers.first().filter(|a| a.0 <= now_us)
        {
            answers.remove(0);
            echo.on_reply(host(host_number), &reply(sequence), us(at));
        }
        match echo.poll(us(now_us)) {
            Action::Send { host, sequence } => {
                echo.on_sent(sequence, us(now_us));
                sent.push((host, sequence, now_us));
                let after = answer((host, sequence, now_us));
                answers.extend(after.map(|after| (now_us + after, (host, sequence, now_us))));
            }
            Action::Finished(host) => finished.push((host, now_us)),
            Action::WaitUntil(moment) => {
                let due_us = moment.since(us(0)).as_micros() as u64;
                assert!(due_us > now_us, "it waits for the past");
                now_us = answers
                    .first()
                    .map_or(due_us, |a| a.0.min(due_us))
                    .max(now_us + 1);
            }
            Action::Idle => return (sent, finished),
        }
        if now_us > until_us {
            return (sent, finished);
        }
    }
}

#[test]
fn a_burst_is_spaced_and_ends_with_its_last_answer() {
    let mut echo = echo(1, 16, 10_000);
    echo.start(0, BURST, us(1_000));
    let (sent, finished) = run(&mut echo, 1_000, u64::MAX, |_| Some(300));
    assert_eq!(
        sent,
        [(0, 65_534, 1_000), (0, 65_535, 11_000), (0, 0, 21_000)]
    );
    assert_eq!(finished, [(0, 21_300)]);
    let rtt = echo.ping(0).rtt().unwrap();
    assert_eq!((rtt.min_ns, rtt.max_ns, rtt.std_ns), (300_000, 300_000, 0));
    assert_eq!(echo.ignored(), Ignored::default());
}

#[test]
fn silent_hosts_are_given_up_after_the_last_timeout() {
    let mut echo = echo(2, 16, 10_000);
    (0..2).for_each(|host| echo.start(host, BURST, us(0)));
    let (sent, finished) = run(&mut echo, 0, u64::MAX, |(host, ..)| {
        (host == 1).then_some(5)
    });
    assert_eq!(sent.len(), 6);
    assert_eq!(finished, [(1, 20_005), (0, 1_020_000)]);
    assert_eq!((echo.ping(0).received(), echo.ping(0).rtt()), (0, None));
    assert_eq!(echo.ping(0).loss_ppm_percent(), 100_000_000);
}

#[test]
fn no_second_sees_more_packets_than_the_rate() {
    let mut echo = echo(1_000, 4_096, 2_000);
    (0..1_000).for_each(|host| echo.start(host, BURST, us(0)));
    let (sent, finished) = run(&mut echo, 0, u64::MAX, |_| Some(100));
    assert_eq!((sent.len(), finished.len()), (3_000, 1_000));
    assert!(
        (1_490_000..1_510_000).contains(&sent[2_999].2),
        "{:?}",
        sent[2_999]
    );
    // Every host has its turn before any has its second.
    assert!(
        sent[..1_000]
            .iter()
            .enumerate()
            .all(|(i, sent)| sent.0 == i)
    );
}

#[test]
fn forged_late_and_double_replies_count_for_nothing() {
    let mut echo = echo(2, 16, 10_000);
    (0..2).for_each(|host| echo.start(host, BURST, us(0)));
    let Action::Send { host: 0, sequence } = echo.poll(us(0)) else {
        panic!()
    };
    echo.on_sent(sequence, us(0));
    let good = reply(sequence);
    let other = |id, sequence, payload| icmp::Echo {
        id,
        sequence,
        payload,
    };
    for (from, forged) in [
        (host(0), other(1, sequence, good.payload)),
        (host(0), other(IDS[1], sequence, good.payload)),
        (
            host(0),
            other(IDS[0], sequence.wrapping_add(1), good.payload),
        ),
        (
            host(0),
            other(IDS[0], sequence.wrapping_sub(16), good.payload),
        ),
        (host(0), other(IDS[0], sequence, &[0, 0, 0, 1])),
        (host(0), other(IDS[0], sequence, &[0; 5])),
        (host(0), other(IDS[0], sequence, &[])),
        (host(1), good),
        (host(7), good),
        (Ipv6Addr::LOCALHOST.into(), good),
    ] {
        assert_eq!(
            echo.on_reply(from, &forged, us(100)),
            Heard::Foreign,
            "{from} {forged:?}"
        );
    }
    let answer = Heard::Answer(Duration::from_micros(200));
    assert_eq!(echo.on_reply(host(0), &good, us(200)), answer);
    assert_eq!(echo.on_reply(host(0), &good, us(201)), Heard::Duplicate);
    assert_eq!(echo.ping(0).received(), 1);
    let Action::Send { host: 1, sequence } = echo.poll(us(300)) else {
        panic!()
    };
    echo.on_sent(sequence, us(300));
    assert_eq!(
        echo.on_reply(host(1), &reply(sequence), us(1_000_301)),
        Heard::Late
    );
    assert_eq!(echo.ping(1).received(), 0);
    let ignored = Ignored {
        duplicate: 1,
        late: 1,
        foreign: 10,
    };
    assert_eq!(echo.ignored(), ignored);
}

#[test]
fn an_answer_to_an_earlier_burst_is_late() {
    let mut echo = echo(1, 16, 10_000);
    echo.start(0, Burst { count: 1, ..BURST }, us(0));
    let Action::Send { sequence, .. } = echo.poll(us(0)) else {
        panic!()
    };
    echo.on_sent(sequence, us(0));
    echo.start(0, Burst { count: 1, ..BURST }, us(500));
    assert_eq!(
        echo.on_reply(host(0), &reply(sequence), us(600)),
        Heard::Late
    );
    let (sent, finished) = run(&mut echo, 700, u64::MAX, |_| Some(50));
    assert_eq!((sent.len(), finished), (1, vec![(0, 750)]));
}

#[test]
fn a_full_table_makes_requests_wait() {
    let mut echo = echo(3, 2, 10_000);
    (0..3).for_each(|host| echo.start(host, Burst { count: 1, ..BURST }, us(0)));
    let (sent, finished) = run(&mut echo, 0, u64::MAX, |_| None);
    assert_eq!(sent, [(0, 65_534, 0), (1, 65_535, 100), (2, 0, 1_000_000)]);
    assert_eq!(finished.len(), 3);
}

#[test]
fn a_silent_host_holds_nobody_up() {
    // There is room for what both may wait for, and not for all that is asked meanwhile.
    let mut echo = echo(2, 6, 10_000);
    echo.start(0, BURST, us(0));
    for begun in (0..20).map(|round| round * 40_000) {
        echo.start(1, BURST, us(begun));
        let answer = |(host, ..): Sent| (host == 1).then_some(5);
        let (_, finished) = run(&mut echo, begun, begun + 39_999, answer);
        assert_eq!(finished, [(1, begun + 20_005)]);
        assert_eq!(echo.ping(1).received(), 3);
    }
    let (_, finished) = run(&mut echo, 800_000, u64::MAX, |_| None);
    assert_eq!(finished, [(0, 1_020_000)]);
    assert_eq!(echo.ignored(), Ignored::default());
}

#[test]
fn a_burst_of_none_is_over_at_once() {
    let mut echo = echo(1, 2, 10_000);
    echo.start(0, Burst { count: 0, ..BURST }, us(0));
    assert_eq!(echo.poll(us(0)), Action::Finished(0));
    assert_eq!(echo.poll(us(0)), Action::Idle);
    echo.start(9, BURST, us(0));
    assert_eq!(echo.poll(us(0)), Action::Idle, "nobody has that number");
}

#[test]
fn payloads_are_what_they_say() {
    for payload in [
        Payload::Text,
        Payload::Zeros(0),
        Payload::Zeros(41),
        Payload::Zeros(65_507),
    ] {
        let mut bytes = vec![0xee; payload.len()];
        payload.write(&mut bytes);
        assert!(payload.is(&bytes));
        bytes.push(0);
        assert!(!payload.is(&bytes));
    }
    assert_eq!(
        (Payload::Text.len(), Payload::Zeros(0).is_empty()),
        (41, true)
    );
}

proptest! {
    /// Whatever is lost, late or sent twice: what was sent is received or lost, nothing is twice.
    #[test]
    fn the_numbers_add_up(
        hosts in 1_usize..20,
        count in 1_u32..8,
        in_flight_max in 1_usize..64,
        fate in prop::collection::vec((any::<bool>(), 0_u64..1_200_000), 1..50),
        rounds in 1_u32..4,
    ) {
        let mut echo = echo(hosts, in_flight_max, 100_000);
        let mut now_us = 0;
        for _ in 0..rounds {
            (0..hosts).for_each(|host| echo.start(host, Burst { count, ..BURST }, us(now_us)));
            let fate = |(host, sequence, _): Sent| {
                let (lost, after) = fate[(host * 31 + usize::from(sequence)) % fate.len()];
                (!lost).then_some(after)
            };
            let (sent, finished) = run(&mut echo, now_us, u64::MAX, fate);
            prop_assert_eq!(sent.len(), hosts * count as usize);
            prop_assert_eq!(finished.len(), hosts);
            for host in 0..hosts {
                let own = sent.iter().filter(|sent| sent.0 == host);
                let good = own.filter(|&&sent| fate(sent).is_some_and(|after| after <= 1_000_000));
                prop_assert_eq!(echo.ping(host).sent(), count);
                prop_assert_eq!(echo.ping(host).received() as usize, good.count());
            }
            // Where the place of a request is taken, its late reply is nobody's.
            let room = in_flight_max >= hosts * count as usize;
            prop_assert!(echo.ignored().foreign == 0 || !room || rounds > 1);
            now_us = finished.iter().map(|finished| finished.1).max().unwrap();
        }
    }

    #[test]
    fn hosts_that_start_again_and_again_do_not_make_the_table_grow(
        starts in prop::collection::vec((0_usize..5, 0_u64..3_000), 1..300),
    ) {
        let mut echo = echo(5, 64, 100_000);
        let capacity = echo.events.capacity();
        let mut now_us = 0;
        for (host, later) in starts {
            now_us += later;
            echo.start(host, BURST, us(now_us));
            run(&mut echo, now_us, now_us + later / 2, |_| Some(10));
            prop_assert!(echo.events.capacity() == capacity && echo.events.len() <= capacity);
        }
    }
}

#[test]
fn a_host_that_is_set_anew_hears_nothing_of_its_old_burst() {
    let mut echo = echo(2, 16, 10_000);
    (0..2).for_each(|host| echo.start(host, BURST, us(0)));
    let Action::Send { host: 0, sequence } = echo.poll(us(0)) else {
        panic!()
    };
    echo.on_sent(sequence, us(0));
    echo.set(0, host(7));
    assert_eq!(
        echo.on_reply(host(0), &reply(sequence), us(5)),
        Heard::Foreign
    );
    assert_eq!(
        echo.on_reply(host(7), &reply(sequence), us(5)),
        Heard::Foreign
    );
    // The other one goes on, and so does the new one.
    echo.start(0, BURST, us(10));
    echo.set(4, host(9));
    echo.start(4, BURST, us(10));
    let (sent, finished) = run(&mut echo, 10, u64::MAX, |(number, ..)| {
        (number == 1).then_some(9)
    });
    assert_eq!(sent.len(), 9);
    assert_eq!(finished.len(), 3);
    assert_eq!(echo.ping(1).received(), 3);
    assert_eq!((echo.ping(4).sent(), echo.ping(4).received()), (3, 0));
}

#[test]
fn more_room_loses_nothing_that_is_under_way() {
    let mut echo = echo(1, 4, 10_000);
    let many = Burst { count: 4, ..BURST };
    echo.start(0, many, us(0));
    let mut sequences = Vec::new();
    let mut now = 0;
    while sequences.len() < 4 {
        match echo.poll(us(now)) {
            Action::Send { sequence, .. } => {
                echo.on_sent(sequence, us(now));
                sequences.push(sequence);
            }
            _ => now += 1_000,
        }
    }
    for count in [4, 5, 64, 7, 100_000] {
        echo.reserve(count);
    }
    for sequence in sequences {
        assert!(matches!(
            echo.on_reply(host(0), &reply(sequence), us(now)),
            Heard::Answer(_)
        ));
    }
    assert!(echo.ping(0).is_complete());
}
