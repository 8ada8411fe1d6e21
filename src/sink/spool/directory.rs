// SPDX-License-Identifier: MIT OR Apache-2.0
//! The real directory behind the spool.

use std::ffi::CStr;
use std::io;

use crate::sys::spool_directory::{SpoolDirectory, SpoolFile};

use super::store::Store;

impl Store for SpoolDirectory {
    type File = SpoolFile;

    fn lock(&mut self) -> io::Result<bool> {
        SpoolDirectory::lock(self)
    }

    fn list(&self, each: &mut dyn FnMut(&CStr, u64)) -> io::Result<()> {
        SpoolDirectory::list(self, each)
    }

    fn create(&self, name: &CStr) -> io::Result<SpoolFile> {
        SpoolDirectory::create(self, name)
    }

    fn open(&self, name: &CStr) -> io::Result<SpoolFile> {
        SpoolDirectory::open(self, name)
    }

    fn try_lock(&self, file: &SpoolFile) -> io::Result<bool> {
        file.try_lock()
    }

    fn status(&self, file: &SpoolFile) -> io::Result<(u64, bool)> {
        file.status()
    }

    fn append(&self, file: &SpoolFile, parts: [&[u8]; 2]) -> io::Result<()> {
        file.append(parts)
    }

    fn read_at(&self, file: &SpoolFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        file.read_at(offset, buffer)
    }

    fn truncate(&self, file: &SpoolFile, bytes: u64) -> io::Result<()> {
        file.truncate(bytes)
    }

    fn sync(&self, file: &SpoolFile) -> io::Result<()> {
        file.sync()
    }

    fn sync_names(&self) -> io::Result<()> {
        SpoolDirectory::sync_names(self)
    }

    fn rename(&self, from: &CStr, to: &CStr) -> io::Result<()> {
        SpoolDirectory::rename(self, from, to)
    }

    fn remove(&self, name: &CStr) -> io::Result<()> {
        SpoolDirectory::remove(self, name)
    }
}
