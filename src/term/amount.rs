// SPDX-License-Identifier: MIT OR Apache-2.0
//! Large numbers for people: three digits that count, and a decimal prefix (ISO/IEC 80000-1).

use core::fmt;

/// Bits per second.
#[derive(Clone, Copy, Debug)]
pub struct Rate(pub u64);

/// Bytes.
#[derive(Clone, Copy, Debug)]
pub struct Bytes(pub u64);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        short(f, self.0, "bit/s")
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        short(f, self.0, "B")
    }
}

fn short(f: &mut fmt::Formatter<'_>, number: u64, unit: &str) -> fmt::Result {
    if number < 1_000 {
        return write!(f, "{number} {unit}");
    }
    let mut one = 1;
    for prefix in ["k", "M", "G", "T", "P", "E"] {
        one *= 1_000;
        for decimals in [2, 1, 0] {
            let scale = 10_u64.pow(decimals);
            let step = one / scale;
            // Half up; in this order nothing overflows.
            let rounded = number / step + u64::from(number % step >= step / 2);
            if rounded < 1_000 {
                let (whole, rest) = (rounded / scale, rounded % scale);
                let width = decimals as usize;
                return match decimals {
                    0 => write!(f, "{whole} {prefix}{unit}"),
                    _ => write!(f, "{whole}.{rest:0width$} {prefix}{unit}"),
                };
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count() {
        for (number, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (1_638, "1.64 kB"),
            (52_681, "52.7 kB"),
            (527_156, "527 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (55_024_642, "55.0 MB"),
            (1_234_567_890_123, "1.23 TB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(Bytes(number).to_string(), expected, "{number}");
        }
        assert_eq!(Rate(18_255_729).to_string(), "18.3 Mbit/s");
    }
}
