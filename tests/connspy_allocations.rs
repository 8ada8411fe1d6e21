// SPDX-License-Identifier: MIT OR Apache-2.0
//! No line makes `connspy` allocate: well-formed, malformed, late, of a host that is known.
#![cfg(feature = "connspy")]

#[path = "support/counting.rs"]
mod counting;

use counting::allocations;
use netvitals::connspy::hours::Hours;
use netvitals::connspy::input::Input;
use netvitals::connspy::output::Output;
use netvitals::connspy::plan::{Busiest, Memory, Plan, Query};
use netvitals::connspy::scan::Marks;

fn plan() -> Plan {
    Plan {
        files: Vec::new(),
        query: Query {
            to: Some(b"host1".to_vec()),
            from: Some(b"host2".to_vec()),
            busiest: Some(Busiest::Both),
            hourly: true,
            time_init_us: 0,
            time_end_us: None,
            late_us: 300_000_000,
            only_complete_hours: false,
        },
        json: false,
        summary: false,
        memory: Memory {
            bytes: 1 << 24,
            temp_dir: None,
            approximate: false,
        },
        threads: 1,
        tail: false,
        state: None,
        output_file: None,
    }
}

fn log() -> Vec<u8> {
    let mut log = Vec::new();
    for number in 0..20_000_u32 {
        let (from, to) = (number % 97, number % 89);
        let line = match number % 50 {
            0 => "ts from to\n".to_owned(),
            1 => format!("1500000000 host{from} host{to}\n"),
            2 => format!("1565647{:03}.25 host{from}  host{to} \r\n", number % 300),
            _ => format!("1565647{:06} HOST{from} host{to}\n", number),
        };
        log.extend_from_slice(line.as_bytes());
    }
    log
}

#[test]
fn lines_do_not_allocate() {
    let plan = plan();
    let log = log();
    let mut out = Output::kept(&plan);
    let mut hours = Hours::new(plan.query.clone(), &plan.memory, 7);
    let mut marks = Marks::default();
    let mut input = Input::default();
    let mut read = |hours: &mut Hours| {
        for piece in log.chunks(100_000) {
            input.space()[..piece.len()].copy_from_slice(piece);
            hours
                .scan(input.filled(piece.len()), &mut marks, &mut out)
                .unwrap();
        }
    };
    // The hours and their hosts; the first of the late ones is not late yet.
    read(&mut hours);
    let first = *hours.counts();
    assert!(first.malformed == 400 && first.late == 399, "{first:?}");
    assert_eq!(allocations(|| read(&mut hours)), 0);
    assert_eq!(hours.counts().lines, 2 * first.lines);
}
