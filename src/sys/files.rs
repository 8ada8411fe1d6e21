// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files: reading below a root that tests may choose, and the few steps of writing safely.
//!
//! Paths are C strings made once, so that no call allocates.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{self, AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, SeekFrom, Stat};
use rustix::io::Errno;

use super::poll::{self, Until};

#[cfg(feature = "connspy")]
pub mod places;

/// Where paths like `proc/net/dev` begin: `/`, or a directory that stands in for it.
#[derive(Debug)]
pub struct Root(OwnedFd);

impl Root {
    /// The real one.
    ///
    /// # Errors
    /// What open(2) says.
    pub fn system() -> io::Result<Self> {
        Self::at(c"/")
    }

    /// The directory `path` in its place.
    ///
    /// # Errors
    /// What open(2) says.
    pub fn at(path: &CStr) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(fs::open(path, flags, Mode::empty())?))
    }

    /// Opens `path`, relative to this root, for reading. A FIFO without a writer is empty.
    ///
    /// # Errors
    /// What openat(2) says.
    pub fn open(&self, path: &CStr) -> io::Result<File> {
        Ok(File(fs::openat(
            &self.0,
            path,
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
            Mode::empty(),
        )?))
    }
}

impl Root {
    /// The space of the file system that holds `path`, relative to this root. A network file system
    /// that does not answer makes it wait, so only local ones may be asked.
    ///
    /// # Errors
    /// What openat(2) or fstatfs(2) says; a link is not followed.
    pub fn blocks(&self, path: &CStr) -> io::Result<Blocks> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let place = fs::openat(&self.0, path, flags, Mode::empty())?;
        let found = fs::fstatvfs(&place)?;
        Ok(Blocks {
            bytes: found.f_frsize,
            all: found.f_blocks,
            free: found.f_bfree,
            available: found.f_bavail,
        })
    }
}

/// The space of a file system in blocks (statvfs(3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Bytes of a block.
    pub bytes: u64,
    /// How many there are.
    pub all: u64,
    /// How many are free.
    pub free: u64,
    /// How many of those are for everybody.
    pub available: u64,
}

/// An open file.
#[derive(Debug)]
pub struct File(OwnedFd);

impl From<OwnedFd> for File {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl File {
    /// Opens `path` for reading. A FIFO without a writer is empty.
    ///
    /// # Errors
    /// What open(2) says.
    pub fn open(path: &CStr) -> io::Result<Self> {
        Ok(Self(fs::open(
            path,
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
            Mode::empty(),
        )?))
    }

    /// Opens `path` for reading; a FIFO without a writer is waited for.
    ///
    /// # Errors
    /// What open(2) says.
    pub fn open_waiting(path: &CStr) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Self(fs::open(path, flags, Mode::empty())?))
    }

    /// What was given to this process on standard input.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn standard_input() -> io::Result<Self> {
        let stdin = rustix::stdio::stdin();
        Ok(Self(rustix::io::fcntl_dupfd_cloexec(stdin, 3)?))
    }

    /// Creates `path`, which must not exist, for writing, with these permissions (less the umask);
    /// no link is followed.
    ///
    /// # Errors
    /// What open(2) says; `AlreadyExists` when there is something of that name.
    pub fn create_new(path: &CStr, mode: u32) -> io::Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        Ok(Self(fs::open(path, flags, Mode::from_raw_mode(mode))?))
    }

    /// Opens `path` for appending, and for reading back its end; makes it when it is absent. No
    /// link is followed, because somebody else may have put it there, and a FIFO without a reader
    /// is not waited for.
    ///
    /// # Errors
    /// What open(2) says.
    pub fn append(path: &CStr) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::NONBLOCK;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(fs::open(path, flags, Mode::from_raw_mode(0o644))?))
    }

    /// Fills the start of `buffer`; 0 at the end of the file.
    ///
    /// # Errors
    /// What read(2) says.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::read(&self.0, &mut *buffer) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    poll::wait([(self.0.as_fd(), Until::Readable)], None)?;
                }
                result => return Ok(result?),
            }
        }
    }

    /// Reads piece by piece; `FileTooLarge` beyond `bytes_max`, as in a file without end.
    pub fn pieces(&self, bytes_max: usize) -> impl FnMut(&mut [u8]) -> io::Result<usize> {
        let mut left = bytes_max;
        move |space| {
            let len = self.read(space)?;
            left = left.checked_sub(len).ok_or(io::ErrorKind::FileTooLarge)?;
            Ok(len)
        }
    }

    /// Goes back to the first byte.
    ///
    /// # Errors
    /// What lseek(2) says.
    pub fn rewind(&self) -> io::Result<()> {
        fs::seek(&self.0, SeekFrom::Start(0))?;
        Ok(())
    }

    /// The rest of the file.
    ///
    /// # Errors
    /// What read(2) says; `FileTooLarge` beyond `bytes_max`.
    pub fn read_to_end(&self, bytes_max: usize) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let mut piece = [0; 4_096];
        loop {
            let len = self.read(&mut piece)?;
            if len == 0 {
                return Ok(content);
            }
            if content.len() + len > bytes_max {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            content.extend_from_slice(&piece[..len]);
        }
    }

    /// The byte at `offset`; `None` beyond the end.
    ///
    /// # Errors
    /// What pread(2) says.
    pub fn byte_at(&self, offset: u64) -> io::Result<Option<u8>> {
        let mut byte = [0];
        let len = rustix::io::pread(&self.0, &mut byte, offset)?;
        Ok((len == 1).then_some(byte[0]))
    }

    /// Writes all of `bytes`, in one write(2) unless the kernel takes less.
    ///
    /// # Errors
    /// What write(2) says; part of it may have been written then.
    pub fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        write_all(self.0.as_fd(), bytes)
    }

    /// Waits until the content is on the medium (fsync(2)); nothing where the file system cannot
    /// tell.
    ///
    /// # Errors
    /// What fsync(2) says.
    pub fn sync(&self) -> io::Result<()> {
        match fs::fsync(&self.0) {
            Err(Errno::INVAL) => Ok(()),
            result => Ok(result?),
        }
    }

    /// Cuts the file to `len` bytes.
    ///
    /// # Errors
    /// What ftruncate(2) says.
    pub fn truncate(&self, len: u64) -> io::Result<()> {
        Ok(fs::ftruncate(&self.0, len)?)
    }

    /// Waits until no other process holds the file (flock(2)), but not for long: any user who may
    /// read it can hold it. Released when it is closed.
    ///
    /// # Errors
    /// What flock(2) says; `WouldBlock` when somebody holds it for more than a second.
    pub fn lock(&self) -> io::Result<()> {
        for _ in 0..50 {
            match fs::flock(&self.0, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) => std::thread::sleep(Duration::from_millis(20)),
                result => return Ok(result?),
            }
        }
        Err(Errno::WOULDBLOCK.into())
    }

    /// Holds the file (flock(2)) until it is closed, where the file system can; `false` when
    /// another process does.
    pub fn try_lock(&self) -> bool {
        let result = fs::flock(&self.0, FlockOperation::NonBlockingLockExclusive);
        result != Err(Errno::WOULDBLOCK)
    }

    /// What the file is.
    ///
    /// # Errors
    /// What fstat(2) says.
    pub fn status(&self) -> io::Result<Status> {
        Ok(Status(fs::fstat(&self.0)?))
    }

    /// Takes over the permissions and, as far as allowed, the owner of another file.
    pub fn resemble(&self, other: &Status) {
        let _ = fs::fchmod(&self.0, Mode::from_raw_mode(other.0.st_mode));
        let owner = rustix::process::Uid::from_raw(other.0.st_uid);
        let group = rustix::process::Gid::from_raw(other.0.st_gid);
        if fs::fchown(&self.0, Some(owner), Some(group)).is_err() {
            let _ = fs::fchown(&self.0, None, Some(group));
        }
    }
}

/// What a file is (stat(2)).
#[derive(Clone, Copy, Debug)]
pub struct Status(Stat);

impl From<Stat> for Status {
    fn from(stat: Stat) -> Self {
        Self(stat)
    }
}

impl Status {
    /// What stands at `path`, links not followed; `None` when nothing does.
    ///
    /// # Errors
    /// What stat(2) says otherwise.
    pub fn of(path: &CStr, follow: bool) -> io::Result<Option<Self>> {
        let flags = if follow {
            AtFlags::empty()
        } else {
            AtFlags::SYMLINK_NOFOLLOW
        };
        match fs::statat(CWD, path, flags) {
            Ok(status) => Ok(Some(Self(status))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it is an ordinary file.
    pub fn is_file(&self) -> bool {
        FileType::from_raw_mode(self.0.st_mode) == FileType::RegularFile
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        FileType::from_raw_mode(self.0.st_mode) == FileType::Directory
    }

    /// Length in bytes.
    pub fn bytes(&self) -> u64 {
        u64::try_from(self.0.st_size).unwrap_or(0)
    }

    /// When the content was changed last, nanoseconds since 1970; 0 before.
    #[allow(clippy::unnecessary_cast)] // The width differs from CPU to CPU.
    pub fn modified_ns(&self) -> u64 {
        let seconds = u64::try_from(self.0.st_mtime as i64).unwrap_or(0);
        let ns = self.0.st_mtime_nsec as u64;
        seconds.saturating_mul(1_000_000_000).saturating_add(ns)
    }

    /// Device and inode: no two files have the same at one time.
    #[allow(clippy::useless_conversion)] // The widths differ from CPU to CPU.
    pub fn identity(&self) -> (u64, u64) {
        (self.0.st_dev.into(), self.0.st_ino.into())
    }

    /// Whether both are the same file.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.0.st_dev, self.0.st_ino) == (other.0.st_dev, other.0.st_ino)
    }
}

/// A path as the system wants it.
///
/// # Errors
/// `InvalidInput` when it holds a NUL byte.
pub fn c_path(path: &str) -> io::Result<CString> {
    CString::new(path).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// Makes a directory, unless something of that name exists.
///
/// # Errors
/// What mkdir(2) says.
pub fn make_directory(path: &CStr) -> io::Result<()> {
    match fs::mkdir(path, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Gives the file `from` the name `to`, in place of whatever had it (rename(2)).
///
/// # Errors
/// What rename(2) says.
pub fn rename(from: &CStr, to: &CStr) -> io::Result<()> {
    Ok(fs::rename(from, to)?)
}

/// Removes a file.
///
/// # Errors
/// What unlink(2) says.
pub fn remove(path: &CStr) -> io::Result<()> {
    Ok(fs::unlink(path)?)
}

/// Writes all of `bytes`, waiting for a reader where the descriptor is set not to.
pub(super) fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => bytes = &bytes[len..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                poll::wait([(fd, Until::Writable)], None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
