// SPDX-License-Identifier: MIT OR Apache-2.0
//! How many different hosts there are, in 16 KiB: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier
//! 2007). Only where it was asked for.

/// Bits of a hash that choose the register.
const INDEX_BITS: u32 = 14;

/// Registers, one byte each.
const REGISTERS: usize = 1 << INDEX_BITS;

/// The standard error in hundredths of a percent: 1.04 / sqrt(REGISTERS).
pub const ERROR_CENTIPERCENT: u64 = 81;

/// The registers.
#[derive(Debug)]
pub struct Sketch(Vec<u8>);

impl Sketch {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self(vec![0; REGISTERS])
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Takes a host by its hash.
    pub fn add(&mut self, hash: u64) {
        let register = &mut self.0[(hash >> (64 - INDEX_BITS)) as usize];
        // Ends at the lowest bit of the index, if not before.
        let rank = (hash << INDEX_BITS | 1 << (INDEX_BITS - 1)).leading_zeros() + 1;
        *register = (*register).max(rank as u8);
    }

    /// About how many different hosts were taken.
    pub fn count(&self) -> u64 {
        let registers = REGISTERS as f64;
        let sum: f64 = self.0.iter().map(|rank| (-f64::from(*rank)).exp2()).sum();
        let raw = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / sum;
        let zeros = self.0.iter().filter(|rank| **rank == 0).count();
        if raw <= 2.5 * registers && zeros > 0 {
            return (registers * (registers / zeros as f64).ln()).round() as u64;
        }
        raw.round() as u64
    }
}

impl Default for Sketch {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connspy::host;

    #[test]
    fn counts_are_right_within_four_standard_errors() {
        for count in [0_u64, 1, 100, 10_000, 40_000, 300_000] {
            for key in 1..4_u64 {
                let mut sketch = Sketch::new();
                for number in 0..count {
                    let name = format!("host{number}.example");
                    for _ in 0..2 {
                        sketch.add(host::hash(name.as_bytes(), key << 40));
                    }
                }
                let error = sketch.count().abs_diff(count) as f64;
                assert!(
                    error <= count as f64 * 0.0325 + 1.0,
                    "{count}: {}",
                    sketch.count()
                );
            }
        }
    }
}
