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
    let mut size = 1_000_u64;
    for prefix in ["", "k", "M", "G", "T", "P"] {
        // Up to 999.5 of the prefix, so that rounding never gives four digits.
        if u128::from(number) * 2 < u128::from(size) * 2 - u128::from(size / 1_000) || prefix == "P"
        {
            let one = size / 1_000;
            return rounded(f, number, one, prefix, unit);
        }
        size = size.saturating_mul(1_000);
    }
    Ok(())
}

fn rounded(
    f: &mut fmt::Formatter<'_>,
    number: u64,
    one: u64,
    prefix: &str,
    unit: &str,
) -> fmt::Result {
    if one == 1 {
        return write!(f, "{number} {unit}");
    }
    let hundredths = (u128::from(number) * 100 + u128::from(one) / 2) / u128::from(one);
    match hundredths {
        0..1_000 => write!(f, "{}.{:02}", hundredths / 100, hundredths % 100),
        1_000..10_000 => write!(f, "{}.{}", hundredths / 100, hundredths / 10 % 10),
        _ => write!(f, "{}", hundredths / 100),
    }?;
    write!(f, " {prefix}{unit}")
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
            (u64::MAX, "18446 PB"),
        ] {
            assert_eq!(Bytes(number).to_string(), expected, "{number}");
        }
        assert_eq!(Rate(18_255_729).to_string(), "18.3 Mbit/s");
    }
}
