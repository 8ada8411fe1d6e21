// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes of a file and of the names beside it, as something to wait for (inotify(7)).
//!
//! Hints only: what did change is for whoever waits to look up, and changes that the kernel does
//! not tell, as those of a network file system, have to be looked for now and then anyway.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

/// Files that are watched at once: the one that is read, and the one that has taken its name.
const FILES: usize = 2;

/// Readable when something may have changed.
#[derive(Debug)]
pub struct Watch {
    fd: OwnedFd,
    /// The newest first.
    files: [Option<i32>; FILES],
}

impl Watch {
    /// Watches which names come into `directory`.
    ///
    /// # Errors
    /// What inotify_init(2) and inotify_add_watch(2) say; `ENOSPC` and `EMFILE` are limits of the
    /// user (`fs.inotify`).
    pub fn of(directory: &CStr) -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let names = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        inotify::add_watch(&fd, directory, names)?;
        Ok(Self {
            fd,
            files: [None; FILES],
        })
    }

    /// Watches also the file that stands at `path`, and forgets all files but the one before it.
    pub fn add(&mut self, path: &CStr) {
        let content = WatchFlags::MODIFY | WatchFlags::MOVE_SELF | WatchFlags::DELETE_SELF;
        let Ok(number) = inotify::add_watch(&self.fd, path, content) else {
            return;
        };
        if self.files.contains(&Some(number)) {
            return;
        }
        if let Some(oldest) = self.files[FILES - 1] {
            // It fails when the file is gone, and the watch with it.
            let _ = inotify::remove_watch(&self.fd, oldest);
        }
        self.files.rotate_right(1);
        self.files[0] = Some(number);
    }

    /// Forgets what changed until now.
    pub fn hush(&self) {
        let mut events = [0; 4_096];
        while rustix::io::read(&self.fd, &mut events).is_ok_and(|len| len == events.len()) {}
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::files::{self, File};
    use crate::sys::poll::{self, Until};
    use std::time::Duration;

    #[track_caller]
    fn told(watch: &Watch, expected: bool) {
        let wanted = [(watch.as_fd(), Until::Readable)];
        let told = poll::wait(wanted, Some(Duration::ZERO)).unwrap();
        assert_eq!(told, [expected]);
        watch.hush();
    }

    #[test]
    fn changes_of_the_file_and_of_its_name_are_told() {
        let directory = format!("/tmp/netvitals-watch-{}", std::process::id());
        let path = |name: &str| files::c_path(&format!("{directory}/{name}")).unwrap();
        let (folder, log, old) = (
            files::c_path(&directory).unwrap(),
            path("log"),
            path("log.1"),
        );
        files::make_directory(&folder).unwrap();
        let mut watch = Watch::of(&folder).unwrap();
        told(&watch, false);
        let file = File::append(&log).unwrap();
        told(&watch, true);
        watch.add(&log);
        file.write_all(b"x").unwrap();
        told(&watch, true);
        told(&watch, false);
        files::rename(&log, &old).unwrap();
        told(&watch, true);
        // The old one is watched still, as well as the new one.
        let new = File::append(&log).unwrap();
        watch.add(&log);
        watch.add(&log);
        watch.hush();
        file.write_all(b"x").unwrap();
        told(&watch, true);
        new.write_all(b"x").unwrap();
        told(&watch, true);
        files::remove(&old).unwrap();
        files::remove(&log).unwrap();
        std::fs::remove_dir(&directory).unwrap();
        assert!(Watch::of(&folder).is_err());
    }
}
