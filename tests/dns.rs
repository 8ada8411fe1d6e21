// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reverse look-ups against another implementation of DNS, simple-dns.

use std::net::IpAddr;

use netvitals::codec::dns::{self, Outcome};
use proptest::prelude::*;
use simple_dns::rdata::{CNAME, PTR, RData, SOA};
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, ResourceRecord, TYPE};

const ID: u16 = 0x1234;

fn name(text: &str) -> Name<'_> {
    Name::new(text).unwrap()
}

fn record<'a>(owner: &'a str, ttl_s: u32, data: RData<'a>) -> ResourceRecord<'a> {
    ResourceRecord::new(name(owner), CLASS::IN, ttl_s, data)
}

/// A response that repeats the question for `owner`.
fn response(owner: &str) -> Packet<'_> {
    let mut packet = Packet::new_reply(ID);
    packet.set_flags(PacketFlag::RECURSION_DESIRED | PacketFlag::RECURSION_AVAILABLE);
    let question = Question::new(name(owner), TYPE::PTR.into(), CLASS::IN.into(), false);
    packet.questions.push(question);
    packet
}

/// What we read, of the message as it is and with names compressed.
#[track_caller]
fn check(packet: &Packet, address: IpAddr, expected: &Outcome) {
    let plain = packet.build_bytes_vec().unwrap();
    let compressed = packet.build_bytes_vec_compressed().unwrap();
    for message in [plain, compressed] {
        let answer = dns::parse(&message, address).unwrap();
        assert_eq!((answer.id, &answer.outcome), (ID, expected));
    }
}

fn addresses() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from)
    ]
}

proptest! {
    #[test]
    fn it_reads_our_queries(address in addresses()) {
        let mut buffer = [0; dns::QUERY_BYTES_MAX];
        let query = dns::query(ID, address, &mut buffer);
        let packet = Packet::parse(query).unwrap();
        prop_assert_eq!(packet.id(), ID);
        prop_assert!(packet.has_flags(PacketFlag::RECURSION_DESIRED));
        let [question] = &packet.questions[..] else { panic!() };
        prop_assert_eq!((question.qtype, question.qclass), (TYPE::PTR.into(), CLASS::IN.into()));
        let text = dns::message::Name::reverse(address).text();
        prop_assert_eq!(question.qname.to_string(), text.as_str());
    }

    #[test]
    fn we_read_its_answers(
        address in addresses(),
        targets in prop::collection::vec("[a-z][a-z0-9-]{0,20}(\\.[a-z]{1,10}){0,3}", 1..4),
        ttl_s in 0_u32..=i32::MAX as u32,
        alias in prop::option::of("[a-z]{1,20}\\.example"),
    ) {
        let owner = dns::message::Name::reverse(address).text();
        let mut packet = response(&owner);
        let mut holder = owner.as_str();
        if let Some(alias) = &alias {
            packet.answers.push(record(holder, 7, RData::CNAME(CNAME(name(alias)))));
            holder = alias;
        }
        for target in &targets {
            packet.answers.push(record(holder, ttl_s, RData::PTR(PTR(name(target)))));
        }
        let ttl_s = if alias.is_some() { ttl_s.min(7) } else { ttl_s };
        let name = targets[0].as_str().try_into().unwrap();
        check(&packet, address, &Outcome::Name { name, ttl_s });
    }

    #[test]
    fn we_read_that_there_is_no_name(address in addresses(), ttl_s: u16, minimum: u16) {
        let owner = dns::message::Name::reverse(address).text();
        let mut packet = response(&owner);
        let soa = SOA {
            mname: name("ns.example"),
            rname: name("admin.example"),
            serial: 1,
            refresh: 2,
            retry: 3,
            expire: 4,
            minimum: minimum.into(),
        };
        packet.name_servers.push(record("arpa", ttl_s.into(), RData::SOA(soa)));
        *packet.rcode_mut() = simple_dns::RCODE::NameError;
        let ttl_s = Some(ttl_s.min(minimum).into());
        check(&packet, address, &Outcome::NoName { ttl_s });
    }
}
