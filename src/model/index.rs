// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finding rows of a table by a key that strangers choose: a hash table of row numbers with a
//! secret seed, so that nobody can choose keys that collide. Allocates once.

/// Numbers of rows, found by hash. The rows themselves are elsewhere.
#[derive(Clone, Debug)]
pub struct Index {
    /// Row number plus one; 0 is free. At most half are taken.
    slots: Box<[u32]>,
    seed: u64,
    len: usize,
}

impl Index {
    /// An index for at most `capacity` rows: 8 to 16 B each.
    pub fn new(capacity: usize, seed: u64) -> Self {
        let slots = (capacity.max(1) * 2).next_power_of_two();
        Self {
            slots: vec![0; slots].into_boxed_slice(),
            seed,
            len: 0,
        }
    }

    /// Rows that it has room for.
    pub fn capacity(&self) -> usize {
        self.slots.len() / 2
    }

    /// The row with that key for which `is_it` says so.
    pub fn find(&self, key: u128, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut at = self.hash(key) & mask;
        while self.slots[at] != 0 {
            let row = self.slots[at] as usize - 1;
            if is_it(row) {
                return Some(row);
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// Notes that `row` has that key, which no row has yet. Beyond the capacity nothing happens.
    pub fn insert(&mut self, key: u128, row: usize) {
        let Some(number) = u32::try_from(row).ok().and_then(|row| row.checked_add(1)) else {
            return;
        };
        if self.len * 2 >= self.slots.len() {
            return;
        }
        let mask = self.slots.len() - 1;
        let mut at = self.hash(key) & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = number;
        self.len += 1;
    }

    /// Forgets `row`, which has that key; `key_of` tells those of the other rows.
    pub fn remove(&mut self, key: u128, row: usize, key_of: impl Fn(usize) -> u128) {
        let mask = self.slots.len() - 1;
        let mut hole = self.hash(key) & mask;
        while self.slots[hole] as usize != row + 1 {
            if self.slots[hole] == 0 {
                return;
            }
            hole = (hole + 1) & mask;
        }
        // What stands behind closes up, as far as it may stand there.
        let mut at = (hole + 1) & mask;
        while self.slots[at] != 0 {
            let home = self.hash(key_of(self.slots[at] as usize - 1)) & mask;
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                self.slots[hole] = self.slots[at];
                hole = at;
            }
            at = (at + 1) & mask;
        }
        self.slots[hole] = 0;
        self.len -= 1;
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.slots.fill(0);
        self.len = 0;
    }

    /// The finishing steps of MurmurHash3 (public domain), over both halves of the key.
    fn hash(&self, key: u128) -> usize {
        let mix = |mut x: u64| {
            x = (x ^ (x >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
            x = (x ^ (x >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
            x ^ (x >> 33)
        };
        let (high, low) = ((key >> 64) as u64, key as u64);
        mix(mix(low ^ self.seed) ^ high.wrapping_add(self.seed.rotate_left(32))) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn rows_that_are_removed_are_gone_and_the_others_stay(
            steps in prop::collection::vec((0_u128..40, any::<bool>()), 0..200),
            seed: u64,
        ) {
            let mut index = Index::new(32, seed);
            let mut keys = [None; 32];
            let mut expected = HashMap::new();
            for (key, insert) in steps {
                let free = keys.iter().position(Option::is_none);
                if let Some(row) = expected.get(&key).copied().filter(|_| !insert) {
                    index.remove(key, row, |row| keys[row].unwrap());
                    keys[row] = None;
                    expected.remove(&key);
                } else if let Some(row) = free.filter(|_| insert && !expected.contains_key(&key)) {
                    index.insert(key, row);
                    keys[row] = Some(key);
                    expected.insert(key, row);
                }
                for key in 0..40 {
                    let found = index.find(key, |row| keys[row] == Some(key));
                    prop_assert_eq!(found, expected.get(&key).copied());
                }
            }
        }
    }

    #[test]
    fn rows_are_found_up_to_the_capacity_and_others_are_not() {
        for capacity in [0, 1, 7, 8, 9, 1_000] {
            let keys: Vec<u128> = (0..capacity as u128).map(|i| (i << 64) | (i % 3)).collect();
            let mut index = Index::new(capacity, 7);
            for (row, &key) in keys.iter().enumerate() {
                assert_eq!(index.find(key, |row| keys[row] == key), None);
                index.insert(key, row);
            }
            for (row, &key) in keys.iter().enumerate() {
                assert_eq!(index.find(key, |row| keys[row] == key), Some(row));
            }
            for _ in 0..3 * capacity + 3 {
                index.insert(99, 0); // Beyond the capacity it must still end.
            }
            assert_eq!(index.find(1 << 100, |_| false), None);
            index.clear();
            assert_eq!(index.find(0, |_| true), None);
        }
    }
}
