// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fields and numbers as JSON (RFC 8259), at the end of a buffer.

use super::number::{self, Number, Rounded};
use crate::encode::json::{Json, Style};

/// A field as it is: integers to any length, floats to 3 decimals, else a string.
pub fn field(token: &[u8], out: &mut Vec<u8>) {
    if is_plain(token) {
        out.extend_from_slice(token);
    } else if let Some((negative, digits)) = number::integer(token) {
        if negative {
            out.push(b'-');
        }
        out.extend_from_slice(digits);
    } else if let Some(rounded) = number::float(token) {
        float(rounded, out);
    } else {
        string(token, out);
    }
}

/// Whether it is an integer in the form that JSON has.
fn is_plain(token: &[u8]) -> bool {
    match token {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// A string, invalid bytes as U+FFFD.
pub fn string(text: &[u8], out: &mut Vec<u8>) {
    let mut json = Json::new(out, Style::Compact);
    // Writing to a vector cannot fail.
    let _ = json.string(&String::from_utf8_lossy(text));
}

/// An integer.
pub fn integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A number, exact or shortest.
pub fn number(value: Number, out: &mut Vec<u8>) {
    match value {
        Number::Int(value) => match i64::try_from(value) {
            Ok(value) => integer(value, out),
            Err(_) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
        },
        Number::Float(value) => shortest(value, out),
    }
}

/// A float after its rounding: at least one decimal, no exponent.
pub fn float(rounded: Rounded, out: &mut Vec<u8>) {
    let Rounded::Decimal {
        negative,
        scaled,
        decimals,
    } = rounded
    else {
        return shortest(rounded.value(), out);
    };
    if negative {
        out.push(b'-');
    }
    let unit = 10_u64.pow(decimals);
    out.extend_from_slice(itoa::Buffer::new().format(scaled / unit).as_bytes());
    let (mut fraction, mut place) = (scaled % unit, unit / 10);
    out.push(b'.');
    loop {
        // Below ten: `fraction` is less than ten times `place`.
        out.push(b'0' + (fraction / place) as u8);
        (fraction, place) = (fraction % place, place / 10);
        if fraction == 0 || place == 0 {
            return;
        }
    }
}

/// The shortest decimal that stands for a finite double: at least one decimal, no exponent.
pub fn shortest(value: f64, out: &mut Vec<u8>) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    let Some((digits, exponent)) = text.split_once('e') else {
        out.extend_from_slice(text.as_bytes());
        return;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = [whole, fraction].concat();
    let fraction = if fraction == "0" { "" } else { fraction };
    out.extend_from_slice(sign.as_bytes());
    let zeros = |count: i32, out: &mut Vec<u8>| {
        out.extend(core::iter::repeat_n(
            b'0',
            usize::try_from(count).unwrap_or(0),
        ));
    };
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        zeros(-exponent - 1, out);
        let digits = digits.trim_end_matches('0');
        out.extend_from_slice(digits.as_bytes());
    } else {
        // With an exponent there are fewer digits than places before the point.
        out.extend_from_slice(whole.as_bytes());
        out.extend_from_slice(fraction.as_bytes());
        zeros(exponent - fraction.len() as i32, out);
        out.extend_from_slice(b".0");
    }
}

/// The whole part of a double, as an integer of any length.
pub fn truncated(value: f64, out: &mut Vec<u8>) {
    const EXACT: f64 = (1_u64 << 62) as f64;
    if value.abs() < EXACT {
        integer(value as i64, out);
    } else {
        // A double of this size has no fraction, and all its digits are written.
        out.extend_from_slice(format!("{value:.0}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[track_caller]
    fn check(token: &str, expected: &str) {
        assert_eq!(text(|out| field(token.as_bytes(), out)), expected);
    }

    #[test]
    fn a_field_is_an_integer_else_a_float_else_text() {
        check("0", "0");
        check("-0", "0");
        check("+80", "80");
        check("007", "7");
        check(
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        );
        check("1.5000", "1.5");
        check("0.000000", "0.0");
        check("-0.0001", "-0.0");
        check("1e3", "1000.0");
        check("1e22", "10000000000000000000000.0");
        check("9.5e21", "9500000000000000000000.0");
        check("1e-9", "0.0");
        check("---", "\"---\"");
        check("a\"b", "\"a\\\"b\"");
        check("", "\"\"");
        check("nan", "\"nan\"");
        assert_eq!(text(|out| field(b"\xffx", out)), "\"\u{fffd}x\"");
    }

    #[test]
    fn small_and_large_doubles_have_no_exponent() {
        assert_eq!(text(|out| shortest(1e-5, out)), "0.00001");
        assert_eq!(text(|out| shortest(-1.25e-7, out)), "-0.000000125");
        assert_eq!(text(|out| shortest(1.5e300, out)).len(), 303);
        assert_eq!(text(|out| truncated(-1.9, out)), "-1");
        assert_eq!(text(|out| truncated(1e20, out)), "100000000000000000000");
    }

    proptest! {
        #[test]
        fn what_is_written_is_the_same_double(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let written = text(|out| shortest(value, out));
            prop_assert!(!written.contains('e') && written.contains('.'), "{}", written);
            prop_assert!(!written.ends_with("00") && !written.contains(".0e"));
            prop_assert_eq!(written.parse::<f64>().unwrap().to_bits(), bits, "{}", written);
        }

        #[test]
        fn a_rounded_double_is_written_shortest(bits: u64, decimals in 2_u32..=3) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let rounded = number::round(value, decimals);
            let direct = text(|out| float(rounded, out));
            prop_assert_eq!(direct, text(|out| shortest(rounded.value(), out)));
        }

        #[test]
        fn usual_ones_too(
            scaled in -(1_i64 << 60)..1 << 60,
            shift in 0_i32..60,
            decimals in 2_u32..=3,
        ) {
            let rounded = number::round(scaled as f64 / 2_f64.powi(shift), decimals);
            let direct = text(|out| float(rounded, out));
            prop_assert_eq!(direct, text(|out| shortest(rounded.value(), out)));
        }
    }
}
