// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages byte by byte, and against another reader, etherparse.

use super::*;
use etherparse::{Icmpv4Slice, Icmpv4Type, Icmpv6Slice, Icmpv6Type};
use proptest::prelude::*;

/// An echo reply as this kernel sends it: id 0x1234, sequence 1, payload "ab".
const REPLY: [u8; 10] = [0, 0, 0x8c, 0x68, 0x12, 0x34, 0, 1, 0x61, 0x62];

/// Time exceeded from a router that quotes no more than it has to: a datagram to 10.3.0.2, port
/// 33440, of 11 bytes.
fn exceeded() -> Vec<u8> {
    let mut message = vec![11, 0, 0, 0, 0, 0, 0, 0];
    message.extend([
        0x45, 0, 0, 31, 0, 0, 0x40, 0, 1, 17, 0, 0, 10, 1, 0, 2, 10, 3, 0, 2,
    ]);
    message.extend([0xab, 0xcd, 0x82, 0xa0, 0, 11, 0, 0]);
    seal(message)
}

/// Gives it the checksum that it needs.
fn seal(mut message: Vec<u8>) -> Vec<u8> {
    message[2..4].fill(0);
    let sum = checksum(&message).to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    message
}

#[track_caller]
fn check(message: &[u8], expected: Result<Message<'_>, Malformed>) {
    assert_eq!(parse(Version::V4, message), expected);
}

#[test]
fn a_reply_tells_which_request_it_answers() {
    let echo = Echo {
        id: 0x1234,
        sequence: 1,
        payload: b"ab",
    };
    check(&REPLY, Ok(Message::Reply(echo)));
    let six = [129, 0, 0, 0, 0x12, 0x34, 0, 1, 0x61, 0x62];
    assert_eq!(parse(Version::V6, &six), Ok(Message::Reply(echo)));
    check(&six, Err(Malformed::Checksum));
}

#[test]
fn an_error_tells_which_packet_did_not_arrive() {
    let quote = Quote {
        destination: Ipv4Addr::new(10, 3, 0, 2).into(),
        hops_left: 1,
        probe: Probe::Udp {
            source_port: 0xabcd,
            destination_port: 33_440,
            len: 11,
        },
    };
    check(&exceeded(), Ok(Message::Error(Cause::TimeExceeded, quote)));
    for (code, cause) in [(1, Cause::Unreachable), (3, Cause::PortUnreachable)] {
        let mut unreachable = exceeded();
        unreachable[..2].copy_from_slice(&[3, code]);
        check(&seal(unreachable), Ok(Message::Error(cause, quote)));
    }
}

#[test]
fn an_error_tells_how_far_the_packet_might_have_gone() {
    let mut message = exceeded();
    message[16] = 29;
    let Ok(Message::Error(_, quote)) = parse(Version::V4, &seal(message)) else {
        panic!()
    };
    assert_eq!(quote.hops_left, 29);
}

#[test]
fn an_error_about_an_echo_of_ipv6_is_read() {
    let destination = Ipv6Addr::LOCALHOST;
    let mut message = vec![3, 0, 0, 0, 0, 0, 0, 0, 0x60, 0, 0, 0, 0, 10, 58, 1];
    message.extend(Ipv6Addr::UNSPECIFIED.octets());
    message.extend(destination.octets());
    message.extend([128, 0, 0, 0, 0, 7, 0, 9]);
    let quote = Quote {
        destination: destination.into(),
        hops_left: 1,
        probe: Probe::Echo { id: 7, sequence: 9 },
    };
    let error = Message::Error(Cause::TimeExceeded, quote);
    assert_eq!(parse(Version::V6, &message), Ok(error));
    for len in 8..message.len() {
        assert_eq!(
            parse(Version::V6, &message[..len]),
            Err(Malformed::Short),
            "{len}"
        );
    }
}

#[test]
fn what_is_none_of_ours_is_no_answer() {
    for (at, value) in [
        (0, 5),  // redirect
        (1, 1),  // a fragment was missing
        (17, 6), // about TCP
        (15, 1), // about a later fragment
    ] {
        let mut message = exceeded();
        message[at] = value;
        check(&seal(message), Ok(Message::Other));
    }
    let mut request = REPLY;
    request[0] = 8;
    check(&seal(request.to_vec()), Ok(Message::Other));
}

#[test]
fn what_is_cut_or_damaged_is_refused() {
    let message = exceeded();
    for len in 0..message.len() - 2 {
        let cut = if len < 8 {
            message[..len].to_vec()
        } else {
            seal(message[..len].to_vec())
        };
        let short = parse(Version::V4, &cut);
        assert_eq!(short, Err(Malformed::Short), "{len}");
    }
    for (at, value) in [(8, 0x65), (8, 0x44)] {
        let mut message = exceeded();
        message[at] = value;
        check(&seal(message), Err(Malformed::Ip));
    }
    let mut options = exceeded();
    options[8] = 0x4f;
    check(&seal(options), Err(Malformed::Short));
    let mut damaged = REPLY;
    damaged[9] ^= 1;
    check(&damaged, Err(Malformed::Checksum));
}

#[test]
fn options_of_a_quoted_header_are_passed_over() {
    let mut message = exceeded();
    message[8] = 0x46;
    message.splice(28..28, [1, 1, 1, 0]);
    let message = seal(message);
    let read = parse(Version::V4, &message).unwrap();
    assert!(matches!(
        read,
        Message::Error(
            _,
            Quote {
                probe: Probe::Udp { len: 11, .. },
                ..
            }
        )
    ));
}

#[test]
fn an_ipv4_header_is_taken_off() {
    let mut packet = vec![
        0x46, 0, 0, 34, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    packet.extend([1, 1, 1, 0]);
    assert_eq!(ipv4_payload(&packet), Ok(&[][..]));
    packet.extend(REPLY);
    assert_eq!(ipv4_payload(&packet), Ok(&REPLY[..]));
    assert_eq!(ipv4_payload(&packet[..23]), Err(Malformed::Short));
    assert_eq!(ipv4_payload(&[]), Err(Malformed::Short));
    assert_eq!(ipv4_payload(&[0x60; 40]), Err(Malformed::Ip));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(noise: Vec<u8>) {
        let _ = ipv4_payload(&noise);
        for version in [Version::V4, Version::V6] {
            let _ = parse(version, &noise);
            let _ = quote(version, &noise);
            let _ = echo_request(version, &noise);
        }
        if noise.len() >= 4 {
            let _ = parse(Version::V4, &seal(noise));
        }
    }

    #[test]
    fn another_reader_understands_our_requests(
        id: u16,
        sequence: u16,
        payload in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut packet = [&[0xee; HEADER_BYTES], &payload[..]].concat();
        request(Version::V4, id, sequence, &mut packet);
        prop_assert_eq!(checksum(&packet), 0);
        prop_assert_eq!(echo_request(Version::V4, &packet), Some((id, sequence)));
        let slice = Icmpv4Slice::from_slice(&packet).unwrap();
        let Icmpv4Type::EchoRequest(echo) = slice.icmp_type() else { panic!() };
        prop_assert_eq!((echo.id, echo.seq, slice.payload()), (id, sequence, &payload[..]));
        request(Version::V6, id, sequence, &mut packet);
        let slice = Icmpv6Slice::from_slice(&packet).unwrap();
        let Icmpv6Type::EchoRequest(echo) = slice.icmp_type() else { panic!() };
        prop_assert_eq!((echo.id, echo.seq, slice.payload()), (id, sequence, &payload[..]));
    }

    #[test]
    fn a_message_that_comes_back_is_the_one_that_was_sent(
        id: u16,
        sequence: u16,
        payload in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut packet = [&[0; HEADER_BYTES], &payload[..]].concat();
        request(Version::V4, id, sequence, &mut packet);
        packet[0] = 0;
        let packet = seal(packet);
        let echo = Echo { id, sequence, payload: &payload };
        prop_assert_eq!(parse(Version::V4, &packet), Ok(Message::Reply(echo)));
    }
}
