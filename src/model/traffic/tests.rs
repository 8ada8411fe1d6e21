// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the table of traffic: the sums always hold, floods are survived, copies are left out.

use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

const A: Mac = Mac([2, 0, 0, 0, 0, 0xa]);

fn at(seconds: u64) -> Mono {
    Mono::from_ns(seconds * 1_000_000_000)
}

fn number(i: u32) -> Mac {
    let [a, b, c, d] = i.to_be_bytes();
    Mac([2, 1, a, b, c, d])
}

fn heard(mac: Mac, interface: u16, words: [u64; 6]) -> Heard {
    Heard {
        lane: Lane { mac, interface },
        flow: Flow::from_words(words),
        wan: false,
        witness: Witness::Ebpf,
    }
}

fn sent(mac: Mac, interface: u16, bytes: u64) -> Heard {
    heard(mac, interface, [bytes, 1, 0, 0, 0, 0])
}

fn received(mac: Mac, interface: u16, bytes: u64) -> Heard {
    heard(mac, interface, [0, 0, bytes, 1, 0, 0])
}

/// Bytes and frames of all rows and of all that is beside them.
fn all(traffic: &Traffic) -> [u64; 3] {
    let sums = traffic.sums();
    let mut amount = sums.own;
    traffic.rows().for_each(|row| amount.add(row.since_start()));
    [
        amount.rx_bytes + sums.other_rx_bytes + sums.flooded_bytes,
        amount.tx_bytes + sums.other_tx_bytes,
        amount.frames() + sums.other_frames + sums.flooded_frames,
    ]
}

/// Received and sent bytes of this window, of all rows and of all that is beside them.
fn all_of_window(traffic: &Traffic) -> (u64, u64) {
    let sums = traffic.window_sums();
    let mut amount = sums.own;
    traffic.rows().for_each(|row| amount.add(&row.window()));
    (
        amount.rx_bytes + sums.other_rx_bytes + sums.flooded_bytes,
        amount.tx_bytes + sums.other_tx_bytes,
    )
}

#[test]
fn who_moved_nothing_for_long_is_forgotten_and_the_sum_is_not() {
    let mut traffic = Traffic::new(3, 7);
    for i in 0..3 {
        traffic.add(&sent(number(i), 1, 100), at(u64::from(i)));
    }
    let before = (all(&traffic), all_of_window(&traffic));
    traffic.forget(Duration::from_secs(5), at(6));
    let left = |traffic: &Traffic| -> Vec<Mac> { traffic.rows().map(Row::mac).collect() };
    assert_eq!(left(&traffic), [number(1), number(2)]);
    assert_eq!((all(&traffic), all_of_window(&traffic)), before);
    // Its room is free at once, and it begins anew.
    traffic.begin_window();
    traffic.add(&sent(number(0), 1, 7), at(7));
    assert_eq!(row(&traffic, number(0)).since_start().tx_bytes, 7);
    traffic.forget(Duration::ZERO, at(9));
    assert!(left(&traffic).is_empty());
    assert_eq!(all(&traffic)[1], 307);
    assert_eq!(all_of_window(&traffic), (0, 7));
}

#[track_caller]
fn row(traffic: &Traffic, mac: Mac) -> &Row {
    traffic.find(mac).expect("it has a row")
}

#[test]
fn what_a_router_forwards_is_of_another_network_where_it_is_said_so() {
    let mut traffic = Traffic::new(4, 7);
    let mut both = heard(A, 3, [100, 1, 200, 2, 60, 50]);
    traffic.add(&both, at(1));
    both.wan = true;
    traffic.add(&both, at(2));
    let moved = *row(&traffic, A).since_start();
    assert_eq!((moved.tx_bytes, moved.rx_bytes), (200, 400));
    assert_eq!((moved.tx_frames, moved.rx_frames), (2, 4));
    assert_eq!((moved.wan_tx_bytes, moved.wan_rx_bytes), (60, 50));
    assert_eq!((moved.lan_tx_bytes(), moved.lan_rx_bytes()), (140, 350));
    assert_eq!(row(&traffic, A).last_traffic(), at(2));
}

#[test]
fn a_window_is_the_difference_of_two_readings() {
    let mut traffic = Traffic::new(4, 7);
    traffic.add(&sent(A, 3, 100), at(1));
    traffic.add_totals(&Totals::from_words([5; 10]));
    assert_eq!(row(&traffic, A).witness(), Some(Witness::Ebpf));
    traffic.begin_window();
    assert_eq!(row(&traffic, A).witness(), None);
    let conntrack = Heard {
        witness: Witness::Conntrack,
        ..received(A, 0, 70)
    };
    traffic.add(&conntrack, at(2));
    traffic.add(&sent(A, 3, 9), at(2));
    traffic.add_totals(&Totals::from_words([2; 10]));
    let (window, since_start) = (row(&traffic, A).window(), row(&traffic, A).since_start());
    assert_eq!((window.tx_bytes, window.rx_bytes), (9, 70));
    assert_eq!((since_start.tx_bytes, since_start.rx_bytes), (109, 70));
    assert_eq!(row(&traffic, A).witness(), Some(Witness::Conntrack));
    let (sums, window) = (traffic.sums(), traffic.window_sums());
    assert_eq!((sums.frames, window.frames), (7, 2));
    assert_eq!((sums.own.rx_bytes, window.own.tx_frames), (7, 2));
    assert_eq!((sums.group_bytes, window.group_frames), (7, 2));
    assert_eq!((sums.other_rx_bytes, window.other_tx_bytes), (7, 2));
}

#[test]
fn nobody_and_nothing_get_no_row() {
    let mut traffic = Traffic::new(4, 7);
    traffic.add(&sent(Mac::NULL, 3, 100), at(1));
    traffic.add(&sent(Mac::BROADCAST, 3, 100), at(1));
    traffic.add(&heard(A, 3, [0; 6]), at(1));
    assert_eq!(traffic.rows().count(), 0);
    assert_eq!(*traffic.sums(), Sums::default());
}

#[test]
fn a_flooded_copy_is_not_received() {
    let mut traffic = Traffic::new(4, 7);
    // Before it sent anything it is where it was seen first.
    for interface in [5, 6, 7] {
        traffic.add(&received(A, interface, 10), at(1));
    }
    assert_eq!(row(&traffic, A).interface(), Some(5));
    assert_eq!(row(&traffic, A).since_start().rx_bytes, 10);
    assert_eq!(traffic.sums().flooded_bytes, 20);
    // Then where it sent.
    traffic.add(&sent(A, 6, 1), at(2));
    for interface in [5, 6, 7] {
        traffic.add(&received(A, interface, 100), at(2));
    }
    assert_eq!(row(&traffic, A).interface(), Some(6));
    assert_eq!(row(&traffic, A).since_start().rx_bytes, 110);
    assert_eq!(traffic.sums().flooded_bytes, 220);
    assert_eq!(traffic.sums().flooded_frames, 4);
}

#[test]
fn a_device_that_moves_is_at_both_ends_until_the_bridge_forgets_the_old_one() {
    let mut traffic = Traffic::new(4, 7);
    traffic.add(&sent(A, 5, 1), at(0));
    traffic.add(&sent(A, 6, 1), at(10));
    assert_eq!(row(&traffic, A).interface(), Some(6));
    traffic.add(&received(A, 5, 10), at(300));
    traffic.add(&received(A, 6, 10), at(300));
    assert_eq!(row(&traffic, A).since_start().rx_bytes, 20);
    traffic.add(&received(A, 5, 10), at(301));
    traffic.add(&received(A, 6, 10), at(900));
    assert_eq!(row(&traffic, A).since_start().rx_bytes, 30);
    // A fourth interface drives out the one that was not used for longest.
    for (i, interface) in [7, 5, 8].into_iter().enumerate() {
        traffic.add(&sent(A, interface, 1), at(901 + i as u64));
    }
    let counted = [5, 6, 7, 8].map(|interface| {
        let before = row(&traffic, A).since_start().rx_bytes;
        traffic.add(&received(A, interface, 10), at(905));
        row(&traffic, A).since_start().rx_bytes - before
    });
    assert_eq!(counted, [10, 0, 10, 10]);
}

#[test]
fn an_interface_that_is_gone_is_forgotten() {
    let mut traffic = Traffic::new(4, 7);
    traffic.add(&sent(A, 5, 1), at(0));
    traffic.add(&received(number(1), 5, 10), at(0));
    traffic.forget_interface(5);
    assert_eq!(row(&traffic, A).interface(), None);
    for mac in [A, number(1)] {
        traffic.add(&received(mac, 9, 10), at(1));
        assert_eq!(row(&traffic, mac).interface(), Some(9));
    }
    assert_eq!(row(&traffic, A).since_start().rx_bytes, 10);
    assert_eq!(traffic.sums().flooded_bytes, 0);
}

#[test]
fn a_device_that_turns_out_to_be_the_router_is_no_device() {
    let mut traffic = Traffic::new(1, 7);
    traffic.add(&sent(A, 5, 7), at(0));
    traffic.begin_window();
    traffic.add(&sent(A, 5, 30), at(0));
    traffic.set_own(&[A]);
    assert!(traffic.find(A).is_none());
    traffic.add(&received(A, 5, 5), at(0));
    assert_eq!(traffic.sums().own.tx_bytes, 37);
    let window = traffic.window_sums().own;
    assert_eq!((window.tx_bytes, window.rx_bytes), (30, 5));
    // Its row is free at once.
    traffic.add(&sent(number(1), 5, 5), at(0));
    assert_eq!(row(&traffic, number(1)).since_start().tx_bytes, 5);
    traffic.set_own(&[]);
    traffic.add(&sent(A, 5, 5), at(0));
    assert_eq!(traffic.sums().other_tx_bytes, 5);
}

#[test]
fn a_full_table_gives_the_row_that_was_silent_for_longest() {
    for capacity in [0, 1, 2, 3, 8] {
        let mut traffic = Traffic::new(capacity, 7);
        for i in 0..capacity as u32 {
            traffic.add(&sent(number(i), 5, 10), at(i.into()));
        }
        assert_eq!(traffic.rows().count(), capacity);
        traffic.add(&sent(A, 5, 10), at(59));
        assert!(traffic.find(A).is_none());
        assert_eq!(traffic.sums().other_tx_bytes, 10);
        traffic.add(&sent(A, 5, 10), at(60));
        assert_eq!(traffic.find(A).is_some(), capacity > 0);
        assert!(traffic.find(number(0)).is_none());
        assert_eq!(traffic.find(number(1)).is_some(), capacity > 1);
        assert_eq!(all(&traffic)[1], 10 * (capacity as u64 + 2));
    }
}

#[test]
fn who_speaks_with_others_keeps_its_row_for_longer() {
    let mut traffic = Traffic::new(3, 7);
    for mac in [number(0), number(1)] {
        traffic.add(&sent(mac, 5, 10), at(0));
        traffic.add(&received(mac, 5, 10), at(0));
    }
    traffic.add(&sent(number(2), 5, 10), at(0));
    traffic.add(&sent(number(3), 5, 10), at(100));
    assert!(traffic.find(number(2)).is_none() && traffic.find(number(3)).is_some());
    traffic.add(&sent(number(1), 5, 10), at(200));
    traffic.add(&sent(number(3), 5, 10), at(3_590));
    traffic.add(&sent(number(4), 5, 10), at(3_599));
    assert!(traffic.find(number(4)).is_none());
    traffic.add(&sent(number(4), 5, 10), at(3_600));
    assert!(traffic.find(number(4)).is_some() && traffic.find(number(0)).is_none());
    traffic.add(&sent(number(5), 5, 10), at(3_602));
    assert!(traffic.find(number(5)).is_none());
    traffic.add(&sent(number(5), 5, 10), at(3_700));
    assert!(traffic.find(number(5)).is_some() && traffic.find(number(3)).is_none());
}

#[test]
fn ten_thousand_invented_addresses_harm_nobody() {
    const DEVICES: u32 = 50;
    const ROWS: usize = 1_024;
    let mut traffic = Traffic::new(ROWS, 7);
    let device = |i: u32| number(0xff00_0000 + i);
    let (mut told, mut room) = ([0, 0], 0);
    let mut add = |traffic: &mut Traffic, heard: &Heard, now| {
        traffic.add(heard, now);
        told[0] += heard.flow.rx_bytes;
        told[1] += heard.flow.tx_bytes;
        room = room.max(traffic.rows.capacity() + traffic.candidates.capacity());
        told
    };
    for i in 0..DEVICES {
        add(
            &mut traffic,
            &heard(device(i), 5, [60, 1, 60, 1, 0, 0]),
            at(1),
        );
    }
    traffic.begin_window();
    for i in 0..10_000 {
        let now = at(2 + u64::from(i) / 167);
        add(&mut traffic, &sent(number(i), 5, 60), now);
        add(&mut traffic, &received(device(i % DEVICES), 5, 1_500), now);
        add(&mut traffic, &sent(device(i % DEVICES), 5, 100), now);
    }
    for i in 0..DEVICES {
        let window = row(&traffic, device(i)).window();
        assert_eq!((window.rx_bytes, window.tx_bytes), (300_000, 20_000));
        assert_eq!(row(&traffic, device(i)).since_start().tx_bytes, 20_060);
    }
    assert_eq!(traffic.rows().count(), ROWS);
    let with_row = (ROWS as u64 - u64::from(DEVICES)) * 60;
    assert_eq!(traffic.window_sums().other_tx_bytes, 600_000 - with_row);
    // The flood goes on, and a guest comes an hour later.
    for i in 0..600_u32 {
        let now = at(3_600 + u64::from(i) / 10);
        add(&mut traffic, &sent(number(20_000 + i), 5, 60), now);
    }
    let told = add(&mut traffic, &sent(A, 5, 77), at(3_660));
    assert_eq!(row(&traffic, A).since_start().tx_bytes, 77);
    assert_eq!(all(&traffic)[..2], told);
    assert_eq!(room, 2 * ROWS, "memory stays as it is");
}

/// A step of the reference test.
#[derive(Clone, Copy, Debug)]
enum Step {
    Add {
        mac: u32,
        interface: u16,
        words: [u64; 6],
    },
    Window,
    Forget(u16),
    Own(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let add = (0_u32..24, 0_u16..5, prop::array::uniform6(0_u64..1_000));
    prop_oneof![
        20 => add.prop_map(|(mac, interface, words)| Step::Add { mac, interface, words }),
        1 => Just(Step::Window),
        1 => (1_u16..5).prop_map(Step::Forget),
        1 => (0_u32..24).prop_map(Step::Own),
    ]
}

proptest! {
    #[test]
    fn sums_hold_whatever_comes(
        steps in prop::collection::vec((step(), 0_u64..2_000), 1..200),
        capacity in 0_usize..20,
        seed: u64,
    ) {
        let mut traffic = Traffic::new(capacity, seed);
        let (mut now, mut told, mut window) = (0, [0; 3], (0, 0));
        let mut before: (HashMap<Mac, Amount>, Sums) = Default::default();
        for (step, wait) in steps {
            now += wait;
            match step {
                Step::Add { mac, interface, words } => {
                    let [tx_bytes, tx_frames, rx_bytes, rx_frames, ..] = words;
                    let heard = Heard { wan: now % 2 == 0, ..heard(number(mac), interface, words) };
                    traffic.add(&heard, at(now));
                    let more = [rx_bytes, tx_bytes, rx_frames + tx_frames];
                    told.iter_mut().zip(more).for_each(|(told, more)| *told += more);
                    window = (window.0 + rx_bytes, window.1 + tx_bytes);
                }
                Step::Window => {
                    traffic.begin_window();
                    window = (0, 0);
                }
                Step::Forget(interface) => traffic.forget_interface(interface),
                Step::Own(mac) => traffic.set_own(&[number(mac)]),
            }
            prop_assert_eq!(all(&traffic), told);
            prop_assert_eq!(all_of_window(&traffic), window);
            prop_assert!(traffic.rows().count() <= capacity);
            let rows: HashMap<Mac, Amount> =
                traffic.rows().map(|row| (row.mac(), *row.since_start())).collect();
            prop_assert_eq!(rows.len(), traffic.rows().count(), "one row each");
            let sums = *traffic.sums();
            let aside = sums.since(&before.1);
            prop_assert_eq!(before.1.since(&sums), Sums::default(), "never less");
            for (mac, amount) in &rows {
                prop_assert_eq!(traffic.find(*mac).unwrap().since_start(), amount);
                let earlier = before.0.get(mac).copied().unwrap_or_default();
                let grew = earlier.since(amount) == Amount::default();
                prop_assert!(grew || aside.other_frames > 0 || aside.other_rx_bytes > 0);
            }
            before = (rows, sums);
        }
    }

    #[test]
    fn with_room_for_all_it_is_a_plain_map(
        steps in prop::collection::vec(
            (0_u32..30, prop::array::uniform6(0_u64..u64::MAX / 400)),
            0..200,
        ),
        seed: u64,
    ) {
        let mut traffic = Traffic::new(30, seed);
        let mut expected: HashMap<Mac, Flow> = HashMap::new();
        for (i, (mac, words)) in steps.into_iter().enumerate() {
            traffic.add(&heard(number(mac), 3, words), at(i as u64));
            expected.entry(number(mac)).or_default().add(Flow::from_words(words));
        }
        expected.retain(|_, flow| !flow.is_zero());
        let rows: HashMap<Mac, Flow> = traffic.rows().map(|row| {
            let Amount { rx_bytes, tx_bytes, rx_frames, tx_frames, .. } = *row.since_start();
            (row.mac(), Flow { rx_bytes, tx_bytes, rx_frames, tx_frames, ..Flow::default() })
        }).collect();
        for flow in expected.values_mut() {
            (flow.routed_tx_bytes, flow.routed_rx_bytes) = (0, 0);
        }
        expected.retain(|_, flow| !flow.is_zero());
        prop_assert_eq!(rows, expected);
    }
}
