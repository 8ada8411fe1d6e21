// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a connection log, any range, any grain of the search: where the log is as the
//! search demands, the rows are those of a full scan; where it is not, they are at least rows of
//! the log within the range.

use netvitals::connspy::line::{self, Line, Record};
use netvitals::connspy::seek::{self, Grain, Wanted};

const SECOND_US: u64 = 1_000_000;

/// Longer lines are no records.
const LINE_BYTES_MAX: usize = 200;

fn records(file: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let lines = file.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| line.len() < LINE_BYTES_MAX);
    lines.filter_map(|line| match line::parse(line) {
        Line::Record(record) => Some(record),
        _ => None,
    })
}

/// What reading on from the start of `file` gives.
fn scan(file: &[u8], init_us: u64, end_us: u64, late_us: u64) -> Vec<Record<'_>> {
    let mut newest_us = 0;
    let before_end = records(file).take_while(|record| {
        newest_us = record.at_us.max(newest_us);
        newest_us < end_us.saturating_add(late_us)
    });
    let range = init_us..end_us;
    before_end
        .filter(|record| range.contains(&record.at_us))
        .collect()
}

/// Whether of any `count` records in a row one at least is not late.
fn is_guaranteed(file: &[u8], count: usize, late_us: u64) -> bool {
    let (mut newest_us, mut late) = (0, 0);
    records(file).all(|record| {
        newest_us = record.at_us.max(newest_us);
        late = match record.at_us.saturating_add(late_us) < newest_us {
            true => late + 1,
            false => 0,
        };
        late < count
    })
}

/// One input: three bytes of grain, two of lateness, five of the range, and the log.
pub fn run(input: &[u8]) {
    let Some((head, file)) = input.split_at_checked(10) else {
        return;
    };
    let number = |bytes: &[u8]| bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
    let grain = Grain {
        records: usize::from(head[0] % 8) + 1,
        near_bytes: u64::from(head[1]) + 1,
        piece_bytes: usize::from(head[2]) + 1,
        line_bytes_max: LINE_BYTES_MAX,
    };
    let late_us = number(&head[3..5]) * SECOND_US;
    // Relative to the first record, so that the range is likely to hit something.
    let first_us = records(file).next().map_or(0, |record| record.at_us);
    let offset_us = number(&head[5..8]) * SECOND_US / 64;
    let init_us = first_us.saturating_add(offset_us);
    let end_us = init_us + number(&head[8..]) * SECOND_US / 16;
    let wanted = Wanted {
        time_init_us: init_us,
        late_us,
    };
    let mut read_at = |buffer: &mut [u8], offset: u64| {
        let rest = file.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    };
    let start = seek::start_with(grain, &mut read_at, file.len() as u64, wanted);
    let start = start.expect("memory can be read") as usize;
    assert!(start == 0 || file[start - 1] == b'\n');
    let found = scan(&file[start..], init_us, end_us, late_us);
    if is_guaranteed(file, grain.records, late_us) {
        assert_eq!(found, scan(file, init_us, end_us, late_us));
    }
}
