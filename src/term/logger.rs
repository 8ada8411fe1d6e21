// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log: lines on standard error, each harmless and written whole, none allocated.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU32, Ordering};

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::escape::Escaping;
use crate::limits::LOG_LINE_BYTES_MAX;
use crate::sys::clock;
use crate::sys::terminal;
use crate::time::{Ctime, Wall};

/// What a line begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The time: a person reads it now.
    Terminal,
    /// `<3>` and so on: the journal takes it for the priority (sd-daemon(3)).
    Journal,
    /// Nothing: whoever collects it has a clock, and no use for priorities (procd, cron).
    Plain,
}

impl Form {
    /// The form that suits standard error, given the variable JOURNAL_STREAM (systemd.exec(5)).
    pub fn detect(journal_stream: Option<&str>) -> Self {
        let named = journal_stream.and_then(|stream| stream.split_once(':'));
        let named =
            named.and_then(|(device, inode)| Some((device.parse().ok()?, inode.parse().ok()?)));
        if named.is_some() && named == terminal::stderr_identity().ok() {
            Self::Journal
        } else if terminal::stderr_is_terminal() {
            Self::Terminal
        } else {
            Self::Plain
        }
    }
}

/// How a line tells what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// By the name of the applet and a word.
    Named,
    /// As connmonitor always did: `EE: TYPE: text -`, tab, blank and the local time; `WW: text -`
    /// and so on. The type is the target of the log's macros.
    Marked {
        /// Errors are red at a terminal, and warnings yellow.
        coloured: bool,
    },
}

struct Logger {
    name: &'static str,
    form: Form,
    dialect: Dialect,
    /// Lines that standard error did not take.
    lost: AtomicU32,
}

/// The target of lines about wrong usage, which are the same in both dialects.
pub const USAGE: &str = "usage";

/// Sends the log to standard error from now on, under the name of the applet. Only the first call
/// of a process counts.
pub fn start(name: &'static str, form: Form, dialect: Dialect, level: LevelFilter) {
    if log::set_logger(Box::leak(Box::new(Logger {
        name,
        form,
        dialect,
        lost: AtomicU32::new(0),
    })))
    .is_ok()
    {
        log::set_max_level(level);
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let mut line = Line::default();
            match self.dialect {
                Dialect::Marked { coloured } if record.target() != USAGE => {
                    let coloured = coloured && self.form == Form::Terminal;
                    line.mark(record, coloured, clock::local(clock::wall()));
                }
                Dialect::Named | Dialect::Marked { .. } => {
                    let now = (self.form == Form::Terminal).then(clock::wall);
                    line.compose(self, record.level(), record.args(), now);
                }
            }
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let _ = write!(line, " (and {lost} lines before it could not be written)");
            }
            if !terminal::write_stderr(line.finished()) {
                self.lost.fetch_add(lost + 1, Ordering::Relaxed);
            }
        }
    }

    fn flush(&self) {}
}

/// A line of fixed size; what does not fit is cut off at a character and marked.
struct Line {
    bytes: [u8; LOG_LINE_BYTES_MAX],
    len: usize,
    cut: bool,
    /// What there is room for besides the mark of what was cut.
    room: usize,
}

const CUT_MARK: &[u8] = "…\n".as_bytes();

/// Bytes behind a text: a time, and the end of a colour.
const TAIL_BYTES: usize = 48;

impl Default for Line {
    fn default() -> Self {
        Self {
            bytes: [0; LOG_LINE_BYTES_MAX],
            len: 0,
            cut: false,
            room: LOG_LINE_BYTES_MAX - CUT_MARK.len(),
        }
    }
}

impl Line {
    fn compose(
        &mut self,
        logger: &Logger,
        level: Level,
        text: &fmt::Arguments<'_>,
        now: Option<Wall>,
    ) {
        let (priority, word) = match level {
            Level::Error => (3, "error: "),
            Level::Warn => (4, "warning: "),
            Level::Info => (6, ""),
            Level::Debug | Level::Trace => (7, "debug: "),
        };
        // Writing to a line cannot fail: it cuts.
        let _ = match now {
            Some(now) => write!(self, "{}Z ", now.utc()),
            None if logger.form == Form::Journal => write!(self, "<{priority}>"),
            None => Ok(()),
        };
        let _ = write!(self, "{}: {word}", logger.name);
        let _ = write!(Escaping(&mut *self), "{text}");
    }

    fn mark(&mut self, record: &Record<'_>, coloured: bool, now: Ctime) {
        let (mark, colour) = match record.level() {
            Level::Error => ("EE", "\x1b[31m"),
            Level::Warn => ("WW", "\x1b[33m"),
            Level::Info => ("II", ""),
            Level::Debug | Level::Trace => ("DD", ""),
        };
        let colour = if coloured { colour } else { "" };
        self.room -= TAIL_BYTES;
        // Writing to a line cannot fail: it cuts.
        let _ = write!(self, "{colour}{mark}: ");
        if record.level() == Level::Error {
            // Whoever gives no target has that of the module.
            let module = Some(record.target()) == record.module_path();
            let kind = if module { "Exception" } else { record.target() };
            let _ = write!(self, "{kind}: ");
        }
        let _ = write!(Escaping(&mut *self), "{}", record.args());
        self.room += TAIL_BYTES;
        let cut = if core::mem::take(&mut self.cut) {
            "…"
        } else {
            ""
        };
        let end = if colour.is_empty() { "" } else { "\x1b[0m" };
        let _ = write!(self, "{cut} -\t {now}{end}");
    }

    fn finished(&mut self) -> &[u8] {
        let end: &[u8] = if self.cut { CUT_MARK } else { b"\n" };
        self.bytes[self.len..self.len + end.len()].copy_from_slice(end);
        &self.bytes[..self.len + end.len()]
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if !self.cut {
            let room = self.room - self.len;
            let fits = &text[..text.floor_char_boundary(room)];
            self.bytes[self.len..self.len + fits.len()].copy_from_slice(fits.as_bytes());
            self.len += fits.len();
            self.cut = fits.len() < text.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: Form, level: Level, text: &str, expected: &str) {
        let now = (form == Form::Terminal).then(|| Wall::from_us(0));
        let mut line = Line::default();
        line.compose(
            &Logger {
                name: "netmon",
                form,
                dialect: Dialect::Named,
                lost: AtomicU32::new(0),
            },
            level,
            &format_args!("{text}"),
            now,
        );
        assert_eq!(core::str::from_utf8(line.finished()).unwrap(), expected);
    }

    #[test]
    fn each_reader_gets_its_own_form() {
        check(Form::Plain, Level::Error, "x", "netmon: error: x\n");
        check(Form::Journal, Level::Warn, "x", "<4>netmon: warning: x\n");
        check(
            Form::Terminal,
            Level::Info,
            "x",
            "1970-01-01T00:00:00Z netmon: x\n",
        );
    }

    #[test]
    fn a_message_cannot_forge_a_line() {
        check(
            Form::Plain,
            Level::Info,
            "a\n<0>b\x1b",
            "netmon: a\\u{a}<0>b\\u{1b}\n",
        );
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let room = LOG_LINE_BYTES_MAX - "netmon: ".len() - CUT_MARK.len();
        for len in [room - 1, room] {
            let text = "x".repeat(len);
            check(
                Form::Plain,
                Level::Info,
                &text,
                &format!("netmon: {text}\n"),
            );
        }
        let text = "x".repeat(room - 1);
        check(
            Form::Plain,
            Level::Info,
            &format!("{text}\u{20ac}"),
            &format!("netmon: {text}…\n"),
        );
        check(
            Form::Plain,
            Level::Info,
            &format!("{text}xx"),
            &format!("netmon: {text}x…\n"),
        );
    }

    #[track_caller]
    fn check_mark(record: &Record<'_>, coloured: bool, expected: &str) {
        let mut line = Line::default();
        line.mark(record, coloured, Wall::from_us(0).ctime(0));
        assert_eq!(core::str::from_utf8(line.finished()).unwrap(), expected);
    }

    #[test]
    fn marked_lines_are_those_of_connmonitor() {
        let mut record = Record::builder();
        let when = "-\t Thu Jan  1 00:00:00 1970";
        record
            .module_path(Some("a::b"))
            .target("a::b")
            .level(Level::Error);
        let text = format_args!("no\x1b");
        check_mark(
            &record.args(text).build(),
            false,
            &format!("EE: Exception: no\\u{{1b}} {when}\n"),
        );
        check_mark(
            &record.target("OSError").build(),
            true,
            &format!("\x1b[31mEE: OSError: no\\u{{1b}} {when}\x1b[0m\n"),
        );
        check_mark(
            &record.level(Level::Warn).build(),
            true,
            &format!("\x1b[33mWW: no\\u{{1b}} {when}\x1b[0m\n"),
        );
        check_mark(
            &record.level(Level::Info).build(),
            true,
            &format!("II: no\\u{{1b}} {when}\n"),
        );
    }

    #[test]
    fn a_long_marked_line_keeps_its_time() {
        let text = "x".repeat(2 * LOG_LINE_BYTES_MAX);
        let mut line = Line::default();
        let now = Wall::from_us(0).ctime(0);
        line.mark(
            &Record::builder()
                .level(Level::Error)
                .args(format_args!("{text}"))
                .build(),
            true,
            now,
        );
        let line = core::str::from_utf8(line.finished()).unwrap();
        assert!(
            line.ends_with("x… -\t Thu Jan  1 00:00:00 1970\u{1b}[0m\n"),
            "{line}"
        );
    }
}
