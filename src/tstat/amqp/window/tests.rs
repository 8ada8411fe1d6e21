// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is unconfirmed, by examples and against a plain model.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn at(ms: u64) -> Mono {
    Mono::from_ns(ms * 1_000_000)
}

fn take(window: &mut Window, number: u64, len: usize) {
    let (message_id, body) = (format!("id-{number}"), vec![b' '; len]);
    assert!(window.has_room(len));
    window.take(&Slice {
        number,
        message_id: &message_id,
        body: &body,
        objects: 1,
    });
}

/// Sends all that can go, from this tag on; their ids.
fn send(window: &mut Window, now: Mono, tag: &mut u64) -> Vec<String> {
    let mut sent = Vec::new();
    while let Some(next) = window.next(now) {
        sent.push(next.message_id.to_owned());
        *tag += 1;
        next.went(*tag);
    }
    sent
}

fn confirmed(window: &mut Window) -> Vec<u64> {
    let mut numbers = Vec::new();
    window.confirmed(&mut |number| numbers.push(number));
    numbers
}

fn of(count: u64) -> (Window, u64) {
    let (mut window, mut tag) = (Window::default(), 0);
    (0..count).for_each(|number| take(&mut window, number, 10));
    send(&mut window, at(0), &mut tag);
    (window, tag)
}

#[test]
fn room_is_bounded_by_count_and_by_bytes_but_one_always_goes() {
    let mut window = Window::default();
    (0..SLICES_MAX as u64).for_each(|number| take(&mut window, number, 1));
    assert!(!window.has_room(1));
    let mut window = Window::default();
    take(&mut window, 0, TSTAT_UNCONFIRMED_BYTES_MAX + 1);
    assert!(!window.has_room(0));
    let mut window = Window::default();
    take(&mut window, 0, TSTAT_UNCONFIRMED_BYTES_MAX - 1);
    assert!(window.has_room(1) && !window.has_room(2));
}

#[test]
fn a_confirm_may_be_for_several_and_come_twice() {
    let (mut window, _) = of(4);
    assert_eq!(window.on_ack(2, true), 2);
    assert_eq!(window.on_ack(2, true), 0);
    assert_eq!(window.on_ack(4, false), 1);
    assert_eq!(window.on_ack(4, false), 0);
    assert_eq!(confirmed(&mut window), [0, 1, 3]);
    assert_eq!(window.on_ack(0, false), 0, "no message has that tag");
    assert_eq!(window.on_ack(0, true), 1, "that is all of them");
    assert!(window.is_empty() && !window.awaits_confirms());
}

#[test]
fn what_the_broker_failed_with_goes_again_later_and_later() {
    let (mut window, mut tag) = of(1);
    let mut now = 0;
    for wait in [500, 1_000, 2_000, 4_000] {
        window.on_nack(tag, false, at(now)).unwrap();
        assert!(!window.awaits_confirms());
        assert_eq!(window.next_due(), Some(at(now + wait)));
        assert!(send(&mut window, at(now + wait - 1), &mut tag).is_empty());
        now += wait;
        assert_eq!(send(&mut window, at(now), &mut tag), ["id-0"]);
    }
    assert_eq!(window.on_nack(tag, false, at(now)), Err("id-0".into()));
    assert!(window.is_empty() && confirmed(&mut window).is_empty());
}

#[test]
fn what_came_back_is_not_confirmed_and_does_not_go_again() {
    let (mut window, mut tag) = of(3);
    assert!(window.on_return("id-1") && !window.on_return("id-7"));
    assert_eq!(window.on_ack(2, true), 1);
    assert_eq!(confirmed(&mut window), [0]);
    assert!(window.on_return("id-2"));
    window.on_broken();
    assert!(send(&mut window, at(0), &mut tag).is_empty() && window.is_empty());
}

#[test]
fn after_a_break_all_that_is_unconfirmed_goes_again_in_order() {
    let (mut window, _) = of(4);
    window.on_ack(2, false);
    window.on_broken();
    let mut tag = 0;
    assert_eq!(send(&mut window, at(0), &mut tag), ["id-0", "id-2", "id-3"]);
    assert_eq!(window.on_ack(3, true), 3);
    assert_eq!(confirmed(&mut window), [1, 0, 2, 3]);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Take(usize),
    Ack(u64, bool),
    Nack(u64, bool),
    Return(u64),
    Break,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1_usize..200_000).prop_map(Step::Take),
        4 => (0_u64..20, any::<bool>()).prop_map(|(tag, multiple)| Step::Ack(tag, multiple)),
        1 => (0_u64..20, any::<bool>()).prop_map(|(tag, multiple)| Step::Nack(tag, multiple)),
        1 => (0_u64..40).prop_map(Step::Return),
        1 => Just(Step::Break),
        2 => (0_u64..3_000).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 0..120)
}

proptest! {
    /// Whatever the broker does, each slice is confirmed once, given up aloud, or still there.
    #[test]
    fn no_slice_is_lost_or_confirmed_twice(steps in steps()) {
        let mut window = Window::default();
        let (mut now, mut tag, mut number) = (0, 0, 0);
        let (mut gone, mut given_up, mut returned) = (BTreeSet::new(), 0, BTreeSet::new());
        for step in steps {
            match step {
                Step::Take(len) if window.has_room(len) => {
                    take(&mut window, number, len);
                    number += 1;
                }
                Step::Take(_) => prop_assert!(!window.is_empty()),
                Step::Ack(back, multiple) => {
                    window.on_ack(u64::saturating_sub(tag, back), multiple);
                }
                Step::Nack(back, multiple) => {
                    let before = window.len();
                    if window.on_nack(tag.saturating_sub(back), multiple, at(now)).is_err() {
                        given_up += before - window.len();
                    }
                }
                Step::Return(number) => {
                    if window.on_return(&format!("id-{number}")) {
                        returned.insert(number);
                    }
                }
                Step::Break => window.on_broken(),
                Step::Wait(ms) => now += ms,
            }
            send(&mut window, at(now), &mut tag);
            for number in confirmed(&mut window) {
                prop_assert!(gone.insert(number), "{} confirmed twice", number);
                prop_assert!(!returned.contains(&number));
            }
            prop_assert!(window.len() <= SLICES_MAX);
        }
        let accounted = gone.len() + given_up + returned.len() + window.len();
        prop_assert!(accounted >= number as usize, "a slice is lost");
        window.forget();
        prop_assert!(window.is_empty() && window.has_room(usize::MAX));
    }
}
