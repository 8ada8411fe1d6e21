// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for file descriptors (poll(2)).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use core::time::Duration;

/// What a descriptor is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Something can be read.
    Readable,
    /// Something can be written.
    Writable,
}

/// Waits until one of the descriptors is as wanted, has failed or was hung up on, `timeout` is over
/// (rounded up to milliseconds; `None`: never) or a signal came. Says which are so.
///
/// # Errors
/// When the kernel refuses to wait: it is out of memory.
#[allow(unsafe_code)]
pub fn wait<const N: usize>(
    wanted: [(BorrowedFd<'_>, Until); N],
    timeout: Option<Duration>,
) -> io::Result<[bool; N]> {
    let mut fds = wanted.map(|(fd, until)| libc::pollfd {
        fd: fd.as_raw_fd(),
        events: match until {
            Until::Readable => libc::POLLIN,
            Until::Writable => libc::POLLOUT,
        },
        revents: 0,
    });
    // rustix's poll with a time limit waits for a wrong one on mips; ppoll(2) has two structures.
    let timeout_ms = timeout.map_or(-1, |timeout| {
        libc::c_int::try_from(timeout.as_micros().div_ceil(1_000)).unwrap_or(libc::c_int::MAX)
    });
    // SAFETY: `fds` holds N entries, whose descriptors are borrowed for longer than the call.
    let count = unsafe { libc::poll(fds.as_mut_ptr(), N as libc::nfds_t, timeout_ms) };
    if count < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted {
            Ok([false; N])
        } else {
            Err(error)
        };
    }
    Ok(fds.map(|fd| fd.revents != 0))
}
