// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any row of a log gives its objects or is rejected, and they are those of a reference.
#![cfg(feature = "tstat")]

use std::convert::Infallible;

use proptest::prelude::*;

use netvitals::tstat::flow::{Renderer, UdpDurations, Wish};
use netvitals::tstat::layout::Protocol;
use netvitals::tstat::reading::{Complaint, Counts, Reader, Taker};

mod support;
use support::tstat::*;

#[derive(Default)]
struct Kept {
    text: String,
    complaints: usize,
}

impl Taker for Kept {
    type Error = Infallible;

    fn slice(&mut self, _: u64, body: &[u8], _: u32) -> Result<(), Infallible> {
        self.text += std::str::from_utf8(body).unwrap();
        Ok(())
    }

    fn complain(&mut self, _: u64, _: Complaint<'_>) {
        self.complaints += 1;
    }

    fn tick(&mut self, _: u64, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
}

/// What the program makes of a log.
fn made(log: &str, tcp: bool, bits_min: i128, ms: bool) -> (Kept, Counts) {
    let wish = Wish {
        bits_min,
        udp_durations: match ms {
            true => UdpDurations::Milliseconds,
            false => UdpDurations::Seconds,
        },
        sensor: "s".to_owned(),
        instance: None,
    };
    let read = || {
        let mut rest = log.as_bytes();
        move |space: &mut [u8]| std::io::Read::read(&mut rest, space)
    };
    let mut reader = Reader::new(Renderer::new(&wish));
    let protocol = if tcp { Protocol::Tcp } else { Protocol::Udp };
    let layout = reader
        .layout(protocol, &mut read())
        .unwrap()
        .unwrap()
        .unwrap();
    let (mut kept, mut counts) = (Kept::default(), Counts::default());
    let rows = reader.rows(&layout, &mut read(), &mut counts, &mut kept);
    rows.unwrap_or_else(|error| panic!("{error:?}"));
    let mut emit = |number, body: &[u8], objects| kept.slice(number, body, objects);
    reader.slices.finish(&mut emit).unwrap();
    (kept, counts)
}

/// Fields as they are, and as they should not be.
fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[1-9][0-9]{0,9}",
        2 => Just("0".to_owned()),
        4 => "[0-9]{1,6}\\.[0-9]{6}",
        2 => "159[0-9]{10}\\.[0-9]{6}",
        2 => "[0-9]{1,5}\\.[0-9]{3}5",
        1 => "[+-]?[0-9]{1,14}",
        1 => "-?[0-9]{0,3}\\.[0-9]{1,3}(e-?[0-9])?",
        1 => "(-|---|n/a|nan|inf|1_0|0x1|1e999|c_ip:1|\"|\\\\|\u{e4})",
        1 => Just(String::new()),
    ]
}

/// A row for `header`: most fields of a recorded one, few changed.
fn rows(header: &str, recorded: &str) -> impl Strategy<Value = String> + use<> {
    let (header, fields) = (header.to_owned(), recorded.split(' ').map(str::to_owned));
    let fields: Vec<String> = fields.collect();
    let (count, one) = (fields.len(), (any::<prop::sample::Index>(), field()));
    let row =
        (prop::collection::vec(one, 0..12), 0_usize..40).prop_map(move |(changes, length)| {
            let mut fields = fields.clone();
            for (at, text) in changes {
                fields[at.index(count)] = text;
            }
            match length {
                0 => fields.truncate(count - 1),
                1 => fields.push("x".to_owned()),
                2 => return header.clone(),
                _ => {}
            }
            fields.join(" ")
        });
    prop::collection::vec(row, 1..12).prop_map(|rows| rows.join("\n"))
}

fn check(log: &str, tcp: bool, bits_min: i128, ms: bool) {
    let (kept, counts) = made(log, tcp, bits_min, ms);
    let expected = reference(log, tcp, bits_min as f64, ms);
    let text = format!("[{}]", expected.objects.join(","));
    same_json(
        if kept.text.is_empty() {
            "[]"
        } else {
            &kept.text
        },
        &text,
        log,
    );
    let rejected: u64 = counts.rejected().iter().map(|(count, _)| count).sum();
    assert_eq!(
        (rejected, counts.small),
        (expected.rejected as u64, expected.small as u64),
        "{log}"
    );
    assert_eq!(kept.complaints as u64, rejected);
}

fn strategy(tcp: bool) -> impl Strategy<Value = String> {
    let log = recorded(
        2,
        if tcp {
            "log_tcp_complete"
        } else {
            "log_udp_complete"
        },
    );
    let (header, rest) = log.split_once('\n').unwrap();
    let header = header.to_owned();
    let first = rest.lines().next().unwrap();
    rows(&header, first).prop_map(move |rows| format!("{header}\n{rows}\n"))
}

#[test]
fn a_rate_of_large_integers_is_rounded_once() {
    let header = "#c_ip:1 c_port:2 c_pkts_retx:3 c_pkts_data:4 c_bytes_uniq:5 s_ip:6 s_port:7 \
                  s_pkts_data:8 s_bytes_uniq:9 first:10 last:11 durat:12";
    let row = "10.0.0.1 1 1 18014398509481987 1 10.0.0.2 2 1 1 1000 2000 1";
    for (retx, expected) in [
        ("18014398509481985", 0.999_999_999_999_999_9),
        ("9007199254740993", 0.5),
    ] {
        let row = row.replace(" 1 1 1801", &format!(" 1 {retx} 1801"));
        let (kept, _) = made(&format!("{header}\n{row}\n"), true, 0, false);
        let at = format!("\"tcp_rexmit_rate\":{expected},");
        assert!(kept.text.contains(&at), "{at}: {}", kept.text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 120,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn rows_of_tcp(log in strategy(true), large: bool) {
        check(&log, true, if large { 40_000 } else { 0 }, false);
    }

    #[test]
    fn rows_of_udp(log in strategy(false), large: bool, ms: bool) {
        check(&log, false, if large { 40_000 } else { 0 }, ms);
    }
}
