// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file without a name (O_TMPFILE, open(2)): whatever ends the process, nothing is left of it.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{self, FallocateFlags, Mode, OFlags};
use rustix::io::Errno;

use super::random;

/// The file.
#[derive(Debug)]
pub struct Scratch(OwnedFd);

impl Scratch {
    /// An empty one on the file system of `directory`. Where there are no files without a name it
    /// has one until it is open.
    ///
    /// # Errors
    /// What open(2) says.
    pub fn create(directory: &CStr) -> io::Result<Self> {
        let mode = Mode::from_raw_mode(0o600);
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        match fs::open(directory, flags | OFlags::TMPFILE, mode) {
            // An old kernel takes it for a directory to be written (open(2), BUGS).
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {}
            result => return Ok(Self(result?)),
        }
        let mut path = directory.to_bytes().to_vec();
        path.extend_from_slice(format!("/netvitals-{:016x}", random::bits()).as_bytes());
        let path = CString::new(path).map_err(|_| io::ErrorKind::InvalidInput)?;
        let flags = flags | OFlags::CREATE | OFlags::EXCL;
        let file = fs::open(&path, flags, mode)?;
        fs::unlink(&path)?;
        Ok(Self(file))
    }

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// What pwrite(2) says; part of it may have been written then.
    pub fn write_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::pwrite(&self.0, bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => (bytes, offset) = (&bytes[len..], offset + len as u64),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Fills `buffer` with what stands at `offset`.
    ///
    /// # Errors
    /// What pread(2) says; `UnexpectedEof` beyond the end.
    pub fn read_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match rustix::io::pread(&self.0, &mut *buffer, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => (buffer, offset) = (&mut buffer[len..], offset + len as u64),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives the space of `len` bytes at `offset` back, where the file system can.
    pub fn forget(&self, offset: u64, len: u64) {
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let _ = fs::fallocate(&self.0, hole, offset, len);
    }
}
