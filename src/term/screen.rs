// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text in the place of what a terminal shows (ECMA-48), without flicker.

use core::fmt::Write as _;

use super::table::{cut, width};

/// What makes a terminal of so many `columns` and `rows` show the start of `text`, and how much
/// more there is. Lines that are too long are cut: one that wraps would push the others out.
pub fn of(text: &str, (columns, rows): (usize, usize)) -> String {
    // Home, every line erased to its end, then what is below.
    let mut screen = String::from("\x1b[H");
    let count = text.lines().count();
    let fits = if count < rows {
        count
    } else {
        rows.saturating_sub(2)
    };
    for line in text.lines().take(fits) {
        let cut = cut(line, line.chars().map(width).sum(), columns);
        screen.push_str(cut);
        if cut.len() < line.len() {
            screen.push('…');
        }
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
    fn check(text: &str, size: (usize, usize), expected: &str) {
        assert_eq!(super::of(text, size), expected);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let text = "a\nb\nc\n";
        check(text, (80, 4), "\x1b[Ha\x1b[K\nb\x1b[K\nc\x1b[K\n\x1b[J");
        check(text, (80, 3), "\x1b[Ha\x1b[K\n… 2 more\x1b[J");
        check(text, (80, 0), "\x1b[H… 3 more\x1b[J");
    }

    #[test]
    fn lines_that_are_too_long_are_cut() {
        check("four\n", (4, 9), "\x1b[Hfour\x1b[K\n\x1b[J");
        check("fives\n", (4, 9), "\x1b[Hfiv…\x1b[K\n\x1b[J");
        check("漢字漢\n", (4, 9), "\x1b[H漢…\x1b[K\n\x1b[J");
        check("ab\n", (1, 9), "\x1b[H…\x1b[K\n\x1b[J");
    }
}
