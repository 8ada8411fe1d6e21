// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text in the place of what a terminal shows (ECMA-48), without flicker.

use core::fmt::Write as _;

/// What makes a terminal of so many `rows` show the start of `text`, and how much more there is.
pub fn of(text: &str, rows: usize) -> String {
    // Home, every line erased to its end, then what is below.
    let mut screen = String::from("\x1b[H");
    let count = text.lines().count();
    let fits = if count < rows {
        count
    } else {
        rows.saturating_sub(2)
    };
    for line in text.lines().take(fits) {
        screen.push_str(line);
        screen.push_str("\x1b[K\n");
    }
    if fits < count {
        // Writing to a string cannot fail.
        let _ = write!(screen, "… {} more", count - fits);
    }
    screen.push_str("\x1b[J");
    screen
}

#[cfg(test)]
mod tests {
    #[track_caller]
    fn check(rows: usize, expected: &str) {
        assert_eq!(super::of("a\nb\nc\n", rows), expected);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        check(4, "\x1b[Ha\x1b[K\nb\x1b[K\nc\x1b[K\n\x1b[J");
        check(3, "\x1b[Ha\x1b[K\n… 2 more\x1b[J");
        check(0, "\x1b[H… 3 more\x1b[J");
    }
}
