// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is said and heard, against bytes written by hand from the specification.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(payload: &[u8], expected: Option<Heard>) {
    assert_eq!(hear(payload), expected, "{payload:?}");
    if expected.is_some() {
        let longer = [payload, &[0]].concat();
        assert_eq!(hear(&longer), None, "something is left over");
        for len in 0..payload.len() {
            assert_eq!(hear(&payload[..len]), None, "cut to {len}");
        }
    }
}

fn closed(code: u16, text: &str) -> Option<Heard> {
    Some(Heard::Close {
        code,
        text: text.into(),
    })
}

#[test]
fn a_greeting_is_heard_whatever_its_table_holds() {
    let table = b"\x01aS\0\0\0\x01b\x01cF\0\0\0\0";
    let mut start = vec![0, 10, 0, 10, 0, 9, 0, 0, 0, table.len() as u8];
    start.extend_from_slice(table);
    start.extend_from_slice(b"\0\0\0\x0ePLAIN AMQPLAIN\0\0\0\x05en_US");
    let expected = Heard::Start {
        version: (0, 9),
        mechanisms: "PLAIN AMQPLAIN".into(),
    };
    check(&start, Some(expected));
}

#[test]
fn what_a_broker_says_is_heard() {
    let tune = Heard::Tune {
        channel_max: 0x7ff,
        frame_max: 0x20000,
        heartbeat_s: 60,
    };
    check(&[0, 10, 0, 30, 7, 255, 0, 2, 0, 0, 0, 60], Some(tune));
    check(&[0, 10, 0, 41, 0], Some(Heard::Opened));
    check(
        b"\0\x0a\0\x32\x01\x93\x03why\0\x0a\0\x28",
        closed(403, "why"),
    );
    check(&[0, 10, 0, 51], Some(Heard::Closed));
    check(b"\0\x0a\0\x3c\x03low", Some(Heard::Blocked("low".into())));
    check(&[0, 10, 0, 61], Some(Heard::Unblocked));
    check(&[0, 20, 0, 11, 0, 0, 0, 0], Some(Heard::Opened));
    check(&[0, 20, 0, 20, 1], Some(Heard::Flow(true)));
    check(
        b"\0\x14\0\x28\x01\x96\x03why\0\x32\0\x0a",
        closed(406, "why"),
    );
    check(b"\0\x32\0\x0b\x01q\0\0\0\0\0\0\0\0", Some(Heard::Declared));
    check(&[0, 85, 0, 11], Some(Heard::Confirming));
    let (tag, multiple) = (0x102, true);
    check(
        &[0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 1, 2, 1],
        Some(Heard::Ack { tag, multiple }),
    );
    check(
        &[0, 60, 0, 120, 0, 0, 0, 0, 0, 0, 1, 2, 1],
        Some(Heard::Nack { tag, multiple }),
    );
    let back = Heard::Return {
        code: 312,
        text: "NO_ROUTE".into(),
    };
    check(b"\0\x3c\0\x32\x01\x38\x08NO_ROUTE\0\x01k", Some(back));
}

#[test]
fn what_no_broker_says_to_a_client_is_not_heard() {
    // queue.declare.
    check(b"\0\x32\0\x0a\0\0\x01q\0\0\0\0\0", None);
    check(&[0, 10, 0, 20, 0, 0, 0, 0], None);
    check(&[0, 99, 0, 1], None);
    check(&[], None);
}

/// A table that nests arrays until no more fits into a frame.
fn bottomless() -> Vec<u8> {
    let mut array = vec![0, 0, 0, 0];
    while array.len() < frame::SIZE_MAX - 256 {
        let len = u32::try_from(array.len() + 1).unwrap().to_be_bytes();
        array.splice(..0, [len[0], len[1], len[2], len[3], b'A']);
    }
    let mut table = ((array.len() + 3) as u32).to_be_bytes().to_vec();
    table.extend_from_slice(b"\x01aA");
    table.extend_from_slice(&array);
    table
}

#[test]
fn nobody_descends_into_bottomless_tables() {
    let mut start = vec![0, 10, 0, 10, 0, 9];
    start.extend(bottomless());
    start.extend_from_slice(b"\0\0\0\x05PLAIN\0\0\0\x05en_US");
    assert!(matches!(hear(&start), Some(Heard::Start { .. })));
    // Class, weight, length of the body; content-type, headers and message-id follow.
    let mut header = vec![0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0xa0, 0x80];
    header.extend_from_slice(b"\x04text");
    header.extend(bottomless());
    header.extend_from_slice(b"\x02id");
    assert_eq!(hear_header(&header), Some((7, "id".into())));
}

#[test]
fn a_message_goes_out_as_specified() {
    let to = Address {
        exchange: "ex".into(),
        routing_key: "key".into(),
        delivery_mode: 2,
        frame_max: frame::SIZE_MIN,
    };
    let mut out = Vec::new();
    put_publish(&mut out, &to, "id", b"[1]");
    let publish = b"\x01\0\x01\0\0\0\x0e\0\x3c\0\x28\0\0\x02ex\x03key\x01\xce";
    let properties = b"\x02\0\x01\0\0\0\x23\0\x3c\0\0\0\0\0\0\0\0\0\x03\x90\x80\
                       \x10application/json\x02\x02id\xce";
    let body = b"\x03\0\x01\0\0\0\x03[1]\xce";
    assert_eq!(out, [&publish[..], properties, body].concat());
}

#[test]
fn a_queue_is_declared_as_specified() {
    let argument = |key: &str, value| (key.to_owned(), value);
    let options = QueueOptions {
        durable: true,
        auto_delete: true,
        arguments: vec![
            argument("a", Argument::Boolean(true)),
            argument("b", Argument::Integer(-2)),
            argument("c", Argument::Text("d".into())),
        ],
        ..QueueOptions::default()
    };
    let mut out = Vec::new();
    put_declare(&mut out, "q", &options);
    // Flags: durable is bit 1, auto-delete bit 3.
    let expected = b"\x01\0\x01\0\0\0\x24\0\x32\0\x0a\0\0\x01q\x0a\0\0\0\x17\
                     \x01at\x01\x01bl\xff\xff\xff\xff\xff\xff\xff\xfe\x01cS\0\0\0\x01d\xce";
    assert_eq!(out, expected);
}

#[test]
fn a_login_names_what_we_can_do() {
    let mut out = Vec::new();
    put_start_ok(&mut out, "user", "pass");
    let (frame, _) = frame::split(&out, frame::SIZE_MIN).unwrap().unwrap();
    assert_eq!(frame.payload[..4], [0, 10, 0, 11]);
    let has = |what: &[u8]| frame.payload.windows(what.len()).any(|found| found == what);
    assert!(has(b"\x12connection.blockedt\x01") && has(b"\x1cauthentication_failure_closet\x01"));
    assert!(
        frame
            .payload
            .ends_with(b"\x05PLAIN\0\0\0\x0a\0user\0pass\x05en_US")
    );
}

proptest! {
    #[test]
    fn any_bytes_are_heard_without_harm(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (hear(&payload), hear_header(&payload));
    }

    #[test]
    fn an_id_comes_back_from_the_header_it_went_with(id in "[a-z]{0,255}", len in 0_usize..5) {
        let to = Address {
            exchange: String::new(),
            routing_key: String::new(),
            delivery_mode: 1,
            frame_max: frame::SIZE_MIN,
        };
        let mut out = Vec::new();
        put_publish(&mut out, &to, &id, &vec![b' '; len]);
        let (_, at) = frame::split(&out, frame::SIZE_MIN).unwrap().unwrap();
        let (header, _) = frame::split(&out[at..], frame::SIZE_MIN).unwrap().unwrap();
        prop_assert_eq!(hear_header(header.payload), Some((len as u64, id)));
    }
}
