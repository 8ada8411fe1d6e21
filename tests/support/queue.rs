// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tests of the spool have in common.
#![allow(dead_code)]

use std::time::Duration;

use netvitals::sink::batch::{Batch, Document, Origin};
use netvitals::sink::spool::store::Store;
use netvitals::sink::spool::{Limits, Spool, SpoolError};
use netvitals::time::{Mono, Wall};

pub const NOW: Mono = Mono::from_ns(1_000_000_000);
pub const FOREVER: u64 = u64::MAX;

pub fn limits(kib: u64) -> Limits {
    Limits {
        bytes_max: kib * 1_024,
        commit_interval: Duration::ZERO,
        dead_letter_bytes_max: 1_024,
    }
}

pub fn origin(start_id: u64) -> Origin {
    Origin {
        host: "gw".into(),
        collector: "agent".into(),
        start_id,
    }
}

/// A body that tells its process and its number, `len` bytes long, unless that is too short.
pub fn body(start_id: u64, sequence: u64, len: usize) -> Vec<u8> {
    let mut body = format!("{{\"{start_id:x}\":{sequence}").into_bytes();
    body.resize(len.saturating_sub(2).max(body.len()), b' ');
    body.extend_from_slice(b"}\n");
    body
}

pub fn put<S: Store>(
    spool: &mut Spool<S>,
    start_id: u64,
    sequence: u64,
    len: usize,
) -> Result<(), SpoolError> {
    let body = body(start_id, sequence, len);
    let document = Document {
        sequence,
        wall: Wall::from_us(sequence * 1_000),
        body: &body,
    };
    spool.append(document, NOW)
}

/// Process and number of each document of a batch, whose bodies must be right.
#[track_caller]
pub fn seen(batch: &Batch) -> Vec<(u64, u64)> {
    let documents = (0..batch.len()).map(|index| {
        let (origin, document) = batch.get(index);
        assert_eq!(
            (origin.host.as_str(), origin.collector.as_str()),
            ("gw", "agent")
        );
        let expected = body(origin.start_id, document.sequence, document.body.len());
        assert_eq!(document.body, expected);
        assert_eq!(document.wall.us(), document.sequence * 1_000);
        (origin.start_id, document.sequence)
    });
    documents.collect()
}

/// All that the output has not taken.
#[track_caller]
pub fn take<S: Store>(spool: &mut Spool<S>, output: usize) -> Vec<(u64, u64)> {
    let mut batch = Batch::default();
    spool
        .take(output, &mut batch, usize::MAX, usize::MAX)
        .unwrap();
    seen(&batch)
}
