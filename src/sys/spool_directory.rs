// SPDX-License-Identifier: MIT OR Apache-2.0
//! A private directory of files that processes share by locks (flock(2)), and nobody else touches.
//!
//! All names are relative to the open directory, and no link is followed. The way to it may lead
//! through `/tmp`, where anybody may have put something in our place: below a directory that all
//! may write to, only what is ours or root's is entered, and no link.

use std::ffi::{CStr, CString};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{self, AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RawDir, SeekFrom};
use rustix::io::Errno;
use rustix::process::geteuid;

/// How many of the last directories of a path are made when they are absent.
const LEVELS_MADE: usize = 2;

/// The open directory; its lock is released when it is dropped.
#[derive(Debug)]
pub struct SpoolDirectory(OwnedFd);

impl SpoolDirectory {
    /// Opens the directory, made with mode 0700 (and its parent, 0755) when it is absent.
    ///
    /// # Errors
    /// What open(2) and mkdir(2) say; `PermissionDenied` when others may write to it.
    pub fn at(path: &str) -> io::Result<Self> {
        let start = if path.starts_with('/') { c"/" } else { c"." };
        let mut directory = open_directory(CWD, start, OFlags::empty())?;
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        for (index, name) in names.iter().enumerate() {
            let name = CString::new(*name).map_err(|_| Errno::INVAL)?;
            let below = names.len() - index;
            let mode = (below <= LEVELS_MADE).then_some(if below == 1 { 0o700 } else { 0o755 });
            directory = enter(&directory, &name, mode)?;
        }
        if is_shared(&directory)? {
            let what = "others may write to it; choose a directory of your own";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
        }
        Ok(Self(directory))
    }

    /// Obtains the lock of the directory without waiting; `false` when another process holds it.
    ///
    /// # Errors
    /// What flock(2) says.
    pub fn lock(&self) -> io::Result<bool> {
        try_lock(&self.0)
    }

    /// Shows each ordinary file's name and length.
    ///
    /// # Errors
    /// What getdents(2) says.
    pub fn list(&self, each: &mut dyn FnMut(&CStr, u64)) -> io::Result<()> {
        fs::seek(&self.0, SeekFrom::Start(0))?;
        let mut buffer = [MaybeUninit::uninit(); 2_048];
        let mut entries = RawDir::new(&self.0, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            match fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(status) if FileType::from_raw_mode(status.st_mode) == FileType::RegularFile => {
                    each(name, u64::try_from(status.st_size).unwrap_or(0));
                }
                // Something else, or removed since.
                Ok(_) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Makes a file, which must not exist, for reading and appending; mode 0600.
    ///
    /// # Errors
    /// What openat(2) says; `AlreadyExists`.
    pub fn create(&self, name: &CStr) -> io::Result<SpoolFile> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        Ok(self.open_with(name, flags)?)
    }

    /// Opens a file for reading and appending; for reading alone on a read-only file system.
    ///
    /// # Errors
    /// What openat(2) says; `InvalidInput` when it is not an ordinary file.
    pub fn open(&self, name: &CStr) -> io::Result<SpoolFile> {
        let file = match self.open_with(name, OFlags::RDWR | OFlags::NONBLOCK) {
            Err(Errno::ROFS) => self.open_with(name, OFlags::RDONLY | OFlags::NONBLOCK)?,
            result => result?,
        };
        let status = fs::fstat(&file.0)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(file)
    }

    fn open_with(&self, name: &CStr, flags: OFlags) -> Result<SpoolFile, Errno> {
        let flags = flags | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mode = Mode::from_raw_mode(0o600);
        Ok(SpoolFile(fs::openat(&self.0, name, flags, mode)?))
    }

    /// Waits until the names of the files are on the medium (fsync(2)); nothing where the file
    /// system cannot tell.
    ///
    /// # Errors
    /// What fsync(2) says.
    pub fn sync_names(&self) -> io::Result<()> {
        match fs::fsync(&self.0) {
            Err(Errno::INVAL) => Ok(()),
            result => Ok(result?),
        }
    }

    /// Gives a file another name, in place of what had it (renameat(2)).
    ///
    /// # Errors
    /// What renameat(2) says.
    pub fn rename(&self, from: &CStr, to: &CStr) -> io::Result<()> {
        Ok(fs::renameat(&self.0, from, &self.0, to)?)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// What unlinkat(2) says.
    pub fn remove(&self, name: &CStr) -> io::Result<()> {
        Ok(fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }
}

/// An open file of the directory.
#[derive(Debug)]
pub struct SpoolFile(OwnedFd);

impl SpoolFile {
    /// Obtains the lock without waiting; `false` when another open file holds it.
    ///
    /// # Errors
    /// What flock(2) says.
    pub fn try_lock(&self) -> io::Result<bool> {
        try_lock(&self.0)
    }

    /// Length in bytes, and whether the file still has a name.
    ///
    /// # Errors
    /// What fstat(2) says.
    pub fn status(&self) -> io::Result<(u64, bool)> {
        let status = fs::fstat(&self.0)?;
        Ok((
            u64::try_from(status.st_size).unwrap_or(0),
            status.st_nlink > 0,
        ))
    }

    /// Writes both parts to the end, in one writev(2) unless the kernel takes less.
    ///
    /// # Errors
    /// What writev(2) says; part of it may have been written then.
    pub fn append(&self, [mut first, mut second]: [&[u8]; 2]) -> io::Result<()> {
        while !first.is_empty() || !second.is_empty() {
            let slices = [IoSlice::new(first), IoSlice::new(second)];
            match rustix::io::writev(&self.0, &slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => {
                    let of_first = len.min(first.len());
                    first = &first[of_first..];
                    second = &second[len - of_first..];
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Fills the start of `buffer` with what stands at `offset`; 0 at the end of the file.
    ///
    /// # Errors
    /// What pread(2) says.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::pread(&self.0, &mut *buffer, offset) {
                Err(Errno::INTR) => {}
                result => return Ok(result?),
            }
        }
    }

    /// Cuts the file to `bytes`.
    ///
    /// # Errors
    /// What ftruncate(2) says.
    pub fn truncate(&self, bytes: u64) -> io::Result<()> {
        Ok(fs::ftruncate(&self.0, bytes)?)
    }

    /// Waits until the content is on the medium (fdatasync(2)).
    ///
    /// # Errors
    /// What fdatasync(2) says.
    pub fn sync(&self) -> io::Result<()> {
        Ok(fs::fdatasync(&self.0)?)
    }
}

fn try_lock(fd: &OwnedFd) -> io::Result<bool> {
    loop {
        match fs::flock(fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn open_directory(
    parent: impl std::os::fd::AsFd,
    name: &CStr,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    fs::openat(parent, name, flags, Mode::empty())
}

/// Opens the directory `name` in `parent`, made with `mode` when it is absent.
fn enter(parent: &OwnedFd, name: &CStr, mode: Option<u32>) -> io::Result<OwnedFd> {
    let shared = is_shared(parent)?;
    let flags = if shared {
        OFlags::NOFOLLOW
    } else {
        OFlags::empty()
    };
    let directory = match (open_directory(parent, name, flags), mode) {
        (Err(Errno::NOENT), Some(mode)) => {
            match fs::mkdirat(parent, name, Mode::from_raw_mode(mode)) {
                Ok(()) | Err(Errno::EXIST) => open_directory(parent, name, flags)?,
                Err(error) => return Err(error.into()),
            }
        }
        (result, _) => result?,
    };
    let owner = fs::fstat(&directory)?.st_uid;
    if shared && owner != 0 && owner != geteuid().as_raw() {
        let what = "somebody else made it; choose another directory";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
    }
    Ok(directory)
}

/// Whether everybody may write to a directory.
fn is_shared(directory: &OwnedFd) -> io::Result<bool> {
    Ok(fs::fstat(directory)?.st_mode & 0o002 != 0)
}
