// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much was moved, as counted where the frames pass: plain values, cumulative since the start.

use crate::model::addr::Mac;

/// A device as one interface sees it: what is counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// The device's address.
    pub mac: Mac,
    /// The low 16 bits of the interface's index.
    pub interface: u16,
}

/// What a lane moved; rx and tx as seen from the device. Bytes are those on the wire, from the
/// Ethernet header on, without the checksum.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Bytes that the device sent.
    pub tx_bytes: u64,
    /// Frames that the device sent.
    pub tx_frames: u64,
    /// Bytes that the device received.
    pub rx_bytes: u64,
    /// Frames that the device received.
    pub rx_frames: u64,
    /// Of the bytes sent, those to this router itself: the other address was one of its own.
    pub routed_tx_bytes: u64,
    /// Of the bytes received, those from this router itself.
    pub routed_rx_bytes: u64,
}

impl Flow {
    /// The values in the order of the fields.
    pub const fn words(self) -> [u64; 6] {
        [
            self.tx_bytes,
            self.tx_frames,
            self.rx_bytes,
            self.rx_frames,
            self.routed_tx_bytes,
            self.routed_rx_bytes,
        ]
    }

    /// The inverse of [`Flow::words`].
    pub const fn from_words(words: [u64; 6]) -> Self {
        let [
            tx_bytes,
            tx_frames,
            rx_bytes,
            rx_frames,
            routed_tx_bytes,
            routed_rx_bytes,
        ] = words;
        Self {
            tx_bytes,
            tx_frames,
            rx_bytes,
            rx_frames,
            routed_tx_bytes,
            routed_rx_bytes,
        }
    }

    /// What was moved since `earlier`, an older reading of the same lane; wraps like the counters.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self::from_words(each(self.words(), earlier.words(), u64::wrapping_sub))
    }

    /// Adds what was moved; wraps like the counters.
    pub fn add(&mut self, moved: Self) {
        *self = Self::from_words(each(self.words(), moved.words(), u64::wrapping_add));
    }

    /// Whether nothing was moved.
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// What is counted beside the lanes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Frames seen, as they were on the wire; a tap at each end of a path sees a frame twice.
    pub frames: u64,
    /// Bytes that this router itself received.
    pub self_rx_bytes: u64,
    /// Frames that this router itself received.
    pub self_rx_frames: u64,
    /// Bytes that this router itself sent, to groups too.
    pub self_tx_bytes: u64,
    /// Frames that this router itself sent, to groups too.
    pub self_tx_frames: u64,
    /// Bytes to groups: broadcast and multicast.
    pub group_bytes: u64,
    /// Frames to groups.
    pub group_frames: u64,
    /// Bytes that devices without room for a lane received.
    pub other_rx_bytes: u64,
    /// Bytes that devices without room for a lane sent.
    pub other_tx_bytes: u64,
    /// Frames of devices without room for a lane.
    pub other_frames: u64,
}

impl Totals {
    /// The values in the order of the fields.
    pub const fn words(self) -> [u64; 10] {
        [
            self.frames,
            self.self_rx_bytes,
            self.self_rx_frames,
            self.self_tx_bytes,
            self.self_tx_frames,
            self.group_bytes,
            self.group_frames,
            self.other_rx_bytes,
            self.other_tx_bytes,
            self.other_frames,
        ]
    }

    /// The inverse of [`Totals::words`].
    pub const fn from_words(words: [u64; 10]) -> Self {
        let [
            frames,
            self_rx_bytes,
            self_rx_frames,
            self_tx_bytes,
            self_tx_frames,
            ..,
        ] = words;
        let [
            ..,
            group_bytes,
            group_frames,
            other_rx_bytes,
            other_tx_bytes,
            other_frames,
        ] = words;
        Self {
            frames,
            self_rx_bytes,
            self_rx_frames,
            self_tx_bytes,
            self_tx_frames,
            group_bytes,
            group_frames,
            other_rx_bytes,
            other_tx_bytes,
            other_frames,
        }
    }

    /// What was counted since `earlier`, an older reading; wraps like the counters.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self::from_words(each(self.words(), earlier.words(), u64::wrapping_sub))
    }

    /// Adds what was counted; wraps like the counters.
    pub fn add(&mut self, counted: Self) {
        *self = Self::from_words(each(self.words(), counted.words(), u64::wrapping_add));
    }
}

fn each<const N: usize>(mut a: [u64; N], b: [u64; N], of: impl Fn(u64, u64) -> u64) -> [u64; N] {
    for (a, b) in a.iter_mut().zip(b) {
        *a = of(*a, b);
    }
    a
}

const _: () = {
    assert!(size_of::<Flow>() == 48);
    assert!(size_of::<Totals>() == 80);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_the_order_of_the_fields() {
        let flow = Flow::from_words([1, 2, 3, 4, 5, 6]);
        assert_eq!((flow.tx_bytes, flow.rx_bytes), (1, 3));
        assert_eq!((flow.routed_tx_bytes, flow.routed_rx_bytes), (5, 6));
        assert_eq!(flow.words(), [1, 2, 3, 4, 5, 6]);
        let words = core::array::from_fn(|i| i as u64);
        let totals = Totals::from_words(words);
        assert_eq!((totals.self_tx_frames, totals.group_bytes), (4, 5));
        assert_eq!((totals.other_tx_bytes, totals.other_frames), (8, 9));
        assert_eq!(totals.words(), words);
    }

    #[test]
    fn a_difference_survives_the_wrap_of_a_counter() {
        let before = Flow::from_words([u64::MAX - 1, 7, 0, 0, 0, 0]);
        let mut after = before;
        after.add(Flow::from_words([5, 1, 0, 0, 0, 2]));
        assert_eq!(after.tx_bytes, 3);
        assert_eq!(after.since(before), Flow::from_words([5, 1, 0, 0, 0, 2]));
        assert!(after.since(after).is_zero() && !after.is_zero());
        let mut totals = Totals::from_words([u64::MAX; 10]);
        totals.add(Totals::from_words([2; 10]));
        assert_eq!(totals.words(), [1; 10]);
        let difference = totals.since(Totals::from_words([u64::MAX; 10]));
        assert_eq!(difference.words(), [2; 10]);
    }
}
