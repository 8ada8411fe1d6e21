// SPDX-License-Identifier: MIT OR Apache-2.0
//! Brings maps and program into the kernel, and says why not.

use core::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::asm::ByteOrder;
use super::rows::KernelTables;
use super::{call, cpus, program};
use crate::sys::privileges::{Capabilities, Capability, Holder, ThisThread};

/// Either allows loading: the newer, or the older that contains it.
pub const LOADING: Capabilities = Capabilities::of(&[Capability::Bpf, Capability::SysAdmin]);

/// Bytes of the verifier's log, only on the way out: it names each instruction on the bad path.
const LOG_BYTES: usize = 256 * 1_024;

/// The verifier gives up when a signal waits, as libbpf expects it to.
const TRIES_MAX: usize = 5;

/// Why the program is not in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// This process has neither CAP_BPF nor CAP_SYS_ADMIN.
    Permission,
    /// It has, and was refused all the same: memory that may be locked, or a security policy.
    Memlock,
    /// This kernel, or what is visible of it here, cannot do it; the error number.
    Unsupported(i32),
    /// The kernel's verifier did not take the program.
    Rejected {
        /// The error number.
        errno: i32,
        /// What the verifier wrote.
        log: String,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Permission => f.write_str(
                "no permission to count in the kernel: run as root, or give the program CAP_BPF \
                 and CAP_NET_RAW",
            ),
            Self::Memlock => f.write_str(
                "the kernel refuses to count although CAP_BPF is there: allow more locked memory \
                 (ulimit -l unlimited); in a container, see its user namespace and seccomp profile",
            ),
            Self::Unsupported(errno) => {
                let error = io::Error::from_raw_os_error(*errno);
                write!(
                    f,
                    "this kernel cannot count for us: {error}; it takes Linux 5.7 with \
                     CONFIG_BPF_SYSCALL, and /sys"
                )
            }
            Self::Rejected { errno, log } => {
                let error = io::Error::from_raw_os_error(*errno);
                let reason = reason(log);
                write!(
                    f,
                    "the kernel rejects the counting program: {error}: {reason}; please report \
                     this with what -v shows, and count with --capture ring"
                )
            }
        }
    }
}

/// The line of the verifier's log that says why: the last but its statistics.
fn reason(log: &str) -> &str {
    let statistics = ["processed ", "verification time", "stack depth"];
    let mut lines = log.lines().rev().map(str::trim);
    lines
        .find(|line| !line.is_empty() && !statistics.iter().any(|start| line.starts_with(start)))
        .unwrap_or("no reason given")
}

/// Maps, program, and how many CPUs have a copy of each row.
pub fn load() -> Result<(KernelTables, OwnedFd, usize), LoadError> {
    let may_load = || {
        let privileges = ThisThread.privileges();
        privileges.is_ok_and(|privileges| privileges.effective.has_any(LOADING))
    };
    let cpus = cpus::possible().map_err(|error| refusal(&error, false))?;
    raise_memory_limit();
    let tables = KernelTables::create(cpus).map_err(|error| refusal(&error, may_load()))?;
    let maps = program::Maps {
        lanes: tables.lanes.as_raw_fd(),
        totals: tables.totals.as_raw_fd(),
        own: tables.own.as_raw_fd(),
    };
    let code = program::counting(maps, ByteOrder::NATIVE);
    let filter = verified(|log| call::load_filter(&code, "netvitals", log), may_load)?;
    Ok((tables, filter, cpus))
}

/// Before Linux 5.11 maps and programs count as locked memory, and the default is 64 KiB.
fn raise_memory_limit() {
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    if setrlimit(Resource::Memlock, unlimited).is_err() {
        let maximum = getrlimit(Resource::Memlock).maximum;
        let current = maximum;
        // Newer kernels do not care; an older one says so below.
        let _ = setrlimit(Resource::Memlock, Rlimit { current, maximum });
    }
}

/// Loads a program; the log costs time and memory, so it is asked for after a rejection only.
fn verified<P>(
    mut load: impl FnMut(Option<&mut [u8]>) -> io::Result<P>,
    may_load: impl Fn() -> bool,
) -> Result<P, LoadError> {
    let mut result = load(None);
    for _ in 1..TRIES_MAX {
        match &result {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => result = load(None),
            _ => break,
        }
    }
    let error = match result {
        Ok(program) => return Ok(program),
        Err(error) => error,
    };
    if [libc::EPERM, libc::ENOSYS]
        .map(Some)
        .contains(&error.raw_os_error())
    {
        return Err(refusal(&error, may_load()));
    }
    let mut log = vec![0; LOG_BYTES];
    if let Ok(program) = load(Some(&mut log)) {
        return Ok(program);
    }
    let len = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
    if len == 0 {
        return Err(refusal(&error, may_load()));
    }
    Err(LoadError::Rejected {
        errno: error.raw_os_error().unwrap_or(libc::EINVAL),
        log: String::from_utf8_lossy(&log[..len]).into_owned(),
    })
}

fn refusal(error: &io::Error, may_load: bool) -> LoadError {
    match error.raw_os_error() {
        Some(libc::EPERM) if may_load => LoadError::Memlock,
        Some(libc::EPERM) => LoadError::Permission,
        errno => LoadError::Unsupported(errno.unwrap_or(libc::EINVAL)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errno(number: i32) -> io::Error {
        io::Error::from_raw_os_error(number)
    }

    /// What a kernel that answers `first`, and `log` when asked for it, leads to.
    fn refused(first: i32, log: &str, may_load: bool) -> LoadError {
        let mut asked = 0;
        let result = verified(
            |room| {
                asked += 1;
                if let Some(room) = room {
                    room[..log.len()].copy_from_slice(log.as_bytes());
                }
                Err::<(), _>(errno(first))
            },
            || may_load,
        );
        result.unwrap_err()
    }

    #[test]
    fn a_missing_permission_is_told_from_locked_memory() {
        assert_eq!(refused(libc::EPERM, "", false), LoadError::Permission);
        assert_eq!(refused(libc::EPERM, "", true), LoadError::Memlock);
        assert!(LoadError::Permission.to_string().contains("CAP_BPF"));
        assert!(LoadError::Memlock.to_string().contains("ulimit -l"));
    }

    #[test]
    fn a_kernel_without_bpf_is_unsupported() {
        let unsupported = |number| LoadError::Unsupported(number);
        assert_eq!(refused(libc::ENOSYS, "", true), unsupported(libc::ENOSYS));
        assert_eq!(refused(libc::EINVAL, "", true), unsupported(libc::EINVAL));
        let text = unsupported(libc::ENOSYS).to_string();
        assert!(text.contains("CONFIG_BPF_SYSCALL"), "{text}");
    }

    #[test]
    fn the_verifiers_reason_is_shown() {
        let log = "0: (bf) r6 = r1\n1: (79) r0 = *(u64 *)(r9 +0)\nR9 !read_ok\n\
                   processed 2 insns (limit 1000000)\n\n";
        let error = refused(libc::EACCES, log, true);
        let (errno, log) = (libc::EACCES, log.to_owned());
        assert_eq!(error, LoadError::Rejected { errno, log });
        assert!(error.to_string().contains(": R9 !read_ok"), "{error}");
    }

    #[test]
    fn a_signal_in_between_is_no_rejection() {
        let mut tries = 0;
        let result = verified(
            |log| {
                assert!(log.is_none());
                tries += 1;
                if tries < 3 {
                    Err(errno(libc::EAGAIN))
                } else {
                    Ok(tries)
                }
            },
            || true,
        );
        assert_eq!(result, Ok(3));
    }
}
