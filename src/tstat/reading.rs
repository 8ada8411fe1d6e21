// SPDX-License-Identifier: MIT OR Apache-2.0
//! One log from its first line to its last: every row gives its objects, or is rejected, counted
//! and said.

use core::fmt;
use std::io;

use super::flow::{Renderer, Unrenderable};
use super::layout::{Layout, LayoutError, Protocol};
use super::number::NotANumber;
use super::rows::{Fields, Line, Lines};
use super::slices::Slices;

/// What a run, or a part of it, came across.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows, without header and empty lines.
    pub rows: u64,
    /// Bytes of all lines.
    pub bytes: u64,
    /// Objects that were made.
    pub objects: u64,
    /// Directions of rows below the threshold.
    pub small: u64,
    /// Rows with fewer fields than the header.
    pub too_few: u64,
    /// Rows with more.
    pub too_many: u64,
    /// Rows longer than the buffer.
    pub too_long: u64,
    /// Directions of rows with text where a number is reckoned with.
    pub text: u64,
    /// Directions of rows with numbers that are too large to reckon with.
    pub too_large: u64,
    /// Directions of rows whose object would not fit into any slice.
    pub oversized: u64,
}

impl Counts {
    /// Adds those of another part.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.objects += other.objects;
        self.small += other.small;
        self.too_few += other.too_few;
        self.too_many += other.too_many;
        self.too_long += other.too_long;
        self.text += other.text;
        self.too_large += other.too_large;
        self.oversized += other.oversized;
    }

    /// Rows, and directions of rows, that were rejected, by reason.
    pub fn rejected(&self) -> [(u64, &'static str); 6] {
        [
            (self.too_few, "too few fields"),
            (self.too_many, "too many fields"),
            (self.too_long, "too long"),
            (self.text, "text for a number"),
            (self.too_large, "number too large"),
            (self.oversized, "object too large"),
        ]
    }
}

/// Something about a row that a person should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint<'a> {
    /// It has so many fields, and the header another number.
    Fields(usize, usize),
    /// It is longer than the buffer.
    TooLong,
    /// This direction (0: client to server) has this text in a column, and why that will not do.
    Unrenderable(usize, &'a [u8], NotANumber),
    /// The object of this direction would not fit into any slice.
    Oversized(usize),
}

impl fmt::Display for Complaint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_BYTES_MAX: usize = 40;
        let way = |direction| match direction {
            0 => "client to server",
            _ => "server to client",
        };
        match *self {
            Self::Fields(found, expected) => {
                write!(
                    f,
                    "bad row: {found} fields, and the header has {expected}; rejected"
                )
            }
            Self::TooLong => f.write_str("bad row: too long; rejected"),
            Self::Unrenderable(direction, field, why) => {
                let shown = String::from_utf8_lossy(&field[..field.len().min(SHOWN_BYTES_MAX)]);
                write!(
                    f,
                    "unable to render {}: '{shown}' {why}; rejected",
                    way(direction)
                )
            }
            Self::Oversized(direction) => {
                write!(
                    f,
                    "unable to render {}: too large; rejected",
                    way(direction)
                )
            }
        }
    }
}

/// The parts that every log is read with.
#[derive(Debug)]
pub struct Reader {
    lines: Lines,
    fields: Fields,
    renderer: Renderer,
    /// The slice in the making, over both logs of a directory.
    pub slices: Slices,
}

/// Who takes what is made of a log.
pub trait Taker {
    /// Why it takes no more.
    type Error;

    /// Takes a slice: its number, its body, how many objects it holds.
    ///
    /// # Errors
    /// When it takes no more.
    fn slice(&mut self, number: u64, body: &[u8], objects: u32) -> Result<(), Self::Error>;

    /// Hears the number of a line, from 1, and what is wrong with it.
    fn complain(&mut self, line: u64, complaint: Complaint<'_>);

    /// Is asked now and then, after so many bytes and lines of the log, whether to go on.
    ///
    /// # Errors
    /// When it takes no more.
    fn tick(&mut self, bytes: u64, lines: u64) -> Result<(), Self::Error>;
}

/// How many lines are read from one question to the next.
const TICK_LINES: u64 = 1_024;

/// Reads the next bytes of a log.
pub type Read<'a> = &'a mut dyn FnMut(&mut [u8]) -> io::Result<usize>;

/// Why a log was not read to its end.
#[derive(Debug)]
pub enum ReadError<E> {
    /// What read(2) says.
    Io(io::Error),
    /// What the taker says.
    Taker(E),
}

impl Reader {
    /// One that writes objects with `renderer`.
    pub fn new(renderer: Renderer) -> Self {
        Self {
            lines: Lines::default(),
            fields: Fields::default(),
            renderer,
            slices: Slices::default(),
        }
    }

    /// What the columns of a log are; `None` when it has no lines, or only empty ones.
    ///
    /// # Errors
    /// What `read` says; inside, why the log is refused.
    pub fn layout(
        &mut self,
        protocol: Protocol,
        read: Read<'_>,
    ) -> io::Result<Result<Option<Layout>, LayoutError>> {
        self.lines.reset();
        let header = match self.lines.next(read)? {
            None => return Ok(Ok(None)),
            Some(Line::TooLong) => return Ok(Err(LayoutError::TooMany)),
            Some(Line::Whole(line)) => Layout::of(protocol, line),
        };
        if header != Err(LayoutError::EmptyLine) {
            return Ok(header.map(Some));
        }
        loop {
            match self.lines.next(read)? {
                None => return Ok(Ok(None)),
                Some(Line::Whole(b"")) => {}
                Some(_) => return Ok(Err(LayoutError::EmptyLine)),
            }
        }
    }

    /// Makes slices of the rows of a log whose columns are `layout`, from its first byte on.
    ///
    /// # Errors
    /// When it cannot be read, or nobody takes the slices.
    pub fn rows<T: Taker>(
        &mut self,
        layout: &Layout,
        read: Read<'_>,
        counts: &mut Counts,
        taker: &mut T,
    ) -> Result<(), ReadError<T::Error>> {
        self.lines.reset();
        let mut number = 0;
        let mut result = Ok(());
        while let Some(line) = self.lines.next(read).map_err(ReadError::Io)? {
            number += 1;
            match line {
                // The header, and lines that say nothing.
                _ if number == 1 => {}
                Line::Whole(b"") => {}
                Line::Whole(line) => {
                    let (fields, slices) = (&mut self.fields, &mut self.slices);
                    let row = Row { number, line };
                    result = row.render(layout, &self.renderer, fields, slices, counts, taker);
                }
                Line::TooLong => {
                    counts.rows += 1;
                    counts.too_long += 1;
                    taker.complain(number, Complaint::TooLong);
                }
            }
            if number % TICK_LINES == 0 && result.is_ok() {
                result = taker.tick(self.lines.consumed(), number);
            }
            if result.is_err() {
                break;
            }
        }
        counts.bytes += self.lines.consumed();
        result.map_err(ReadError::Taker)
    }
}

/// A line that is neither header nor empty.
struct Row<'a> {
    number: u64,
    line: &'a [u8],
}

impl Row<'_> {
    fn render<T: Taker>(
        &self,
        layout: &Layout,
        renderer: &Renderer,
        fields: &mut Fields,
        slices: &mut Slices,
        counts: &mut Counts,
        taker: &mut T,
    ) -> Result<(), T::Error> {
        let &Self { number, line } = self;
        counts.rows += 1;
        fields.split(line);
        let found = fields.len();
        if found != layout.columns {
            match found < layout.columns {
                true => counts.too_few += 1,
                false => counts.too_many += 1,
            }
            taker.complain(number, Complaint::Fields(found, layout.columns));
            return Ok(());
        }
        for direction in 0..2 {
            match renderer.object(layout, line, fields, direction, slices.draft()) {
                Ok(true) => {
                    let mut emit =
                        |number, body: &[u8], objects| taker.slice(number, body, objects);
                    match slices.keep(&mut emit)? {
                        true => counts.objects += 1,
                        false => {
                            counts.oversized += 1;
                            taker.complain(number, Complaint::Oversized(direction));
                        }
                    }
                }
                Ok(false) => {
                    slices.discard();
                    counts.small += 1;
                }
                Err(Unrenderable { column, why }) => {
                    slices.discard();
                    match why {
                        NotANumber::Text => counts.text += 1,
                        NotANumber::TooLarge => counts.too_large += 1,
                    }
                    let field = fields.get(line, column);
                    taker.complain(number, Complaint::Unrenderable(direction, field, why));
                }
            }
        }
        Ok(())
    }
}
