// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the spool asks of a directory; tests put one in its place that crashes when told.

use std::ffi::CStr;
use std::io;

/// A directory of files.
pub trait Store {
    /// An open file; its lock is released when it is dropped.
    type File;

    /// Obtains the lock of the directory, which only the sender holds; `false` when another does.
    ///
    /// # Errors
    /// What the system says, here and below.
    fn lock(&mut self) -> io::Result<bool>;

    /// Shows each file's name and length.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self, each: &mut dyn FnMut(&CStr, u64)) -> io::Result<()>;

    /// Makes a file, which must not exist.
    ///
    /// # Errors
    /// What the system says; `AlreadyExists`.
    fn create(&self, name: &CStr) -> io::Result<Self::File>;

    /// Opens a file for reading and appending.
    ///
    /// # Errors
    /// What the system says; `NotFound`.
    fn open(&self, name: &CStr) -> io::Result<Self::File>;

    /// Obtains the lock of a file without waiting; `false` when another open file holds it.
    ///
    /// # Errors
    /// What the system says.
    fn try_lock(&self, file: &Self::File) -> io::Result<bool>;

    /// Length, and whether the file still has a name.
    ///
    /// # Errors
    /// What the system says.
    fn status(&self, file: &Self::File) -> io::Result<(u64, bool)>;

    /// Writes both parts to the end of the file.
    ///
    /// # Errors
    /// What the system says; some of it may have been written then.
    fn append(&self, file: &Self::File, parts: [&[u8]; 2]) -> io::Result<()>;

    /// Fills the start of `buffer` with what stands at `offset`; 0 at the end of the file.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, file: &Self::File, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Cuts the file.
    ///
    /// # Errors
    /// What the system says.
    fn truncate(&self, file: &Self::File, bytes: u64) -> io::Result<()>;

    /// Waits until the content is on the medium.
    ///
    /// # Errors
    /// What the system says.
    fn sync(&self, file: &Self::File) -> io::Result<()>;

    /// Waits until the names of the files are on the medium.
    ///
    /// # Errors
    /// What the system says.
    fn sync_names(&self) -> io::Result<()>;

    /// Gives a file another name, in place of what had it.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &CStr, to: &CStr) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, name: &CStr) -> io::Result<()>;
}
