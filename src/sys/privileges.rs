// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a thread may do beyond others (capabilities(7)), and giving that up.
//!
//! Capabilities belong to a thread, and new threads inherit them: give up before you start any.

use std::{fmt, io};

use rustix::io::Errno;
use rustix::thread::{self, CapabilitySet};

/// One capability; the value is its bit in the kernel's sets (linux/capability.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Reads every file.
    DacReadSearch = 2,
    /// Sets up the network.
    NetAdmin = 12,
    /// Opens packet sockets.
    NetRaw = 13,
    /// Almost everything, of old; loads programs before Linux 5.8.
    SysAdmin = 21,
    /// Loads programs.
    Bpf = 39,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DacReadSearch => "CAP_DAC_READ_SEARCH",
            Self::NetAdmin => "CAP_NET_ADMIN",
            Self::NetRaw => "CAP_NET_RAW",
            Self::SysAdmin => "CAP_SYS_ADMIN",
            Self::Bpf => "CAP_BPF",
        })
    }
}

/// A set of capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(u64);

impl Capabilities {
    /// Exactly these.
    pub const fn of(list: &[Capability]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < list.len() {
            bits |= 1 << list[i] as u32;
            i += 1;
        }
        Self(bits)
    }

    /// Whether any of `others` is in it.
    pub const fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// These without `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// These and `others`.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Those that `others` has too.
    #[must_use]
    pub const fn also_in(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }
}

/// The sets of a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    /// What it may do now.
    pub effective: Capabilities,
    /// What it may make effective.
    pub permitted: Capabilities,
    /// What survives execve(2), given a file that allows it.
    pub inheritable: Capabilities,
}

/// Whoever has privileges: this thread, or what stands in for it.
pub trait Holder {
    /// What it has.
    ///
    /// # Errors
    /// What capget(2) says.
    fn privileges(&self) -> io::Result<Privileges>;

    /// Changes what it has; nothing can be added to what is permitted.
    ///
    /// # Errors
    /// What capset(2) says.
    fn set_privileges(&mut self, privileges: Privileges) -> io::Result<()>;
}

/// The thread that asks.
#[derive(Clone, Copy, Debug)]
pub struct ThisThread;

/// `struct __user_cap_header_struct`, for version 3: two words to a set.
#[repr(C)]
struct Header {
    version: u32,
    thread: libc::c_int,
}

/// `struct __user_cap_data_struct`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Word {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

const _: () = assert!(size_of::<Header>() == 8 && size_of::<Word>() == 12);

/// _LINUX_CAPABILITY_VERSION_3, since Linux 2.6.26; thread 0 is the caller.
const HEADER: Header = Header {
    version: 0x2008_0522,
    thread: 0,
};

impl Holder for ThisThread {
    #[allow(unsafe_code)]
    fn privileges(&self) -> io::Result<Privileges> {
        let (mut header, mut words) = (HEADER, [Word::default(); 2]);
        let (at_header, at_words) = (&raw mut header, words.as_mut_ptr());
        // SAFETY: header and words are ours and as capget(2) wants them for version 3.
        let result = unsafe { libc::syscall(libc::SYS_capget, at_header, at_words) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        let set = |of: fn(&Word) -> u32| {
            Capabilities(u64::from(of(&words[1])) << 32 | u64::from(of(&words[0])))
        };
        Ok(Privileges {
            effective: set(|word| word.effective),
            permitted: set(|word| word.permitted),
            inheritable: set(|word| word.inheritable),
        })
    }

    #[allow(unsafe_code)]
    fn set_privileges(&mut self, privileges: Privileges) -> io::Result<()> {
        let word = |shift: u32| Word {
            effective: (privileges.effective.0 >> shift) as u32,
            permitted: (privileges.permitted.0 >> shift) as u32,
            inheritable: (privileges.inheritable.0 >> shift) as u32,
        };
        let (mut header, words) = (HEADER, [word(0), word(32)]);
        let (at_header, at_words) = (&raw mut header, words.as_ptr());
        // SAFETY: header and words are ours and as capset(2) wants them for version 3.
        let result = unsafe { libc::syscall(libc::SYS_capset, at_header, at_words) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

/// What became of capabilities that were to be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They are gone, and cannot be got back.
    GivenUp,
    /// What is still to be done is refused without them: they are as before.
    Kept,
}

/// Makes effective those of `wanted` that are permitted.
///
/// # Errors
/// What capget(2) and capset(2) say.
pub fn raise(holder: &mut impl Holder, wanted: Capabilities) -> io::Result<()> {
    let before = holder.privileges()?;
    let effective = before.effective.with(wanted.also_in(before.permitted));
    if effective == before.effective {
        return Ok(());
    }
    holder.set_privileges(Privileges {
        effective,
        ..before
    })
}

/// Gives `unwanted` up for good, unless `attempt` is refused (EPERM) without them.
///
/// # Errors
/// What capget(2) and capset(2) say; what `attempt` says when it fails for another reason.
pub fn give_up(
    holder: &mut impl Holder,
    unwanted: Capabilities,
    mut attempt: impl FnMut() -> io::Result<()>,
) -> io::Result<Outcome> {
    let before = holder.privileges()?;
    let lowered = Privileges {
        effective: before.effective.without(unwanted),
        ..before
    };
    holder.set_privileges(lowered)?;
    match attempt() {
        Ok(()) => {}
        Err(error) => {
            holder.set_privileges(before)?;
            return match error.raw_os_error() {
                Some(libc::EPERM) => Ok(Outcome::Kept),
                _ => Err(error),
            };
        }
    }
    holder.set_privileges(Privileges {
        permitted: before.permitted.without(unwanted),
        inheritable: before.inheritable.without(unwanted),
        ..lowered
    })?;
    Ok(Outcome::GivenUp)
}

/// Gives up all but `kept` for good, also for programs that are started later. Nothing can be
/// regained then, except by another who has it.
///
/// # Errors
/// What capget(2) and capset(2) say.
pub fn keep_only(holder: &mut impl Holder, kept: Capabilities) -> io::Result<()> {
    let kept = kept.also_in(holder.privileges()?.permitted);
    holder.set_privileges(Privileges {
        effective: kept,
        permitted: kept,
        inheritable: Capabilities::default(),
    })
}

/// Empties the bounding set of this thread, which limits what programs may gain that it starts, and
/// the ambient set, which they would have. Before the right to do so (CAP_SETPCAP) is given up;
/// nothing happens without it.
///
/// # Errors
/// What prctl(2) says otherwise.
pub fn bound_nothing() -> io::Result<()> {
    match thread::clear_ambient_capability_set() {
        // Before Linux 4.3 there is none.
        Ok(()) | Err(Errno::INVAL) => {}
        Err(error) => return Err(error.into()),
    }
    for bit in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        match thread::remove_capability_from_bounding_set(one) {
            Ok(()) => {}
            // The last one that this kernel knows was the one before; or nobody lets us.
            Err(Errno::INVAL | Errno::PERM) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOADING: Capabilities = Capabilities::of(&[Capability::Bpf, Capability::SysAdmin]);
    const RAW: Capabilities = Capabilities::of(&[Capability::NetRaw]);

    /// A thread that may do all this.
    struct Thread(Privileges);

    impl Thread {
        fn with(all: Capabilities) -> Self {
            Self(Privileges {
                effective: all,
                permitted: all,
                inheritable: Capabilities::default(),
            })
        }
    }

    impl Holder for Thread {
        fn privileges(&self) -> io::Result<Privileges> {
            Ok(self.0)
        }

        fn set_privileges(&mut self, privileges: Privileges) -> io::Result<()> {
            let all = privileges.effective.with(privileges.permitted);
            if all != all.also_in(self.0.permitted) {
                return Err(io::Error::from_raw_os_error(libc::EPERM));
            }
            self.0 = privileges;
            Ok(())
        }
    }

    #[test]
    fn a_set_holds_what_it_is_made_of() {
        assert_eq!(LOADING, Capabilities(1 << 39 | 1 << 21));
        assert!(LOADING.has_any(Capabilities::of(&[Capability::Bpf])));
        assert!(!LOADING.has_any(RAW) && LOADING.with(RAW).has_any(RAW));
        assert_eq!(LOADING.with(RAW).without(LOADING), RAW);
        assert_eq!(LOADING.with(RAW).also_in(RAW), RAW);
    }

    #[test]
    fn what_is_not_needed_is_given_up_for_good() {
        let mut thread = Thread::with(LOADING.with(RAW));
        let outcome = give_up(&mut thread, LOADING, || Ok(())).unwrap();
        assert_eq!(outcome, Outcome::GivenUp);
        assert_eq!(thread.0, Thread::with(RAW).0);
        raise(&mut thread, LOADING).unwrap();
        assert_eq!(thread.0.effective, RAW);
    }

    #[test]
    fn what_is_refused_without_is_kept() {
        let mut thread = Thread::with(LOADING.with(RAW));
        let before = thread.0;
        let refused = || Err(io::Error::from_raw_os_error(libc::EPERM));
        let outcome = give_up(&mut thread, LOADING, refused).unwrap();
        assert_eq!((outcome, thread.0), (Outcome::Kept, before));
        let broken = || Err(io::Error::from_raw_os_error(libc::EBADF));
        let error = give_up(&mut thread, LOADING, broken).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        assert_eq!(thread.0, before);
    }

    #[test]
    fn only_what_is_kept_and_was_there_is_left() {
        let mut thread = Thread::with(LOADING.with(RAW));
        let admin = Capabilities::of(&[Capability::NetAdmin]);
        keep_only(&mut thread, RAW.with(admin)).unwrap();
        assert_eq!(thread.0, Thread::with(RAW).0);
        // What became of root's by a change of user: permitted, but not effective.
        thread.0.effective = Capabilities::default();
        keep_only(&mut thread, RAW).unwrap();
        assert_eq!(thread.0, Thread::with(RAW).0);
    }

    #[test]
    fn what_is_permitted_can_be_made_effective() {
        let mut thread = Thread::with(LOADING.with(RAW));
        thread.0.effective = RAW;
        raise(&mut thread, LOADING).unwrap();
        assert_eq!(thread.0.effective, LOADING.with(RAW));
    }

    #[test]
    fn this_thread_has_what_it_may_use() {
        let mut thread = ThisThread;
        let before = thread.privileges().unwrap();
        assert_eq!(before.effective.also_in(before.permitted), before.effective);
        // In a thread of its own: it cannot get them back.
        let given_up = std::thread::spawn(|| {
            give_up(&mut ThisThread, LOADING, || Ok(())).unwrap();
            ThisThread.privileges().unwrap()
        });
        let after = given_up.join().unwrap();
        assert!(!after.permitted.has_any(LOADING) && !after.effective.has_any(LOADING));
        assert_eq!(after.permitted, before.permitted.without(LOADING));
        thread.set_privileges(before).unwrap();
    }
}
