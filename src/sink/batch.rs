// SPDX-License-Identifier: MIT OR Apache-2.0
//! Documents on their way: who made them, and those that one output has in hand.

use core::ops::Range;

use crate::time::Wall;

/// Who made documents; frozen with them, so that their identity outlives the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Host name, at most [`crate::limits::HOST_NAME_BYTES_MAX`] bytes.
    pub host: String,
    /// `netmon`, `agent` …; at most 32 bytes.
    pub collector: String,
    /// 64 random bits, new at each start of a process.
    pub start_id: u64,
}

/// A finished document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    /// Number among the documents of its process, from 1; a gap is a drop.
    pub sequence: u64,
    /// When it was stamped.
    pub wall: Wall,
    /// One JSON object and a line end.
    pub body: &'a [u8],
}

/// Documents that one output took from the queue and has not yet decided about.
#[derive(Debug, Default)]
pub struct Batch {
    bodies: Vec<u8>,
    entries: Vec<Entry>,
    origins: Vec<Origin>,
}

#[derive(Clone, Debug)]
struct Entry {
    origin: usize,
    sequence: u64,
    wall: Wall,
    body: Range<usize>,
}

impl Batch {
    /// Forgets all documents.
    pub fn clear(&mut self) {
        self.bodies.clear();
        self.entries.clear();
        self.origins.clear();
    }

    /// Adds a document.
    pub fn push(&mut self, origin: &Origin, document: Document<'_>) {
        let known = self.origins.iter().position(|known| known == origin);
        let origin = known.unwrap_or_else(|| {
            self.origins.push(origin.clone());
            self.origins.len() - 1
        });
        let start = self.bodies.len();
        self.bodies.extend_from_slice(document.body);
        let Document { sequence, wall, .. } = document;
        self.entries.push(Entry {
            origin,
            sequence,
            wall,
            body: start..self.bodies.len(),
        });
    }

    /// How many documents there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of all bodies.
    pub fn bytes(&self) -> usize {
        self.bodies.len()
    }

    /// The document at `index`, which is below [`Batch::len`], and who made it.
    pub fn get(&self, index: usize) -> (&Origin, Document<'_>) {
        let Entry {
            origin,
            sequence,
            wall,
            body,
        } = &self.entries[index];
        let body = &self.bodies[body.clone()];
        (
            &self.origins[*origin],
            Document {
                sequence: *sequence,
                wall: *wall,
                body,
            },
        )
    }
}
