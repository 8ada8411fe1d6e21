// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading at a place of a file, and what stands beside it.

use std::ffi::CStr;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{self, Mode, OFlags, RawDir, SeekFrom};
use rustix::io::Errno;

use super::File;

impl File {
    /// Fills the start of `buffer` with what stands at `offset`; 0 beyond the end.
    ///
    /// # Errors
    /// What pread(2) says.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read_both(&mut [], buffer, offset)
    }

    /// The same for two buffers that are filled in one step, the first one first.
    ///
    /// # Errors
    /// What preadv(2) says.
    pub fn read_both(&self, a: &mut [u8], b: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            let mut both = [IoSliceMut::new(&mut *a), IoSliceMut::new(&mut *b)];
            match rustix::io::preadv(&self.0, &mut both, offset) {
                Err(Errno::INTR) => {}
                result => return Ok(result?),
            }
        }
    }

    /// Goes on reading at `offset`.
    ///
    /// # Errors
    /// What lseek(2) says.
    pub fn go_to(&self, offset: u64) -> io::Result<()> {
        fs::seek(&self.0, SeekFrom::Start(offset))?;
        Ok(())
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Shows each name in a directory, the directory itself and its parent too.
///
/// # Errors
/// What open(2) and getdents(2) say.
pub fn names(directory: &CStr, each: &mut dyn FnMut(&CStr)) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = fs::open(directory, flags, Mode::empty())?;
    let mut buffer = [MaybeUninit::uninit(); 2_048];
    let mut entries = RawDir::new(&directory, &mut buffer);
    while let Some(entry) = entries.next() {
        each(entry?.file_name());
    }
    Ok(())
}
