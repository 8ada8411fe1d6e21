// SPDX-License-Identifier: MIT OR Apache-2.0
//! The slices that are under way: kept until the broker confirms them, and again on their way when
//! it failed or the connection broke. Buffers are used again.

use core::time::Duration;
use std::collections::VecDeque;

use crate::limits::TSTAT_UNCONFIRMED_BYTES_MAX;
use crate::time::Mono;
use crate::tstat::carrier::Slice;

/// Slices under way at most, however small: 16 hide the time that a disk needs for one.
pub const SLICES_MAX: usize = 16;

/// How often the broker may fail with a slice. With the waits in between, about 8 s.
const NACKS_MAX: u8 = 5;

/// The wait after the first time; it doubles.
const NACK_WAIT: Duration = Duration::from_millis(500);

/// Where a slice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Here; not to go before this moment.
    Here(Option<Mono>),
    /// Sent with this tag.
    Sent(u64),
}

#[derive(Debug)]
struct Entry {
    number: u64,
    message_id: String,
    body: Vec<u8>,
    place: Place,
    /// Sent at least once.
    went: bool,
    /// How often the broker failed with it.
    nacks: u8,
    /// It came back: no queue for it.
    came_back: bool,
}

/// What can go now.
#[derive(Debug)]
pub struct Next<'a> {
    /// The message's id.
    pub message_id: &'a str,
    /// Its body.
    pub body: &'a [u8],
    /// It went before.
    pub again: bool,
    place: &'a mut Place,
    went: &'a mut bool,
}

impl Next<'_> {
    /// Says that it went, with this tag.
    pub fn went(self, tag: u64) {
        *self.place = Place::Sent(tag);
        *self.went = true;
    }
}

/// The slices that are under way.
#[derive(Debug, Default)]
pub struct Window {
    /// In the order in which they were taken.
    entries: VecDeque<Entry>,
    /// Buffers to be used again.
    spare: Vec<Entry>,
    bytes: usize,
    confirmed: Vec<u64>,
}

impl Window {
    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many slices are under way.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether a slice waits for the answer to it.
    pub fn awaits_confirms(&self) -> bool {
        let sent = |entry: &Entry| matches!(entry.place, Place::Sent(_));
        self.entries.iter().any(sent)
    }

    /// Whether there is room for a slice of so many bytes; one alone always finds it.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.is_empty()
            || (self.entries.len() < SLICES_MAX
                && self.bytes + bytes <= TSTAT_UNCONFIRMED_BYTES_MAX)
    }

    /// Keeps a copy of a slice.
    pub fn take(&mut self, slice: &Slice<'_>) {
        let mut entry = self.spare.pop().unwrap_or_else(|| Entry {
            number: 0,
            message_id: String::new(),
            body: Vec::new(),
            place: Place::Here(None),
            went: false,
            nacks: 0,
            came_back: false,
        });
        entry.number = slice.number;
        entry.message_id.clear();
        entry.message_id.push_str(slice.message_id);
        entry.body.clear();
        // Not twice of it, as a vector would grow by itself.
        entry.body.reserve_exact(slice.body.len());
        entry.body.extend_from_slice(slice.body);
        (entry.place, entry.went) = (Place::Here(None), false);
        (entry.nacks, entry.came_back) = (0, false);
        self.bytes += slice.body.len();
        self.entries.push_back(entry);
    }

    /// The first slice that can go.
    pub fn next(&mut self, now: Mono) -> Option<Next<'_>> {
        let can_go = |entry: &&mut Entry| match entry.place {
            Place::Here(due) => due.is_none_or(|due| due <= now),
            Place::Sent(_) => false,
        };
        let entry = self.entries.iter_mut().find(can_go)?;
        Some(Next {
            message_id: &entry.message_id,
            body: &entry.body,
            again: entry.went,
            place: &mut entry.place,
            went: &mut entry.went,
        })
    }

    /// When the next slice can go that has to wait; `None` when none has to.
    pub fn next_due(&self) -> Option<Mono> {
        let due = |entry: &Entry| match entry.place {
            Place::Here(due) => due,
            Place::Sent(_) => None,
        };
        self.entries.iter().filter_map(due).min()
    }

    /// Takes in a confirm; how many slices it was for.
    pub fn on_ack(&mut self, tag: u64, multiple: bool) -> usize {
        let mut count = 0;
        while let Some(at) = self.find(tag, multiple) {
            let entry = self.remove(at);
            if !entry.came_back {
                count += 1;
                self.confirmed.push(entry.number);
            }
            self.spare.push(entry);
            if !multiple {
                break;
            }
        }
        count
    }

    /// Takes in that the broker failed: those slices wait, and go again.
    ///
    /// # Errors
    /// The id of a message that it failed with too often; that is under way no more.
    pub fn on_nack(&mut self, tag: u64, multiple: bool, now: Mono) -> Result<(), String> {
        let mut given_up = Ok(());
        while let Some(at) = self.find(tag, multiple) {
            let entry = &mut self.entries[at];
            entry.nacks += 1;
            if entry.nacks >= NACKS_MAX || entry.came_back {
                let entry = self.remove(at);
                if !entry.came_back && given_up.is_ok() {
                    given_up = Err(entry.message_id.clone());
                }
                self.spare.push(entry);
            } else {
                let wait = NACK_WAIT * (1 << (entry.nacks - 1));
                entry.place = Place::Here(Some(now.after(wait)));
            }
            if !multiple {
                break;
            }
        }
        given_up
    }

    /// Takes in that a message found no queue: its confirm will not count. Whether it was ours.
    pub fn on_return(&mut self, message_id: &str) -> bool {
        let same = |entry: &&mut Entry| entry.message_id == message_id;
        let entry = self.entries.iter_mut().find(same);
        entry.map(|entry| entry.came_back = true).is_some()
    }

    /// Takes in that the connection broke: all that was sent is here again, but what came back.
    pub fn on_broken(&mut self) {
        for _ in 0..self.entries.len() {
            let entry = self.entries.pop_front().expect("as many as counted");
            if entry.came_back {
                self.bytes -= entry.body.len();
                self.spare.push(entry);
            } else {
                self.entries.push_back(entry);
            }
        }
        for entry in &mut self.entries {
            if matches!(entry.place, Place::Sent(_)) {
                entry.place = Place::Here(None);
            }
        }
    }

    /// Forgets what is under way; how many slices that were.
    pub fn forget(&mut self) -> usize {
        let count = self.entries.len();
        self.spare.extend(self.entries.drain(..));
        self.bytes = 0;
        count
    }

    /// Hands over the numbers of what was confirmed since.
    pub fn confirmed(&mut self, on_confirmed: &mut dyn FnMut(u64)) {
        self.confirmed.drain(..).for_each(on_confirmed);
    }

    /// Where the slice with this tag is; with `multiple` any up to it, and any at all for 0.
    fn find(&self, tag: u64, multiple: bool) -> Option<usize> {
        let meant = |sent| sent == tag || (multiple && (sent < tag || tag == 0));
        self.entries
            .iter()
            .position(|entry| matches!(entry.place, Place::Sent(sent) if meant(sent)))
    }

    fn remove(&mut self, at: usize) -> Entry {
        let entry = self.entries.remove(at).expect("it was found there");
        self.bytes -= entry.body.len();
        entry
    }
}

#[cfg(test)]
mod tests;
