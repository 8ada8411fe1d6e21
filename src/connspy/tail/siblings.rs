// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which files beside a log are older parts of it, and in what order: `log.1` is newer than
//! `log.2`, `log-20261121` newer than `log-20261120`, and so they are with `.gz` behind.

use std::cmp::Ordering;
use std::ffi::{CStr, CString};
use std::io;

use super::mark::Mark;
use super::part::Part;
use crate::sys::files::{self, Status, places};

/// A log that others rename.
#[derive(Debug)]
pub struct Place {
    /// Where it lies.
    pub directory: CString,
    /// Its whole path.
    pub path: CString,
    name: Vec<u8>,
}

/// An older part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sibling {
    /// Its path.
    pub path: CString,
    /// Device and inode.
    pub identity: (u64, u64),
    /// It is packed.
    pub is_packed: bool,
    rank: Rank,
}

/// How old a part is, as its name says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rank {
    /// `.N`: the larger the older.
    Number(u64),
    /// A date, with what separates it from the name: the larger the newer.
    Date(Vec<u8>),
}

impl Rank {
    /// What follows the name of the log; `None` when it belongs to another file.
    fn of(rest: &[u8]) -> Option<Self> {
        let (separator, text) = rest.split_first()?;
        let is_date = |byte: &u8| byte.is_ascii_digit() || b"-_.:T".contains(byte);
        if !b".-_".contains(separator) || !text.first()?.is_ascii_digit() {
            return None;
        }
        let digits = text.iter().map(|digit| u64::from(digit.wrapping_sub(b'0')));
        match text.iter().all(u8::is_ascii_digit) && text.len() <= 5 {
            true => Some(Self::Number(digits.fold(0, |n, digit| n * 10 + digit))),
            false => text.iter().all(is_date).then(|| Self::Date(rest.to_vec())),
        }
    }

    /// The newest first; numbers before dates, and dates of one form together.
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(own), Self::Number(other)) => own.cmp(other),
            (Self::Number(_), Self::Date(_)) => Ordering::Less,
            (Self::Date(_), Self::Number(_)) => Ordering::Greater,
            (Self::Date(own), Self::Date(other)) => {
                let form = |date: &Vec<u8>| (date.len(), date.first().copied());
                form(own).cmp(&form(other)).then(other.cmp(own))
            }
        }
    }

    /// Whether names of both tell which one is newer.
    fn is_comparable(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(_), Self::Number(_)) => true,
            (Self::Date(own), Self::Date(other)) => {
                own.len() == other.len() && own.first() == other.first()
            }
            _ => false,
        }
    }
}

impl Sibling {
    /// Whether it is a newer part than `other`; false also when their names do not tell.
    pub fn is_newer(&self, other: &Self) -> bool {
        let (own, other) = (&self.rank, &other.rank);
        own.is_comparable(other) && own.order(other) == Ordering::Less
    }

    /// The part from `mark` on; `None` when it does not have before it what `mark` says, or is not
    /// there any more.
    ///
    /// # Errors
    /// What open(2) and pread(2) say otherwise.
    pub fn at(&self, mark: &Mark) -> io::Result<Option<Part>> {
        match Part::open_at(&self.path, self.is_packed, mark) {
            Ok(part) => Ok(part.filter(|part| part.identity == self.identity)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens it from its start.
    ///
    /// # Errors
    /// What open(2) says.
    pub fn open(&self) -> io::Result<Part> {
        Part::open(&self.path, self.is_packed)
    }
}

impl Place {
    /// Of the log at `path`.
    ///
    /// # Errors
    /// When the path holds a NUL byte.
    pub fn of(path: &str) -> io::Result<Self> {
        let (directory, name) = match path.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some((directory, name)) => (directory, name),
            None => (".", path),
        };
        Ok(Self {
            directory: files::c_path(directory)?,
            path: files::c_path(path)?,
            name: name.as_bytes().to_vec(),
        })
    }

    /// Its older parts, the newest first as far as names tell; what stands at the path itself.
    /// `None` when they are being renamed at this moment.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn look(&self) -> io::Result<Option<(Vec<Sibling>, Option<Status>)>> {
        let (own, siblings) = (self.status()?, self.siblings()?);
        let identity = |status: &Option<Status>| status.map(|status| status.identity());
        let is_same = self.siblings()? == siblings && identity(&self.status()?) == identity(&own);
        Ok(is_same.then_some((siblings, own)))
    }

    /// Whether it is packed, as its name says.
    pub fn is_packed(&self) -> bool {
        self.name.ends_with(b".gz")
    }

    /// What stands at the path.
    ///
    /// # Errors
    /// What stat(2) says.
    pub fn status(&self) -> io::Result<Option<Status>> {
        Status::of(&self.path, true)
    }

    /// Its older parts, the newest first as far as names tell.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn siblings(&self) -> io::Result<Vec<Sibling>> {
        let mut found = Vec::new();
        let mut each = |name: &CStr| found.extend(self.sibling(name));
        match places::names(&self.directory, &mut each) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result?,
        }
        found.sort_by(|a, b| {
            let order = a.rank.order(&b.rank).then(a.is_packed.cmp(&b.is_packed));
            order.then_with(|| a.path.cmp(&b.path))
        });
        // A part is there twice while it is being packed, and not all of it is packed.
        found.dedup_by(|b, a| a.rank == b.rank);
        Ok(found)
    }

    fn sibling(&self, name: &CStr) -> Option<Sibling> {
        let rest = name.to_bytes().strip_prefix(&self.name[..])?;
        let (rest, is_packed) = match rest.strip_suffix(b".gz") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let rank = Rank::of(rest)?;
        let path = [self.directory.to_bytes(), b"/", name.to_bytes()].concat();
        let path = CString::new(path).ok()?;
        let status = Status::of(&path, false).ok()??;
        status.is_file().then(|| Sibling {
            path,
            identity: status.identity(),
            is_packed,
            rank,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(names: &[&str]) -> Vec<(usize, Rank)> {
        let ranks = names.iter().map(|name| Rank::of(name.as_bytes()));
        let known = ranks.enumerate().filter_map(|(i, rank)| Some((i, rank?)));
        let mut known: Vec<_> = known.collect();
        known.sort_by(|(_, a), (_, b)| a.order(b));
        known
    }

    #[track_caller]
    fn check(names: &[&str], newest_first: &[&str]) {
        let known = ranked(names);
        let found: Vec<&str> = known.iter().map(|(i, _)| names[*i]).collect();
        assert_eq!(found, newest_first);
    }

    #[test]
    fn names_tell_the_order() {
        check(&[".10", ".2", ".1"], &[".1", ".2", ".10"]);
        let dates = ["-20261120", "-20261201", "-20261121"];
        check(&dates, &["-20261201", "-20261121", "-20261120"]);
        let times = [".2026-11-21T08:00", ".2026-11-21T10:00"];
        check(&times, &[".2026-11-21T10:00", ".2026-11-21T08:00"]);
    }

    #[test]
    fn other_files_are_no_parts() {
        for name in [
            "", ".", "x", ".gz", ".tmp", ".1.xz", ".bak", "1", ".swp", "-old", ".x1",
        ] {
            assert_eq!(Rank::of(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn names_of_other_forms_do_not_tell() {
        let rank = |name: &str| Rank::of(name.as_bytes()).unwrap();
        let comparable = |a: &str, b: &str| rank(a).is_comparable(&rank(b));
        assert!(comparable(".1", ".00002"));
        assert!(!comparable(".1", "-20261121"));
        assert!(!comparable("-20261121", ".20261121"));
        assert!(!comparable("-20261121", "-2026-11-21"));
    }
}
