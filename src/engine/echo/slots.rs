// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests that are waited for, each in the place of its sequence number.

use crate::time::Mono;

/// A request, in the place of its sequence number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) sent: Mono,
    pub(super) host: u32,
    pub(super) round: u32,
    pub(super) sequence: u16,
    pub(super) state: State,
}

const FREE: Slot = Slot {
    sent: Mono::from_ns(0),
    host: 0,
    round: 0,
    sequence: 0,
    state: State::Free,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Free,
    Asked,
    Answered,
}

/// A power of two of them; a sequence number has its place by its lower bits.
#[derive(Debug)]
pub(super) struct Slots(Box<[Slot]>);

impl Slots {
    /// One.
    pub(super) fn new() -> Self {
        Self(Box::new([FREE]))
    }

    /// Makes room for so many; those that are there stay.
    pub(super) fn reserve(&mut self, count: usize) {
        let len = count.clamp(1, 1 << 16).next_power_of_two();
        if len <= self.0.len() {
            return;
        }
        // Those of different places have different places here.
        let old = core::mem::replace(&mut self.0, vec![FREE; len].into_boxed_slice());
        for slot in old.into_iter().filter(|slot| slot.state != State::Free) {
            *self.at_mut(slot.sequence) = slot;
        }
    }

    /// What is in the place of a sequence number.
    pub(super) fn at(&self, sequence: u16) -> &Slot {
        &self.0[self.place(sequence)]
    }

    /// The same, to be changed.
    pub(super) fn at_mut(&mut self, sequence: u16) -> &mut Slot {
        let place = self.place(sequence);
        &mut self.0[place]
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// All places.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.0.iter_mut()
    }

    fn place(&self, sequence: u16) -> usize {
        usize::from(sequence) & (self.0.len() - 1)
    }
}
