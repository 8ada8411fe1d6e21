// SPDX-License-Identifier: MIT OR Apache-2.0
//! The search against a full scan, and what it reads.

use core::ops::Range;

use proptest::prelude::*;

use super::*;

const SECOND_US: u64 = 1_000_000;

/// Where a file is to be read from, how many bytes of it were read to know, and in how many steps.
fn search(grain: Grain, file: &[u8], init_us: u64, late_us: u64) -> (u64, usize, usize) {
    let (mut bytes, mut steps) = (0, 0);
    let mut read_at = |buffer: &mut [u8], offset: u64| {
        let rest = file.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        bytes += len;
        steps += 1;
        Ok(len)
    };
    let wanted = Wanted {
        time_init_us: init_us,
        late_us,
    };
    let start = start_with(grain, &mut read_at, file.len() as u64, wanted).unwrap();
    (start, bytes, steps)
}

/// The records of `file`.
fn records(file: &[u8]) -> impl Iterator<Item = line::Record<'_>> {
    let lines = file.split(|byte| *byte == b'\n').map(line::parse);
    lines.filter_map(|line| match line {
        Line::Record(record) => Some(record),
        _ => None,
    })
}

/// The records within the range, as they are found by reading on from the start of `file`.
fn scan(file: &[u8], range: Range<u64>, late_us: u64) -> Vec<line::Record<'_>> {
    let mut newest_us = 0;
    let on_time = records(file).take_while(|record| {
        newest_us = record.at_us.max(newest_us);
        newest_us < range.end.saturating_add(late_us)
    });
    on_time
        .filter(|record| range.contains(&record.at_us))
        .collect()
}

/// Whether of any `count` records in a row one at least is not late.
fn is_guaranteed(file: &[u8], count: usize, late_us: u64) -> bool {
    let (mut newest_us, mut late) = (0, 0);
    records(file).all(|record| {
        newest_us = record.at_us.max(newest_us);
        late = match record.at_us + late_us < newest_us {
            true => late + 1,
            false => 0,
        };
        late < count
    })
}

/// `count` records, one a second from `first`, each `len` bytes long.
fn steady(first: u64, count: u64, len: usize) -> Vec<u8> {
    let line = |second| format!("{second} a{:0>1$}\n", " b", len - 13);
    (first..first + count)
        .flat_map(|second| line(second).into_bytes())
        .collect()
}

#[test]
fn a_narrow_range_reads_its_neighbourhood_alone() {
    let first = 1_565_647_200;
    let file = steady(first, 500_000, 40);
    assert_eq!(file.len(), 20_000_000);
    for second in [400, 77_777, 250_000, 499_999] {
        let init_us = (first + second) * SECOND_US;
        let (start, bytes, steps) = search(Grain::default(), &file, init_us, 300 * SECOND_US);
        // What can be late, at least, and little more.
        let needed = (second - 300) * 40;
        assert!(start <= needed && start + NEAR_BYTES + 4_096 > needed);
        assert!(start == 0 || file[start as usize - 1] == b'\n');
        assert!(bytes <= 20 * PIECE_BYTES && steps <= 20, "{bytes} {steps}");
    }
    // Nothing is searched where nothing can be passed over.
    let init_us = (first + 300) * SECOND_US;
    let (start, bytes, steps) = search(Grain::default(), &file, init_us, 300 * SECOND_US);
    assert_eq!((start, bytes, steps), (0, PIECE_BYTES, 1));
    assert_eq!(search(Grain::default(), &file, 0, 0), (0, 0, 0));
}

#[test]
fn halves_of_broken_lines_and_garbage_do_no_harm() {
    let first = 1_565_647_200;
    let mut file = b"time source target\r\n".to_vec();
    for (at, line) in steady(first, 20_000, 40).chunks(40).enumerate() {
        file.extend_from_slice(match at % 3 {
            0 => b"1565\n",
            1 => b"47204351 a b\n",
            _ => b"\n",
        });
        file.extend_from_slice(line);
    }
    // A long piece without a single record, and a line longer than all.
    let garbage = b"# nothing\n".repeat(60_000);
    file.splice(500_000..500_000, garbage);
    file.splice(300_000..300_000, vec![b'x'; 400_000]);
    let late_us = 300 * SECOND_US;
    for second in [1_000, 5_000, 9_000, 15_000, 19_999] {
        let init_us = (first + second) * SECOND_US;
        let range = init_us..init_us + 60 * SECOND_US;
        let (start, ..) = search(Grain::default(), &file, init_us, late_us);
        let expected = scan(&file, range.clone(), late_us);
        assert!(!expected.is_empty());
        assert_eq!(scan(&file[start as usize..], range, late_us), expected);
        assert!(start > 0, "{second}");
    }
}

#[test]
fn a_contradiction_makes_it_a_full_scan() {
    let (early, late) = (steady(2_000, 20_000, 40), steady(1_000, 20_000, 40));
    let late_us = 300 * SECOND_US;
    // The second half begins again: what the middle proves is disproved by the quarter.
    let file = [&early[..], &late[..]].concat();
    let (start, ..) = search(Grain::default(), &file, 15_000 * SECOND_US, late_us);
    assert_eq!(start, 0);
    let (start, ..) = search(Grain::default(), &early, 15_000 * SECOND_US, late_us);
    assert!(start > 0);
}

/// A line of a log at about this second.
fn any_line() -> impl Strategy<Value = fn(u64) -> String> {
    prop_oneof![
        8 => Just((|second| format!("{second} a b\n")) as fn(u64) -> String),
        3 => Just((|second| format!("{second}999 c b\r\n")) as fn(u64) -> String),
        3 => Just((|second| format!("{second}.5 d b\n")) as fn(u64) -> String),
        3 => Just((|second| format!("{} late b\n", second - 7)) as fn(u64) -> String),
        1 => Just((|second| format!("{} later b\n", second - 15)) as fn(u64) -> String),
        1 => Just((|second| format!("{} half b\n", second % 100_000)) as fn(u64) -> String),
        1 => Just((|second| format!("{} early b\n", second + 5)) as fn(u64) -> String),
        1 => Just((|_| "\n".to_owned()) as fn(u64) -> String),
        1 => Just((|_| "ts from to\n".to_owned()) as fn(u64) -> String),
        1 => Just((|_| "x".repeat(50) + "\n") as fn(u64) -> String),
    ]
}

proptest! {
    #[test]
    fn the_rows_are_those_of_a_full_scan(
        lines in proptest::collection::vec((0..4_u64, any_line()), 0..400),
        records in 1..6_usize,
        (init, len, late) in (0..900_u64, 0..100_u64, 0..12_u64),
        (near_bytes, piece_bytes) in (1..200_u64, 1..100_usize),
        has_end in any::<bool>(),
    ) {
        let first = 1_565_647_200;
        let mut second = first;
        let mut file = String::new();
        for (step, line) in lines {
            second += step;
            file.push_str(&line(second));
        }
        let file = &file.as_bytes()[..file.len() - usize::from(has_end && !file.is_empty())];
        let grain = Grain { records, near_bytes, piece_bytes, line_bytes_max: 40 };
        let late_us = late * SECOND_US;
        let init_us = (first + init) * SECOND_US;
        let (start, ..) = search(grain, file, init_us, late_us);
        let rest = &file[start as usize..];
        let range = init_us..init_us + len * SECOND_US;
        if is_guaranteed(file, records, late_us) {
            prop_assert_eq!(scan(rest, range.clone(), late_us), scan(file, range, late_us));
        }
    }
}
