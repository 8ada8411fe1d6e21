// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reverse look-ups: a PTR query is made, its answer is read (RFC 1035, RFC 3596, RFC 2308).
//!
//! Names and records of any message are in [`message`].

pub mod message;

use core::net::IpAddr;

use crate::model::name::DeviceName;
use message::{ANSWERS, AUTHORITIES, IN, Message, Name};

/// Bytes of the longest PTR query: header, 34 labels of ip6.arpa, type and class.
pub const QUERY_BYTES_MAX: usize = 12 + 74 + 4;

/// Bytes of an answer by UDP without EDNS (RFC 1035 section 4.2.1); longer ones come truncated.
pub const ANSWER_BYTES_MAX: usize = 512;

/// Aliases on the way to a name: RFC 2317 needs one.
const ALIASES_MAX: usize = 8;

/// Recursion is desired; in a response also: cut, response, and the opcode (RFC 1035).
const RECURSION: u16 = 0x0100;
const TRUNCATED: u16 = 0x0200;
const RESPONSE: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
/// RCODE of a name that does not exist.
const NXDOMAIN: u8 = 3;

const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;

/// The answer to a PTR query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// As in the query.
    pub id: u16,
    /// What it says.
    pub outcome: Outcome,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // One is in hand at a time, and nothing may allocate.
pub enum Outcome {
    /// The first name there is.
    Name {
        /// Without the final dot. Chosen by whoever has the zone.
        name: DeviceName,
        /// For how long it may be kept; the shortest on the way to it.
        ttl_s: u32,
    },
    /// There is no name (NXDOMAIN or no PTR record).
    NoName {
        /// For how long that may be kept (RFC 2308); `None` when the answer does not say.
        ttl_s: Option<u32>,
    },
    /// Cut for its length: no use in it without TCP.
    Truncated,
    /// The server failed or refused; the RCODE (RFC 1035 section 4.1.1).
    Failed(u8),
}

/// Why it is no answer to the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It ends inside a header, a name or a record.
    Short,
    /// A name that loops, is longer than 255 bytes, or has a reserved label.
    Name,
    /// A query, or not of the standard kind.
    NotAnAnswer,
    /// It repeats another question than that for the address.
    OtherQuestion,
}

/// Writes the PTR query for `address` and gives the part of `buffer` that it takes.
pub fn query(id: u16, address: IpAddr, buffer: &mut [u8; QUERY_BYTES_MAX]) -> &[u8] {
    let mut message: heapless::Vec<u8, QUERY_BYTES_MAX> = heapless::Vec::new();
    let header = [id, RECURSION, 1, 0, 0, 0].map(u16::to_be_bytes);
    let question = [PTR, IN].map(u16::to_be_bytes);
    let name = Name::reverse(address);
    for part in [header.as_flattened(), name.wire(), question.as_flattened()] {
        let fits = message.extend_from_slice(part);
        debug_assert!(fits.is_ok());
    }
    buffer[..message.len()].copy_from_slice(&message);
    &buffer[..message.len()]
}

/// The id that a message begins with, to find the address that was asked for; `None` when shorter.
pub fn id(message: &[u8]) -> Option<u16> {
    message.first_chunk().copied().map(u16::from_be_bytes)
}

/// Reads the answer to the PTR query for `address`. The caller compares the id.
///
/// # Errors
///
/// See [`Malformed`].
pub fn parse(message: &[u8], address: IpAddr) -> Result<Answer, Malformed> {
    let message = Message::new(message)?;
    if message.flags & (RESPONSE | OPCODE) != RESPONSE {
        return Err(Malformed::NotAnAnswer);
    }
    let code = (message.flags & 0xf) as u8;
    let failed = code != 0 && code != NXDOMAIN;
    let asked = Name::reverse(address);
    match message.only_question()? {
        Some(question) if question == (asked.clone(), PTR, IN) => {}
        // A server that did not understand the question need not repeat it.
        None if failed => {}
        _ => return Err(Malformed::OtherQuestion),
    }
    let outcome = if failed {
        Outcome::Failed(code)
    } else if message.flags & TRUNCATED != 0 {
        Outcome::Truncated
    } else {
        resolve(&message, asked)?
    };
    Ok(Answer {
        id: message.id,
        outcome,
    })
}

/// Goes along aliases, in whatever order the records come, to the first name.
fn resolve(message: &Message, asked: Name) -> Result<Outcome, Malformed> {
    let mut owner = asked;
    let mut shortest_s = u32::MAX;
    for _ in 0..=ALIASES_MAX {
        let mut alias = None;
        for record in message.records() {
            let record = record?;
            if record.section != ANSWERS || record.class != IN || record.owner != owner {
                continue;
            }
            let ttl_s = shortest_s.min(record.ttl_s);
            match record.kind {
                PTR => {
                    let name = message.name_in(&record, 0)?.0.text();
                    if !name.is_empty() {
                        return Ok(Outcome::Name { name, ttl_s });
                    }
                }
                CNAME => alias = Some((message.name_in(&record, 0)?.0, ttl_s)),
                _ => {}
            }
        }
        let Some((target, ttl_s)) = alias else { break };
        (owner, shortest_s) = (target, ttl_s);
    }
    let ttl_s = negative_ttl_s(message)?;
    Ok(Outcome::NoName { ttl_s })
}

/// The smaller one of the TTL of the SOA record and its last field (RFC 2308 section 5).
fn negative_ttl_s(message: &Message) -> Result<Option<u32>, Malformed> {
    for record in message.records() {
        let record = record?;
        if (record.section, record.kind, record.class) != (AUTHORITIES, SOA, IN) {
            continue;
        }
        let (_, names) = message.name_in(&record, 0)?;
        let (_, more) = message.name_in(&record, names)?;
        let numbers = record.data.get(more..).and_then(|rest| rest.get(16..));
        let minimum = numbers.and_then(|rest| rest.first_chunk());
        let minimum_s = u32::from_be_bytes(*minimum.ok_or(Malformed::Short)?);
        return Ok(Some(record.ttl_s.min(minimum_s)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ADDRESS: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 9));
    const QUESTION: &[u8] = b"\x019\x010\x010\x0210\x07in-addr\x04arpa\0\0\x0c\0\x01";
    /// Where the name of the question stands, and `in-addr.arpa` in it.
    const OWNER: &[u8] = b"\xc0\x0c";

    /// A response with this question and these counts of records.
    fn response(flags: u16, counts: [u16; 3], records: &[&[u8]]) -> Vec<u8> {
        let [answers, authorities, additionals] = counts;
        let header = [0x1234, flags, 1, answers, authorities, additionals];
        let header = header.map(u16::to_be_bytes);
        [header.as_flattened(), QUESTION, &records.concat()].concat()
    }

    fn record(owner: &[u8], kind: u8, ttl_s: u32, data: &[u8]) -> Vec<u8> {
        let fixed = [0, kind, 0, 1];
        let len = (data.len() as u16).to_be_bytes();
        [owner, &fixed, &ttl_s.to_be_bytes(), &len, data].concat()
    }

    #[track_caller]
    fn check(message: &[u8], expected: Result<Outcome, Malformed>) {
        let answer = parse(message, ADDRESS);
        let id = 0x1234;
        assert_eq!(answer, expected.map(|outcome| Answer { id, outcome }));
    }

    fn name(text: &str, ttl_s: u32) -> Result<Outcome, Malformed> {
        let name = DeviceName::try_from(text).unwrap();
        Ok(Outcome::Name { name, ttl_s })
    }

    #[test]
    fn a_query_has_the_name_of_its_address() {
        let mut buffer = [0; QUERY_BYTES_MAX];
        let header = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            query(0x1234, ADDRESS, &mut buffer),
            [&header, QUESTION].concat()
        );
        let address = IpAddr::from([0xff; 16]);
        assert_eq!(query(1, address, &mut buffer).len(), QUERY_BYTES_MAX);
    }

    #[test]
    fn an_answer_names_the_device() {
        let tv = record(OWNER, 12, 300, b"\x02tv\x04home\0");
        check(&response(0x8180, [1, 0, 0], &[&tv]), name("tv.home", 300));
        let pointed = record(OWNER, 12, 300, b"\x02tv\xc0\x1d");
        check(
            &response(0x8180, [1, 0, 0], &[&pointed]),
            name("tv.arpa", 300),
        );
        let spelled = record(
            b"\x019\x010\x010\x0210\x07IN-ADDR\x04Arpa\0",
            12,
            1,
            b"\x01a\0",
        );
        check(&response(0x8180, [1, 0, 0], &[&spelled]), name("a", 1));
        let old = record(OWNER, 12, 1 << 31, b"\x01a\0");
        check(&response(0x8180, [1, 0, 0], &[&old]), name("a", 0));
        check(
            &response(0x8180, [2, 0, 0], &[&tv, &old]),
            name("tv.home", 300),
        );
    }

    #[test]
    fn a_strange_name_is_still_text() {
        let dotted = record(OWNER, 12, 1, b"\x03a.b\x02c\\\x02\xff\n\0");
        check(
            &response(0x8180, [1, 0, 0], &[&dotted]),
            name("a\\.b.c\\\\.\u{FFFD}\n", 1),
        );
        let root = record(OWNER, 12, 1, b"\0");
        check(
            &response(0x8180, [1, 0, 0], &[&root]),
            Ok(Outcome::NoName { ttl_s: None }),
        );
    }

    #[test]
    fn aliases_are_followed_in_any_order() {
        let alias = record(OWNER, 5, 60, b"\x019\x050/255\xc0\x0e");
        let target = record(b"\x019\x050/255\xc0\x0e", 12, 300, b"\x02tv\0");
        for records in [[&alias, &target], [&target, &alias]] {
            let records = records.map(Vec::as_slice);
            check(&response(0x8180, [2, 0, 0], &records), name("tv", 60));
        }
        let no_name = Ok(Outcome::NoName { ttl_s: None });
        check(&response(0x8180, [1, 0, 0], &[&alias]), no_name.clone());
        let itself = record(OWNER, 5, 60, OWNER);
        check(&response(0x8180, [1, 0, 0], &[&itself]), no_name.clone());
        let foreign = record(b"\x01x\0", 12, 1, b"\x01y\0");
        check(&response(0x8180, [1, 0, 0], &[&foreign]), no_name.clone());
        check(
            &response(0x8180, [0, 0, 1], &[&record(OWNER, 12, 1, b"\x01y\0")]),
            no_name,
        );
    }

    #[test]
    fn no_name_is_known_for_a_time() {
        let soa = record(
            b"\xc0\x15",
            6,
            900,
            b"\x01a\0\x01b\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x3c",
        );
        for flags in [0x8183, 0x8180] {
            check(
                &response(flags, [0, 1, 0], &[&soa]),
                Ok(Outcome::NoName { ttl_s: Some(60) }),
            );
        }
        let cut = record(b"\xc0\x15", 6, 900, b"\x01a\0\x01b\0\0\0");
        check(&response(0x8183, [0, 1, 0], &[&cut]), Err(Malformed::Short));
        check(
            &response(0x8183, [0, 0, 0], &[]),
            Ok(Outcome::NoName { ttl_s: None }),
        );
    }

    #[test]
    fn servers_fail_and_cut() {
        check(&response(0x8182, [0, 0, 0], &[]), Ok(Outcome::Failed(2)));
        check(
            &[0x12, 0x34, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0],
            Ok(Outcome::Failed(1)),
        );
        check(&response(0x8380, [0, 0, 0], &[]), Ok(Outcome::Truncated));
    }

    #[test]
    fn what_does_not_answer_the_question_is_refused() {
        check(
            &response(0x0180, [0, 0, 0], &[]),
            Err(Malformed::NotAnAnswer),
        );
        check(
            &response(0xa180, [0, 0, 0], &[]),
            Err(Malformed::NotAnAnswer),
        );
        let other = Err(Malformed::OtherQuestion);
        let whole = response(0x8180, [0, 0, 0], &[]);
        for (at, value) in [(5, 0), (5, 2), (13, b'8'), (36, 1), (38, 2)] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            check(&bytes, other.clone());
        }
        for len in 0..whole.len() {
            check(&whole[..len], Err(Malformed::Short));
        }
    }

    #[test]
    fn names_do_not_loop() {
        for data in [
            &b"\xc0\x35"[..],
            b"\xc0\x36",
            b"\x01a\xc0\x35",
            b"\xff\xff",
            b"\x40",
            b"\x80a",
        ] {
            let loops = record(OWNER, 12, 1, data);
            check(
                &response(0x8180, [1, 0, 0], &[&loops]),
                Err(Malformed::Name),
            );
        }
        let long = [&[63][..], &[b'x'; 63]].concat().repeat(4);
        let long = record(OWNER, 12, 1, &[&long[..], &[0]].concat());
        check(&response(0x8180, [1, 0, 0], &[&long]), Err(Malformed::Name));
        let beyond = record(OWNER, 12, 1, b"\x01");
        check(
            &response(0x8180, [2, 0, 0], &[&beyond, &beyond]),
            Err(Malformed::Short),
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(noise: Vec<u8>, counts: [u8; 3]) {
            let _ = parse(&noise, ADDRESS);
            let _ = parse(&response(0x8180, counts.map(u16::from), &[&noise]), ADDRESS);
        }

        #[test]
        fn a_query_asks_its_own_question(id: u16, v4: [u8; 4], v6: [u8; 16], six: bool) {
            let address = if six { IpAddr::from(v6) } else { v4.into() };
            let mut buffer = [0; QUERY_BYTES_MAX];
            let mut bytes = query(id, address, &mut buffer).to_vec();
            prop_assert_eq!(super::id(&bytes), Some(id));
            prop_assert_eq!(parse(&bytes, address), Err(Malformed::NotAnAnswer));
            bytes[2] = 0x81;
            let outcome = Outcome::NoName { ttl_s: None };
            prop_assert_eq!(parse(&bytes, address), Ok(Answer { id, outcome }));
        }
    }
}
