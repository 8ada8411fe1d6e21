// SPDX-License-Identifier: MIT OR Apache-2.0
//! Documents to a file: the newest one alone, or one line after the other.
//!
//! A reader never sees half a document: a new one replaces the old by rename(2), and a line that
//! does not fit on the disk is taken back.

use std::ffi::{CStr, CString};
use std::{fmt, io};

use crate::sys::files::{self, File, Status};

/// What happens to the documents before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The newest document only.
    Newest,
    /// All, in one file or in turns.
    All(Option<Rotation>),
}

/// When a file is put aside, and how many of them stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The file does not grow beyond this, unless one document alone does.
    pub bytes_max: u64,
    /// Files put aside as `PATH.1` (the newest) to `PATH.N`, at least 1.
    pub files_kept: u32,
}

/// Why a document was not written.
#[derive(Debug)]
pub enum FileError {
    /// A step failed; the documents before are as they were.
    Io(io::Error),
    /// What stands at the path is not an ordinary file, and so must not be replaced.
    NotAFile,
    /// What stands in place of the directory is something else.
    NotADirectory,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NotAFile => f.write_str("it is not an ordinary file; choose another path"),
            Self::NotADirectory => f.write_str("it is not a directory; choose another path"),
        }
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes documents to one path.
#[derive(Debug)]
pub struct FileSink {
    directory: CString,
    path: CString,
    /// A neighbour of `path`, of this process alone, that becomes it.
    temporary: CString,
    /// `path.1`, `path.2` …
    aside: Vec<CString>,
    keep: Keep,
}

impl FileSink {
    /// Writes to `directory`/`name`; the directory is made (one level) when it is absent.
    ///
    /// # Errors
    /// When there is no directory and none can be made, or a path holds a NUL byte.
    pub fn open(directory: &str, name: &str, keep: Keep) -> Result<Self, FileError> {
        let path = |suffix: &str| {
            CString::new(format!("{directory}/{name}{suffix}"))
                .map_err(|_| io::ErrorKind::InvalidInput)
        };
        let files_kept = match keep {
            Keep::All(Some(rotation)) => rotation.files_kept,
            _ => 0,
        };
        let path_or = |suffix: &str| path(suffix).map_err(io::Error::from);
        let sink = Self {
            directory: CString::new(directory)
                .map_err(|_| io::ErrorKind::InvalidInput)
                .map_err(io::Error::from)?,
            path: path_or("")?,
            temporary: path_or(&format!(".{}.tmp", std::process::id()))?,
            aside: (1..=files_kept)
                .map(|i| path_or(&format!(".{i}")))
                .collect::<Result<_, _>>()?,
            keep,
        };
        files::make_directory(&sink.directory)?;
        match Status::of(&sink.directory, true)? {
            Some(status) if status.is_directory() => Ok(sink),
            _ => Err(FileError::NotADirectory),
        }
    }

    /// Writes a document, which ends in a line end.
    ///
    /// # Errors
    /// When it could not be written whole; nothing of it remains then.
    pub fn put(&self, document: &[u8]) -> Result<(), FileError> {
        match self.put_once(document) {
            // The directory is gone since the last time, as with a /tmp that was cleaned.
            Err(FileError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                files::make_directory(&self.directory)?;
                self.put_once(document)
            }
            result => result,
        }
    }

    fn put_once(&self, document: &[u8]) -> Result<(), FileError> {
        match self.keep {
            Keep::Newest => self.replace(document),
            Keep::All(rotation) => self.append(document, rotation),
        }
    }

    fn replace(&self, document: &[u8]) -> Result<(), FileError> {
        let old = Status::of(&self.path, false)?;
        if old.is_some_and(|old| !old.is_file() && !old.is_link()) {
            return Err(FileError::NotAFile);
        }
        let file = File::create_new(&self.temporary).or_else(|error| {
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(error);
            }
            // Left behind by a process of this number that was killed.
            files::remove(&self.temporary)?;
            File::create_new(&self.temporary)
        })?;
        if let Some(old) = old.filter(Status::is_file) {
            file.resemble(&old);
        }
        let written = file.write_all(document).and_then(|()| file.sync());
        let result = written.and_then(|()| files::rename(&self.temporary, &self.path));
        if result.is_err() {
            let _ = files::remove(&self.temporary);
        }
        Ok(result?)
    }

    fn append(&self, document: &[u8], rotation: Option<Rotation>) -> Result<(), FileError> {
        let (mut file, mut status) = self.locked()?;
        if let Some(Rotation { bytes_max, .. }) = rotation
            && status.bytes() > 0
            && status.bytes() + document.len() as u64 > bytes_max
        {
            self.put_aside()?;
            (file, status) = self.locked()?;
        }
        let whole = write_line(&file, status.bytes(), document);
        if whole.is_err() {
            let _ = file.truncate(status.bytes());
        }
        Ok(whole?)
    }

    /// The file, held against other processes that append or rotate.
    fn locked(&self) -> Result<(File, Status), FileError> {
        loop {
            let file = File::append(&self.path)?;
            if !file.status()?.is_file() {
                return Err(FileError::NotAFile);
            }
            file.lock()?;
            let status = file.status()?;
            // Whoever held it before may have put it aside meanwhile.
            if Status::of(&self.path, true)?.is_some_and(|current| current.is_same(&status)) {
                return Ok((file, status));
            }
        }
    }

    fn put_aside(&self) -> Result<(), FileError> {
        let mut to: Option<&CStr> = None;
        for from in self
            .aside
            .iter()
            .rev()
            .map(CString::as_c_str)
            .chain([self.path.as_c_str()])
        {
            if let Some(to) = to {
                match files::rename(from, to) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    result => result?,
                }
            }
            to = Some(from);
        }
        Ok(())
    }
}

/// Appends a line in one write, after ending one that a crash cut off.
fn write_line(file: &File, len: u64, line: &[u8]) -> io::Result<()> {
    if len > 0 && file.byte_at(len - 1)? != Some(b'\n') {
        file.write_all(b"\n")?;
    }
    file.write_all(line)
}
