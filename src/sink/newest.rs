// SPDX-License-Identifier: MIT OR Apache-2.0
//! The newest document alone, in a file. A reader never sees half of it: a neighbour is written and
//! takes the file's name (rename(2)).

use std::ffi::CString;

use super::file::{FileError, Place};
use crate::sys::files::{self, File};
use crate::sys::random;

/// Replaces the document at one path.
#[derive(Debug)]
pub struct Newest {
    place: Place,
    /// A neighbour of the path that becomes it; its random name is this process's alone.
    temporary: CString,
    mode: Option<u32>,
}

impl Newest {
    /// Writes to `directory`/`name`. The file has the permissions `mode` (less the umask), else
    /// those and the owner of the one before it.
    ///
    /// # Errors
    /// When a path holds a NUL byte.
    pub fn of(directory: &str, name: &str, mode: Option<u32>) -> Result<Self, FileError> {
        let temporary = format!("{directory}/{name}.{:016x}.tmp", random::bits());
        Ok(Self {
            place: Place::of(directory, name)?,
            temporary: files::c_path(&temporary)?,
            mode,
        })
    }

    /// Makes the directory (one level) when it is absent.
    ///
    /// # Errors
    /// When there is none and none can be made.
    pub fn prepare(&self) -> Result<(), FileError> {
        self.place.prepare()
    }

    /// Writes a document, which comes in pieces.
    ///
    /// # Errors
    /// When it could not be written whole; the one before it remains then.
    pub fn put(&self, pieces: &[&[u8]]) -> Result<(), FileError> {
        self.place.write(|| self.replace(pieces))
    }

    fn replace(&self, pieces: &[&[u8]]) -> Result<(), FileError> {
        let old = self.place.status()?;
        let file = match (self.mode, old) {
            (Some(mode), _) => File::create_new(&self.temporary, mode)?,
            (None, None) => File::create_new(&self.temporary, 0o644)?,
            (None, Some(old)) => {
                let file = File::create_new(&self.temporary, 0o600)?;
                file.resemble(&old);
                file
            }
        };
        // Not synchronised: what is newest now is worthless after a crash, and a medium that is
        // waited for would hold up the collection.
        let written = pieces.iter().try_for_each(|piece| file.write_all(piece));
        let result = written.and_then(|()| files::rename(&self.temporary, &self.place.path));
        if result.is_err() {
            let _ = files::remove(&self.temporary);
        }
        Ok(result?)
    }
}
