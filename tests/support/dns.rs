// SPDX-License-Identifier: MIT OR Apache-2.0
//! A name server on 127.0.0.1 that answers PTR queries as it is told, right or wrong (RFC 1035).

use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// What an answer is like.
pub enum Trick {
    Name(&'static str),
    Silence,
    ForgedId,
    Truncated,
    CnameLoop,
    PointerLoop,
    OtherQuestion,
    Late(Duration),
}

/// The server; its thread ends with the test.
pub struct Server;

impl Server {
    /// Answers queries for addresses that end in `last` with `trick(last)`.
    pub fn start(trick: impl Fn(u8) -> Trick + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        std::thread::spawn(move || {
            let mut late: Vec<(Instant, Vec<u8>, std::net::SocketAddr)> = Vec::new();
            let mut query = [0; 512];
            loop {
                let now = Instant::now();
                for (_, answer, client) in late.extract_if(.., |(at, ..)| *at <= now) {
                    let _ = socket.send_to(&answer, client);
                }
                let Ok((len, client)) = socket.recv_from(&mut query) else {
                    continue;
                };
                let query = &query[..len];
                let digits = &query[13..13 + usize::from(query[12])];
                let last = std::str::from_utf8(digits).unwrap().parse().unwrap();
                let (answer, at) = match trick(last) {
                    Trick::Late(span) => (named(query, "late"), now + span),
                    other => (made(query, &other), now),
                };
                if at > now {
                    late.push((at, answer, client));
                } else if !answer.is_empty() {
                    let _ = socket.send_to(&answer, client);
                }
            }
        });
        Self
    }
}

fn made(query: &[u8], trick: &Trick) -> Vec<u8> {
    match trick {
        Trick::Name(name) => named(query, name),
        Trick::Silence | Trick::Late(_) => Vec::new(),
        Trick::ForgedId => {
            let mut answer = named(query, "forged");
            answer[0] ^= 0x55;
            answer
        }
        Trick::Truncated => {
            let mut answer = head(query, 0);
            answer[2] |= 2;
            answer
        }
        Trick::CnameLoop => {
            // a is b, b is a.
            let mut answer = head(query, 2);
            let names: [&[u8]; 2] = [b"\x01b\x00", &query[12..query.len() - 4]];
            for (owner, target) in [(names[1], names[0]), (names[0], names[1])] {
                record(&mut answer, owner, 5, target);
            }
            answer
        }
        Trick::PointerLoop => {
            let mut answer = head(query, 1);
            let at = (answer.len() + 12) as u16 | 0xc000;
            record(&mut answer, &[0xc0, 12], 12, &at.to_be_bytes());
            answer
        }
        Trick::OtherQuestion => {
            let mut answer = named(query, "other");
            answer[13] ^= 1;
            answer
        }
    }
}

/// The query's header and question, as an answer with so many records.
fn head(query: &[u8], records: u8) -> Vec<u8> {
    let mut answer = query.to_vec();
    (answer[2], answer[3], answer[7]) = (0x85, 0x80, records);
    answer
}

fn named(query: &[u8], name: &str) -> Vec<u8> {
    let mut target = Vec::new();
    for label in name.split('.') {
        target.push(label.len() as u8);
        target.extend(label.as_bytes());
    }
    target.push(0);
    let mut answer = head(query, 1);
    record(&mut answer, &[0xc0, 12], 12, &target);
    answer
}

fn record(answer: &mut Vec<u8>, owner: &[u8], kind: u8, value: &[u8]) {
    answer.extend(owner);
    answer.extend([0, kind, 0, 1, 0, 0, 0, 60]);
    answer.extend((value.len() as u16).to_be_bytes());
    answer.extend(value);
}
