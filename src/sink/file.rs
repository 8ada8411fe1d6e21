// SPDX-License-Identifier: MIT OR Apache-2.0
//! Documents to a file: the newest one alone, or one line after the other.
//!
//! A line is appended in one write; what of it did not fit on the disk is taken back.

use std::ffi::{CStr, CString};
use std::{fmt, io};

use super::newest::Newest;
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
    /// The file is full and could not be put aside.
    Rotate(io::Error),
    /// Another process holds the file, or keeps putting it aside.
    Busy,
    /// What stands at the path is a link, a directory or a device, not an ordinary file.
    NotAFile,
    /// What stands in place of the directory is something else.
    NotADirectory,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}; {}", remedy(error.kind())),
            Self::Rotate(error) => {
                write!(
                    f,
                    "full, and cannot be put aside as .1: {error}; {}",
                    remedy(error.kind())
                )
            }
            Self::Busy => f.write_str("another process holds it; end that, or choose another path"),
            Self::NotAFile => {
                f.write_str("it is not an ordinary file; remove it, or choose another path")
            }
            Self::NotADirectory => f.write_str("it is not a directory; choose another path"),
        }
    }
}

fn remedy(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space there",
        io::ErrorKind::FileTooLarge => "raise the limit (ulimit -f), or use --rotate-kib",
        io::ErrorKind::PermissionDenied => "give its user the right, or choose another path",
        io::ErrorKind::ReadOnlyFilesystem => "choose a path that can be written to",
        io::ErrorKind::NotFound => "make the directory above it, or choose another path",
        _ => "choose another path",
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A name in a directory, which is made when it is absent.
#[derive(Debug)]
pub(super) struct Place {
    directory: CString,
    pub(super) path: CString,
}

impl Place {
    /// `directory`/`name`.
    ///
    /// # Errors
    /// When a path holds a NUL byte.
    pub(super) fn of(directory: &str, name: &str) -> Result<Self, FileError> {
        Ok(Self {
            directory: files::c_path(directory)?,
            path: files::c_path(&format!("{directory}/{name}"))?,
        })
    }

    /// Makes the directory (one level) when it is absent.
    ///
    /// # Errors
    /// When there is none and none can be made.
    pub(super) fn prepare(&self) -> Result<(), FileError> {
        files::make_directory(&self.directory)?;
        match Status::of(&self.directory, true)? {
            Some(status) if status.is_directory() => Ok(()),
            _ => Err(FileError::NotADirectory),
        }
    }

    /// Does `write`, once more when the directory is gone since the last time, as with a /tmp that
    /// was cleaned.
    pub(super) fn write(&self, write: impl Fn() -> Result<(), FileError>) -> Result<(), FileError> {
        match write() {
            Err(FileError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                files::make_directory(&self.directory)?;
                write()
            }
            result => result,
        }
    }

    /// The ordinary file that stands there, if any.
    pub(super) fn status(&self) -> Result<Option<Status>, FileError> {
        match Status::of(&self.path, false)? {
            Some(status) if !status.is_file() => Err(FileError::NotAFile),
            status => Ok(status),
        }
    }
}

/// Writes documents to one path.
#[derive(Debug)]
pub enum FileSink {
    /// The newest document only.
    Newest(Newest),
    /// All of them.
    All(Lines),
}

impl FileSink {
    /// Writes to `directory`/`name`; the directory is made (one level) when it is absent.
    ///
    /// # Errors
    /// When there is no directory and none can be made, or a path holds a NUL byte.
    pub fn open(directory: &str, name: &str, keep: Keep) -> Result<Self, FileError> {
        let sink = match keep {
            Keep::Newest => Self::Newest(Newest::of(directory, name, None)?),
            Keep::All(rotation) => Self::All(Lines::of(directory, name, rotation)?),
        };
        match &sink {
            Self::Newest(newest) => newest.prepare()?,
            Self::All(lines) => lines.place.prepare()?,
        }
        Ok(sink)
    }

    /// Writes a document, which ends in a line end.
    ///
    /// # Errors
    /// When it could not be written whole; nothing of it remains then.
    pub fn put(&self, document: &[u8]) -> Result<(), FileError> {
        match self {
            Self::Newest(newest) => newest.put(&[document]),
            Self::All(lines) => lines.place.write(|| lines.append(document)),
        }
    }
}

/// Appends lines.
#[derive(Debug)]
pub struct Lines {
    place: Place,
    rotation: Option<Rotation>,
    /// `path.1`, `path.2` …
    aside: Vec<CString>,
}

impl Lines {
    fn of(directory: &str, name: &str, rotation: Option<Rotation>) -> Result<Self, FileError> {
        let files_kept = rotation.map_or(0, |rotation| rotation.files_kept);
        let aside = (1..=files_kept).map(|i| files::c_path(&format!("{directory}/{name}.{i}")));
        Ok(Self {
            aside: aside.collect::<Result<_, _>>()?,
            place: Place::of(directory, name)?,
            rotation,
        })
    }

    fn append(&self, document: &[u8]) -> Result<(), FileError> {
        let (file, bytes) = self.with_room(document.len() as u64)?;
        let whole = write_line(&file, bytes, document);
        if whole.is_err() {
            let _ = file.truncate(bytes);
        }
        Ok(whole?)
    }

    /// The file, locked, with room for `len` bytes, and its length.
    fn with_room(&self, len: u64) -> Result<(File, u64), FileError> {
        for _ in 0..TRIES_MAX {
            let (file, bytes) = self.locked()?;
            match self.rotation {
                Some(Rotation { bytes_max, .. }) if bytes > 0 && bytes + len > bytes_max => {
                    self.put_aside()?;
                }
                _ => return Ok((file, bytes)),
            }
        }
        Err(FileError::Busy)
    }

    /// The file, held against other processes that append or rotate, and its length.
    fn locked(&self) -> Result<(File, u64), FileError> {
        for _ in 0..TRIES_MAX {
            self.place.status()?;
            let file = File::append(&self.place.path)?;
            file.lock().map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => FileError::Busy,
                _ => error.into(),
            })?;
            let status = file.status()?;
            // Whoever held it before may have put it aside meanwhile.
            let current = Status::of(&self.place.path, false)?;
            if current.is_some_and(|current| current.is_same(&status)) {
                return Ok((file, status.bytes()));
            }
        }
        Err(FileError::Busy)
    }

    fn put_aside(&self) -> Result<(), FileError> {
        log::info!("{}: full, put aside", self.place.path.to_string_lossy());
        let names = self
            .aside
            .iter()
            .rev()
            .map(CString::as_c_str)
            .chain([self.place.path.as_c_str()]);
        let mut to: Option<&CStr> = None;
        for from in names {
            match to.map(|to| files::rename(from, to)) {
                Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(FileError::Rotate(error));
                }
                _ => to = Some(from),
            }
        }
        Ok(())
    }
}

/// How often a file that others keep putting aside is tried again.
const TRIES_MAX: u32 = 100;

/// Appends a line in one write, after ending one that a crash cut off.
fn write_line(file: &File, len: u64, line: &[u8]) -> io::Result<()> {
    if len > 0 && file.byte_at(len - 1)? != Some(b'\n') {
        file.write_all(b"\n")?;
    }
    file.write_all(line)
}
