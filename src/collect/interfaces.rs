// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interfaces and their counters, from /proc/net/dev.

use std::ffi::CStr;
use std::{fmt, io};

use crate::codec::lines::Lines;
use crate::codec::netdev::{self, Line};
use crate::model::interface::Sample;
use crate::model::selection::Selection;
use crate::sys::files::{File, Root};

/// Where the kernel shows its interfaces, below the root.
pub const PATH: &CStr = c"proc/net/dev";

/// Why there is no sample.
#[derive(Debug)]
pub enum ReadError {
    /// The file could not be opened or read.
    Io(io::Error),
    /// The file does not begin with two lines of head, so it is not one of the kernel's.
    NoHeader,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NoHeader => f.write_str("the two head lines of /proc/net/dev are missing"),
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads samples, through one buffer.
#[derive(Debug)]
pub struct Interfaces {
    lines: Lines,
    selection: Selection,
    reserved: &'static [&'static str],
}

impl Interfaces {
    /// Reads the interfaces that `selection` chooses, but none that bears a `reserved` name.
    pub fn new(selection: Selection, reserved: &'static [&'static str]) -> Self {
        Self {
            lines: Lines::new(),
            selection,
            reserved,
        }
    }

    /// Fills `sample` with the interfaces as they are now.
    ///
    /// # Errors
    /// When /proc/net/dev cannot be read, or is not what the kernel shows.
    pub fn read(&mut self, root: &Root, sample: &mut Sample) -> Result<(), ReadError> {
        self.read_file(&root.open(PATH)?, sample)
    }

    /// Fills `sample` from a file in the format of /proc/net/dev.
    ///
    /// # Errors
    /// When it cannot be read, or has another format.
    pub fn read_file(&mut self, file: &File, sample: &mut Sample) -> Result<(), ReadError> {
        self.read_pieces(|space| file.read(space), sample)
    }

    /// Fills `sample` from the pieces that `read` puts into the space it is given; 0 bytes end it.
    ///
    /// # Errors
    /// What `read` says, or when the format is another.
    pub fn read_pieces(
        &mut self,
        mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
        sample: &mut Sample,
    ) -> Result<(), ReadError> {
        sample.clear();
        let Self {
            lines,
            selection,
            reserved,
        } = self;
        let mut header_lines = 0;
        let mut headless = false;
        let mut take = |line: &[u8]| {
            if header_lines < netdev::HEADER_LINES {
                header_lines += 1;
                headless |= netdev::parse_line(line) != Line::Other;
            } else {
                take_line(line, selection, reserved, sample);
            }
        };
        lines.each(&mut read, &mut take)?;
        sample.left_out.malformed += lines.overlong_count();
        if headless || header_lines < netdev::HEADER_LINES {
            return Err(ReadError::NoHeader);
        }
        Ok(())
    }
}

fn take_line(line: &[u8], selection: &Selection, reserved: &[&str], sample: &mut Sample) {
    match netdev::parse_line(line) {
        Line::Other => {}
        Line::Malformed => sample.left_out.malformed += 1,
        Line::Interface(name, _) if !selection.chooses(&name) => {}
        Line::Interface(name, _) if reserved.contains(&name.as_str()) => {
            sample.left_out.reserved += 1;
        }
        Line::Interface(name, counters) => sample.insert(name, counters),
    }
}
