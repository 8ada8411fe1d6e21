// SPDX-License-Identifier: MIT OR Apache-2.0
//! A broker that takes nothing, is not there or makes no sense: what is said, and when.
#![cfg(feature = "tstat")]

use std::fs;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Instant;

use netvitals::sys::clock;
use netvitals::sys::signal::Signals;
use netvitals::tstat::amqp::{Broker, Patience};
use netvitals::tstat::carrier::{Carrier, CarrierError};

#[path = "support/broker.rs"]
mod broker;
use broker::{Act, Broker as Fake, Moment};
#[path = "support/carrying.rs"]
mod carrying;
use carrying::*;
mod support;
use support::{EXE, Guarded, tstat};

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
    let began = Instant::now();
    let error = Broker::connect_patiently(settings(port), &signals, patience).unwrap_err();
    assert!(began.elapsed() >= patience.first, "{:?}", began.elapsed());
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

/// A broker that gives signs of life and nothing else, as fast as it can, must not keep us from the
/// clock.
#[test]
fn a_broker_that_never_ends_talking_is_left_in_time() {
    let heartbeats = [8, 0, 0, 0, 0, 0, 0, 206].repeat(4_096);
    let fake = Fake::start(131_072, 0, move |_, moment| match moment {
        Moment::Published(_) => Some(vec![Act::Flood(heartbeats.clone())]),
        _ => None,
    });
    let patience = Patience {
        again: MS(300),
        confirm: MS(300),
        ..PATIENCE
    };
    let began = Instant::now();
    let error = with(&fake, patience, |client| {
        client.offer(0).unwrap();
        client.settle().unwrap_err()
    });
    assert!(error.to_string().contains("confirmed nothing"), "{error}");
    assert!(began.elapsed() < MS(15_000), "{:?}", began.elapsed());
}

#[test]
fn a_broker_that_fell_silent_does_not_keep_us_from_ending_within_three_seconds() {
    let (reached, heard) = mpsc::channel();
    let fake = Fake::start(131_072, 0, move |_, moment| match moment {
        Moment::Published(_) => {
            let _ = reached.send(());
            Some(vec![Act::Mute])
        }
        _ => None,
    });
    let root = tstat::tree(&[("1.out/log_udp_complete", &tstat::udp_log(10))]);
    let ini = root.path().join("config.ini");
    let text = "username = u\npassword = p\nvhost = /\nqueue = q\nrouting_key = q\nexchange =\n";
    let text = format!("[rabbit]\nhost = 127.0.0.1\nport = {}\n{text}", fake.port);
    fs::write(&ini, text).unwrap();
    let mut command = Command::new(EXE);
    command.arg("tstat-send").arg("-d").arg(root.path());
    command.arg("-c").arg(&ini).args(["-b", "0"]);
    let mut run = Guarded(command.stderr(Stdio::null()).spawn().unwrap());
    heard.recv_timeout(MS(20_000)).unwrap();
    let began = Instant::now();
    run.signal(rustix::process::Signal::TERM);
    // What was under way may be lost, so it is no success.
    assert_eq!(run.wait(MS(10_000)), Some(1));
    assert!(began.elapsed() < MS(3_900), "{:?}", began.elapsed());
    assert!(!root.path().join("1.out/.processed").exists());
}
