// SPDX-License-Identifier: MIT OR Apache-2.0
//! Look-ups in invented time, against servers that answer, lie, or are silent.

use proptest::prelude::*;

use super::*;
use crate::codec::dns::QUERY_BYTES_MAX;

fn at(ms: u64) -> Mono {
    Mono::from_ns(ms * 1_000_000)
}

fn ip(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

/// The answer to a query: `name` for 60 s, or that there is none.
fn answer(query: Query, name: &[u8]) -> Vec<u8> {
    let mut buffer = [0; QUERY_BYTES_MAX];
    let mut answer = dns::query(query.id, query.address, &mut buffer).to_vec();
    (answer[2], answer[3]) = (0x81, 0x80);
    if name.is_empty() {
        answer[3] |= 3;
        return answer;
    }
    answer[7] = 1;
    answer.extend([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60, 0, name.len() as u8 + 2]);
    answer.push(name.len() as u8);
    answer.extend(name);
    answer.push(0);
    answer
}

#[test]
fn a_name_is_asked_for_once_and_kept_as_long_as_the_answer_says() {
    let mut reverse = Reverse::new(1, 7);
    reverse.want(ip(1), at(0));
    reverse.want(ip(1), at(0));
    assert_eq!(reverse.next_due(at(0)), Some(at(0)));
    let query = reverse.poll(at(0), 77).unwrap();
    assert_eq!((query.server, query.id, query.address), (0, 77, ip(1)));
    assert_eq!(reverse.poll(at(0), 78), None);
    assert!(reverse.is_waiting() && reverse.name(ip(1)).is_none());
    assert!(reverse.on_message(0, &answer(query, b"tv"), at(5)));
    assert_eq!(
        (reverse.name(ip(1)), reverse.is_waiting()),
        (Some("tv"), false)
    );
    reverse.want(ip(1), at(60_004));
    assert_eq!(reverse.poll(at(60_004), 1), None);
    reverse.want(ip(1), at(60_005));
    let query = reverse.poll(at(60_005), 1).unwrap();
    assert_eq!(
        reverse.name(ip(1)),
        Some("tv"),
        "until something else is known"
    );
    reverse.on_message(0, &answer(query, b""), at(60_006));
    assert_eq!(reverse.name(ip(1)), None);
    reverse.want(ip(1), at(60_007));
    assert_eq!(
        reverse.poll(at(60_007), 1),
        None,
        "that there is none is kept, too"
    );
}

#[test]
fn only_the_answer_to_the_question_counts() {
    let mut reverse = Reverse::new(2, 7);
    reverse.want(ip(1), at(0));
    let query = reverse.poll(at(0), 9).unwrap();
    let right = answer(query, b"tv");
    assert!(!reverse.on_message(1, &right, at(1)), "another server");
    let id = Query { id: 10, ..query };
    assert!(
        !reverse.on_message(0, &answer(id, b"tv"), at(1)),
        "another id"
    );
    let other = Query {
        address: ip(2),
        ..query
    };
    assert!(
        !reverse.on_message(0, &answer(other, b"tv"), at(1)),
        "another question"
    );
    assert!(
        !reverse.on_message(0, &right[..right.len() - 1], at(1)),
        "cut"
    );
    assert!(!reverse.on_message(0, &[], at(1)), "nothing");
    assert_eq!((reverse.ignored_count(), reverse.name(ip(1))), (5, None));
    assert!(
        reverse.on_message(0, &right, at(1)),
        "none of them harmed it"
    );
    assert!(!reverse.on_message(0, &right, at(1)), "twice");
}

#[test]
fn a_silent_server_is_followed_by_the_next() {
    let mut reverse = Reverse::new(2, 7);
    reverse.want(ip(1), at(0));
    assert_eq!(reverse.poll(at(0), 1).unwrap().server, 0);
    assert_eq!(reverse.next_due(at(0)), Some(at(1_000)));
    let query = reverse.poll(at(1_000), 2).unwrap();
    assert_eq!(query.server, 1);
    reverse.on_message(1, &answer(query, b"tv"), at(1_001));
    reverse.want(ip(2), at(1_002));
    assert_eq!(
        reverse.poll(at(1_002), 3).unwrap().server,
        1,
        "the one that answers"
    );
}

#[test]
fn dead_servers_are_given_up() {
    let mut reverse = Reverse::new(1, 7);
    for last in 0..100 {
        reverse.want(ip(last), at(0));
    }
    let mut queries = 0;
    for _ in 0..1_000 {
        while reverse.poll(at(0), queries).is_some() {
            queries += 1;
        }
        reverse.on_unreachable(0, at(0));
    }
    assert_eq!((queries, reverse.is_waiting()), (200, false));
    reverse.want(ip(1), at(59_999));
    assert_eq!(reverse.poll(at(59_999), 1), None);
}

#[test]
fn without_a_server_nothing_is_asked() {
    let mut reverse = Reverse::new(0, 7);
    reverse.want(ip(1), at(0));
    assert_eq!(
        (reverse.poll(at(0), 1), reverse.is_waiting()),
        (None, false)
    );
}

#[test]
fn a_full_table_asks_for_no_more() {
    let mut reverse = Reverse::new(1, 7);
    for i in 0..=PTR_NAMES_MAX as u32 {
        reverse.want(IpAddr::V4(core::net::Ipv4Addr::from_bits(i)), at(0));
    }
    let mut asked = 0;
    while let Some(query) = reverse.poll(at(0), asked) {
        assert!(reverse.on_message(0, &answer(query, b"x"), at(0)));
        asked += 1;
    }
    assert_eq!(asked as usize, PTR_NAMES_MAX);
}

proptest! {
    #[test]
    fn whatever_happens_it_ends(
        steps in proptest::collection::vec((0_u8..5, 0_u8..40, 0_u64..3_000), 1..200),
    ) {
        let mut reverse = Reverse::new(3, 7);
        let (mut now, mut open) = (0, Vec::new());
        for (step, last, ms) in steps {
            now += ms / 10;
            match step {
                0 | 1 => reverse.want(ip(last), at(now)),
                2 => open.extend(reverse.poll(at(now), ms)),
                3 => {
                    if let Some(query) = open.pop() {
                        reverse.on_message(query.server, &answer(query, b"x"), at(now));
                    }
                }
                _ => reverse.on_unreachable(usize::from(last % 4), at(now)),
            }
        }
        for _ in 0..10_000 {
            if !reverse.is_waiting() {
                break;
            }
            now += 100;
            while reverse.poll(at(now), now).is_some() {}
        }
        prop_assert!(!reverse.is_waiting());
    }
}
