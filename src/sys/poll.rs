// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waiting for file descriptors (poll(2), epoll(7)).

use std::io;
/// What can be waited for.
pub use std::os::fd::{AsFd, BorrowedFd};
use std::os::fd::{AsRawFd, OwnedFd};

use core::time::Duration;

use rustix::event::epoll;

use crate::sys::clock;
use crate::time::in_us;

/// What a descriptor is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Something can be read.
    Readable,
    /// Something can be written.
    Writable,
}

/// Waits until one of the descriptors is as wanted, has failed or was hung up on, and says which;
/// all false when `timeout` was over before that (rounded up to milliseconds; `None`: never).
///
/// # Errors
/// When the kernel refuses to wait: it is out of memory.
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
    poll(&mut fds, timeout)?;
    Ok(fds.map(|fd| fd.revents != 0))
}

#[allow(unsafe_code)]
fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<()> {
    let deadline = timeout.map(|timeout| clock::mono().after(timeout));
    loop {
        let left = deadline.map(|deadline| deadline.since(clock::mono()));
        // Not by rustix: on mips its version 1.1 gives ppoll(2) a time of the wrong shape.
        let left_ms = left.map_or(-1, |left| {
            libc::c_int::try_from(in_us(left).div_ceil(1_000)).unwrap_or(libc::c_int::MAX)
        });
        // SAFETY: so many entries stand there, and the only caller borrows their descriptors for
        // longer than the call.
        let count = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, left_ms) };
        if count > 0 || (count == 0 && left.is_some_and(|left| left.is_zero())) {
            return Ok(());
        }
        if count < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}

/// Several descriptors that are waited for as one.
#[derive(Debug)]
pub struct Crowd(OwnedFd);

impl Crowd {
    /// Nobody yet.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    /// Makes the crowd readable whenever `member` is; who is closed leaves it.
    ///
    /// # Errors
    /// What epoll_ctl(2) says.
    pub fn add(&self, member: &impl AsFd) -> io::Result<()> {
        let data = epoll::EventData::new_u64(0);
        Ok(epoll::add(&self.0, member, data, epoll::EventFlags::IN)?)
    }
}

impl AsFd for Crowd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::doorbell::Doorbell;

    #[test]
    fn a_crowd_is_ready_when_one_of_it_is() {
        let (crowd, bells) = (
            Crowd::new().unwrap(),
            [(); 2].map(|()| Doorbell::new().unwrap()),
        );
        let ready = || wait([(crowd.as_fd(), Until::Readable)], Some(Duration::ZERO)).unwrap();
        bells.iter().for_each(|bell| crowd.add(bell).unwrap());
        assert_eq!(ready(), [false]);
        bells[1].ring();
        assert_eq!(ready(), [true]);
        let [first, second] = bells;
        drop(second);
        assert_eq!(ready(), [false]);
        first.ring();
        assert_eq!(ready(), [true]);
    }

    #[test]
    fn a_wait_ends_in_time_or_at_once() {
        let bell = Doorbell::new().unwrap();
        let start = clock::mono();
        let timeout = Some(Duration::from_millis(30));
        assert_eq!(
            wait([(bell.as_fd(), Until::Readable)], timeout).unwrap(),
            [false]
        );
        assert!(clock::mono().since(start) >= Duration::from_millis(30));
        bell.ring();
        let both = [
            (bell.as_fd(), Until::Readable),
            (bell.as_fd(), Until::Writable),
        ];
        assert_eq!(wait(both, None).unwrap(), [true, true]);
        bell.hush();
        let zero = Some(Duration::ZERO);
        assert_eq!(
            wait([(bell.as_fd(), Until::Readable)], zero).unwrap(),
            [false]
        );
    }
}
