// SPDX-License-Identifier: MIT OR Apache-2.0
//! One line on standard error that says how far something is; only for a person at a terminal, and
//! only when it takes a while.

use core::fmt::{self, Write as _};
use core::time::Duration;

use crate::sys::terminal;
use crate::time::Mono;

/// What is not worth a word.
const SHORT: Duration = Duration::from_secs(1);

/// The line is written at most so often.
const INTERVAL: Duration = Duration::from_millis(200);

/// Erases what follows in the line (ECMA-48, EL).
const ERASE: &str = "\x1b[K";

/// The line.
#[derive(Debug)]
pub struct Progress {
    line: String,
    next: Option<Mono>,
    shown: bool,
}

impl Progress {
    /// A line that may be shown from `start` on, if a person is there to read it.
    pub fn new(start: Mono) -> Self {
        let next = terminal::stderr_is_terminal().then(|| start.after(INTERVAL));
        Self {
            line: String::with_capacity(128),
            next,
            shown: false,
        }
    }

    /// Whether it is time to show it again, with so much left to do.
    pub fn is_due(&self, left: Duration, now: Mono) -> bool {
        self.next.is_some_and(|next| next <= now) && (self.shown || left > SHORT)
    }

    /// Shows `text`, which must hold nothing from outside.
    pub fn show(&mut self, text: fmt::Arguments<'_>, now: Mono) {
        self.line.clear();
        // Writing to a string cannot fail.
        let _ = write!(self.line, "\r{text}{ERASE}");
        terminal::write_stderr(self.line.as_bytes());
        self.next = self.next.map(|_| now.after(INTERVAL));
        self.shown = true;
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if core::mem::take(&mut self.shown) {
            self.line.clear();
            let _ = write!(self.line, "\r{ERASE}");
            terminal::write_stderr(self.line.as_bytes());
        }
    }
}
