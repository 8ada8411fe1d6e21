// SPDX-License-Identifier: MIT OR Apache-2.0
//! The logs in their order, and then whatever becomes of the last one: it grows, is renamed and
//! made anew, copied and cut, removed.
//!
//! A file is left when its writer has left it: when the next one has something in it. What stands
//! behind its last line end then is a line, because nothing can follow; but when the file was cut,
//! it is half of one, and lost.

use std::ffi::CStr;
use std::io;
use std::time::Duration;

use super::mark::{Mark, Trace};
use super::part::{Part, Piece};
use super::siblings::{Place, Sibling};
use crate::connspy::input::Input;
use crate::connspy::seek::Wanted;
use crate::sys::poll::{self, BorrowedFd};

/// How often a part is searched while they are being renamed, and how long is waited in between.
const SEARCHES_MAX: u32 = 100;
const SEARCH_PAUSE: Duration = Duration::from_millis(20);

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// So many bytes of [`Follower::input`] were filled.
    Bytes(usize),
    /// The rest of the input is a line.
    Rest,
    /// Nothing, until something changes.
    Nothing,
    /// Nothing, ever.
    End,
}

/// Reads logs.
#[derive(Debug)]
pub struct Follower {
    /// All of them; none: standard input.
    places: Vec<Place>,
    /// The one that is read, as they were given.
    index: usize,
    part: Option<Part>,
    /// The end of the one before it, as long as nothing of this one was taken.
    before: Option<Mark>,
    /// Where to begin in each.
    wanted: Option<Wanted>,
    /// The bytes.
    pub input: Input,
    /// Halves of lines that were lost.
    pub lost: u64,
    is_told: bool,
}

impl Follower {
    /// Reads `files`, each from where `wanted` begins; without any, standard input.
    ///
    /// # Errors
    /// When a path holds a NUL byte, or standard input is closed.
    pub fn new(files: &[String], wanted: Option<Wanted>) -> io::Result<Self> {
        let places = files.iter().map(|path| Place::of(path));
        let mut follower = Self {
            places: places.collect::<Result<_, _>>()?,
            index: 0,
            part: None,
            before: None,
            wanted,
            input: Input::default(),
            lost: 0,
            is_told: false,
        };
        if files.is_empty() {
            follower.part = Some(Part::stdin()?);
        }
        Ok(follower)
    }

    /// The log that is read; `None`: standard input.
    pub fn place(&self) -> Option<&Place> {
        self.places.get(self.index)
    }

    /// Which of the logs that is.
    pub fn index(&self) -> usize {
        self.index
    }

    /// What to wait for, if it is a stream.
    pub fn stream(&self) -> Option<BorrowedFd<'_>> {
        self.part.as_ref().and_then(Part::stream)
    }

    /// The place that was reached.
    pub fn mark(&self) -> Mark {
        self.part.as_ref().map_or_else(Mark::default, Part::mark)
    }

    /// Goes on where another follower of the same logs was; false when that place is not found.
    ///
    /// # Errors
    /// What reading says.
    pub fn resume(&mut self, index: usize, mark: &Mark) -> io::Result<bool> {
        self.index = index.min(self.places.len().saturating_sub(1));
        let Some(place) = self.places.get(self.index) else {
            return Ok(false);
        };
        let own = place.status()?.map(|status| status.identity());
        if own == Some(mark.identity) {
            self.part = Part::open_at(&place.path, place.is_packed(), mark)?;
        }
        for _ in 0..SEARCHES_MAX {
            if self.part.is_some() {
                break;
            }
            match search(place, mark)? {
                Some(found) => {
                    self.part = found;
                    break;
                }
                None => drop(poll::wait([], Some(SEARCH_PAUSE))?),
            }
        }
        if self.part.is_none() && mark.head.len > 0 && own.is_some() {
            self.part = Part::open_at(&place.path, place.is_packed(), mark)?;
        }
        // It was not there yet.
        Ok(self.part.is_some() || *mark == Mark::default())
    }

    /// Reads on.
    ///
    /// # Errors
    /// What reading says.
    pub fn read(&mut self) -> io::Result<Next> {
        loop {
            let Some(part) = &mut self.part else {
                if self.open()? {
                    continue;
                }
                return Ok(Next::Nothing);
            };
            let start = self.before.map(|_| part.trace().clone());
            match part.read(self.input.space())? {
                Piece::Bytes(len) => match self.is_next(start)? {
                    Some(true) => return Ok(Next::Bytes(len)),
                    Some(false) => {}
                    None => return Ok(Next::Nothing),
                },
                Piece::Later => return Ok(Next::Nothing),
                Piece::Changed if self.recover()? => {}
                Piece::Changed => return Ok(Next::Nothing),
                Piece::End => {
                    if let Some(next) = self.end()? {
                        return Ok(next);
                    }
                }
            }
        }
    }

    /// At the end of a file: what comes next; `None`: reading does.
    fn end(&mut self) -> io::Result<Option<Next>> {
        let is_last = self.index + 1 >= self.places.len();
        if is_last && self.stream().is_some() {
            let has_rest = self.input.waiting() > 0;
            return Ok(Some(if has_rest { Next::Rest } else { Next::End }));
        }
        let mut is_end_of_line = true;
        if is_last {
            let Some(next) = self.successor()? else {
                return Ok(Some(Next::Nothing));
            };
            // Written while its writer was seen elsewhere, at the latest.
            if self.part.as_ref().is_some_and(Part::has_more) {
                return Ok(None);
            }
            // Not when it is the same line, in the file that this one is a copy of.
            is_end_of_line = next.trace().offset == 0;
            self.before = self.part.as_ref().map(Part::mark);
            self.part = Some(next);
        } else {
            self.index += 1;
            self.part = None;
        }
        let is_line = is_end_of_line && self.input.waiting() > 0;
        Ok(is_line.then_some(Next::Rest))
    }

    /// Opens the log that is to be read; false when it does not exist.
    ///
    /// # Errors
    /// What open(2) says otherwise.
    pub fn open(&mut self) -> io::Result<bool> {
        if self.part.is_some() {
            return Ok(true);
        }
        let is_last = self.index + 1 >= self.places.len();
        let Some(place) = self.places.get(self.index) else {
            return Ok(false);
        };
        match Part::open(&place.path, place.is_packed()) {
            Ok(mut part) => {
                if let Some(wanted) = self.wanted {
                    part.seek(wanted)?;
                }
                self.part = Some(part);
                Ok(true)
            }
            Err(error) if is_last && error.kind() == io::ErrorKind::NotFound => {
                if !core::mem::replace(&mut self.is_told, true) {
                    let path = place.path.to_string_lossy();
                    log::warn!("'{path}' does not exist; it is waited for");
                }
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The file that the writer has gone on to.
    fn successor(&mut self) -> io::Result<Option<Part>> {
        let (Some(place), Some(part)) = (self.places.get(self.index), &self.part) else {
            return Ok(None);
        };
        let own = place.status()?.map(|own| own.identity());
        if own == Some(part.identity) {
            return Ok(None);
        }
        let mark = part.mark();
        self.after(&mark)
    }

    /// Whether the part whose first bytes were just read, from `start` on, is the one after the
    /// part before. If not, others were put aside in between, and they come first; `None`: look
    /// again later.
    fn is_next(&mut self, start: Option<Trace>) -> io::Result<Option<bool>> {
        let (Some(before), Some(start)) = (self.before, start) else {
            return Ok(Some(true));
        };
        let next = self.after(&before)?;
        let Some(part) = self.part.take() else {
            return Ok(None);
        };
        let Some(next) = next else {
            self.part = part.back_at(start);
            return Ok(None);
        };
        let is_next = (next.identity, next.trace().offset) == (part.identity, start.offset);
        if is_next {
            self.before = None;
        }
        self.part = Some(if is_next { part } else { next });
        Ok(Some(is_next))
    }

    /// The part that follows the one that ends at `mark`, from its start, if there is something in
    /// it; `None` also while parts are being renamed.
    fn after(&mut self, mark: &Mark) -> io::Result<Option<Part>> {
        let Some(place) = self.places.get(self.index) else {
            return Ok(None);
        };
        let Some((siblings, own)) = place.look()? else {
            return Ok(None);
        };
        let own = own.filter(|own| own.bytes() > 0);
        let mut last = None;
        let is_same = |sibling: &&Sibling| sibling.identity == mark.identity;
        if let Some(same) = siblings.iter().find(is_same) {
            last = same.at(mark)?.map(|part| (same, part));
        }
        if last.is_none() && own.is_some() {
            // It may have been packed since.
            last = siblings.iter().find_map(|sibling| {
                let part = sibling.at(mark).ok().flatten();
                part.filter(|_| mark.head.len > 0)
                    .map(|part| (sibling, part))
            });
        }
        if last.is_none() && place.siblings()? != siblings {
            // Their names led to other parts by then.
            return Ok(None);
        }
        let last = match last {
            // A copy is not whole at once.
            Some((_, part)) if part.has_more() => return Ok(Some(part)),
            last => last.map(|(sibling, _)| sibling),
        };
        let newer = |sibling: &&Sibling| last.is_some_and(|last| sibling.is_newer(last));
        let (path, identity, opened) = match (siblings.iter().rev().find(newer), own) {
            (Some(next), _) => (&next.path, next.identity, next.open()),
            (None, Some(own)) => (&place.path, own.identity(), open_after(&place.path, mark)),
            (None, None) => return Ok(None),
        };
        match opened {
            // Otherwise it was renamed meanwhile: all is looked at again.
            Ok(next) => Ok((next.identity == identity).then_some(next)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                if !core::mem::replace(&mut self.is_told, true) {
                    log::warn!("cannot read '{}': {error}", path.to_string_lossy());
                }
                Ok(None)
            }
        }
    }

    /// Goes on in the copy of a file that was cut, else at its new start; false when parts are
    /// being renamed, so that it is not known.
    fn recover(&mut self) -> io::Result<bool> {
        let (Some(place), Some(part)) = (self.places.get(self.index), &mut self.part) else {
            return Ok(true);
        };
        // As long as nothing of this one was taken, what follows the one before is searched anew.
        let mark = self.before.unwrap_or_else(|| part.mark());
        let Some(found) = search(place, &mark)? else {
            return Ok(false);
        };
        if found.is_some() {
            (self.part, self.before) = (found, None);
            return Ok(true);
        }
        part.rewind();
        self.lost += u64::from(!self.input.rest().is_empty());
        let path = place.path.to_string_lossy();
        log::info!("'{path}' was cut or written anew; goes on at its start");
        Ok(true)
    }
}

/// Searches the older parts of `place` for the one that has all that was read before `mark`;
/// `None` when they are being renamed, so that it may be there and not be found.
fn search(place: &Place, mark: &Mark) -> io::Result<Option<Option<Part>>> {
    let Some((mut siblings, _)) = place.look()? else {
        return Ok(None);
    };
    let before = siblings.clone();
    siblings.sort_by_key(|sibling| sibling.identity != mark.identity);
    let known = |sibling: &&Sibling| mark.head.len > 0 || sibling.identity == mark.identity;
    let found = siblings
        .iter()
        .filter(known)
        .find_map(|sibling| sibling.at(mark).ok().flatten());
    let is_sure = found.is_some() || place.siblings()? == before;
    Ok(is_sure.then_some(found))
}

/// The log after the part that ends at `mark`: from its start, but when that part is a copy of it
/// and it is not cut yet, from the same place.
fn open_after(path: &CStr, mark: &Mark) -> io::Result<Part> {
    let known = match mark.offset {
        0 => None,
        _ => Part::open_at(path, false, mark)?,
    };
    known.map_or_else(|| Part::open(path, false), Ok)
}
