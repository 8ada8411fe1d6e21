// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows, as text or as JSON, to standard output or to a file.

use core::fmt::Write as _;
use std::io;

use super::plan::HOUR_US;
use crate::encode::json::{Json, Style};
use crate::sys::files::File;
use crate::sys::terminal;
use crate::term::escape::Escaping;

/// Bytes of rows that wait to be written together.
const BUFFER_BYTES: usize = 16 * 1_024;

/// Where rows go.
#[derive(Debug)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// The end of a file.
    File(File),
}

/// What a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// A host that connected to the one asked for.
    To,
    /// A host that the one asked for connected to.
    From,
    /// The busiest host.
    Most,
}

/// What a row says.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The start of the hour; `None`: not by hour.
    pub hour_us: Option<u64>,
    /// What it belongs to.
    pub group: Group,
    /// The host, in lower case.
    pub host: &'a [u8],
    /// Its connections.
    pub count: u64,
}

/// Rows on their way.
#[derive(Debug)]
pub struct Output {
    target: Target,
    json: bool,
    /// Text rows are the host alone.
    bare: bool,
    buffer: Vec<u8>,
    /// Rows so far.
    pub rows: u64,
}

impl Output {
    /// Rows for `target`; `bare` is text with nothing but the host.
    pub fn new(target: Target, json: bool, bare: bool) -> Self {
        Self {
            target,
            json,
            bare,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            rows: 0,
        }
    }

    /// Sends what comes elsewhere.
    ///
    /// # Errors
    /// What write(2) says about what is still to go to the former target.
    pub fn turn_to(&mut self, target: Target) -> io::Result<()> {
        self.flush()?;
        self.target = target;
        Ok(())
    }

    /// Adds a row; it is written when there are many, or with [`Output::flush`].
    ///
    /// # Errors
    /// What write(2) says.
    pub fn row(&mut self, row: Row<'_>) -> io::Result<()> {
        self.rows += 1;
        if self.json {
            self.json(&row);
        } else {
            self.text(&row);
        }
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn text(&mut self, row: &Row<'_>) {
        if let Some(hour_us) = row.hour_us {
            let seconds = hour_us / HOUR_US * 3_600;
            self.buffer
                .extend_from_slice(itoa_of(seconds, &mut [0; 20]));
            self.buffer.extend_from_slice(b".0\t");
        }
        if !self.bare {
            self.buffer.extend_from_slice(match row.group {
                Group::To => b"TO\t",
                Group::From => b"FROM\t",
                Group::Most => b"MOST\t",
            });
        }
        if row.host.iter().all(u8::is_ascii_graphic) {
            self.buffer.extend_from_slice(row.host);
        } else {
            let mut text = Escaping(String::new());
            // Writing to a string cannot fail.
            let _ = text.write_str(&String::from_utf8_lossy(row.host));
            self.buffer.extend_from_slice(text.0.as_bytes());
        }
        self.buffer.push(b'\n');
    }

    fn json(&mut self, row: &Row<'_>) {
        let json = Json::new(&mut self.buffer, Style::Compact);
        // Writing to a vector cannot fail.
        let _ = object(json, row);
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// What write(2) says; `BrokenPipe` when nobody reads any more.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let result = match &self.target {
            Target::Stdout => terminal::write_stdout(&self.buffer),
            Target::File(file) => file.write_all(&self.buffer),
        };
        self.buffer.clear();
        result
    }
}

fn object(mut json: Json<&mut Vec<u8>>, row: &Row<'_>) -> Result<(), core::convert::Infallible> {
    json.open_object()?;
    if let Some(hour_us) = row.hour_us {
        json.key("hour")?;
        json.unsigned(hour_us / HOUR_US * 3_600)?;
    }
    json.key("group")?;
    json.string(match row.group {
        Group::To => "to",
        Group::From => "from",
        Group::Most => "most",
    })?;
    json.key("host")?;
    json.string(&String::from_utf8_lossy(row.host))?;
    if row.group == Group::Most {
        json.key("connections")?;
        json.unsigned(row.count)?;
    }
    json.close_object()?;
    json.finish().map(drop)
}

/// The digits of a number.
fn itoa_of(number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    let mut left = number;
    while at > 0 {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    &digits[at..]
}
