// SPDX-License-Identifier: MIT OR Apache-2.0
//! The spool, told what happens: outputs that come and go, processes that share, limits, faults.

use std::time::Duration;

use netvitals::sink::batch::Batch;
use netvitals::sink::spool::{Limits, Spool, SpoolError};
use netvitals::time::{Mono, Wall};

#[path = "support/disk.rs"]
mod disk;
#[path = "support/queue.rs"]
mod queue;
use disk::{Disk, Process};
use queue::*;

const A: u64 = 0xa;
const B: u64 = 0xb;
const X: u64 = 0x1111;
const Y: u64 = 0x2222;

fn open(disk: &std::rc::Rc<Disk>, start_id: u64, outputs: &[u64]) -> Spool<Process> {
    let process = disk.process(FOREVER);
    Spool::open(process, origin(start_id), outputs, limits(64)).unwrap()
}

#[test]
fn documents_come_out_once_and_in_order_for_each_output() {
    let disk = Disk::new();
    let mut spool = open(&disk, A, &[X, Y]);
    assert!(spool.holds_lock());
    for sequence in 1..=5 {
        put(&mut spool, A, sequence, 100).unwrap();
    }
    let mut batch = Batch::default();
    spool.take(0, &mut batch, 2, usize::MAX).unwrap();
    assert_eq!(seen(&batch), [(A, 1), (A, 2)]);
    spool.take(0, &mut batch, 9, 350).unwrap();
    assert_eq!(seen(&batch), [(A, 1), (A, 2), (A, 3)]);
    assert_eq!(spool.waiting(0).documents, 5);
    spool.confirm(0).unwrap();
    let waiting = spool.waiting(0);
    assert_eq!(waiting.documents, 2);
    assert_eq!(waiting.oldest, Some(Wall::from_us(4_000)));
    batch.clear();
    spool.take(0, &mut batch, 0, 0).unwrap();
    assert_eq!(seen(&batch), [(A, 4)], "always at least one");
    assert_eq!(take(&mut spool, 0), [(A, 5)]);
    spool.confirm(0).unwrap();
    assert_eq!(spool.waiting(0).documents, 0);
    assert_eq!(spool.waiting(0).oldest, None);
    assert_eq!(take(&mut spool, 1).len(), 5);
    assert_eq!(spool.waiting(1).oldest, Some(Wall::from_us(1_000)));
    drop(spool);
    let mut spool = open(&disk, B, &[Y, X]);
    assert_eq!(spool.waiting(0).documents, 5);
    assert_eq!(take(&mut spool, 0).len(), 5, "was not confirmed");
    assert_eq!(take(&mut spool, 1), []);
    spool.confirm(0).unwrap();
    assert_eq!(disk.ending(".seg").len(), 0, "{:?}", disk.names());
}

#[test]
fn a_new_output_begins_with_this_process_and_an_old_one_keeps_its_backlog() {
    let disk = Disk::new();
    let mut spool = open(&disk, A, &[X]);
    (1..=3).for_each(|sequence| put(&mut spool, A, sequence, 100).unwrap());
    drop(spool);
    let mut spool = open(&disk, B, &[Y]);
    assert_eq!(spool.abandoned(), 3);
    put(&mut spool, B, 1, 100).unwrap();
    drop(spool);
    // Not even a crash makes it begin anew, and nothing more waits for the old one.
    let mut spool = open(&disk, 0xc, &[Y]);
    assert_eq!(spool.abandoned(), 3);
    assert_eq!(take(&mut spool, 0), [(B, 1)]);
    spool.confirm(0).unwrap();
    assert_eq!(disk.ending(".seg").len(), 1);
    drop(spool);
    let mut spool = open(&disk, 0xd, &[Y, X]);
    assert_eq!(spool.abandoned(), 0);
    assert_eq!(take(&mut spool, 0), []);
    assert_eq!(take(&mut spool, 1), [(A, 1), (A, 2), (A, 3)]);
    spool.confirm(1).unwrap();
    assert_eq!(disk.ending(".seg").len(), 0);
}

#[test]
fn the_limit_drops_what_waits_for_nobody_too() {
    let disk = Disk::new();
    let mut spool = open(&disk, A, &[X]);
    (1..=3).for_each(|sequence| put(&mut spool, A, sequence, 9_000).unwrap());
    drop(spool);
    let mut spool = open(&disk, B, &[Y]);
    assert_eq!(spool.abandoned(), 3);
    for sequence in 1..=5 {
        put(&mut spool, B, sequence, 9_000).unwrap();
        take(&mut spool, 0);
        spool.confirm(0).unwrap();
    }
    assert_eq!(spool.abandoned(), 3, "what is confirmed goes first");
    for sequence in 6..=20 {
        put(&mut spool, B, sequence, 9_000).unwrap();
    }
    assert_eq!(spool.abandoned(), 0);
    let documents = take(&mut spool, 0).len() as u64;
    assert_eq!(documents + spool.dropped(0), 15);
}

#[test]
fn full_means_that_the_oldest_go_and_are_counted() {
    let disk = Disk::new();
    let mut spool = open(&disk, A, &[X, Y]);
    for sequence in 1..=1_000 {
        put(&mut spool, A, sequence, 500).unwrap();
        assert!(spool.counters().bytes <= 64 * 1_024);
        assert!(disk.bytes() <= 66 * 1_024);
        if sequence == 60 {
            assert_eq!(take(&mut spool, 1).len(), 60, "in hand, not dropped");
        }
    }
    for (output, in_hand) in [(0, 0), (1, 60)] {
        let dropped = spool.dropped(output);
        assert!(dropped > 800, "{dropped}");
        assert_eq!(spool.waiting(output).documents, 1_000 - dropped);
        let documents = take(&mut spool, output);
        assert_eq!(documents.first(), Some(&(A, dropped + in_hand + 1)));
        assert_eq!(documents.last(), Some(&(A, 1_000)));
        spool.confirm(output).unwrap();
        assert_eq!(spool.waiting(output).documents, 0);
    }
}

#[test]
fn limits_are_kept_to_the_byte() {
    // A header of 29 bytes, a record of 28 and its body.
    let body = 4_096 - 29 - 28;
    for (bytes_max, stored) in [(0, 0), (4_095, 0), (4_096, 2), (4_097, 2), (8_192, 3)] {
        let disk = Disk::new();
        let limits = Limits {
            bytes_max,
            ..limits(0)
        };
        let process = disk.process(FOREVER);
        let mut spool = Spool::open(process, origin(A), &[X], limits).unwrap();
        for (sequence, len) in [(1, body - 1), (2, body), (3, body + 1)] {
            put(&mut spool, A, sequence, len).unwrap();
            assert!(spool.counters().bytes <= bytes_max);
        }
        let expected: Vec<_> = (stored..=stored)
            .filter(|n| *n > 0)
            .map(|n| (A, n))
            .collect();
        assert_eq!(take(&mut spool, 0), expected, "{bytes_max}");
        assert_eq!(spool.dropped(0), 3 - expected.len() as u64);
    }
}

#[test]
fn a_document_larger_than_a_segment_has_one_of_its_own() {
    let disk = Disk::new();
    let mut spool = open(&disk, A, &[X]);
    for (sequence, len) in [(1, 100), (2, 40_000), (3, 100)] {
        put(&mut spool, A, sequence, len).unwrap();
    }
    assert_eq!(disk.ending(".seg").len(), 3);
    assert_eq!(take(&mut spool, 0), [(A, 1), (A, 2), (A, 3)]);
}

#[test]
fn who_has_not_the_lock_leaves_its_documents_to_who_has() {
    let disk = Disk::new();
    let mut service = open(&disk, A, &[X]);
    let mut run = open(&disk, B, &[X]);
    assert!(!run.holds_lock());
    put(&mut run, B, 1, 100).unwrap();
    assert_eq!(take(&mut run, 0), []);
    assert_eq!(take(&mut service, 0), [(B, 1)], "while it is still written");
    put(&mut run, B, 2, 100).unwrap();
    put(&mut service, A, 1, 100).unwrap();
    assert_eq!(take(&mut service, 0), [(A, 1)]);
    assert_eq!(take(&mut service, 0), [(B, 2)]);
    service.confirm(0).unwrap();
    put(&mut run, B, 3, 100).unwrap();
    run.close().unwrap();
    assert_eq!(take(&mut service, 0), [(B, 3)]);
    service.confirm(0).unwrap();
    service.close().unwrap();
    assert_eq!(disk.names(), ["cursor-0000000000001111"]);
}

#[test]
fn a_record_that_another_process_is_writing_is_left_alone() {
    let disk = Disk::new();
    let mut service = open(&disk, A, &[X]);
    let mut run = open(&disk, B, &[]);
    put(&mut run, B, 1, 100).unwrap();
    let file = disk.ending(".seg").pop().unwrap();
    file.bytes
        .borrow_mut()
        .extend_from_slice(b"\xFF\xFEnv\x50\0\0\0");
    assert_eq!(take(&mut service, 0), [(B, 1)]);
    assert_eq!(take(&mut service, 0), []);
    assert_eq!(service.counters().torn, 0);
    drop(run);
    assert_eq!(take(&mut service, 0), []);
    assert_eq!(take(&mut service, 0), []);
    assert_eq!(service.counters().torn, 1, "cut and counted once");
    service.confirm(0).unwrap();
    assert_eq!(disk.ending(".seg").len(), 0);
}

#[test]
fn without_the_lock_nothing_is_dropped() {
    let disk = Disk::new();
    let mut service = open(&disk, A, &[X]);
    let mut run = open(&disk, B, &[X]);
    let mut stored = 0;
    let error = loop {
        match put(&mut run, B, stored + 1, 3_000) {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SpoolError::Full), "{error}");
    assert_eq!(stored, 20);
    // The holder was not asked for documents since, and makes room all the same.
    put(&mut service, A, 1, 3_000).unwrap();
    assert_eq!(service.dropped(0), 5);
    put(&mut run, B, 21, 3_000).unwrap();
    assert_eq!(take(&mut service, 0).len(), 16);
    assert_eq!(take(&mut service, 0), [(B, 21)]);
}

#[test]
fn a_full_disk_costs_the_oldest_and_the_newest_arrive() {
    let disk = Disk::new();
    let mut spool = open(&disk, A, &[X]);
    disk.room.set(Some(40_000));
    for sequence in 1..=200 {
        put(&mut spool, A, sequence, 500).unwrap();
    }
    let dropped = spool.dropped(0);
    assert!((120..160).contains(&dropped), "{dropped}");
    // Somebody else takes all of it.
    disk.room.set(Some(0));
    let error = put(&mut spool, A, 201, 500).unwrap_err();
    assert!(matches!(error, SpoolError::Io(_)), "{error}");
    assert_eq!(spool.dropped(0), 200);
    disk.room.set(Some(40_000));
    put(&mut spool, A, 202, 500).unwrap();
    assert_eq!(take(&mut spool, 0), [(A, 202)]);
    spool.confirm(0).unwrap();
    drop(spool);
    assert_eq!(take(&mut open(&disk, B, &[X]), 0), []);
}

#[test]
fn a_read_only_or_vanished_directory_is_an_error() {
    let disk = Disk::new();
    let mut spool = open(&disk, A, &[X]);
    put(&mut spool, A, 1, 100).unwrap();
    disk.read_only.set(true);
    assert!(put(&mut spool, A, 2, 100).is_err());
    assert_eq!(take(&mut spool, 0), [(A, 1)], "what is there can be read");
    drop(spool);
    let process = disk.process(FOREVER);
    assert!(Spool::open(process, origin(B), &[X], limits(64)).is_err());
    disk.read_only.set(false);
    let mut spool = open(&disk, B, &[X]);
    assert_eq!(take(&mut spool, 0), [(A, 1)]);
    put(&mut spool, B, 1, 100).unwrap();
    disk.vanished.set(true);
    disk.files.borrow_mut().clear();
    for _ in 0..2 {
        assert!(put(&mut spool, B, 2, 100).is_err());
        assert_eq!(take(&mut spool, 0), []);
    }
}

#[test]
fn a_damaged_cursor_repeats_and_loses_nothing() {
    let disk = Disk::new();
    let mut spool = open(&disk, A, &[X]);
    put(&mut spool, A, 1, 100).unwrap();
    take(&mut spool, 0);
    spool.confirm(0).unwrap();
    put(&mut spool, A, 2, 100).unwrap();
    drop(spool);
    disk.put("cursor-0000000000001111", b"rubbish");
    let mut spool = open(&disk, B, &[X]);
    assert_eq!(take(&mut spool, 0), [(A, 1), (A, 2)]);
    assert_eq!(spool.counters().corrupt, 1);
}

#[test]
fn records_wait_for_the_commit_but_not_to_be_sent() {
    let disk = Disk::new();
    let commit_interval = Duration::from_secs(600);
    let limits = Limits {
        commit_interval,
        ..limits(64)
    };
    let process = disk.process(FOREVER);
    let mut spool = Spool::open(process, origin(A), &[X], limits).unwrap();
    let writes = disk.writes.get();
    assert_eq!(spool.next_commit(), None);
    for sequence in 1..=500 {
        put(&mut spool, A, sequence, 1_000).unwrap();
        assert_eq!(take(&mut spool, 0), [(A, sequence)]);
        spool.confirm(0).unwrap();
        spool.commit(NOW).unwrap();
    }
    assert_eq!(spool.next_commit(), Some(NOW.after(commit_interval)));
    spool.commit(NOW.after(commit_interval)).unwrap();
    assert_eq!(disk.writes.get(), writes, "what is sent is never written");
    assert_eq!(disk.ending(".seg").len(), 0);
    for sequence in 501..=505 {
        put(&mut spool, A, sequence, 1_000).unwrap();
    }
    assert_eq!(disk.ending(".seg").len(), 0);
    let mut batch = Batch::default();
    spool.take(0, &mut batch, 2, usize::MAX).unwrap();
    spool.confirm(0).unwrap();
    assert_eq!(spool.waiting(0).oldest, Some(Wall::from_us(503_000)));
    spool.commit(Mono::from_ns(u64::MAX)).unwrap();
    assert_eq!(disk.ending(".seg").len(), 1);
    assert_eq!(spool.next_commit(), None);
    assert!(disk.syncs.get() > 0);
    put(&mut spool, A, 506, 1_000).unwrap();
    drop(spool);
    let mut spool = open(&disk, B, &[X]);
    assert_eq!(take(&mut spool, 0), [(A, 503), (A, 504), (A, 505)]);
}

#[test]
fn a_buffer_that_is_full_is_written_before_its_time() {
    for size in [100, 1_000, 15_000, 40_000] {
        let disk = Disk::new();
        let limits = Limits {
            commit_interval: Duration::from_secs(600),
            ..limits(512)
        };
        let process = disk.process(FOREVER);
        let mut spool = Spool::open(process, origin(A), &[X], limits).unwrap();
        for sequence in 1..=300 {
            put(&mut spool, A, sequence, size).unwrap();
        }
        assert!(!disk.ending(".seg").is_empty());
        let dropped = spool.dropped(0);
        assert_eq!(spool.waiting(0).documents, 300 - dropped);
        let documents = take(&mut spool, 0);
        assert!(
            documents.iter().map(|(_, n)| *n).eq(dropped + 1..=300),
            "{size}"
        );
        spool.confirm(0).unwrap();
        spool.close().unwrap();
        assert_eq!(disk.ending(".seg").len(), 0);
    }
}

#[test]
fn dead_letters_are_bounded_and_the_oldest_are_cut() {
    let disk = Disk::new();
    let mut spool = open(&disk, A, &[X]);
    let line = |number: u32| {
        format!(
            "{{\"number\":{number:03},\"reason\":\"{}\"}}\n",
            "x".repeat(70)
        )
    };
    for number in 1..=50 {
        assert!(spool.bury(line(number).as_bytes()).unwrap());
    }
    assert!(!spool.bury(&[b'x'; 513]).unwrap(), "longer than half");
    let [newer, older] = ["letters.ndjson", "letters.1.ndjson"].map(|end| disk.ending(end));
    let text = |files: &[std::rc::Rc<disk::Content>]| files[0].bytes.borrow().clone();
    let all = [text(&older), text(&newer)].concat();
    assert!(all.len() <= 1_024 && all.len() > 512);
    assert!(all.ends_with(line(50).as_bytes()));
    newer[0].bytes.borrow_mut().truncate(30);
    assert!(spool.bury(b"{}\n").unwrap());
    assert!(text(&newer).ends_with(b"\n{}\n"), "a torn line is ended");
    let none = Limits {
        dead_letter_bytes_max: 0,
        ..limits(64)
    };
    drop(spool);
    let mut spool = Spool::open(disk.process(FOREVER), origin(B), &[X], none).unwrap();
    assert!(!spool.bury(b"{}\n").unwrap());
}
