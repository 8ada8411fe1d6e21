// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client for `broker.rs`, and what it was told to be confirmed.
#![allow(dead_code)]

use std::time::Duration;

use netvitals::sys::signal::Signals;
use netvitals::tstat::amqp::{Broker, Patience};
use netvitals::tstat::carrier::{Carrier, CarrierError, Slice, Tally};
use netvitals::tstat::settings::{Persistent, QueueOptions, Rabbit, Secret};

use crate::broker::Broker as Fake;

pub const MS: fn(u64) -> Duration = Duration::from_millis;

/// So long that only a fault reaches it, but for what a test sets.
pub const PATIENCE: Patience = Patience {
    first: Duration::from_secs(20),
    again: Duration::from_secs(20),
    confirm: Duration::from_secs(20),
    blocked: Duration::from_secs(20),
    leave: Duration::from_secs(20),
};

pub fn settings(port: u16) -> Rabbit {
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
pub struct Client<'a> {
    pub carrier: Broker<'a>,
    pub confirmed: Vec<u64>,
}

pub fn body(number: u64) -> Vec<u8> {
    format!("[{}]", "7,".repeat(number as usize)).into_bytes()
}

impl Client<'_> {
    pub fn offer(&mut self, number: u64) -> Result<(), CarrierError> {
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

    pub fn settle(&mut self) -> Result<(), CarrierError> {
        let outcome = self.carrier.settle(None);
        self.carrier
            .confirmed(&mut |number| self.confirmed.push(number));
        self.confirmed.sort_unstable();
        outcome
    }
}

pub fn with<T>(fake: &Fake, patience: Patience, run: impl FnOnce(&mut Client<'_>) -> T) -> T {
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

pub fn refused_at_connect(fake: &Fake, patience: Patience) -> CarrierError {
    let signals = Signals::hold().unwrap();
    Broker::connect_patiently(settings(fake.port), &signals, patience).unwrap_err()
}

/// Offers this many slices, settles, and expects all to be confirmed once.
#[track_caller]
pub fn all_arrive(client: &mut Client<'_>, count: u64) -> Tally {
    (0..count).for_each(|number| client.offer(number).unwrap());
    client.settle().unwrap();
    assert_eq!(client.confirmed, (0..count).collect::<Vec<_>>());
    let tally = client.carrier.tally();
    assert_eq!((tally.messages, tally.confirmed), (count, count));
    tally
}
