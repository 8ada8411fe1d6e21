// SPDX-License-Identifier: MIT OR Apache-2.0
//! Slices to a broker that behaves as a test tells it: what arrives, what is repeated, what is said.
#![cfg(feature = "tstat")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use netvitals::sys::clock;
use netvitals::sys::signal::Signals;
use netvitals::tstat::amqp::{Broker, Patience};
use netvitals::tstat::carrier::{Carrier, CarrierError, Slice, Tally};
use netvitals::tstat::settings::{Persistent, QueueOptions, Rabbit, Secret};

#[path = "support/broker.rs"]
mod broker;
use broker::{Act, Broker as Fake, Moment};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// So long that only a fault reaches it, but for what a test sets.
const PATIENCE: Patience = Patience {
    first: Duration::from_secs(20),
    again: Duration::from_secs(20),
    confirm: Duration::from_secs(20),
    blocked: Duration::from_secs(20),
    leave: Duration::from_secs(20),
};

fn settings(port: u16) -> Rabbit {
    Rabbit {
        host: "127.0.0.1".into(),
        port,
        username: "user".into(),
        password: Secret("pass".into()),
        vhost: "/".into(),
        queue: "q".into(),
        exchange: "ex".into(),
        routing_key: "key".into(),
        heartbeat_s: None,
        persistent: Persistent::Auto,
        queue_options: QueueOptions {
            durable: true,
            ..QueueOptions::default()
        },
        tls: None,
    }
}

/// A client, and what it was told to be confirmed.
struct Client<'a> {
    carrier: Broker<'a>,
    confirmed: Vec<u64>,
}

fn body(number: u64) -> Vec<u8> {
    format!("[{}]", "7,".repeat(number as usize)).into_bytes()
}

impl Client<'_> {
    fn offer(&mut self, number: u64) -> Result<(), CarrierError> {
        let outcome = self.carrier.offer(&Slice {
            number,
            message_id: &format!("id-{number}"),
            body: &body(number),
            objects: 1,
        });
        self.carrier
            .confirmed(&mut |number| self.confirmed.push(number));
        outcome
    }

    fn settle(&mut self) -> Result<(), CarrierError> {
        let outcome = self.carrier.settle(None);
        self.carrier
            .confirmed(&mut |number| self.confirmed.push(number));
        self.confirmed.sort_unstable();
        outcome
    }
}

fn with<T>(fake: &Fake, patience: Patience, run: impl FnOnce(&mut Client<'_>) -> T) -> T {
    let signals = Signals::hold().unwrap();
    let carrier = Broker::connect_patiently(settings(fake.port), &signals, patience).unwrap();
    let mut client = Client {
        carrier,
        confirmed: Vec::new(),
    };
    let result = run(&mut client);
    client.carrier.close();
    result
}

fn refused_at_connect(fake: &Fake, patience: Patience) -> CarrierError {
    let signals = Signals::hold().unwrap();
    Broker::connect_patiently(settings(fake.port), &signals, patience).unwrap_err()
}

/// Offers this many slices, settles, and expects all to be confirmed once.
#[track_caller]
fn all_arrive(client: &mut Client<'_>, count: u64) -> Tally {
    (0..count).for_each(|number| client.offer(number).unwrap());
    client.settle().unwrap();
    assert_eq!(client.confirmed, (0..count).collect::<Vec<_>>());
    let tally = client.carrier.tally();
    assert_eq!((tally.messages, tally.confirmed), (count, count));
    tally
}

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
        Moment::Published(message) if message.tag % 8 == 0 => Some(vec![
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
            number % 2 == 0 && number + 1 < after
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

#[test]
fn patience_ends() {
    let short = MS(300);
    let block = |_, moment: &Moment<'_>| match moment {
        Moment::Published(_) => Some(vec![Act::Blocked("low on disk"), Act::Mute]),
        _ => None,
    };
    let mute = |_, moment: &Moment<'_>| match moment {
        Moment::Published(_) => Some(vec![Act::Mute]),
        _ => None,
    };
    type On = fn(u32, &Moment<'_>) -> Option<Vec<Act>>;
    for (on, word) in [
        (block as On, "took no messages"),
        (mute, "confirmed nothing"),
    ] {
        let fake = Fake::start(131_072, 0, on);
        let patience = Patience {
            again: short,
            confirm: short,
            blocked: short,
            ..PATIENCE
        };
        let error = with(&fake, patience, |client| {
            client.offer(0).unwrap();
            client.settle().unwrap_err()
        });
        assert!(
            matches!(&error, CarrierError::Down(text) if text.contains(word)),
            "{error}"
        );
    }
}

#[test]
fn a_deadline_is_kept_and_nothing_stays_in_flight() {
    let fake = Fake::start(131_072, 0, |_, moment| match moment {
        Moment::Published(message) if message.tag == 2 => Some(vec![Act::Wait(MS(700))]),
        _ => None,
    });
    with(&fake, PATIENCE, |client| {
        (0..2).for_each(|number| client.offer(number).unwrap());
        let began = Instant::now();
        let end = clock::mono().after(MS(300));
        let error = client.carrier.settle(Some(end)).unwrap_err();
        assert!(began.elapsed() < MS(650), "{:?}", began.elapsed());
        assert!(matches!(&error, CarrierError::Down(text) if text.contains("1 message")));
        // Numbers begin anew.
        client.confirmed.clear();
        client.offer(0).unwrap();
        client.settle().unwrap();
    });
}

#[test]
fn what_only_a_person_can_mend_is_said_at_once() {
    type Case = (fn(&Moment<'_>) -> bool, Act, &'static str);
    let cases: [Case; 6] = [
        (
            |m| matches!(m, Moment::Login),
            Act::CloseConnection(403, "ACCESS_REFUSED - Login was refused"),
            "check username and password",
        ),
        (
            |m| matches!(m, Moment::Login),
            Act::Cut,
            "hung up at the password",
        ),
        (
            |m| matches!(m, Moment::Declare),
            Act::CloseChannel(406, "PRECONDITION_FAILED - inequivalent arg 'durable'"),
            "[rabbit_queue_options]",
        ),
        (
            |m| matches!(m, Moment::Connected),
            Act::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
            "port of AMQP",
        ),
        (
            |m| matches!(m, Moment::Connected),
            Act::Bytes(vec![0x15, 3, 3, 0, 2, 2, 10]),
            "use_ssl = True",
        ),
        (
            |m| matches!(m, Moment::Connected),
            Act::Bytes(vec![1, 0, 0, 255, 255, 255, 255]),
            "more than agreed",
        ),
    ];
    for (when, act, word) in cases {
        let fake = Fake::start(131_072, 0, move |_, moment| {
            when(moment).then(|| vec![act.clone()])
        });
        let error = refused_at_connect(&fake, PATIENCE);
        assert!(
            matches!(&error, CarrierError::SetUpWrong(text) if text.contains(word)),
            "{error}"
        );
        assert_eq!(fake.connections(), 1, "{word}");
    }
}

#[test]
fn an_exchange_that_is_missing_ends_it_too() {
    let fake = Fake::start(131_072, 0, |_, moment| match moment {
        Moment::Published(_) => Some(vec![Act::CloseChannel(404, "NOT_FOUND - no exchange 'ex'")]),
        _ => None,
    });
    with(&fake, PATIENCE, |client| {
        let _ = client.offer(0);
        let error = client.settle().unwrap_err();
        assert!(error.to_string().contains("create the exchange"), "{error}");
        assert!(matches!(error, CarrierError::SetUpWrong(_)));
    });
}

#[test]
fn a_broker_that_is_not_there_is_tried_for_a_while() {
    let fake = Fake::start(131_072, 0, |_, moment| match moment {
        Moment::Connected => Some(vec![Act::Cut]),
        _ => None,
    });
    let patience = Patience {
        first: MS(1_500),
        ..PATIENCE
    };
    let error = refused_at_connect(&fake, patience);
    assert!(
        matches!(&error, CarrierError::Down(text) if text.contains("hung up")),
        "{error}"
    );
    assert!(fake.connections() >= 2);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let signals = Signals::hold().unwrap();
    let error = Broker::connect_patiently(settings(port), &signals, patience).unwrap_err();
    let name = format!("RabbitMQ at 127.0.0.1:{port}: nobody listens there");
    assert!(
        matches!(&error, CarrierError::Down(text) if text.contains(&name)),
        "{error}"
    );
}

#[test]
fn nonsense_in_the_middle_is_survived() {
    for nonsense in [
        vec![1, 0, 0, 255, 255, 255, 255],
        b"garbage".to_vec(),
        // A confirm of what never went; a frame without its end; a body that nobody asked for.
        vec![
            1, 0, 1, 0, 0, 0, 13, 0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 9, 9, 0, 206,
        ],
        vec![8, 0, 0, 0, 0, 0, 0, 7],
        vec![3, 0, 1, 0, 0, 0, 1, 0, 206],
    ] {
        let fake = Fake::start(131_072, 0, move |connection, moment| match moment {
            Moment::Published(message) if connection == 1 && message.tag == 2 => {
                Some(vec![Act::Bytes(nonsense.clone()), Act::Mute])
            }
            _ => None,
        });
        let tally = with(&fake, PATIENCE, |client| all_arrive(client, 4));
        assert_eq!(tally.reconnected, 1);
    }
}

#[test]
fn settings_that_the_protocol_has_no_room_for_are_named() {
    let mut settings = settings(1);
    settings.queue = "q".repeat(256);
    let signals = Signals::hold().unwrap();
    let error = Broker::connect(settings, &signals).unwrap_err();
    assert!(matches!(&error, CarrierError::SetUpWrong(text) if text.contains("`queue`")));
}
