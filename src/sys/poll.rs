// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting until a descriptor is ready, or for a while (poll(2)).
//!
//! Not by rustix: on mips its version 1.1 gives ppoll(2) a time of the wrong shape.

use core::time::Duration;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::sys::clock;

/// What a descriptor shall be ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// There is something to read, or nothing will come any more.
    Reading,
    /// It takes bytes, or nobody will read them any more.
    Writing,
}

/// Waits until some of `fds` are ready, and says which; all false when none was for as long as
/// `patience`, which is rounded up to milliseconds. `None` waits for ever.
///
/// # Errors
/// What poll(2) says: out of memory.
#[allow(unsafe_code)]
pub fn wait<const N: usize>(
    fds: [(BorrowedFd<'_>, For); N],
    patience: Option<Duration>,
) -> io::Result<[bool; N]> {
    let deadline = patience.map(|patience| clock::mono().after(patience));
    let mut polled = fds.map(|(fd, what)| libc::pollfd {
        fd: fd.as_raw_fd(),
        events: match what {
            For::Reading => libc::POLLIN,
            For::Writing => libc::POLLOUT,
        },
        revents: 0,
    });
    loop {
        let left = deadline.map(|deadline| deadline.since(clock::mono()));
        let left_ms = left.map_or(-1, |left| {
            libc::c_int::try_from(left.as_micros().div_ceil(1_000)).unwrap_or(libc::c_int::MAX)
        });
        // SAFETY: the pointer is that of an array of N descriptors, all of which are borrowed and
        // so open as long as this call (poll(2)).
        let count = unsafe { libc::poll(polled.as_mut_ptr(), N as libc::nfds_t, left_ms) };
        if count > 0 || (count == 0 && left.is_some_and(|left| left.is_zero())) {
            return Ok(polled.map(|fd| fd.revents != 0));
        }
        if count < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn only_what_is_ready_is_said_to_be() {
        let (reader, writer) = io::pipe().unwrap();
        let both = [
            (reader.as_fd(), For::Reading),
            (writer.as_fd(), For::Writing),
        ];
        assert_eq!(wait(both, None).unwrap(), [false, true]);
        rustix::io::write(&writer, b"x").unwrap();
        assert_eq!(wait(both, None).unwrap(), [true, true]);
    }

    #[test]
    fn patience_is_kept_to_the_millisecond_and_ends() {
        let (reader, _writer) = io::pipe().unwrap();
        let start = clock::mono();
        let patience = Duration::from_micros(1_300);
        let ready = wait([(reader.as_fd(), For::Reading)], Some(patience)).unwrap();
        assert_eq!(ready, [false]);
        assert!(clock::mono().since(start) >= patience);
    }
}
