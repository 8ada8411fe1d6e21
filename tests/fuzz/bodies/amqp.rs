// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as what a broker says, from the first byte on and behind a handshake; whole, and in
//! pieces, which must come to the same.

use std::rc::Rc;

use netvitals::time::Mono;
use netvitals::tstat::amqp::event::Event;
use netvitals::tstat::amqp::fault::Fault;
use netvitals::tstat::amqp::frame::{self, Kind};
use netvitals::tstat::amqp::session::Session;
use netvitals::tstat::settings::{Persistent, QueueOptions, Rabbit, Secret};

/// What leads to a connection that takes messages, on which two went.
const HANDSHAKE: [(u16, &[u8]); 6] = [
    (
        0,
        b"\0\x0a\0\x0a\0\x09\0\0\0\0\0\0\0\x05PLAIN\0\0\0\x05en_US",
    ),
    (0, b"\0\x0a\0\x1e\x07\xff\0\0\x20\0\0\x3c"),
    (0, b"\0\x0a\0\x29\0"),
    (1, b"\0\x14\0\x0b\0\0\0\0"),
    (1, b"\0\x32\0\x0b\x01q\0\0\0\0\0\0\0\0"),
    (1, b"\0\x55\0\x0b"),
];

fn session() -> Session {
    let settings = Rabbit {
        host: String::new(),
        port: 5672,
        username: "user".into(),
        password: Secret("pass".into()),
        vhost: "/".into(),
        queue: "q".into(),
        exchange: String::new(),
        routing_key: "q".into(),
        heartbeat_s: None,
        persistent: Persistent::Auto,
        queue_options: QueueOptions::default(),
        tls: None,
    };
    Session::new(Rc::new(settings), Mono::from_ns(0))
}

fn ready() -> Session {
    let (mut session, mut events) = (session(), Vec::new());
    for (channel, payload) in HANDSHAKE {
        let mut bytes = Vec::new();
        frame::put(&mut bytes, Kind::Method, channel, payload);
        hear(&mut session, &bytes, &mut events).unwrap();
    }
    assert_eq!(events, [Event::Ready]);
    (1..=2).for_each(|tag| assert_eq!(session.publish("id", b"[]"), tag));
    session
}

fn hear(session: &mut Session, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Fault> {
    session.on_bytes(bytes, Mono::from_ns(1), events)
}

/// One input.
pub fn run(input: &[u8]) {
    for begin in [session, ready] {
        let (mut session, mut whole) = (begin(), Vec::new());
        let outcome = hear(&mut session, input, &mut whole);
        for event in &whole {
            if let Event::Acked { tag, .. } | Event::Nacked { tag, .. } = event {
                assert!(*tag <= 2, "no further message went");
            }
        }
        if let Err(fault) = &outcome {
            assert!(!fault.to_string().contains(|c: char| c.is_control()));
        }
        let said = session.out().len();
        assert!(said <= 64 * 1_024 + input.len() * 8, "{said} bytes said");
        let _ = (session.next_due(), session.on_time(Mono::from_ns(u64::MAX)));
        let (mut session, mut pieces) = (begin(), Vec::new());
        let len = input.first().map_or(1, |&byte| usize::from(byte) % 7 + 1);
        let mut chunks = input.chunks(len);
        let piecewise = chunks.try_for_each(|piece| hear(&mut session, piece, &mut pieces));
        assert_eq!((piecewise, pieces), (outcome, whole));
    }
}
