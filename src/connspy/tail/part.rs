// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file of a log that is read piece by piece, and that is noticed to have another content than
//! before.

use std::ffi::CStr;
use std::io;
use std::time::Duration;

use super::mark::{HEAD_BYTES, Mark, Print, TAIL_BYTES, Trace};
use crate::connspy::seek::{self, Wanted};
use crate::connspy::source::Source;
use crate::sys::files::File;
use crate::sys::poll::{self, AsFd, BorrowedFd, Until};

/// Bytes of a packed file that are passed over at once.
const PACKED_BYTES: usize = 64 * 1_024;

/// An open file, and the place in it.
#[derive(Debug)]
pub struct Part {
    kind: Kind,
    /// Device and inode.
    pub identity: (u64, u64),
    trace: Trace,
}

#[derive(Debug)]
enum Kind {
    /// Any place of it can be read.
    Plain(File),
    /// Its bytes come once, as those of a pipe.
    Stream(File),
    /// So do those of a packed file.
    Packed(Source),
}

/// What reading gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// So many bytes.
    Bytes(usize),
    /// None, there are no more yet.
    End,
    /// None, and a stream has more only later.
    Later,
    /// What was read is not what the file has before this place: it was cut or written anew.
    Changed,
}

impl Part {
    /// A file from its start.
    ///
    /// # Errors
    /// What fstat(2) says; `IsADirectory`.
    pub fn of(file: File) -> io::Result<Self> {
        let status = file.status()?;
        if status.is_directory() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let mut head = [0; HEAD_BYTES];
        let (len, kind) = match status.is_file() {
            true => (file.read_at(&mut head, 0)?, Kind::Plain(file)),
            false => (0, Kind::Stream(file)),
        };
        Ok(Self {
            kind,
            identity: status.identity(),
            trace: Trace::before(&head[..len]),
        })
    }

    /// Standard input, to its end.
    ///
    /// # Errors
    /// When it is closed.
    pub fn stdin() -> io::Result<Self> {
        Ok(Self {
            kind: Kind::Stream(File::standard_input()?),
            identity: (0, 0),
            trace: Trace::default(),
        })
    }

    /// The file at `path` from its start. For a FIFO without a writer it is [`Piece::Later`].
    ///
    /// # Errors
    /// What open(2) says.
    pub fn open(path: &CStr, is_packed: bool) -> io::Result<Self> {
        let part = Self::of(File::open(path)?)?;
        match part.kind {
            Kind::Plain(file) if is_packed => Ok(Self {
                kind: Kind::Packed(Source::of_file("log.gz", file)?),
                identity: part.identity,
                trace: Trace::default(),
            }),
            _ => Ok(part),
        }
    }

    /// The file at `path` from the place of `mark` on; `None` when it does not have before it what
    /// `mark` says.
    ///
    /// # Errors
    /// What open(2) and pread(2) say.
    pub fn open_at(path: &CStr, is_packed: bool, mark: &Mark) -> io::Result<Option<Self>> {
        let mut part = Self::open(path, is_packed)?;
        let (head, tail) = match &mut part.kind {
            Kind::Stream(_) => return Ok(None),
            Kind::Packed(_) => {
                part.pass(mark.head.len as u64)?;
                let head = part.trace.head().to_vec();
                let mut again = Self::open(path, is_packed)?;
                if Print::of(&head) != mark.head || again.identity != part.identity {
                    return Ok(None);
                }
                again.pass(mark.offset)?;
                part = again;
                if part.trace.offset != mark.offset {
                    return Ok(None);
                }
                (head, part.trace.tail().to_vec())
            }
            Kind::Plain(file) => {
                let tail_at = mark.offset.saturating_sub(mark.tail.len as u64);
                (
                    bytes_at(file, 0, mark.head.len)?,
                    bytes_at(file, tail_at, mark.tail.len)?,
                )
            }
        };
        if (Print::of(&head), Print::of(&tail)) != (mark.head, mark.tail) {
            return Ok(None);
        }
        part.trace = Trace::at(mark.offset, &head, &tail);
        Ok(Some(part))
    }

    /// Passes over so many bytes, as far as there are.
    fn pass(&mut self, offset: u64) -> io::Result<()> {
        let mut buffer = vec![0; PACKED_BYTES];
        while self.trace.offset < offset {
            let left = usize::try_from(offset - self.trace.offset).unwrap_or(PACKED_BYTES);
            if self.read(&mut buffer[..left.min(PACKED_BYTES)])? == Piece::End {
                break;
            }
        }
        Ok(())
    }

    /// Passes over what is before a range of time.
    ///
    /// # Errors
    /// What pread(2) says.
    pub fn seek(&mut self, wanted: Wanted) -> io::Result<()> {
        let Kind::Plain(file) = &self.kind else {
            return Ok(());
        };
        let len = file.status()?.bytes();
        let offset = seek::start(&mut |space, at| file.read_at(space, at), len, wanted)?;
        let (mut head, mut tail) = (vec![0; HEAD_BYTES], vec![0; TAIL_BYTES]);
        head.truncate(usize::try_from(offset).unwrap_or(HEAD_BYTES));
        tail.truncate(head.len());
        let read = [
            file.read_at(&mut head, 0)?,
            file.read_at(&mut tail, offset.saturating_sub(TAIL_BYTES as u64))?,
        ];
        if offset > 0 && read == [head.len(), tail.len()] {
            self.trace = Trace::at(offset, &head, &tail);
        }
        Ok(())
    }

    /// Fills the start of `space`.
    ///
    /// # Errors
    /// What read(2) says.
    pub fn read(&mut self, space: &mut [u8]) -> io::Result<Piece> {
        let len = match &mut self.kind {
            Kind::Plain(file) => {
                // In one step with what comes next, so that nobody can change it in between.
                let tail = self.trace.tail();
                let mut before = [0; TAIL_BYTES];
                let before = &mut before[..tail.len()];
                let offset = self.trace.offset - tail.len() as u64;
                let len = file.read_both(before, space, offset)?;
                match len.checked_sub(tail.len()) {
                    Some(len) if before == tail && self.trace.allows(&space[..len]) => len,
                    _ => return Ok(Piece::Changed),
                }
            }
            Kind::Stream(file) => {
                let wanted = [(file.as_fd(), Until::Readable)];
                if !poll::wait(wanted, Some(Duration::ZERO))?[0] {
                    return Ok(Piece::Later);
                }
                file.read(space)?
            }
            Kind::Packed(source) => source.read(space)?,
        };
        self.trace.pass(&space[..len]);
        Ok(match len {
            0 => Piece::End,
            len => Piece::Bytes(len),
        })
    }

    /// Goes back to the start.
    pub fn rewind(&mut self) {
        self.trace = Trace::default();
    }

    /// What was read, to go back to with [`Part::back_at`].
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// At a former place; `None` when its bytes come only once.
    pub fn back_at(mut self, trace: Trace) -> Option<Self> {
        self.trace = trace;
        matches!(self.kind, Kind::Plain(_)).then_some(self)
    }

    /// Whether there is more of it than was read, in a file that is not packed.
    pub fn has_more(&self) -> bool {
        match &self.kind {
            Kind::Plain(file) => {
                let status = file.status();
                status.is_ok_and(|status| status.bytes() > self.trace.offset)
            }
            Kind::Packed(_) | Kind::Stream(_) => false,
        }
    }

    /// This place.
    pub fn mark(&self) -> Mark {
        self.trace.mark(self.identity)
    }

    /// What to wait for when it is a stream.
    pub fn stream(&self) -> Option<BorrowedFd<'_>> {
        match &self.kind {
            Kind::Stream(file) => Some(file.as_fd()),
            Kind::Plain(_) | Kind::Packed(_) => None,
        }
    }
}

/// So many bytes of `file` at `offset`, as far as there are; none when that is more than is ever
/// compared.
fn bytes_at(file: &File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; if len > HEAD_BYTES { 0 } else { len }];
    let len = file.read_at(&mut bytes, offset)?;
    bytes.truncate(len);
    Ok(bytes)
}
