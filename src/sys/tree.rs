// SPDX-License-Identifier: MIT OR Apache-2.0
//! A tree of directories that other programs write to as well. Every step is relative to an open
//! directory and follows no link, so nothing that happens meanwhile leads out of the tree.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{self, AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RawDir, SeekFrom};
use rustix::io::Errno;

use super::files::{File, Status};

/// An open directory; its lock is released when it is dropped.
#[derive(Debug)]
pub struct Directory(OwnedFd);

/// What an entry of a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A directory.
    Directory,
    /// Anything else, links too.
    Other,
}

impl Directory {
    /// Opens the root of a tree; a link to it is followed.
    ///
    /// # Errors
    /// What open(2) says.
    pub fn open(path: &CStr) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(fs::openat(CWD, path, flags, Mode::empty())?))
    }

    /// Opens a directory in this one.
    ///
    /// # Errors
    /// What openat(2) says; `NotADirectory` also for a link.
    pub fn enter(&self, name: &CStr) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(Self(fs::openat(&self.0, name, flags, Mode::empty())?))
    }

    /// The names of its entries that `wanted` chooses, sorted by their bytes.
    ///
    /// # Errors
    /// What getdents(2) says.
    pub fn names(&self, wanted: impl Fn(Entry) -> bool) -> io::Result<Vec<CString>> {
        let mut names = Vec::new();
        fs::seek(&self.0, SeekFrom::Start(0))?;
        let mut buffer = [MaybeUninit::uninit(); 4_096];
        let mut entries = RawDir::new(&self.0, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems do not say.
                FileType::Unknown => match self.status(name)? {
                    Some(status) if status.is_directory() => Entry::Directory,
                    Some(_) => Entry::Other,
                    None => continue,
                },
                FileType::Directory => Entry::Directory,
                _ => Entry::Other,
            };
            if wanted(kind) {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// What stands there under a name; `None` when nothing does.
    ///
    /// # Errors
    /// What fstatat(2) says otherwise.
    pub fn status(&self, name: &CStr) -> io::Result<Option<Status>> {
        match fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(status) => Ok(Some(Status::from(status))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What the directory itself is.
    ///
    /// # Errors
    /// What fstat(2) says.
    pub fn own_status(&self) -> io::Result<Status> {
        Ok(Status::from(fs::fstat(&self.0)?))
    }

    /// Opens a file for reading; `None` when there is none. A link to one is followed, a FIFO is
    /// not waited for.
    ///
    /// # Errors
    /// What openat(2) says otherwise.
    pub fn read(&self, name: &CStr) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match fs::openat(&self.0, name, flags, Mode::empty()) {
            Ok(file) => Ok(Some(File::from(file))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a file for appending and reading, made when it is absent.
    ///
    /// # Errors
    /// What openat(2) says; a link or a FIFO is none of ours.
    pub fn append(&self, name: &CStr) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::NONBLOCK;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o644);
        Ok(File::from(fs::openat(&self.0, name, flags, mode)?))
    }

    /// Puts a file with this content under a name, in place of what had it: on the medium before
    /// it has the name, so that nobody ever sees half of it.
    ///
    /// # Errors
    /// What openat(2), write(2), fsync(2) or renameat(2) says; what was there remains then.
    pub fn replace(&self, name: &CStr, temporary: &CStr, content: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
        let mode = Mode::from_raw_mode(0o644);
        let file = File::from(fs::openat(
            &self.0,
            temporary,
            flags | OFlags::CLOEXEC,
            mode,
        )?);
        let result = file.write_all(content).and_then(|()| file.sync());
        let result = result.and_then(|()| {
            fs::renameat(&self.0, temporary, &self.0, name)?;
            Ok(())
        });
        if result.is_err() {
            let _ = self.remove(temporary);
        }
        result
    }

    /// Removes a file or a link.
    ///
    /// # Errors
    /// What unlinkat(2) says.
    pub fn remove(&self, name: &CStr) -> io::Result<()> {
        Ok(fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Removes a directory, which must be empty.
    ///
    /// # Errors
    /// What unlinkat(2) says; `DirectoryNotEmpty`.
    pub fn remove_directory(&self, name: &CStr) -> io::Result<()> {
        Ok(fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// Obtains the lock of the directory (flock(2)) without waiting; `false` when another process
    /// holds it. Where the file system has no locks, everybody obtains it.
    ///
    /// # Errors
    /// What flock(2) says.
    pub fn lock(&self) -> io::Result<bool> {
        loop {
            match fs::flock(&self.0, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) | Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK) => return Ok(true),
                Err(Errno::WOULDBLOCK) => return Ok(false),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::files::c_path;

    fn fresh(name: &str) -> (std::path::PathBuf, Directory) {
        let name = format!("netvitals-tree-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        let opened = Directory::open(&c_path(path.to_str().unwrap()).unwrap()).unwrap();
        (path, opened)
    }

    #[test]
    fn links_are_seen_and_not_followed() {
        let (path, tree) = fresh("links");
        std::fs::create_dir(path.join("b")).unwrap();
        std::fs::create_dir(path.join("a")).unwrap();
        std::os::unix::fs::symlink("b", path.join("link")).unwrap();
        let directories = tree.names(|kind| kind == Entry::Directory).unwrap();
        assert_eq!(directories, [c"a".to_owned(), c"b".to_owned()]);
        assert!(tree.enter(c"link").is_err());
        assert!(
            tree.status(c"link")
                .unwrap()
                .is_some_and(|s| !s.is_directory())
        );
        assert!(tree.append(c"link").is_err());
        std::fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn who_comes_second_does_not_get_the_lock() {
        let (path, tree) = fresh("lock");
        let again = Directory::open(&c_path(path.to_str().unwrap()).unwrap()).unwrap();
        assert!(tree.lock().unwrap());
        assert!(!again.lock().unwrap());
        drop(tree);
        assert!(again.lock().unwrap());
        std::fs::remove_dir_all(&path).unwrap();
    }
}
