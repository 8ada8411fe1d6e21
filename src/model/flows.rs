// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flows that the kernel or the hardware forwards past every tap, and how far their counters moved
//! between two readings.

use super::index::Index;

/// Who forwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offload {
    /// The whole way through the kernel: every tap sees every frame.
    #[default]
    None,
    /// A short way through the kernel (flowtable): taps on bridge ports see every frame.
    Software,
    /// The hardware: no tap sees the frames.
    Hardware,
}

impl Offload {
    /// The word for it in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Software => "software",
            Self::Hardware => "hardware",
        }
    }
}

/// What went one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Their bytes, from the IP header on.
    pub bytes: u64,
}

impl Count {
    /// Bytes with the Ethernet header of each packet, without FCS.
    pub fn wire_bytes(self) -> u64 {
        self.bytes.saturating_add(self.packets.saturating_mul(14))
    }

    fn since(self, earlier: Self) -> Option<Self> {
        Some(Self {
            packets: self.packets.checked_sub(earlier.packets)?,
            bytes: self.bytes.checked_sub(earlier.bytes)?,
        })
    }
}

/// What a flow moved, there and back.
pub type Counts = [Count; 2];

/// What a sight of a flow says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It was not known, or its counters began anew: what they show was not forwarded unseen.
    First,
    /// This much since it was seen last.
    Moved(Counts),
    /// It was not known, and the table is full.
    NoRoom,
}

#[derive(Debug)]
struct Row {
    key: [u64; 2],
    counts: Counts,
    /// The reading that saw it last.
    reading: u32,
}

/// The flows of the last two readings, by a key made of all that tells them apart. Full: further
/// ones are refused.
///
/// Two, because the kernel may pass over a flow while others come and go (the position in
/// /proc/net/nf_conntrack is a number, not a flow): what it moved is then told by the next reading.
#[derive(Debug)]
pub struct Flows {
    rows: Vec<Row>,
    capacity: usize,
    index: Index,
    seed: u64,
    reading: u32,
}

impl Flows {
    /// Room for so many: see [`FLOWS_MAX`](crate::limits::FLOWS_MAX). `seed` is random, so that
    /// nobody can choose flows that are taken for each other.
    pub fn new(capacity: usize, seed: u64) -> Self {
        Self {
            rows: Vec::with_capacity(capacity),
            capacity,
            index: Index::new(capacity, seed),
            seed,
            reading: 0,
        }
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes the counters of the flow that these words tell apart from all others.
    pub fn sight(&mut self, words: &[u64], counts: Counts) -> Sight {
        let key = [self.seed, !self.seed.rotate_left(17)]
            .map(|seed| words.iter().fold(seed, |hash, word| mix(hash ^ word)));
        let wide = u128::from(key[0]) << 64 | u128::from(key[1]);
        let rows = &mut self.rows;
        if let Some(at) = self.index.find(wide, |at| rows[at].key == key) {
            let row = &mut rows[at];
            let earlier = core::mem::replace(&mut row.counts, counts);
            row.reading = self.reading;
            let [there, back] = [0, 1].map(|way| counts[way].since(earlier[way]));
            return match (there, back) {
                (Some(there), Some(back)) => Sight::Moved([there, back]),
                _ => Sight::First,
            };
        }
        if rows.len() == self.capacity {
            return Sight::NoRoom;
        }
        self.index.insert(wide, rows.len());
        rows.push(Row {
            key,
            counts,
            reading: self.reading,
        });
        Sight::First
    }

    /// Ends a reading: forgets the flows that neither it nor the one before has seen.
    pub fn end_reading(&mut self) {
        let (len, reading) = (self.rows.len(), self.reading);
        self.rows
            .retain(|row| reading.wrapping_sub(row.reading) <= 1);
        if self.rows.len() < len {
            self.index.clear();
            for (at, row) in self.rows.iter().enumerate() {
                let key = u128::from(row.key[0]) << 64 | u128::from(row.key[1]);
                self.index.insert(key, at);
            }
        }
        self.reading = reading.wrapping_add(1);
    }
}

/// The finishing steps of SplitMix64 (public domain).
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn counts(number: u64) -> Counts {
        [(number, number * 100), (number + 1, number * 7)]
            .map(|(packets, bytes)| Count { packets, bytes })
    }

    fn moved(number: u64) -> Sight {
        let [there, back] = counts(number);
        let packets = number;
        Sight::Moved([there, Count { packets, ..back }])
    }

    #[test]
    fn what_was_there_at_first_sight_is_not_counted() {
        let mut flows = Flows::new(2, 7);
        assert_eq!(flows.sight(&[1], counts(5)), Sight::First);
        flows.end_reading();
        assert_eq!(flows.sight(&[1], counts(9)), moved(4));
        assert_eq!(
            flows.sight(&[1], counts(9)),
            moved(0),
            "shown twice in one reading"
        );
        assert_eq!(flows.sight(&[2], counts(9)), Sight::First);
    }

    #[test]
    fn a_flow_that_is_made_anew_begins_anew() {
        let mut flows = Flows::new(2, 7);
        flows.sight(&[1], counts(5));
        assert_eq!(flows.sight(&[1], counts(4)), Sight::First);
        assert_eq!(flows.sight(&[1], counts(6)), moved(2));
    }

    #[test]
    fn a_flow_may_be_passed_over_once_and_then_ends() {
        let mut flows = Flows::new(2, 7);
        flows.sight(&[1], counts(5));
        flows.end_reading();
        flows.end_reading();
        assert_eq!(flows.sight(&[1], counts(8)), moved(3));
        for _ in 0..3 {
            flows.end_reading();
        }
        assert!(flows.is_empty());
        assert_eq!(flows.sight(&[1], counts(9)), Sight::First);
    }

    #[test]
    fn a_full_table_refuses_until_a_flow_ends() {
        for capacity in [0, 1, 7, 8, 9] {
            let mut flows = Flows::new(capacity, 7);
            for i in 0..capacity + 3 {
                let expected = match i < capacity {
                    true => Sight::First,
                    false => Sight::NoRoom,
                };
                assert_eq!(flows.sight(&[i as u64], counts(1)), expected);
            }
            for _ in 0..2 {
                flows.end_reading();
                for i in 1..capacity {
                    assert_eq!(flows.sight(&[i as u64], counts(1)), moved(0));
                }
            }
            flows.end_reading();
            assert_eq!(flows.len(), capacity.saturating_sub(1));
            if capacity > 0 {
                assert_eq!(flows.sight(&[99], counts(1)), Sight::First);
            }
            assert_eq!(flows.sight(&[98], counts(1)), Sight::NoRoom);
        }
    }

    #[test]
    fn a_header_of_ethernet_is_added_to_each_packet() {
        let largest = Count {
            packets: u64::MAX,
            bytes: 1,
        };
        assert_eq!(counts(2)[0].wire_bytes(), 228);
        assert_eq!(largest.wire_bytes(), u64::MAX);
    }

    proptest! {
        #[test]
        fn the_sum_is_what_the_counters_grew(
            sights in prop::collection::vec((0_u64..6, 0_u64..50, any::<bool>()), 0..200),
            seed: u64,
        ) {
            let mut flows = Flows::new(6, seed);
            let mut shown: HashMap<u64, (u64, u64)> = HashMap::new();
            let mut sums: HashMap<u64, u64> = HashMap::new();
            for (flow, grown, end) in sights {
                let first = !shown.contains_key(&flow);
                let (start, now) = shown.entry(flow).or_insert((grown, grown));
                if !first {
                    *now += grown;
                }
                if let Sight::Moved([there, _]) = flows.sight(&[flow], counts(*now)) {
                    *sums.entry(flow).or_default() += there.bytes;
                }
                let grew = (*now - *start) * 100;
                prop_assert_eq!(sums.get(&flow).copied().unwrap_or(0), grew);
                if end {
                    for flow in shown.keys() {
                        flows.sight(&[*flow], counts(shown[flow].1));
                    }
                    flows.end_reading();
                }
            }
        }
    }
}
