// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which of many descriptors is ready (epoll(7)).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::event::epoll;

use super::poll::Until;

/// Descriptors told at once: as many as anybody here waits for. 8 KiB on the stack.
const TOLD_MAX: usize = 512;

/// Many descriptors, each with a number; readable when one of them is ready. One that is closed
/// leaves it.
#[derive(Debug)]
pub struct Ready(OwnedFd);

impl Ready {
    /// Nobody yet.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    /// Waits for `member` from now on, under this number.
    ///
    /// # Errors
    /// What epoll_ctl(2) says.
    pub fn add(&self, member: &impl AsFd, number: u32, until: Until) -> io::Result<()> {
        let data = epoll::EventData::new_u64(number.into());
        Ok(epoll::add(&self.0, member, data, flags(until))?)
    }

    /// Waits for `member` until it is so, instead.
    ///
    /// # Errors
    /// What epoll_ctl(2) says.
    pub fn change(&self, member: &impl AsFd, number: u32, until: Until) -> io::Result<()> {
        let data = epoll::EventData::new_u64(number.into());
        Ok(epoll::modify(&self.0, member, data, flags(until))?)
    }

    /// Hands over the numbers of those that are ready, or have failed; not all of them when they
    /// are many.
    ///
    /// # Errors
    /// What epoll_wait(2) says.
    #[allow(unsafe_code)]
    pub fn take(&self, mut ready: impl FnMut(u32)) -> io::Result<()> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; TOLD_MAX];
        let (fd, max) = (self.0.as_raw_fd(), TOLD_MAX as libc::c_int);
        // Not by rustix: on mips its version 1.1 gives the kernel a time of the wrong shape.
        // SAFETY: `events` has room for as many as said; the kernel writes no more.
        let count = unsafe { libc::epoll_wait(fd, events.as_mut_ptr(), max, 0) };
        let Ok(count) = usize::try_from(count) else {
            return Err(io::Error::last_os_error());
        };
        for event in &events[..count] {
            ready(event.u64 as u32);
        }
        Ok(())
    }
}

impl AsFd for Ready {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn flags(until: Until) -> epoll::EventFlags {
    match until {
        Until::Readable => epoll::EventFlags::IN,
        Until::Writable => epoll::EventFlags::OUT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::doorbell::Doorbell;

    #[test]
    fn those_that_are_ready_are_named() {
        let (ready, bells) = (
            Ready::new().unwrap(),
            [(); 3].map(|()| Doorbell::new().unwrap()),
        );
        let named = || {
            let mut numbers = Vec::new();
            ready.take(|number| numbers.push(number)).unwrap();
            numbers.sort_unstable();
            numbers
        };
        for (number, bell) in (7..).zip(&bells) {
            ready.add(bell, number, Until::Readable).unwrap();
        }
        assert!(named().is_empty());
        bells[0].ring();
        bells[2].ring();
        assert_eq!(named(), [7, 9]);
        ready.change(&bells[1], 8, Until::Writable).unwrap();
        assert_eq!(named(), [7, 8, 9]);
        drop(bells);
        assert!(named().is_empty());
    }
}
