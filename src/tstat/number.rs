// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers as tstat writes them, and what becomes of them: integers stay exact, the rest is rounded
//! by the exact value of the double (IEEE 754) it stands for, ties to even.
//!
//! A field is an integer if it can be one, else a float, else text; `nan`, `inf` and `1_000` are
//! text.

use core::cmp::Ordering;

/// A field that can be reckoned with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Within 68 bits, so that eight times a 64-bit counter fits.
    Int(i128),
    /// Finite.
    Float(f64),
}

/// Why a field cannot be reckoned with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotANumber {
    /// It is text.
    Text,
    /// It is beyond 64 bits, or a result is beyond the doubles.
    TooLarge,
}

impl Number {
    /// The number that a field is.
    ///
    /// # Errors
    /// When it is none, or too large to reckon with.
    pub fn of(token: &[u8]) -> Result<Self, NotANumber> {
        match integer(token) {
            Some((negative, digits)) if digits.len() <= 20 => {
                let value = digits
                    .iter()
                    .fold(0_i128, |value, digit| value * 10 + i128::from(digit - b'0'));
                if value > i128::from(u64::MAX) {
                    return Err(NotANumber::TooLarge);
                }
                Ok(Self::Int(if negative { -value } else { value }))
            }
            Some(_) => Err(NotANumber::TooLarge),
            None => float(token)
                .map(|rounded| Self::Float(rounded.value()))
                .ok_or(NotANumber::Text),
        }
    }

    /// The nearest double.
    pub fn value(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        match self {
            Self::Int(value) => value == 0,
            Self::Float(value) => value == 0.0,
        }
    }

    /// Eight times as much: bits from bytes.
    pub fn octuple(self) -> Self {
        match self {
            Self::Int(value) => Self::Int(value * 8),
            Self::Float(value) => Self::Float(value * 8.0),
        }
    }

    /// The double nearest to the quotient; `by` is not zero.
    pub fn over(self, by: Self) -> f64 {
        match (self, by) {
            (Self::Int(number), Self::Int(by)) => quotient(number, by),
            _ => self.value() / by.value(),
        }
    }

    /// Which one is larger.
    pub fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(one), Self::Int(other)) => one.cmp(&other),
            // Both finite, so they compare; -0.0 is as large as 0.0.
            _ => {
                let (one, other) = (self.value(), other.value());
                one.partial_cmp(&other).unwrap_or(Ordering::Equal)
            }
        }
    }
}

/// The double nearest to `number` / `by`, of which the exact quotient is rounded once.
fn quotient(number: i128, by: i128) -> f64 {
    const EXACT: u128 = 1 << 53;
    let (n, d) = (number.unsigned_abs(), by.unsigned_abs());
    if n <= EXACT && d <= EXACT {
        return number as f64 / by as f64;
    }
    if n == 0 {
        return 0.0;
    }
    // At least 59 bits, of which the last one stands for all that follow.
    let shift = n.leading_zeros() - 1;
    let (whole, rest) = ((n << shift) / d, (n << shift) % d);
    let near = (whole | u128::from(rest != 0)) as f64;
    let value = near / (1_u128 << shift) as f64;
    if (number < 0) == (by < 0) {
        value
    } else {
        -value
    }
}

/// Sign and digits, without zeros in front, of an integer; `None` when it is none.
pub fn integer(token: &[u8]) -> Option<(bool, &[u8])> {
    let (negative, digits) = match token.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, token),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let digits = &digits[zeros.min(digits.len() - 1)..];
    Some((negative && digits != b"0", digits))
}

/// A float after its rounding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rounded {
    /// `scaled` / 10^`decimals`, with a sign of its own, because zero may be negative. The decimal
    /// is the shortest one that stands for its double.
    Decimal {
        /// Whether it is below zero.
        negative: bool,
        /// Below 2^53.
        scaled: u64,
        /// 2 or 3.
        decimals: u32,
    },
    /// So large that there is nothing to round.
    Wide(f64),
}

impl Rounded {
    /// The double that it stands for.
    pub fn value(self) -> f64 {
        match self {
            Self::Decimal {
                negative,
                scaled,
                decimals,
            } => {
                // Both exact, so the quotient is the nearest double.
                let value = scaled as f64 / 10_f64.powi(decimals as i32);
                if negative { -value } else { value }
            }
            Self::Wide(value) => value,
        }
    }
}

/// `value`, which is finite, to 2 or 3 `decimals`.
pub fn round(value: f64, decimals: u32) -> Rounded {
    // From here on two doubles lie farther apart than two decimals, so that the nearest double to
    // the nearest decimal is the value itself.
    let (wide, unit) = match decimals {
        2 => ((1_u64 << 46) as f64, 100),
        _ => ((1_u64 << 43) as f64, 1_000),
    };
    if value.abs() >= wide {
        return Rounded::Wide(value);
    }
    let bits = value.abs().to_bits();
    let exponent = bits >> 52;
    // value = mantissa / 2^shift; a subnormal, like all that is small, becomes zero.
    let mantissa = (bits & ((1 << 52) - 1)) | u64::from(exponent > 0) << 52;
    let shift = 1_075 - exponent.max(1);
    let product = mantissa * unit;
    let scaled = if shift > 63 {
        // The product is below 2^63, half of what would be one.
        0
    } else {
        let (whole, rest) = (product >> shift, product & ((1 << shift) - 1));
        let half = 1_u64 << (shift - 1);
        whole + u64::from(rest > half || (rest == half && whole & 1 == 1))
    };
    Rounded::Decimal {
        negative: value.is_sign_negative(),
        scaled,
        decimals,
    }
}

const POWERS: [u64; 16] = {
    let mut powers = [1; 16];
    let mut i = 1;
    while i < 16 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The float that a field is, to 3 decimals; `None` when it is none, or beyond the doubles.
pub fn float(token: &[u8]) -> Option<Rounded> {
    short_float(token).or_else(|| long_float(token))
}

/// As [`float`], for one of at most 15 digits without exponent that does not lie on a tie: then
/// the double is so near to the decimal that both are rounded alike.
fn short_float(token: &[u8]) -> Option<Rounded> {
    let (negative, digits) = match token.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, token),
    };
    if !(2..=16).contains(&digits.len()) {
        return None;
    }
    let (mut number, mut point) = (0_u64, None);
    for (i, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(i),
            _ => return None,
        }
    }
    let decimals = digits.len() - 1 - point?;
    let scaled = if decimals <= 3 {
        number.checked_mul(POWERS[3 - decimals])?
    } else {
        let unit = POWERS[decimals - 3];
        let (whole, rest) = (number / unit, number % unit);
        match rest.cmp(&(unit / 2)) {
            Ordering::Less => whole,
            Ordering::Equal => return None,
            Ordering::Greater => whole + 1,
        }
    };
    (scaled < 1 << 53).then_some(Rounded::Decimal {
        negative,
        scaled,
        decimals: 3,
    })
}

fn long_float(token: &[u8]) -> Option<Rounded> {
    if !is_float(token) {
        return None;
    }
    let value: f64 = core::str::from_utf8(token).ok()?.parse().ok()?;
    value.is_finite().then(|| round(value, 3))
}

/// Whether it is a decimal with point or exponent: `1.`, `.5`, `-1e5`.
fn is_float(token: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unsigned = match token.split_first() {
        Some((b'+' | b'-', rest)) => rest,
        _ => token,
    };
    let whole = digits(unsigned);
    let mut rest = &unsigned[whole..];
    let mut count = whole;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let len = digits(fraction);
        count += len;
        rest = &fraction[len..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent.split_first() {
            Some((b'+' | b'-', rest)) => rest,
            _ => exponent,
        };
        return count > 0 && !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    count > 0 && rest.is_empty()
}

#[cfg(test)]
mod tests;
