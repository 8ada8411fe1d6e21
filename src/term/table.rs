// SPDX-License-Identifier: MIT OR Apache-2.0
//! A table for people: columns as wide as what is in them, and no wider than the terminal. All text
//! is made harmless on its way in.

use core::fmt::{self, Write as _};

use super::escape::Escaping;

/// Blanks between columns.
const GAP: usize = 2;

/// What a column that gives way keeps.
const WIDTH_MIN: usize = 8;

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What stands above it.
    pub heading: &'static str,
    /// Aligned to the right, as numbers are.
    pub right: bool,
    /// Gives way when the terminal is too narrow.
    pub shrinks: bool,
}

/// Rows of cells, row by row.
#[derive(Debug)]
pub struct Table {
    columns: &'static [Column],
    text: String,
    /// Where each cell ends, and its width.
    cells: Vec<(usize, usize)>,
}

impl Table {
    /// An empty table.
    pub fn new(columns: &'static [Column]) -> Self {
        Self {
            columns,
            text: String::new(),
            cells: Vec::new(),
        }
    }

    /// Forgets the rows, but not the room they took.
    pub fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
    }

    /// Adds the next cell.
    pub fn cell(&mut self, value: impl fmt::Display) {
        let start = self.text.len();
        // Writing to a string cannot fail.
        let _ = write!(Escaping(&mut self.text), "{value}");
        let width = self.text[start..].chars().map(width).sum();
        self.cells.push((self.text.len(), width));
    }

    /// Writes headings and rows to `out`, in lines of at most `width_max`.
    pub fn render(&self, width_max: Option<usize>, out: &mut String) {
        let count = self.columns.len().max(1);
        let mut widths: Vec<usize> = self.columns.iter().map(|c| c.heading.len()).collect();
        for row in self.cells.chunks(count) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.1.max(*width);
            }
        }
        if let Some(width_max) = width_max {
            self.shrink(&mut widths, width_max);
        }
        let mut line = Line::new(out);
        for (column, &width) in self.columns.iter().zip(&widths) {
            line.cell(column.heading, column.heading.len(), width, column.right);
        }
        line.end();
        let mut start = 0;
        for row in self.cells.chunks(count) {
            let mut line = Line::new(out);
            for ((column, &width), &(end, cell_width)) in self.columns.iter().zip(&widths).zip(row)
            {
                line.cell(&self.text[start..end], cell_width, width, column.right);
                start = end;
            }
            line.end();
        }
    }

    /// Takes from the widest column that gives way until all fit, or none gives way any more.
    fn shrink(&self, widths: &mut [usize], width_max: usize) {
        loop {
            let all = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
            let widest = self.columns.iter().zip(widths.iter_mut());
            let widest = widest.filter(|(column, width)| column.shrinks && **width > WIDTH_MIN);
            match widest.map(|(_, width)| width).max() {
                Some(width) if all > width_max => *width -= 1,
                _ => return,
            }
        }
    }
}

/// A line that is being written; blanks at its end are left out.
struct Line<'a> {
    out: &'a mut String,
    blanks: usize,
}

impl<'a> Line<'a> {
    fn new(out: &'a mut String) -> Self {
        Self { out, blanks: 0 }
    }

    fn cell(&mut self, text: &str, text_width: usize, width: usize, right: bool) {
        let cut = cut(text, text_width, width);
        let shown = if cut.len() < text.len() {
            width
        } else {
            text_width
        };
        let padding = width.saturating_sub(shown);
        if right {
            self.blanks += padding;
        }
        if !cut.is_empty() {
            self.out
                .extend(core::iter::repeat_n(' ', core::mem::take(&mut self.blanks)));
            self.out.push_str(cut);
        }
        if cut.len() < text.len() {
            self.out.push('…');
            // A wide character that was cut leaves a blank.
            self.blanks += width.saturating_sub(cut.chars().map(self::width).sum::<usize>() + 1);
        }
        self.blanks += GAP + if right { 0 } else { padding };
    }

    fn end(self) {
        self.out.push('\n');
    }
}

/// What of `text` fits, with room for a mark when not all of it does.
pub(super) fn cut(text: &str, text_width: usize, width_max: usize) -> &str {
    if text_width <= width_max {
        return text;
    }
    let mut taken = 0;
    for (at, c) in text.char_indices() {
        taken += width(c);
        if taken >= width_max {
            return &text[..at];
        }
    }
    text
}

/// Columns of a terminal that a character takes; near enough to Unicode UAX #11.
pub(super) fn width(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
        0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COLUMNS: &[Column] = &[
        Column {
            heading: "NAME",
            right: false,
            shrinks: true,
        },
        Column {
            heading: "MS",
            right: true,
            shrinks: false,
        },
    ];

    fn table(cells: &[&str], width_max: Option<usize>) -> String {
        let mut table = Table::new(COLUMNS);
        cells.iter().for_each(|cell| table.cell(cell));
        let mut out = String::new();
        table.render(width_max, &mut out);
        out
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let shown = table(&["a", "1", "laptop", "100", "b", ""], None);
        assert_eq!(shown, "NAME     MS\na         1\nlaptop  100\nb\n");
        assert_eq!(table(&[], None), "NAME  MS\n");
    }

    #[test]
    fn a_narrow_terminal_cuts_names() {
        let shown = table(
            &[
                "a very long name",
                "100",
                "\u{6f22}".repeat(9).as_str(),
                "1",
            ],
            Some(15),
        );
        let expected = "NAME         MS\na very lo\u{2026}  100\n";
        let wide = "\u{6f22}".repeat(4) + "\u{2026}     1\n";
        assert_eq!(shown, format!("{expected}{wide}"));
        assert!(table(&["a very long name", "100"], Some(3)).contains("a very \u{2026}  100"));
    }

    #[test]
    fn hostile_text_stays_in_its_cell() {
        let shown = table(&["a\n\x1b[2J\u{202e}", "1"], None);
        assert!(
            shown.contains("a\\u{a}\\u{1b}[2J\\u{202e}   1\n"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide(
            cells in proptest::collection::vec(".{0,40}", 0..20),
            max in 14_usize..60,
        ) {
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            let numbered: Vec<&str> = cells.iter().flat_map(|cell| [*cell, "10"]).collect();
            let shown = table(&numbered, Some(max));
            prop_assert_eq!(shown.lines().count(), 1 + cells.len());
            for line in shown.lines() {
                prop_assert!(line.chars().map(width).sum::<usize>() <= max, "{:?}", line);
            }
        }
    }
}
