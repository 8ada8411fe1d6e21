// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several processes and one spool: whatever they do and whenever they are killed, the one that
//! holds the lock sends each document that was stored once, those of each process in order.

use std::collections::BTreeMap;

use netvitals::sink::spool::Spool;
use proptest::prelude::*;

#[path = "support/disk.rs"]
mod disk;
#[path = "support/queue.rs"]
mod queue;
use disk::{Disk, Process};
use queue::*;

const X: u64 = 0x1111;

/// A process that stores, and perhaps sends.
struct Run {
    start_id: u64,
    sequence: u64,
    spool: Spool<Process>,
}

/// What was stored and what was sent, for each process.
#[derive(Default)]
struct Books {
    starts: u64,
    stored: BTreeMap<u64, u64>,
    /// Of a process killed in the middle of the next: whether that was whole.
    perhaps: BTreeMap<u64, u64>,
    sent: BTreeMap<u64, u64>,
}

impl Books {
    fn open(&mut self, disk: &std::rc::Rc<Disk>, steps: u64) -> Option<Run> {
        self.starts += 1;
        let start_id = self.starts;
        let process = disk.process(steps);
        let spool = Spool::open(process, origin(start_id), &[X], limits(4_096)).ok()?;
        let sequence = 0;
        Some(Run {
            start_id,
            sequence,
            spool,
        })
    }

    /// Whether it survived.
    fn store(&mut self, run: &mut Run, len: usize) -> bool {
        run.sequence += 1;
        let stored = put(&mut run.spool, run.start_id, run.sequence, len).is_ok();
        let book = if stored {
            &mut self.stored
        } else {
            &mut self.perhaps
        };
        book.insert(run.start_id, run.sequence);
        stored
    }

    fn send(&mut self, run: &mut Run) {
        if !run.spool.holds_lock() {
            assert_eq!(take(&mut run.spool, 0), []);
            return;
        }
        for (start_id, sequence) in take(&mut run.spool, 0) {
            let sent = self.sent.entry(start_id).or_default();
            *sent += 1;
            assert_eq!(sequence, *sent, "of process {start_id}");
        }
        run.spool.confirm(0).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(300)
    })]

    #[test]
    fn whatever_they_do(
        actions in prop::collection::vec((0..3_usize, 0..8_u32, 0..20_000_usize), 1..60),
    ) {
        let disk = Disk::new();
        let mut books = Books::default();
        drop(books.open(&disk, FOREVER));
        let mut runs = [None, None, None];
        for (who, what, len) in actions {
            let Some(mut run) = runs[who].take().or_else(|| books.open(&disk, FOREVER)) else {
                continue;
            };
            let lives = match what {
                0 => {
                    run.spool.close().unwrap();
                    continue;
                }
                1 => false,
                2 | 3 => {
                    books.send(&mut run);
                    true
                }
                // Killed within the next document, or right after it.
                4 if !run.spool.holds_lock() => {
                    let mut short = books.open(&disk, 40 + len as u64 / 4);
                    if let Some(short) = &mut short {
                        books.store(short, len / 4);
                    }
                    true
                }
                _ => books.store(&mut run, len),
            };
            if lives {
                runs[who] = Some(run);
            }
        }
        drop(runs);
        let mut last = books.open(&disk, FOREVER).unwrap();
        books.send(&mut last);
        books.send(&mut last);
        for (start_id, sent) in &books.sent {
            let stored = books.stored.get(start_id).copied().unwrap_or(0);
            let perhaps = books.perhaps.get(start_id).copied().unwrap_or(stored);
            prop_assert!(*sent == stored || *sent == perhaps);
        }
        for (start_id, stored) in &books.stored {
            prop_assert!(books.sent.get(start_id) >= Some(stored));
        }
        last.spool.close().unwrap();
        prop_assert_eq!(disk.names(), ["cursor-0000000000001111"]);
    }
}
