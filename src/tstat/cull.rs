// SPDX-License-Identifier: MIT OR Apache-2.0
//! Directories that were processed long ago are removed, with all in them. Every step is relative
//! to an open directory, so that nobody can lead it out of the tree by a link.

use core::time::Duration;
use std::ffi::CStr;
use std::io;

use super::directory::PROCESSED;
use super::walk::{Place, is_gone};
use crate::failure::{Exit, Failure};
use crate::limits::TSTAT_LEVELS_MAX;
use crate::sys::clock;
use crate::sys::files::c_path;
use crate::sys::tree::{Directory, Entry};

/// What to do, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where the tree of logs begins.
    pub directory: String,
    /// How long a directory stays after it was processed.
    pub ttl: Duration,
    /// Only tells.
    pub dry_run: bool,
}

/// Removes what is to be removed.
///
/// # Errors
/// When something could not be; it was said already.
pub fn run(plan: &Plan) -> Result<(), Failure> {
    let opened = c_path(&plan.directory).and_then(|path| Directory::open(&path));
    let root = opened.map_err(|error| {
        Failure::usage(format_args!(
            "cannot open the directory {}: {error}; is it there, and yours to read?",
            plan.directory
        ))
    })?;
    let mut cull = Cull {
        plan,
        now_ns: clock::wall().us().saturating_mul(1_000),
        removed: 0,
        failed: 0,
    };
    let place = Place::root(&plan.directory);
    cull.search(&root, &place, 0);
    let verb = if plan.dry_run { "would be" } else { "were" };
    log::info!("{} directories {verb} removed", cull.removed);
    match cull.failed {
        0 => Ok(()),
        _ => Err(Failure::silent(Exit::Failed)),
    }
}

struct Cull<'a> {
    plan: &'a Plan,
    now_ns: u64,
    removed: u64,
    failed: u64,
}

impl Cull<'_> {
    fn fail(&mut self, place: &Place, what: &str, error: &io::Error) {
        if !is_gone(error) {
            self.failed += 1;
            log::error!("{}: {what}: {error}; is it yours to change?", place.path);
        }
    }

    /// Removes what is due below a directory. Whether any directory for logs remains there.
    fn search(&mut self, directory: &Directory, place: &Place, level: usize) -> bool {
        let names = match directory.names(|entry| entry == Entry::Directory) {
            Ok(names) => names,
            Err(error) => {
                self.fail(place, "cannot be searched", &error);
                return true;
            }
        };
        if level == TSTAT_LEVELS_MAX && !names.is_empty() {
            let error = io::Error::other("too many directories in each other");
            self.fail(place, "cannot be searched", &error);
            return true;
        }
        let mut remains = false;
        for name in names {
            let place = place.below(&name);
            match directory.enter(&name) {
                Ok(inner) => remains |= self.decide(directory, &name, &inner, &place, level + 1),
                Err(error) => {
                    self.fail(&place, "cannot be searched", &error);
                    remains = true;
                }
            }
        }
        remains
    }

    /// Removes `inner`, called `name` in `outer`, if it is due. Whether any directory for logs
    /// remains there.
    fn decide(
        &mut self,
        outer: &Directory,
        name: &CStr,
        inner: &Directory,
        place: &Place,
        level: usize,
    ) -> bool {
        let remains = self.search(inner, place, level);
        if !place.is_of_tstat() {
            return remains;
        }
        match self.is_due(inner) {
            Ok(true) => {}
            Ok(false) => return true,
            Err(error) => {
                self.fail(place, "cannot be judged", &error);
                return true;
            }
        }
        if remains {
            log::warn!("{}: left, for directories in it are to stay", place.path);
            return true;
        }
        // Whoever works on it will find it gone, or be found working.
        match inner.lock() {
            Ok(true) => {}
            Ok(false) => {
                log::info!("{}: left, for another process works on it", place.path);
                return true;
            }
            Err(error) => {
                self.fail(place, "cannot be locked", &error);
                return true;
            }
        }
        if self.plan.dry_run {
            log::warn!("{}: would be removed", place.path);
            self.removed += 1;
            return false;
        }
        match clear(inner, 0).and_then(|()| outer.remove_directory(name)) {
            Ok(()) => {
                log::info!("{}: removed", place.path);
                self.removed += 1;
                false
            }
            Err(error) => {
                self.fail(place, "cannot be removed", &error);
                true
            }
        }
    }

    /// Whether it was processed so long ago.
    fn is_due(&self, directory: &Directory) -> io::Result<bool> {
        let Some(status) = directory.status(PROCESSED)? else {
            return Ok(false);
        };
        let age_ns = self.now_ns.checked_sub(status.modified_ns());
        let ttl_ns = self.plan.ttl.as_nanos();
        Ok(status.is_file() && age_ns.is_some_and(|age| u128::from(age) >= ttl_ns))
    }
}

/// Removes all in a directory, the mark last: a run that is cut finds it again.
fn clear(directory: &Directory, level: usize) -> io::Result<()> {
    if level > TSTAT_LEVELS_MAX {
        return Err(io::Error::other("too many directories in each other"));
    }
    for name in directory.names(|entry| entry == Entry::Directory)? {
        clear(&directory.enter(&name)?, level + 1)?;
        directory.remove_directory(&name)?;
    }
    let mut marked = false;
    for name in directory.names(|entry| entry == Entry::Other)? {
        match name.as_c_str() == PROCESSED {
            true => marked = true,
            false => directory.remove(&name)?,
        }
    }
    match marked {
        true => directory.remove(PROCESSED),
        false => Ok(()),
    }
}
