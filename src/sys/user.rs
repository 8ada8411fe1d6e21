// SPDX-License-Identifier: MIT OR Apache-2.0
//! Becoming somebody else, and what belongs to whom (credentials(7)).
//!
//! The kernel keeps all this for each thread: done before others start, they inherit it.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags, RawDir, Stat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use rustix::{process, thread};

/// A user, and the group that it has first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// Number of the user.
    pub uid: u32,
    /// Number of the group.
    pub gid: u32,
}

impl Ids {
    /// Whoever this thread acts for.
    pub fn own() -> Self {
        Self {
            uid: process::geteuid().as_raw(),
            gid: process::getegid().as_raw(),
        }
    }

    /// Makes this thread act for this user alone, with `groups` besides its own; what it is
    /// permitted stays, but nothing of that is effective. No number is the largest one.
    ///
    /// # Errors
    /// What setgroups(2), setresgid(2), setresuid(2) and prctl(2) say.
    pub fn assume(self, groups: &[u32]) -> io::Result<()> {
        let groups: Vec<Gid> = groups.iter().map(|&gid| Gid::from_raw(gid)).collect();
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        // The groups first: they need the rights of the user before.
        thread::set_thread_groups(&groups)?;
        thread::set_thread_res_gid(gid, gid, gid)?;
        thread::set_keep_capabilities(true)?;
        let become_user = thread::set_thread_res_uid(uid, uid, uid);
        thread::set_keep_capabilities(false)?;
        Ok(become_user?)
    }
}

/// Whether this thread cannot become root; it is root when it can.
pub fn root_is_out_of_reach() -> bool {
    let root = Uid::ROOT;
    thread::set_thread_res_uid(None, root, None) == Err(Errno::PERM)
        && thread::set_thread_res_uid(root, root, root) == Err(Errno::PERM)
}

/// Makes sure that no program that this thread starts can do more than it does
/// (PR_SET_NO_NEW_PRIVS, since Linux 3.5).
///
/// # Errors
/// What prctl(2) says.
pub fn forbid_new_privileges() -> io::Result<()> {
    Ok(thread::set_no_new_privs(true)?)
}

/// How many threads this process has; 0 when the kernel does not say.
pub fn threads_count() -> u64 {
    let Ok(status) = fs::stat(c"/proc/self/task") else {
        return 0;
    };
    // As of any directory: one link for each below it, and two more.
    #[allow(clippy::useless_conversion)] // The width differs from CPU to CPU.
    u64::from(status.st_nlink).saturating_sub(2)
}

/// An open directory.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    status: Stat,
}

impl Directory {
    /// Opens a directory; its last name is no link.
    ///
    /// # Errors
    /// What open(2) and stat(2) say.
    pub fn open(path: &CStr) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat(CWD, path, flags, Mode::empty())?;
        let status = fs::fstat(&fd)?;
        Ok(Self { fd, status })
    }

    /// Where it really is, links and all resolved.
    ///
    /// # Errors
    /// What readlink(2) says.
    pub fn real_path(&self) -> io::Result<Vec<u8>> {
        let link = format!("/proc/self/fd/{}", self.fd.as_raw_fd());
        Ok(fs::readlink(link, Vec::new())?.into_bytes())
    }

    /// Whether it belongs to this user, and nobody else may write to it.
    pub fn is_private_of(&self, uid: u32) -> bool {
        self.status.st_uid == uid && self.status.st_mode & 0o022 == 0
    }

    /// Gives it, and the ordinary files in it that have no other name, to another user. Only what
    /// nobody else may write to is safe to give.
    ///
    /// # Errors
    /// What chown(2) and getdents(2) say.
    pub fn give(&self, to: Ids) -> io::Result<()> {
        let owner = (Some(Uid::from_raw(to.uid)), Some(Gid::from_raw(to.gid)));
        let mut buffer = [MaybeUninit::uninit(); 2_048];
        let mut entries = RawDir::new(&self.fd, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            let status = fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let is_file = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
            if is_file && status.st_nlink == 1 && status.st_uid == self.status.st_uid {
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                fs::chownat(&self.fd, name, owner.0, owner.1, flags)?;
            }
        }
        // Last: from now on another may write to it.
        Ok(fs::fchown(&self.fd, owner.0, owner.1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_counted() {
        let before = threads_count();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let waiting = std::thread::spawn(move || stopped.recv());
        // Other tests have threads that come and go, but this one and its own stay.
        assert!(before >= 1 && threads_count() >= 2);
        drop(stop);
        assert!(waiting.join().unwrap().is_err());
    }
}
