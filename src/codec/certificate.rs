// SPDX-License-Identifier: MIT OR Apache-2.0
//! When a certificate expires (X.509, RFC 5280), from its DER. Nothing else of it is read, and
//! nothing is verified: that is for who knows cryptography.

use crate::time::Wall;

/// Tags of DER (X.690).
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The end of its validity; `None` when it cannot be read, or is before 1970.
pub fn not_after(der: &[u8]) -> Option<Wall> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if let Some((_, behind)) = element(rest, VERSION) {
        rest = behind;
    }
    // Serial number, algorithm, issuer; then the validity.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        (_, rest) = element(rest, tag)?;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (_, rest) = time(validity)?;
    let (end, _) = time(rest)?;
    end
}

/// The content of an element with this tag, and what is behind it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk()?;
    if found != tag {
        return None;
    }
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (
                bytes
                    .iter()
                    .fold(0, |len, &byte| len << 8 | usize::from(byte)),
                rest,
            )
        }
        // 0x80 has no length, the others are longer than any certificate.
        0x80 | 0x84.. => return None,
    };
    rest.split_at_checked(len)
}

/// A moment, and what is behind it; the inner `None` when it is before 1970.
fn time(der: &[u8]) -> Option<(Option<Wall>, &[u8])> {
    let (text, rest, digits_of_year) = match element(der, UTC_TIME) {
        Some((text, rest)) => (text, rest, 2),
        None => {
            let (text, rest) = element(der, GENERALIZED_TIME)?;
            (text, rest, 4)
        }
    };
    let digits = text.strip_suffix(b"Z")?;
    if digits.len() != digits_of_year + 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| {
        digits
            .iter()
            .fold(0, |n, &digit| n * 10 + u64::from(digit - b'0'))
    };
    let (year, rest_of_date) = digits.split_at(digits_of_year);
    let year = match (digits_of_year, number(year)) {
        (2, year @ 50..) => 1900 + year,
        (2, year) => 2000 + year,
        (_, year) => year,
    };
    let [month, day, hour, minute, second] =
        [0, 2, 4, 6, 8].map(|at| number(&rest_of_date[at..at + 2]));
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let moment = days_since_1970(year, month, day).map(|days| {
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
        Wall::from_us(seconds * 1_000_000)
    });
    Some((moment, rest))
}

/// Days from 1970-01-01 in the Gregorian calendar; `None` before that.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    // Years that begin in March, so that the leap day is the last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year.checked_sub(1)?, month + 9)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    days.checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        match content.len() {
            len @ 0..0x80 => out.push(len as u8),
            len => out.extend([0x82, (len >> 8) as u8, len as u8]),
        }
        out.extend(content);
        out
    }

    /// A certificate that has little but its validity.
    fn certificate(begin: &[u8], end: &[u8]) -> Vec<u8> {
        let validity = der(SEQUENCE, &[begin, end].concat());
        let issuer = der(SEQUENCE, &[7; 200]);
        let parts = [
            der(VERSION, &[2, 1, 2]),
            der(INTEGER, &[1; 20]),
            der(SEQUENCE, &[]),
            issuer,
            validity,
        ];
        der(
            SEQUENCE,
            &der(SEQUENCE, &[parts.concat(), vec![9; 30]].concat()),
        )
    }

    #[track_caller]
    fn check(end: Vec<u8>, expected: Option<&str>) {
        let certificate = certificate(&der(UTC_TIME, b"200101000000Z"), &end);
        let found = not_after(&certificate).map(|end| end.utc().to_string());
        assert_eq!(found.as_deref(), expected);
        for len in 0..certificate.len() {
            not_after(&certificate[..len]);
        }
    }

    #[test]
    fn the_end_of_the_validity_is_read() {
        check(der(UTC_TIME, b"270117235959Z"), Some("2027-01-17T23:59:59"));
        check(der(UTC_TIME, b"491231235959Z"), Some("2049-12-31T23:59:59"));
        check(der(UTC_TIME, b"700101000000Z"), Some("1970-01-01T00:00:00"));
        check(
            der(GENERALIZED_TIME, b"20500229000000Z"),
            Some("2050-03-01T00:00:00"),
        );
        check(
            der(GENERALIZED_TIME, b"20480229120000Z"),
            Some("2048-02-29T12:00:00"),
        );
        check(
            der(GENERALIZED_TIME, b"99991231235959Z"),
            Some("9999-12-31T23:59:59"),
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        check(der(UTC_TIME, b"500101000000Z"), None);
        check(der(UTC_TIME, b"270117235959"), None);
        check(der(UTC_TIME, b"2701172359Z"), None);
        check(der(UTC_TIME, b"271317235959Z"), None);
        check(der(GENERALIZED_TIME, b"270117235959Z"), None);
        check(der(INTEGER, b"270117235959Z"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(noise: Vec<u8>) {
            not_after(&noise);
            not_after(&certificate(&noise, &noise));
            not_after(&der(SEQUENCE, &der(SEQUENCE, &noise)));
        }

        #[test]
        fn dates_agree_with_the_calendar_of_stamps(day in 0_u64..80_000) {
            let utc = Wall::from_us(day * 86_400_000_000).utc();
            let days = days_since_1970(utc.year.into(), utc.month.into(), utc.day.into());
            prop_assert_eq!(days, Some(day));
        }
    }
}
