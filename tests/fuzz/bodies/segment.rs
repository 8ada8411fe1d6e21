// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a segment file, and as a cursor file: never a panic, every document that comes out
//! is in the bytes, it comes out once, and the spool goes on.

use netvitals::sink::batch::{Batch, Document};
use netvitals::sink::spool::Spool;
use netvitals::time::Wall;

#[path = "../../support/disk.rs"]
mod disk;
#[path = "../../support/queue.rs"]
mod queue;
use disk::Disk;
use queue::{FOREVER, NOW, limits, origin};

const SEGMENT: &str = "0000000001-0000000000000001.seg";
const CURSOR: &str = "cursor-0000000000001111";

/// One input; its first byte says what it is: odd numbers are cursors.
pub fn run(input: &[u8]) {
    let (kind, bytes) = input.split_first().unwrap_or((&0, &[]));
    let disk = Disk::new();
    if kind % 2 == 1 {
        let mut spool = Spool::open(disk.process(FOREVER), origin(1), &[0x1111], limits(64));
        let document = Document {
            sequence: 1,
            wall: Wall::from_us(1),
            body: b"{}\n",
        };
        spool.as_mut().unwrap().append(document, NOW).unwrap();
        drop(spool);
        disk.put(CURSOR, bytes);
    } else {
        // A cursor without entries: everything is wanted.
        drop(Spool::open(
            disk.process(FOREVER),
            origin(1),
            &[0x1111],
            limits(64),
        ));
        disk.put(SEGMENT, bytes);
    }
    let mut spool = Spool::open(disk.process(FOREVER), origin(2), &[0x1111], limits(64)).unwrap();
    let waiting = spool.waiting(0).documents;
    assert!(spool.counters().bytes <= 64 * 1_024);
    let mut batch = Batch::default();
    spool.take(0, &mut batch, usize::MAX, usize::MAX).unwrap();
    assert_eq!(batch.len() as u64, waiting);
    for index in 0..batch.len() {
        let body = batch.get(index).1.body;
        let inside = body.is_empty() || bytes.windows(body.len()).any(|part| part == body);
        assert!(inside || kind % 2 == 1);
    }
    spool.confirm(0).unwrap();
    assert_eq!(spool.waiting(0).documents, 0);
    let document = Document {
        sequence: 1,
        wall: Wall::from_us(1),
        body: b"{}\n",
    };
    spool.append(document, NOW).unwrap();
    batch.clear();
    spool.take(0, &mut batch, usize::MAX, usize::MAX).unwrap();
    assert_eq!(batch.len(), 1);
    assert_eq!(batch.get(0).0.start_id, 2);
}
