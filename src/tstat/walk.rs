// SPDX-License-Identifier: MIT OR Apache-2.0
//! The directories in which tstat puts its logs: those whose names end in `.out`, at any depth, in
//! the order of their names, each before those in it.

use core::ops::ControlFlow;
use std::ffi::CStr;
use std::io;

use crate::limits::TSTAT_LEVELS_MAX;
use crate::sys::tree::{Directory, Entry};

/// Where a directory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its path, for messages.
    pub path: String,
    /// The part of it below the root; empty for the root.
    pub relative: String,
}

impl Place {
    /// The place that a root has which is called `path`.
    pub fn root(path: &str) -> Self {
        let trimmed = path.trim_end_matches('/');
        Self {
            path: if trimmed.is_empty() { path } else { trimmed }.to_owned(),
            relative: String::new(),
        }
    }

    /// The place of `name` in it.
    pub fn below(&self, name: &CStr) -> Self {
        let name = name.to_string_lossy();
        let path = match self.path.ends_with('/') {
            true => format!("{}{name}", self.path),
            false => format!("{}/{name}", self.path),
        };
        let relative = match self.relative.is_empty() {
            true => name.into_owned(),
            false => format!("{}/{name}", self.relative),
        };
        Self { path, relative }
    }

    /// Its own name.
    pub fn name(&self) -> &str {
        let name = self.path.rsplit('/').next();
        name.unwrap_or_default()
    }

    /// Whether logs may be in it.
    pub fn is_of_tstat(&self) -> bool {
        self.name().ends_with(".out")
    }
}

/// Who is led through a tree.
pub trait Visitor {
    /// Sees a directory for logs.
    fn visit(&mut self, directory: &Directory, place: &Place) -> ControlFlow<()>;

    /// Hears of a directory that cannot be entered, and why.
    fn blocked(&mut self, place: &Place, error: &io::Error);
}

/// Leads `visitor` through the tree below an open directory. No link is followed.
pub fn walk(directory: &Directory, place: &Place, visitor: &mut dyn Visitor) -> ControlFlow<()> {
    step(directory, place, 0, visitor)
}

fn step(
    directory: &Directory,
    place: &Place,
    level: usize,
    visitor: &mut dyn Visitor,
) -> ControlFlow<()> {
    if place.is_of_tstat() {
        visitor.visit(directory, place)?;
    }
    let names = match directory.names(|entry| entry == Entry::Directory) {
        Ok(names) => names,
        // Removed since it was entered; who worked on it has said so.
        Err(error) if is_gone(&error) => return ControlFlow::Continue(()),
        Err(error) => {
            visitor.blocked(place, &error);
            return ControlFlow::Continue(());
        }
    };
    if level == TSTAT_LEVELS_MAX && !names.is_empty() {
        visitor.blocked(
            place,
            &io::Error::other("too many directories in each other"),
        );
        return ControlFlow::Continue(());
    }
    for name in names {
        let place = place.below(&name);
        match directory.enter(&name) {
            Ok(directory) => step(&directory, &place, level + 1, visitor)?,
            // Gone, or something else, since the names were read.
            Err(error) if is_gone(&error) => {}
            Err(error) => visitor.blocked(&place, &error),
        }
    }
    ControlFlow::Continue(())
}

/// Whether something is no longer there, or no longer a directory.
pub fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
