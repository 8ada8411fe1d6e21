// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection from the first byte to the last, in invented time.

use super::*;
use crate::tstat::amqp::frame::FrameError;
use crate::tstat::settings::{QueueOptions, Secret};

const OPEN_OK: &[u8] = &[0, 10, 0, 41, 0];
const CHANNEL_OK: &[u8] = &[0, 20, 0, 11, 0, 0, 0, 0];
const DECLARE_OK: &[u8] = b"\0\x32\0\x0b\x01q\0\0\0\0\0\0\0\0";
const SELECT_OK: &[u8] = &[0, 85, 0, 11];

fn at(seconds: u64) -> Mono {
    Mono::from_ns(seconds * 1_000_000_000)
}

fn settings() -> Rabbit {
    Rabbit {
        host: "broker".into(),
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
    }
}

fn start(version: u8, mechanisms: &[u8]) -> Vec<u8> {
    let mut payload = vec![0, 10, 0, 10, 0, version, 0, 0, 0, 0];
    payload.extend_from_slice(&(mechanisms.len() as u32).to_be_bytes());
    payload.extend_from_slice(mechanisms);
    payload.extend_from_slice(b"\0\0\0\x05en_US");
    payload
}

fn tune(frame_max: u32, heartbeat_s: u16) -> Vec<u8> {
    let mut payload = vec![0, 10, 0, 30, 7, 255];
    payload.extend_from_slice(&frame_max.to_be_bytes());
    payload.extend_from_slice(&heartbeat_s.to_be_bytes());
    payload
}

struct Talk {
    session: Session,
    now: Mono,
    events: Vec<Event>,
}

impl Talk {
    fn begin(settings: Rabbit) -> Self {
        Self {
            session: Session::new(Rc::new(settings), at(0)),
            now: at(0),
            events: Vec::new(),
        }
    }

    /// A connection that is ready, with this from the broker.
    fn ready(settings: Rabbit, frame_max: u32, heartbeat_s: u16) -> Self {
        let mut talk = Self::begin(settings);
        talk.said();
        for (channel, payload) in [
            (0, &start(9, b"PLAIN")[..]),
            (0, &tune(frame_max, heartbeat_s)),
            (0, OPEN_OK),
            (1, CHANNEL_OK),
            (1, DECLARE_OK),
            (1, SELECT_OK),
        ] {
            talk.hear(channel, payload).unwrap();
            assert_eq!(talk.events.is_empty(), payload != SELECT_OK);
            talk.said();
        }
        assert_eq!(talk.events, [Event::Ready]);
        talk.events.clear();
        talk
    }

    fn hear(&mut self, channel: u16, payload: &[u8]) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        frame::put(&mut bytes, Kind::Method, channel, payload);
        self.bytes(&bytes)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.session.on_bytes(bytes, self.now, &mut self.events)
    }

    /// What the client says, taken from it.
    fn said(&mut self) -> Vec<u8> {
        let said = self.session.out().to_vec();
        self.session.sent(said.len(), self.now);
        said
    }

    /// Class and method of all that the client says.
    fn said_methods(&mut self) -> Vec<(u8, u8)> {
        let said = self.said();
        let (mut rest, mut methods) = (&said[..], Vec::new());
        while let Some((frame, len)) = frame::split(rest, frame::SIZE_MAX).unwrap() {
            if frame.kind == Kind::Method {
                methods.push((frame.payload[1], frame.payload[3]));
            }
            rest = &rest[len..];
        }
        methods
    }

    fn phase(&self) -> Phase {
        self.session.phase()
    }
}

#[test]
fn each_answer_leads_to_the_next_step() {
    let mut talk = Talk::begin(settings());
    assert_eq!(talk.said(), b"AMQP\0\0\x09\x01");
    let mut step = |channel, payload: &[u8], phase, said: &[(u8, u8)]| {
        talk.hear(channel, payload).unwrap();
        assert_eq!((talk.phase(), &talk.said_methods()[..]), (phase, said));
        assert!(!talk.session.takes_message() || phase == Phase::Ready);
    };
    step(0, &start(9, b"AMQPLAIN PLAIN"), Phase::Login, &[(10, 11)]);
    step(0, &tune(131_072, 60), Phase::Opening, &[(10, 31), (10, 40)]);
    step(0, OPEN_OK, Phase::Channel, &[(20, 10)]);
    step(1, CHANNEL_OK, Phase::Declaring, &[(50, 10)]);
    step(1, DECLARE_OK, Phase::Confirming, &[(85, 10)]);
    step(1, SELECT_OK, Phase::Ready, &[]);
    assert!(talk.session.takes_message());
    talk.session.close();
    assert_eq!(talk.said_methods(), [(10, 50)]);
    talk.hear(0, &[0, 10, 0, 51]).unwrap();
    assert_eq!(
        (talk.phase(), &talk.events[1..]),
        (Phase::Closed, &[Event::Closed][..])
    );
}

#[test]
fn bytes_may_come_one_by_one() {
    let mut talk = Talk::begin(settings());
    let mut bytes = Vec::new();
    frame::put(&mut bytes, Kind::Method, 0, &start(9, b"PLAIN"));
    for byte in bytes {
        assert_eq!(talk.phase(), Phase::Greeting);
        talk.bytes(&[byte]).unwrap();
    }
    assert_eq!(talk.phase(), Phase::Login);
}

#[test]
fn an_answer_out_of_its_place_ends_the_talk() {
    let mut talk = Talk::begin(settings());
    assert_eq!(
        talk.hear(0, OPEN_OK),
        Err(Fault::Unexpected(Phase::Greeting))
    );
    let mut talk = Talk::begin(settings());
    talk.hear(0, &start(9, b"PLAIN")).unwrap();
    assert_eq!(
        talk.hear(1, &tune(0, 0)),
        Err(Fault::Unexpected(Phase::Login))
    );
    let mut talk = Talk::ready(settings(), 0, 0);
    assert_eq!(
        talk.hear(1, DECLARE_OK),
        Err(Fault::Unexpected(Phase::Ready))
    );
    let never_sent = [0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    assert_eq!(
        talk.hear(1, &never_sent),
        Err(Fault::Unexpected(Phase::Ready))
    );
}

#[test]
fn a_broker_that_cannot_be_spoken_to_is_told_apart() {
    let greet = |payload: &[u8]| Talk::begin(settings()).hear(0, payload).unwrap_err();
    assert_eq!(greet(&start(8, b"PLAIN")), Fault::Version(0, 8));
    let external = greet(&start(9, b"EXTERNAL"));
    assert_eq!(external, Fault::Mechanisms("EXTERNAL".into()));
    assert!(external.lasts());
    let frame = |bytes: &[u8]| Talk::begin(settings()).bytes(bytes).unwrap_err();
    assert!(frame(b"HTTP/1.1 400 Bad Request").lasts());
    assert!(
        frame(&[0x15, 3, 3, 0, 2, 2, 10])
            .to_string()
            .contains("use_ssl = True")
    );
    let during = Phase::Greeting;
    let error = FrameError::OtherProtocol;
    assert_eq!(frame(b"AMQP\0\0\x09\x01"), Fault::Frame { error, during });
    let error = FrameError::TooLong(0x1_0000_0007);
    assert_eq!(
        frame(&[1, 0, 0, 255, 255, 255, 255]),
        Fault::Frame { error, during }
    );
}

#[test]
fn the_smaller_frame_is_agreed_on() {
    for (theirs, agreed) in [
        (0, frame::SIZE_MAX),
        (4_096, 4_096),
        (10_000, 10_000),
        (u32::MAX, frame::SIZE_MAX),
    ] {
        let mut talk = Talk::ready(settings(), theirs, 0);
        let tag = talk.session.publish("id", &vec![b' '; 20_000]);
        assert_eq!(tag, 1);
        let said = talk.said();
        let (mut rest, mut longest) = (&said[..], 0);
        while let Some((_, len)) = frame::split(rest, frame::SIZE_MAX).unwrap() {
            longest = longest.max(len);
            rest = &rest[len..];
        }
        assert_eq!(longest, agreed.min(20_000 + frame::OVERHEAD), "{theirs}");
    }
    let mut talk = Talk::begin(settings());
    talk.hear(0, &start(9, b"PLAIN")).unwrap();
    assert_eq!(talk.hear(0, &tune(4_095, 0)), Err(Fault::FrameMax(4_095)));
}

#[test]
fn signs_of_life_go_out_in_time_and_are_expected() {
    for (ours, theirs, agreed) in [
        (None, 60, 60),
        (Some(10), 60, 10),
        (Some(90), 60, 60),
        (Some(20), 0, 20),
    ] {
        let mut settings = settings();
        settings.heartbeat_s = ours;
        let mut talk = Talk::ready(settings, 0, theirs);
        assert_eq!(talk.session.next_due(), at(agreed / 2));
        talk.session.on_time(at(agreed / 2 - 1)).unwrap();
        assert!(talk.session.out().is_empty());
        talk.session.on_time(at(agreed / 2)).unwrap();
        assert_eq!(talk.session.out(), [8, 0, 0, 0, 0, 0, 0, frame::END]);
        talk.session.on_time(at(agreed)).unwrap();
        assert_eq!(
            talk.session.out().len(),
            8,
            "one is enough while the line takes none"
        );
        assert_eq!(talk.session.next_due(), at(2 * agreed));
        let silent = talk.session.on_time(at(2 * agreed)).unwrap_err();
        assert_eq!(silent, Fault::Silent(Duration::from_secs(2 * agreed)));
        assert!(!silent.lasts());
    }
}

#[test]
fn a_sign_of_life_of_the_broker_counts() {
    let mut talk = Talk::ready(settings(), 0, 10);
    talk.now = at(19);
    talk.bytes(&[8, 0, 0, 0, 0, 0, 0, frame::END]).unwrap();
    talk.session.on_time(at(38)).unwrap();
    assert!(talk.session.on_time(at(39)).is_err());
}

#[test]
fn without_heartbeats_nobody_is_dead() {
    for (ours, theirs) in [(Some(0), 60), (None, 0)] {
        let mut settings = settings();
        settings.heartbeat_s = ours;
        let mut talk = Talk::ready(settings, 0, theirs);
        talk.session.on_time(at(1_000_000)).unwrap();
        assert!(talk.session.out().is_empty());
        assert_eq!(talk.session.next_due(), Mono::from_ns(u64::MAX));
    }
}

#[test]
fn a_handshake_has_its_time() {
    let mut talk = Talk::begin(settings());
    assert_eq!(talk.session.next_due(), at(15));
    talk.session.on_time(at(14)).unwrap();
    let slow = talk.session.on_time(at(15)).unwrap_err();
    assert_eq!(slow, Fault::Slow(Phase::Greeting, HANDSHAKE_MAX));
}

#[test]
fn confirms_and_refusals_are_passed_on() {
    let mut talk = Talk::ready(settings(), 0, 0);
    (1..=3).for_each(|tag| assert_eq!(talk.session.publish("id", b"[]"), tag));
    talk.hear(1, &[0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 2, 1])
        .unwrap();
    talk.hear(1, &[0, 60, 0, 120, 0, 0, 0, 0, 0, 0, 0, 3, 0])
        .unwrap();
    let (acked, nacked) = ((2, true), (3, false));
    let expected = [
        Event::Acked {
            tag: acked.0,
            multiple: acked.1,
        },
        Event::Nacked {
            tag: nacked.0,
            multiple: nacked.1,
        },
    ];
    assert_eq!(talk.events, expected);
}

#[test]
fn a_message_that_comes_back_is_named() {
    let mut talk = Talk::ready(settings(), 0, 0);
    let back = b"\0\x3c\0\x32\x01\x38\x08NO_ROUTE\0\x01k";
    let header = |len: u8, id: &[u8; 2]| {
        let mut payload = vec![0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, len, 0, 0x80, 2];
        payload.extend_from_slice(id);
        payload
    };
    let mut bytes = Vec::new();
    frame::put(&mut bytes, Kind::Method, 1, back);
    frame::put(&mut bytes, Kind::Header, 1, &header(5, b"m1"));
    frame::put(&mut bytes, Kind::Body, 1, b"[1,");
    talk.bytes(&bytes).unwrap();
    assert!(talk.events.is_empty());
    bytes.clear();
    frame::put(&mut bytes, Kind::Body, 1, b"2]");
    frame::put(&mut bytes, Kind::Method, 1, back);
    frame::put(&mut bytes, Kind::Header, 1, &header(0, b"m2"));
    talk.bytes(&bytes).unwrap();
    let returned = |id: &str| Event::Returned {
        message_id: id.into(),
        code: 312,
        text: "NO_ROUTE".into(),
    };
    assert_eq!(talk.events, [returned("m1"), returned("m2")]);
    bytes.clear();
    frame::put(&mut bytes, Kind::Body, 1, b"unasked");
    assert_eq!(talk.bytes(&bytes), Err(Fault::Unexpected(Phase::Ready)));
}

#[test]
fn a_blocked_broker_gets_no_message_but_signs_of_life() {
    let mut talk = Talk::ready(settings(), 0, 10);
    talk.hear(0, b"\0\x0a\0\x3c\x0dlow on memory").unwrap();
    assert!(!talk.session.takes_message() && talk.session.is_blocked());
    talk.session.on_time(at(5)).unwrap();
    assert_eq!(talk.said().len(), 8);
    talk.hear(0, &[0, 10, 0, 61]).unwrap();
    assert!(talk.session.takes_message());
    let expected = [Event::Blocked("low on memory".into()), Event::Unblocked];
    assert_eq!(talk.events, expected);
}

#[test]
fn the_end_that_a_broker_makes_is_agreed_to() {
    for (channel, payload, answer) in [
        (
            0,
            &b"\0\x0a\0\x32\x01\x40\x04stop\0\0\0\0"[..],
            &[(10, 51)][..],
        ),
        (
            1,
            b"\0\x14\0\x28\x01\x40\x04stop\0\0\0\0",
            &[(20, 41), (10, 50)],
        ),
    ] {
        let mut talk = Talk::ready(settings(), 0, 0);
        let expected = Fault::Closed {
            code: 320,
            text: "stop".into(),
        };
        assert_eq!(talk.hear(channel, payload), Err(expected));
        assert_eq!(talk.said_methods(), answer);
    }
}

#[test]
fn persistence_follows_the_queue_unless_told() {
    for (persistent, durable, mode) in [
        (Persistent::Auto, false, 1),
        (Persistent::Auto, true, 2),
        (Persistent::Yes, false, 2),
        (Persistent::No, true, 1),
    ] {
        let mut settings = settings();
        settings.persistent = persistent;
        settings.queue_options.durable = durable;
        let mut talk = Talk::ready(settings, 0, 0);
        talk.session.publish("id", b"[]");
        let mut properties = b"\x10application/json".to_vec();
        properties.extend_from_slice(&[mode, 2, b'i', b'd', frame::END]);
        let said = talk.said();
        assert!(
            said.windows(properties.len())
                .any(|found| found == properties)
        );
    }
}
