// SPDX-License-Identifier: MIT OR Apache-2.0
//! Slices to a broker that behaves as a test tells it: what arrives, and what is repeated.
#![cfg(feature = "tstat")]

use std::collections::BTreeMap;
use std::time::Instant;

use netvitals::tstat::carrier::{Carrier, CarrierError};

#[path = "support/broker.rs"]
mod broker;
use broker::{Act, Broker as Fake, Moment};
#[path = "support/carrying.rs"]
mod carrying;
use carrying::*;

#[test]
fn messages_arrive_in_order_with_their_properties() {
    let fake = Fake::start(131_072, 60, |_, _| None);
    let tally = with(&fake, PATIENCE, |client| all_arrive(client, 50));
    assert_eq!((tally.retried, tally.reconnected), (0, 0));
    for (number, message) in (0..).zip(fake.messages()) {
        assert_eq!(
            (message.exchange, message.routing_key),
            ("ex".into(), "key".into())
        );
        assert_eq!((message.mandatory, message.delivery_mode), (true, 2));
        assert_eq!(message.content_type, "application/json");
        assert_eq!(
            (message.id, message.body),
            (format!("id-{number}"), body(number))
        );
    }
    assert_eq!((fake.connections(), fake.closes()), (1, 1));
}

#[test]
fn no_frame_is_longer_than_agreed() {
    let fake = Fake::start(4_096, 0, |_, _| None);
    with(&fake, PATIENCE, |client| {
        client.offer(10_000).unwrap();
        client.settle().unwrap();
    });
    let message = &fake.messages()[0];
    assert_eq!((message.frame_longest, message.body.len()), (4_088, 20_002));
}

#[test]
fn several_slices_are_under_way_and_confirmed_at_once() {
    // Nothing is confirmed before the eighth is there, and then all of it, twice.
    let fake = Fake::start(131_072, 0, |_, moment| match moment {
        Moment::Published(message) if message.tag.is_multiple_of(8) => Some(vec![
            Act::AckAll(message.tag),
            Act::AckAll(message.tag),
            Act::Ack(message.tag),
        ]),
        Moment::Published(_) => Some(vec![]),
        _ => None,
    });
    with(&fake, PATIENCE, |client| all_arrive(client, 64));
}

#[test]
fn what_the_broker_failed_with_goes_again_under_its_name() {
    let fake = Fake::start(131_072, 0, |_, moment| match moment {
        Moment::Published(message) if message.tag == 2 => Some(vec![Act::Nack(2)]),
        _ => None,
    });
    let tally = with(&fake, PATIENCE, |client| all_arrive(client, 4));
    assert_eq!((tally.retried, tally.reconnected), (1, 0));
    let ids: Vec<_> = fake
        .messages()
        .into_iter()
        .map(|message| message.id)
        .collect();
    assert_eq!(ids, ["id-0", "id-1", "id-2", "id-3", "id-1"]);
}

#[test]
fn what_finds_no_queue_is_refused_for_good_and_the_rest_arrives() {
    let fake = Fake::start(4_096, 0, |_, moment| match moment {
        Moment::Published(message) if message.id == "id-2001" => {
            Some(vec![Act::Return, Act::Ack(message.tag)])
        }
        _ => None,
    });
    with(&fake, PATIENCE, |client| {
        let _ = (client.offer(0), client.offer(2_001), client.offer(2));
        let Err(CarrierError::Refused(text)) = client.settle() else {
            panic!()
        };
        for word in [
            "id-2001",
            "312 NO_ROUTE",
            "exchange `ex`",
            "routing_key `key`",
        ] {
            assert!(text.contains(word), "{text}");
        }
        assert!(!client.confirmed.contains(&2_001) && client.confirmed.contains(&0));
        // Another directory may fare better.
        client.offer(7).unwrap();
        client.settle().unwrap();
    });
    let times = fake.messages().iter().filter(|m| m.id == "id-2001").count();
    assert_eq!(times, 1);
}

/// How often each message went, by its id.
fn times(fake: &Fake) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for message in fake.messages() {
        *times.entry(message.id).or_default() += 1;
    }
    times
}

#[test]
fn after_a_cut_only_the_unconfirmed_go_again() {
    for after in 1..=12_u64 {
        // Confirms every second message at once, then breaks off.
        let fake = Fake::start(131_072, 0, move |connection, moment| match moment {
            Moment::Published(message) if connection == 1 => Some(match message.tag {
                tag if tag == after => vec![Act::Cut],
                tag if tag % 2 == 1 => vec![Act::Ack(tag)],
                _ => vec![],
            }),
            _ => None,
        });
        let tally = with(&fake, PATIENCE, |client| all_arrive(client, 20));
        assert_eq!(tally.reconnected, 1, "after {after}");
        let confirmed = |id: &str| {
            let number: u64 = id[3..].parse().unwrap();
            number.is_multiple_of(2) && number + 1 < after
        };
        for (id, times) in times(&fake) {
            assert!(
                times == 1 || !confirmed(&id),
                "{id} went {times} times, after {after}"
            );
        }
        let second = fake.messages();
        let second = second.iter().filter(|message| message.connection == 2);
        assert_eq!(second.count() as u64, 20 - after / 2);
        for message in fake.messages() {
            assert_eq!(message.body, body(message.id[3..].parse().unwrap()));
        }
    }
}

#[test]
fn a_broker_that_shuts_down_is_waited_for() {
    let fake = Fake::start(131_072, 0, |connection, moment| match moment {
        Moment::Published(message) if connection < 3 && message.tag == 2 => {
            Some(vec![Act::CloseConnection(
                320,
                "CONNECTION_FORCED - shutdown",
            )])
        }
        _ => None,
    });
    let tally = with(&fake, PATIENCE, |client| all_arrive(client, 5));
    assert_eq!(tally.reconnected, 2);
}

#[test]
fn a_dead_broker_is_noticed_by_its_silence() {
    let fake = Fake::start(131_072, 1, |connection, moment| match moment {
        Moment::Published(_) if connection == 1 => Some(vec![Act::Mute]),
        _ => None,
    });
    let began = Instant::now();
    let tally = with(&fake, PATIENCE, |client| all_arrive(client, 3));
    assert_eq!(tally.reconnected, 1);
    assert!(
        began.elapsed() >= MS(2_000),
        "two heartbeats are missed first"
    );
}

#[test]
fn a_broker_is_heard_before_it_counts_as_dead() {
    let heartbeat = vec![8, 0, 0, 0, 0, 0, 0, 206];
    let fake = Fake::start(131_072, 1, move |_, moment| match moment {
        Moment::Published(message) if message.tag == 1 => Some(vec![
            Act::Ack(1),
            Act::Wait(MS(1_900)),
            Act::Bytes(heartbeat.clone()),
        ]),
        _ => None,
    });
    let tally = with(&fake, PATIENCE, |client| {
        client.offer(0).unwrap();
        client.settle().unwrap();
        // A long log without a flow to send: longer than two heartbeats.
        std::thread::sleep(MS(2_300));
        client.offer(1).unwrap();
        client.settle().unwrap();
        client.carrier.tally()
    });
    assert_eq!((tally.confirmed, tally.reconnected), (2, 0));
}

#[test]
fn a_blocked_broker_is_waited_for_with_signs_of_life() {
    let fake = Fake::start(131_072, 1, |_, moment| match moment {
        Moment::Published(message) if message.tag == 1 => Some(vec![
            Act::Blocked("low on memory"),
            Act::Wait(MS(1_200)),
            Act::Unblocked,
            Act::Ack(1),
        ]),
        _ => None,
    });
    let tally = with(&fake, PATIENCE, |client| all_arrive(client, 30));
    assert_eq!((tally.reconnected, tally.retried), (0, 0));
    assert!(fake.heartbeats() >= 1);
}
