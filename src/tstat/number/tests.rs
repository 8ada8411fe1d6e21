// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers beside the decimals of core's own formatting, which is exact.

use super::*;
use proptest::prelude::*;

/// The same by the long way: the exact decimal text of the double, to the nearest, ties to even.
fn reference(value: f64, decimals: usize) -> f64 {
    format!("{value:.decimals$}").parse().unwrap()
}

#[track_caller]
fn check(token: &str, expected: f64) {
    let found = float(token.as_bytes()).map(Rounded::value);
    assert_eq!(found.map(f64::to_bits), Some(expected.to_bits()), "{token}");
}

#[test]
fn a_tie_is_decided_by_the_double_that_the_text_stands_for() {
    check("0.0005", 0.001);
    check("0.0015", 0.002);
    check("0.0025", 0.003);
    check("1.0005", 1.0);
    check("2.0005", 2.001);
    check("0.5625", 0.562);
    check("0.1875", 0.188);
    check("-0.0001", -0.0);
    check("1591902223969.690674", 1_591_902_223_969.691);
    check("46286293.0", 46_286_293.0);
    check("1e3", 1_000.0);
    check(".5", 0.5);
    check("5.", 5.0);
    check("1e22", 1e22);
}

#[test]
fn what_is_no_plain_decimal_is_text() {
    for text in [
        "", "nan", "inf", "-inf", "infinity", "-", "1_0.5", "1e", "e5", ".", "+", "-.", "1.2.3",
        "0x1", " 1.5", "1e+", "n/a", "---", "1e999", "1.5f",
    ] {
        assert_eq!(float(text.as_bytes()), None, "{text:?}");
        assert_eq!(
            Number::of(text.as_bytes()),
            Err(NotANumber::Text),
            "{text:?}"
        );
    }
}

#[test]
fn integers_may_have_a_sign_and_zeros_in_front() {
    for (text, expected) in [
        ("0", 0),
        ("+80", 80),
        ("007", 7),
        ("-0", 0),
        ("-12", -12),
        ("18446744073709551615", i128::from(u64::MAX)),
    ] {
        assert_eq!(Number::of(text.as_bytes()), Ok(Number::Int(expected)));
    }
    for text in ["18446744073709551616", "100000000000000000000000"] {
        assert_eq!(Number::of(text.as_bytes()), Err(NotANumber::TooLarge));
    }
    assert_eq!(integer(b"+000"), Some((false, &b"0"[..])));
    assert_eq!(integer(b"-00120"), Some((true, &b"120"[..])));
}

#[test]
fn a_zero_is_as_large_as_another() {
    for (one, other) in [
        (Number::Float(-0.0), Number::Float(0.0)),
        (Number::Float(-0.0), Number::Int(0)),
    ] {
        assert_eq!(one.order(other), Ordering::Equal);
        assert_eq!(other.order(one), Ordering::Equal);
    }
}

#[test]
fn a_quotient_of_large_integers_is_rounded_once() {
    // 2^60 + 129 lies beyond the tie between two doubles, but only by what follows the 55th bit.
    assert_eq!(quotient((1 << 60) + 129, 1), ((1_u64 << 60) + 256) as f64);
    assert_eq!(quotient((1 << 60) + 128, 1), (1_u64 << 60) as f64);
    assert_eq!(quotient(-(1 << 67), 1 << 64), -8.0);
    assert_eq!(quotient(1, 1 << 60), 1.0 / (1_u64 << 60) as f64);
    assert_eq!(quotient(0, 1 << 60), 0.0);
}

proptest! {
    #[test]
    fn doubles_are_rounded_like_their_exact_decimals(bits: u64, decimals in 2_u32..=3) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let found = round(value, decimals).value();
        prop_assert_eq!(found.to_bits(), reference(value, decimals as usize).to_bits());
    }

    #[test]
    fn usual_doubles_too(
        scaled in -(1_i64 << 60)..1 << 60,
        shift in 0_i32..70,
        decimals in 2_u32..=3,
    ) {
        let value = scaled as f64 / 2_f64.powi(shift);
        let found = round(value, decimals).value();
        prop_assert_eq!(found.to_bits(), reference(value, decimals as usize).to_bits());
    }

    #[test]
    fn tokens_are_rounded_like_the_doubles_they_stand_for(token in "-?[0-9]{1,14}\\.[0-9]{0,8}") {
        let value: f64 = token.parse().unwrap();
        let found = float(token.as_bytes()).unwrap().value();
        prop_assert_eq!(found.to_bits(), reference(value, 3).to_bits(), "{}", token);
    }

    #[test]
    fn ties_too(whole in 0_u32..2_000_000, thousandths in 0_u32..1_000, zeros in 0_usize..4) {
        let token = format!("{whole}.{thousandths:03}5{}", "0".repeat(zeros));
        let value: f64 = token.parse().unwrap();
        let found = float(token.as_bytes()).unwrap().value();
        prop_assert_eq!(found.to_bits(), reference(value, 3).to_bits(), "{}", token);
    }

    #[test]
    fn a_quotient_of_small_numbers_is_the_division_of_doubles(
        a in -(1_i64 << 53)..1 << 53,
        b in 1_i64..1 << 53,
    ) {
        prop_assert_eq!(quotient(a.into(), b.into()), a as f64 / b as f64);
    }

    #[test]
    fn a_quotient_of_large_ones_is_exact_when_it_can_be(
        a in 0_u64..1 << 50,
        b in 1_u64..1 << 14,
    ) {
        let product = i128::from(a) * i128::from(b) * 8;
        prop_assert_eq!(quotient(product, (i128::from(b)) * 8), a as f64);
    }

    #[test]
    fn any_bytes_are_read_without_panic(token: Vec<u8>) {
        let _ = (Number::of(&token), float(&token), integer(&token));
    }
}
