// SPDX-License-Identifier: MIT OR Apache-2.0
//! The queue of finished documents where there is no spool: a ring of fixed size in RAM.
//!
//! It has the manners of [`super::spool`], and is lost with the process.

use crate::time::Wall;

use super::batch::{Batch, Document, Origin};
use super::spool::Waiting;

/// Bytes of a document besides its body: length u32, sequence u64, wall microseconds u64.
const HEAD_BYTES: usize = 20;

/// The queue.
#[derive(Debug)]
pub struct MemoryQueue {
    origin: Origin,
    ring: Ring,
    /// Documents appended and stored since the start.
    documents: u64,
    outputs: Vec<Output>,
    /// The body of a document that lies across the end of the ring.
    body: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
struct Output {
    /// Where the first document not confirmed begins, or began.
    confirmed: u64,
    /// Where the first document not taken begins.
    read: u64,
    /// How many documents were taken or dropped.
    documents: u64,
    in_hand: u64,
    in_hand_oldest: Option<Wall>,
    dropped: u64,
}

impl MemoryQueue {
    /// A queue of `bytes` for the documents of `origin` and this many outputs.
    pub fn new(origin: Origin, outputs: usize, bytes: usize) -> Self {
        Self {
            origin,
            ring: Ring {
                bytes: vec![0; bytes].into_boxed_slice(),
                start: 0,
                end: 0,
            },
            documents: 0,
            outputs: vec![Output::default(); outputs],
            body: Vec::new(),
        }
    }

    /// Adds a document; the oldest are dropped, and counted, when there is no room. One that is
    /// larger than the queue counts as dropped itself. Nothing is allocated.
    pub fn append(&mut self, document: Document<'_>) {
        let bytes = HEAD_BYTES + document.body.len();
        if bytes > self.ring.bytes.len() || u32::try_from(document.body.len()).is_err() {
            for output in &mut self.outputs {
                output.dropped += 1;
            }
            return;
        }
        while self.ring.room() < bytes {
            self.drop_oldest();
        }
        self.ring.push(&(document.body.len() as u32).to_le_bytes());
        self.ring.push(&document.sequence.to_le_bytes());
        self.ring.push(&document.wall.us().to_le_bytes());
        self.ring.push(document.body);
        self.documents += 1;
    }

    /// Adds to `batch` the documents that `output` did not take yet, until the batch holds
    /// `documents_max` of them or would exceed `bytes_max`; an empty batch gets at least one if any
    /// waits.
    pub fn take(
        &mut self,
        output: usize,
        batch: &mut Batch,
        documents_max: usize,
        bytes_max: usize,
    ) {
        let output = &mut self.outputs[output];
        while output.read < self.ring.end {
            let head = self.ring.head(output.read);
            let full = batch.len() >= documents_max || batch.bytes() + head.bytes > bytes_max;
            if full && !batch.is_empty() {
                break;
            }
            self.body.resize(head.bytes, 0);
            let start = output.read + HEAD_BYTES as u64;
            self.ring.copy(start, &mut self.body);
            let document = Document {
                sequence: head.sequence,
                wall: head.wall,
                body: &self.body,
            };
            batch.push(&self.origin, document);
            output.read = start + head.bytes as u64;
            output.documents += 1;
            output.in_hand += 1;
            output.in_hand_oldest.get_or_insert(head.wall);
        }
    }

    /// All that the output took is decided.
    pub fn confirm(&mut self, output: usize) {
        let output = &mut self.outputs[output];
        output.confirmed = output.read;
        output.in_hand = 0;
        output.in_hand_oldest = None;
        let least = self.outputs.iter().map(|output| output.confirmed).min();
        while self.ring.start < least.unwrap_or(self.ring.end) {
            self.ring.skip();
        }
        if self.ring.start == self.ring.end {
            // Empty: begin at the front again, where the memory has been touched already.
            self.ring.rewind();
            for output in &mut self.outputs {
                (output.confirmed, output.read) = (0, 0);
            }
        }
    }

    /// What the output has not yet confirmed.
    pub fn waiting(&self, output: usize) -> Waiting {
        let output = &self.outputs[output];
        let unread = (output.read < self.ring.end).then(|| self.ring.head(output.read).wall);
        Waiting {
            documents: output.in_hand + self.documents - output.documents,
            oldest: output.in_hand_oldest.or(unread),
        }
    }

    /// How many documents were dropped before the output took them.
    pub fn dropped(&self, output: usize) -> u64 {
        self.outputs[output].dropped
    }

    /// Bytes that are taken, and those that there are.
    pub fn bytes(&self) -> (u64, u64) {
        let all = self.ring.bytes.len();
        ((all - self.ring.room()) as u64, all as u64)
    }

    fn drop_oldest(&mut self) {
        self.ring.skip();
        for output in &mut self.outputs {
            output.confirmed = output.confirmed.max(self.ring.start);
            if output.read < self.ring.start {
                output.read = self.ring.start;
                output.documents += 1;
                output.dropped += 1;
            }
        }
    }
}

/// Bytes that go round; positions count from the last time that it was empty.
#[derive(Debug)]
struct Ring {
    bytes: Box<[u8]>,
    start: u64,
    end: u64,
}

struct Head {
    bytes: usize,
    sequence: u64,
    wall: Wall,
}

impl Ring {
    fn room(&self) -> usize {
        self.bytes.len() - (self.end - self.start) as usize
    }

    /// The two pieces in which `len` bytes from `at` on lie: index of the first, and its length.
    fn pieces(&self, at: u64, len: usize) -> (usize, usize) {
        let index = (at % self.bytes.len() as u64) as usize;
        (index, len.min(self.bytes.len() - index))
    }

    fn push(&mut self, bytes: &[u8]) {
        let (index, first) = self.pieces(self.end, bytes.len());
        self.bytes[index..index + first].copy_from_slice(&bytes[..first]);
        self.bytes[..bytes.len() - first].copy_from_slice(&bytes[first..]);
        self.end += bytes.len() as u64;
    }

    fn copy(&self, at: u64, to: &mut [u8]) {
        let (index, first) = self.pieces(at, to.len());
        let rest = to.len() - first;
        to[..first].copy_from_slice(&self.bytes[index..index + first]);
        to[first..].copy_from_slice(&self.bytes[..rest]);
    }

    fn head(&self, at: u64) -> Head {
        let (mut bytes, mut sequence, mut wall) = ([0; 4], [0; 8], [0; 8]);
        self.copy(at, &mut bytes);
        self.copy(at + 4, &mut sequence);
        self.copy(at + 12, &mut wall);
        Head {
            bytes: u32::from_le_bytes(bytes) as usize,
            sequence: u64::from_le_bytes(sequence),
            wall: Wall::from_us(u64::from_le_bytes(wall)),
        }
    }

    /// Starts over, empty.
    fn rewind(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Takes out the first document.
    fn skip(&mut self) {
        self.start += (HEAD_BYTES + self.head(self.start).bytes) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(outputs: usize, bytes: usize) -> MemoryQueue {
        let origin = Origin {
            host: "gw".into(),
            collector: "agent".into(),
            start_id: 1,
        };
        MemoryQueue::new(origin, outputs, bytes)
    }

    fn put(queue: &mut MemoryQueue, sequence: u64, len: usize) {
        queue.append(Document {
            sequence,
            wall: Wall::from_us(sequence),
            body: &vec![sequence as u8; len],
        });
    }

    fn take(queue: &mut MemoryQueue, output: usize, documents: usize, bytes: usize) -> Vec<u64> {
        let mut batch = Batch::default();
        queue.take(output, &mut batch, documents, bytes);
        let documents = (0..batch.len()).map(|index| batch.get(index).1);
        let sequences = documents.map(|document| {
            let sequence = document.sequence;
            assert!(document.body.iter().all(|byte| *byte == sequence as u8));
            assert_eq!(document.wall.us(), sequence);
            sequence
        });
        sequences.collect()
    }

    #[test]
    fn each_output_has_its_own_place() {
        let mut queue = queue(2, 1_000);
        (1..=4).for_each(|sequence| put(&mut queue, sequence, 30));
        assert_eq!(take(&mut queue, 0, 2, 1_000), [1, 2]);
        assert_eq!(take(&mut queue, 0, 9, 0), [3]);
        assert_eq!(queue.waiting(0).documents, 4);
        queue.confirm(0);
        let waiting = queue.waiting(0);
        assert_eq!(
            (waiting.documents, waiting.oldest),
            (1, Some(Wall::from_us(4)))
        );
        assert_eq!(take(&mut queue, 1, 9, 90), [1, 2, 3]);
        assert_eq!(queue.bytes(), (200, 1_000));
        queue.confirm(1);
        assert_eq!(queue.bytes(), (50, 1_000));
        assert_eq!(take(&mut queue, 0, 9, 90), [4]);
        assert_eq!(take(&mut queue, 0, 9, 90), []);
    }

    #[test]
    fn full_means_that_the_oldest_go() {
        // Sizes that put documents across the end of the ring in every way.
        for bytes in 100..200 {
            let mut queue = queue(2, bytes);
            for sequence in 1..=100 {
                put(&mut queue, sequence, sequence as usize % 7);
                if sequence == 3 {
                    assert_eq!(take(&mut queue, 1, 9, 90), [1, 2, 3]);
                }
            }
            assert_eq!(queue.dropped(0), queue.dropped(1) + 3);
            assert_eq!(queue.waiting(0).documents + queue.dropped(0), 100);
            assert_eq!(queue.waiting(1).documents + queue.dropped(1), 100);
            assert_eq!(queue.waiting(1).oldest, Some(Wall::from_us(1)));
            let first = queue.dropped(0) + 1;
            assert!(take(&mut queue, 0, 99, 9_999).into_iter().eq(first..=100));
            queue.confirm(1);
            assert!(take(&mut queue, 1, 99, 9_999).into_iter().eq(first..=100));
        }
    }

    #[test]
    fn limits_are_kept_to_the_byte() {
        for (bytes, kept) in [(0, false), (29, false), (30, true), (31, true)] {
            let mut queue = queue(1, bytes);
            put(&mut queue, 1, 10);
            assert_eq!(queue.waiting(0).documents, u64::from(kept));
            assert_eq!(queue.dropped(0), u64::from(!kept));
        }
    }
}
