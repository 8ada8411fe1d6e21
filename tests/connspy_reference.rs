// SPDX-License-Identifier: MIT OR Apache-2.0
//! The count of `connspy` against a plain one, on random logs: in one piece and in many, by one
//! thread and by several, in memory and spilled, as text and as JSON.
#![cfg(feature = "connspy")]

use miniserde::json::{self, Number, Value};
use netvitals::connspy::fault::Fault;
use netvitals::connspy::hours::{Flow, Hours, Kept};
use netvitals::connspy::input::Input;
use netvitals::connspy::output::Output;
use netvitals::connspy::parallel::Rounds;
use netvitals::connspy::plan::{Busiest, Memory, Plan, Query};
use netvitals::connspy::scan::Marks;
use proptest::prelude::*;

#[path = "support/connspy.rs"]
mod reference;
use reference::{Expected, expected, shown};

/// What a run printed and counted.
type Seen = (String, [u64; 3]);

fn seen(hours: &mut Hours, mut out: Output) -> Seen {
    hours.finish(&mut out).unwrap();
    let counts = hours.counts();
    let rows = String::from_utf8(out.take()).unwrap();
    (rows, [counts.lines, counts.malformed, counts.late])
}

/// One thread, the file in pieces of so many bytes.
fn in_pieces(plan: &Plan, files: &[Vec<u8>], piece: usize) -> Seen {
    let mut out = Output::kept(plan);
    let mut hours = Hours::new(plan.query.clone(), &plan.memory, 7);
    let mut marks = Marks::default();
    'files: for file in files {
        let mut input = Input::default();
        for bytes in file.chunks(piece) {
            input.space()[..bytes.len()].copy_from_slice(bytes);
            let lines = input.filled(bytes.len());
            if hours.scan(lines, &mut marks, &mut out).unwrap() == Flow::Stop {
                break 'files;
            }
        }
        if hours.scan(input.rest(), &mut marks, &mut out).unwrap() == Flow::Stop {
            break;
        }
    }
    seen(&mut hours, out)
}

/// Several threads.
fn side_by_side(plan: &Plan, files: &[Vec<u8>], piece: usize) -> Seen {
    let mut out = Output::kept(plan);
    let mut hours = Hours::new(plan.query.clone(), &plan.memory, 7);
    'files: for file in files {
        let mut rounds = Rounds::new(plan, piece, 7);
        let mut left = &file[..];
        let mut read = |space: &mut [u8]| {
            let len = space.len().min(left.len());
            space[..len].copy_from_slice(&left[..len]);
            left = &left[len..];
            Ok(len)
        };
        loop {
            match rounds
                .turn(&mut read, &mut hours, &mut out)
                .unwrap()
                .unwrap()
            {
                (Flow::Stop, _) => break 'files,
                (Flow::Continue, true) => break,
                (Flow::Continue, false) => {}
            }
        }
    }
    seen(&mut hours, out)
}

/// The rows of JSON as those of text.
fn as_text(rows: &str, query: &Query) -> String {
    let row = |line: &str| {
        let Ok(Value::Object(row)) = json::from_str(line) else {
            panic!("{line}");
        };
        let text = |key: &str| match row.get(key) {
            Some(Value::String(text)) => text.clone(),
            other => panic!("{key}: {other:?}"),
        };
        let hour = match row.get("hour") {
            Some(Value::Number(Number::U64(hour))) => format!("{hour}.0\t"),
            _ => String::new(),
        };
        let is_most = text("group") == "most";
        assert_eq!(row.contains_key("connections"), is_most, "{line}");
        match query.is_immediate() {
            true => shown(&text("host")) + "\n",
            false => format!(
                "{hour}{}\t{}\n",
                text("group").to_uppercase(),
                shown(&text("host"))
            ),
        }
    };
    rows.lines().map(row).collect()
}

fn memory(bytes: usize) -> Memory {
    Memory {
        bytes,
        temp_dir: Some(std::env::temp_dir().to_str().unwrap().to_owned()),
        approximate: false,
    }
}

fn plan(query: &Query) -> Plan {
    Plan {
        files: Vec::new(),
        query: query.clone(),
        json: false,
        summary: false,
        memory: memory(1 << 24),
        threads: 3,
        tail: false,
        state: None,
        output_file: None,
    }
}

fn queries() -> impl Strategy<Value = Query> {
    let host = || prop::option::of("[a-d]".prop_map(String::into_bytes));
    let busiest = prop_oneof![
        Just(None),
        Just(Some(Busiest::Source)),
        Just(Some(Busiest::Both)),
    ];
    let range = (
        0..20_000_u64,
        prop::option::of(0..20_000_u64),
        any::<bool>(),
    );
    let late = prop_oneof![Just(0), Just(300), 0..9_000_u64];
    (
        host(),
        host(),
        busiest,
        any::<bool>(),
        range,
        late,
        any::<bool>(),
    )
        .prop_map(
            |(to, from, busiest, hourly, (init, length, begins), late, complete)| {
                let init = (1_565_647_200 - 5_000 + init) * 1_000_000;
                let asked = to.is_some() || from.is_some() || busiest.is_some();
                Query {
                    to: if asked { to } else { Some(b"a".to_vec()) },
                    from,
                    busiest,
                    hourly,
                    time_init_us: if begins { init } else { 0 },
                    time_end_us: length.map(|length| init + length * 1_000_000),
                    late_us: late * 1_000_000,
                    only_complete_hours: hourly && complete,
                }
            },
        )
}

/// A line's time, as a step from the one before; its hosts; how it is written.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let step = prop_oneof![8 => -400..600_i64, 1 => -9_000..9_000_i64, 1 => Just(0)];
    let host = prop_oneof![3 => "[a-dA-D]", 1 => "[a-d]{1,2}", 1 => "[a-d][a-z0-9.-]{0,17}"];
    let line = (step, host.clone(), host, 0..24_u8);
    let broken = prop_oneof![
        Just("ts from to\n".to_owned()),
        Just("\n".to_owned()),
        Just("\t\r\n".to_owned()),
        "[0-9]{0,14}\n".prop_map(|rest| format!("156564\n{rest}")),
        "[0-9]{1,13} [a-d]\n",
        "[0-9]{9,13} [a-d] [_a-d][a-d]\n",
        "[ \t\r0-9a-c.]{0,30}\n",
        "[0-9]{10} \u{1b}?[a-d]\u{1b}?\u{e9}? [a-d]\n",
    ];
    let entry = prop_oneof![9 => line.prop_map(Ok), 1 => broken.prop_map(Err)];
    (prop::collection::vec(entry, 0..250), any::<bool>()).prop_map(|(entries, is_cut)| {
        let mut log = Vec::new();
        let mut now = 1_565_647_200;
        for entry in entries {
            let (step, from, to, form) = match entry {
                Ok(entry) => entry,
                Err(broken) => {
                    log.extend_from_slice(broken.as_bytes());
                    continue;
                }
            };
            now += step;
            let time = match form % 4 {
                0 => format!("{now}"),
                1 => format!("{now}.{form}"),
                _ => format!("{now}{form:03}"),
            };
            let blank = if form == 3 { "\t \x0c" } else { " " };
            let end = if form == 5 { "\r\n" } else { "\n" };
            log.extend_from_slice(format!("{time}{blank}{from} {to}{end}").as_bytes());
        }
        if is_cut {
            log.pop();
        }
        log
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn all_ways_of_counting_agree_with_a_plain_one(
        files in prop::collection::vec(lines(), 1..4),
        query in queries(),
        piece in 1..700_usize,
    ) {
        let Expected { rows, counts } = expected(&files, &query);
        let wanted = (rows, counts);
        let plan = plan(&query);
        prop_assert_eq!(&in_pieces(&plan, &files, 1 << 17), &wanted);
        prop_assert_eq!(&in_pieces(&plan, &files, piece), &wanted);
        prop_assert_eq!(&side_by_side(&plan, &files, piece + 100), &wanted);
        let json = Plan { json: true, ..plan.clone() };
        let (rows, counts) = in_pieces(&json, &files, 1 << 17);
        prop_assert_eq!((as_text(&rows, &query), counts), wanted);
    }

    #[test]
    fn what_is_spilled_is_counted_as_well(
        files in prop::collection::vec(lines(), 1..3),
        query in queries(),
        bytes in 3_000..9_000_usize,
    ) {
        let Expected { rows, counts } = expected(&files, &query);
        let plan = Plan { memory: memory(bytes), ..plan(&query) };
        let (spilled, spilled_counts) = in_pieces(&plan, &files, 1 << 17);
        prop_assert_eq!(spilled_counts, counts);
        prop_assert_eq!(spilled, rows);
        let (spilled, _) = side_by_side(&plan, &files, 900);
        prop_assert_eq!(spilled, expected(&files, &query).rows);
    }

    #[test]
    fn a_restart_changes_nothing(
        log in lines(),
        query in queries(),
        at in any::<prop::sample::Index>(),
        bytes in prop_oneof![Just(1 << 24), 3_000..9_000_usize],
    ) {
        let plan = Plan { memory: memory(bytes), ..plan(&query) };
        let ends: Vec<usize> = (0..log.len()).filter(|at| log[*at] == b'\n').collect();
        let cut = if ends.is_empty() { 0 } else { ends[at.index(ends.len())] + 1 };
        let mut marks = Marks::default();
        let mut before = Output::kept(&plan);
        let mut hours = Hours::new(query.clone(), &plan.memory, 7);
        if hours.scan(&log[..cut], &mut marks, &mut before).unwrap() == Flow::Stop {
            return Ok(());
        }
        let mut kept = Vec::new();
        let told = hours.keep(&mut |Kept { start_us, group, host, count }| {
            kept.push((start_us, group, host.to_vec(), count));
            Ok(())
        });
        if let Err(fault) = told {
            prop_assert!(matches!(fault, Fault::Unprinted) && query.is_immediate());
            return Ok(());
        }
        let mut after = Hours::new(query.clone(), &plan.memory, 8);
        after.resume(hours.clock_us(), *hours.counts());
        for (start_us, group, host, count) in &kept {
            let (start_us, group, count) = (*start_us, *group, *count);
            after.restore(Kept { start_us, group, host, count }).unwrap();
        }
        let mut out = Output::kept(&plan);
        after.scan(&log[cut..], &mut marks, &mut out).unwrap();
        let (rows, counts) = seen(&mut after, out);
        let rows = String::from_utf8(before.take()).unwrap() + &rows;
        let wanted = expected(&[log], &query);
        prop_assert_eq!((rows, counts), (wanted.rows, wanted.counts));
    }
}
