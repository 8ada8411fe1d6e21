// SPDX-License-Identifier: MIT OR Apache-2.0
//! What may stand in a line of root's crontab (crontab(5), busybox crond).

use crate::codec::units;

/// The five fields: first and last value, names in the place of numbers from the first one on.
const FIELDS: [(u64, u64, &str); 5] = [
    (0, 59, ""),
    (0, 23, ""),
    (1, 31, ""),
    (1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"),
    (0, 7, "sunmontuewedthufrisat"),
];

/// Whether `text` is five fields of lists of `*`, values and ranges, also in steps.
pub fn is_schedule(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace();
    let good = FIELDS.iter().all(|field| {
        let mut items = words.next().unwrap_or_default().split(',');
        items.all(|item| is_item(item, field))
    });
    good && words.next().is_none() && !text.contains(|c: char| c.is_control() && c != '\t')
}

fn is_item(item: &str, field: &(u64, u64, &str)) -> bool {
    let (range, step) = item.split_once('/').unwrap_or((item, "1"));
    let step = units::unsigned(step.as_bytes());
    if !step.is_some_and(|step| (1..=field.1).contains(&step)) {
        return false;
    }
    if range == "*" {
        return true;
    }
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    match (value(first, field), value(last, field)) {
        (Some(first), Some(last)) => first <= last,
        _ => false,
    }
}

fn value(text: &str, &(first, last, names): &(u64, u64, &str)) -> Option<u64> {
    if let Some(number) = units::unsigned(text.as_bytes()) {
        return (first..=last).contains(&number).then_some(number);
    }
    let name = text.to_ascii_lowercase();
    let at = names
        .find(&name)
        .filter(|at| name.len() == 3 && at % 3 == 0)?;
    Some(first + at as u64 / 3)
}

/// Whether `text` is words for sh that can do nothing but be words, all quotes closed.
pub fn are_options(text: &str) -> bool {
    let (mut quote, mut escaped, mut blank) = (None, false, true);
    for c in text.chars() {
        let begins = core::mem::replace(&mut blank, c == ' ');
        if c.is_control() || ";|&$<>()%`".contains(c) {
            return false;
        }
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', None | Some('"')) => escaped = true,
            ('\'' | '"', None) => quote = Some(c),
            // The end of the line is a comment that finds it again.
            ('#', None) if begins => return false,
            (_, Some(open)) if open == c => quote = None,
            _ => {}
        }
    }
    quote.is_none() && !escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cron_has_five_fields() {
        for good in [
            "*/5 * * * *",
            "0 0 1 1 0",
            "0,30 8-18/2 * jan-mar Mon,wed",
            " 59\t23 31 12 7 ",
            "1-5,7,9-59/3 * * * *",
        ] {
            assert!(is_schedule(good), "{good}");
        }
        for bad in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "*/0 * * * *",
            "*/60 * * * *",
            "5-1 * * * *",
            "1, * * * *",
            "-1 * * * *",
            "* * * anf *",
            "* * * ja *",
            "mon * * * *",
            "@reboot",
            "* * * *\n*",
            "* * * * *\n",
            "$x * * * *",
        ] {
            assert!(!is_schedule(bad), "{bad}");
        }
    }

    #[test]
    fn options_are_nothing_but_words() {
        for good in [
            "",
            "--eshost localhost:9200 --esindex notnetmon",
            "-i 'eth*' --x \"a 'b'\" it\\'s 'a\\'",
            "'# no comment'",
            "ü a#b",
        ] {
            assert!(are_options(good), "{good}");
        }
        for bad in [
            "a;b", "a|b", "a&b", "$x", "<a", ">a", "(a", "a)", "100%", "`a`", "a\nb", "'a\nb'",
            "'$x'", "'a", "\"a", "a\\", "\"a\\\"", "a #b", "#b", "a\rb", "\0",
        ] {
            assert!(!are_options(bad), "{bad:?}");
        }
    }
}
