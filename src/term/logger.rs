// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log: lines on standard error, each harmless and written whole, none allocated.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU32, Ordering};

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::escape::Escaping;
use crate::limits::LOG_LINE_BYTES_MAX;
use crate::sys::clock;
use crate::sys::terminal;
use crate::time::Wall;

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

struct Logger {
    name: &'static str,
    form: Form,
    /// Lines that standard error did not take.
    lost: AtomicU32,
}

/// Sends the log to standard error from now on, under the name of the applet. Only the first call
/// of a process counts.
pub fn start(name: &'static str, form: Form, level: LevelFilter) {
    if log::set_logger(Box::leak(Box::new(Logger {
        name,
        form,
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
            let now = (self.form == Form::Terminal).then(clock::wall);
            let mut line = Line::default();
            line.compose(self, record.level(), record.args(), now);
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
}

const CUT_MARK: &[u8] = "…\n".as_bytes();

impl Default for Line {
    fn default() -> Self {
        Self {
            bytes: [0; LOG_LINE_BYTES_MAX],
            len: 0,
            cut: false,
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

    fn finished(&mut self) -> &[u8] {
        let end: &[u8] = if self.cut { CUT_MARK } else { b"\n" };
        self.bytes[self.len..self.len + end.len()].copy_from_slice(end);
        &self.bytes[..self.len + end.len()]
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if !self.cut {
            let room = LOG_LINE_BYTES_MAX - CUT_MARK.len() - self.len;
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
}
