// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers, durations and truth values as people and kernels write them; never through a float.

use core::time::Duration;

/// An unsigned decimal number; `None` when it is anything else or does not fit.
pub fn unsigned(digits: &[u8]) -> Option<u64> {
    let (number, rest) = leading_unsigned(digits)?;
    rest.is_empty().then_some(number)
}

/// The unsigned decimal number that `text` begins with, and what follows it; `None` when there is
/// none or it does not fit.
#[inline]
pub fn leading_unsigned(text: &[u8]) -> Option<(u64, &[u8])> {
    /// 10^19 − 1 is below 2^64.
    const SAFE_DIGITS: usize = 19;
    let mut number = 0_u64;
    let mut len = 0;
    while let Some(digit) = text
        .get(len)
        .map(|byte| byte.wrapping_sub(b'0'))
        .filter(|&d| d < 10)
    {
        let digit = u64::from(digit);
        number = match len {
            0..SAFE_DIGITS => number * 10 + digit,
            _ => number.checked_mul(10)?.checked_add(digit)?,
        };
        len += 1;
    }
    (len > 0).then(|| (number, &text[len..]))
}

/// Yes or no, in any case: `1` `true` `yes` `on`, `0` `false` `no` `off`.
pub fn boolean(text: &str) -> Option<bool> {
    let is = |word: &&str| text.eq_ignore_ascii_case(word);
    if ["1", "true", "yes", "on"].iter().any(is) {
        Some(true)
    } else if ["0", "false", "no", "off"].iter().any(is) {
        Some(false)
    } else {
        None
    }
}

/// Seconds with a decimal fraction, to the microsecond; what is finer is cut off.
pub fn seconds(text: &str) -> Option<Duration> {
    decimal_us(text, 1_000_000).map(Duration::from_micros)
}

/// A duration: a number with at most three decimals and `ms`, `s`, `m`, `h`, `d`, or plain seconds.
pub fn duration(text: &str) -> Option<Duration> {
    let unit_at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let unit_us = match unit {
        "ms" => 1_000,
        "" | "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return None,
    };
    let decimals = number
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    if decimals > 3 {
        return None;
    }
    decimal_us(number, unit_us).map(Duration::from_micros)
}

/// `number` × `unit_us`, truncated; the fraction counts to its sixth digit.
fn decimal_us(number: &str, unit_us: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(core::iter::repeat(b'0')).take(6);
    let millionths = digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    let fraction_us = u128::from(millionths) * u128::from(unit_us) / 1_000_000;
    let whole_us = unsigned(whole.as_bytes())?.checked_mul(unit_us)?;
    whole_us.checked_add(u64::try_from(fraction_us).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected_us: Option<u64>) {
        assert_eq!(
            duration(text),
            expected_us.map(Duration::from_micros),
            "{text:?}"
        );
    }

    #[test]
    fn a_plain_duration_is_in_seconds() {
        check("5", Some(5_000_000));
        check("0.5", Some(500_000));
        check("1.0015", None);
        check("0", Some(0));
    }

    #[test]
    fn a_unit_may_follow_the_number() {
        check("200ms", Some(200_000));
        check("0.001ms", Some(1));
        check("1.5m", Some(90_000_000));
        check("1h", Some(3_600_000_000));
        check("1.125d", Some(97_200_000_000));
        check("213503982d", Some(213_503_982 * 86_400_000_000));
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for bad in [
            "",
            "s",
            "5x",
            "5 s",
            " 5",
            "-3",
            "+3",
            "1e3",
            ".5",
            "5.",
            "1.2.3",
            "1.x",
            "0x10",
            "5S",
            "99999999999999999999",
            "213503983d",
            "\u{665}s",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn seconds_are_exact_to_the_microsecond() {
        assert_eq!(seconds("1.0015"), Some(Duration::from_micros(1_001_500)));
        assert_eq!(
            seconds("1.0000019999999999999999999999"),
            Some(Duration::from_micros(1_000_001))
        );
        assert_eq!(seconds("1.000001x"), None);
        assert_eq!(seconds("5ms"), None);
    }

    #[test]
    fn truth_has_eight_spellings() {
        for (yes, no) in [("1", "0"), ("TRUE", "False"), ("yes", "NO"), ("On", "off")] {
            assert_eq!((boolean(yes), boolean(no)), (Some(true), Some(false)));
        }
        assert_eq!(boolean("maybe"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text: String) {
            duration(&text);
            seconds(&text);
            boolean(&text);
        }

        #[test]
        fn a_number_is_read_back(number: u64) {
            prop_assert_eq!(unsigned(number.to_string().as_bytes()), Some(number));
            prop_assert_eq!(unsigned(format!("0{number}").as_bytes()), Some(number));
        }
    }
}
