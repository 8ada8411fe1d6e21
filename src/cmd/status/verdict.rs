// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the agent that wrote the state file runs.

use core::fmt;
use core::time::Duration;

use super::kept::State;
use crate::codec::json::Text;
use crate::codec::process::Process;
use crate::collect::system;
use crate::sys::files::{self, Root};
use crate::sys::{clock, process};

/// Windows that may be late, and by how much more.
const WINDOWS_MAX: u32 = 3;
const MORE: Duration = Duration::from_secs(5);

/// Who has the agent's number now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// Nobody.
    Nobody,
    /// Somebody of whom no more can be known.
    Somebody,
    /// A process that began so long after the machine.
    Since(Duration),
}

/// What is so now.
#[derive(Clone, Debug)]
pub(super) struct Present {
    /// The kernel's identity of this boot; empty when unknown.
    boot_id: String,
    uptime: Duration,
    holder: Holder,
}

impl Present {
    /// As the kernel tells it, of a process.
    pub(super) fn look(pid: u32) -> Self {
        let root = Root::system().ok();
        // A container's /proc may have an identity of its own, which a service of a manager in it
        // does not see: the process tells it as it sees it, where it can be asked.
        let own = files::c_path(&format!("/proc/{pid}/root")).ok();
        let own = own.and_then(|path| Root::at(&path).ok());
        let boot_id = own.as_ref().and_then(system::boot_id);
        let boot_id = boot_id.or_else(|| root.as_ref().and_then(system::boot_id));
        Self {
            boot_id: boot_id.map_or(String::new(), |id| id.as_str().to_owned()),
            holder: holder(root.as_ref(), pid),
            // Last: what was written before is not of the future.
            uptime: clock::since_boot(),
        }
    }
}

fn holder(root: Option<&Root>, pid: u32) -> Holder {
    if !process::exists(pid) {
        return Holder::Nobody;
    }
    let path = files::c_path(&format!("proc/{pid}/stat")).ok();
    let file = root
        .zip(path)
        .and_then(|(root, path)| root.open(&path).ok());
    let stat = file.and_then(|file| file.read_to_end(4_096).ok());
    // Its name may be anything.
    let stat = stat.map(|stat| String::from_utf8_lossy(&stat).into_owned());
    match stat.as_deref().and_then(Process::parse) {
        Some(process) if process.is_dead => Holder::Nobody,
        Some(process) => Holder::Since(Duration::from_millis(process.start_ms)),
        None => Holder::Somebody,
    }
}

/// Why it does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It was in another boot.
    Rebooted,
    /// Its process has ended.
    Ended(u32),
    /// Its process hangs, or cannot write.
    Silent { age: Duration, expected: Duration },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rebooted => f.write_str("the machine was started again since"),
            Self::Ended(pid) => write!(f, "process {pid} has ended"),
            Self::Silent { age, expected } => {
                let (age, expected) = (age.as_secs(), expected.as_secs());
                write!(
                    f,
                    "nothing was written for {age} s, {expected} s are expected at most; does it \
                     hang, or can it not write the state file? see its log"
                )
            }
        }
    }
}

/// What is to be said of the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Why it does not run; `None` when it does.
    pub(super) reason: Option<Reason>,
    /// Since its file was written; `None` when that was in another boot.
    pub(super) age: Option<Duration>,
}

/// What the state file says of who wrote it, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer<'a> {
    boot_id: Option<Text<'a>>,
    pid: u32,
    /// From the start of the machine.
    written: Duration,
    interval: Duration,
}

impl<'a> Writer<'a> {
    pub(super) fn of(state: &State<'a>) -> Self {
        Self {
            boot_id: state.file.text("bootId"),
            pid: state.pid,
            written: state.written,
            interval: state.interval,
        }
    }

    /// Judges by what is so now.
    pub(super) fn judge(self, present: &Present) -> Verdict {
        // Where the kernel does not tell, both are empty, and the clock alone shows it.
        let is_of_boot = |boot_id: Text<'_>| boot_id.is(&present.boot_id);
        if !self.boot_id.is_some_and(is_of_boot) || self.written > present.uptime {
            return Verdict {
                reason: Some(Reason::Rebooted),
                age: None,
            };
        }
        let age = present.uptime - self.written;
        let expected = self.interval.saturating_mul(WINDOWS_MAX);
        let expected = expected.saturating_add(MORE);
        let reason = match present.holder {
            Holder::Nobody => Some(Reason::Ended(self.pid)),
            // Numbers are used again: who began after the file was written did not write it.
            Holder::Since(start) if start > self.written => Some(Reason::Ended(self.pid)),
            _ if age > expected => Some(Reason::Silent { age, expected }),
            _ => None,
        };
        Verdict {
            reason,
            age: Some(age),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);
    const INTERVAL: Duration = Duration::from_secs(5);
    const LATEST: Duration = Duration::from_secs(20);

    /// Judges a file that was written after an hour, `age` later.
    #[track_caller]
    fn check(boot_id: &str, holder: Holder, age: Duration, expected: Option<Reason>) {
        let writer = Writer {
            boot_id: Text::of("\"a\""),
            pid: 7,
            written: HOUR,
            interval: INTERVAL,
        };
        let present = Present {
            boot_id: boot_id.to_owned(),
            uptime: HOUR + age,
            holder,
        };
        let verdict = writer.judge(&present);
        assert_eq!(verdict.age.is_some(), expected != Some(Reason::Rebooted));
        assert_eq!(verdict.reason, expected);
    }

    #[test]
    fn who_lives_and_wrote_in_time_runs() {
        let long_ago = Holder::Since(Duration::from_secs(60));
        check("a", long_ago, Duration::ZERO, None);
        check("a", long_ago, LATEST, None);
        check("a", Holder::Somebody, LATEST, None);
        check("a", Holder::Since(HOUR), LATEST, None);
    }

    #[test]
    fn who_wrote_too_long_ago_does_not() {
        let age = LATEST + Duration::from_millis(1);
        let silent = Reason::Silent {
            age,
            expected: LATEST,
        };
        check("a", Holder::Somebody, age, Some(silent));
    }

    #[test]
    fn who_has_the_number_of_one_that_ended_is_another() {
        check("a", Holder::Nobody, INTERVAL, Some(Reason::Ended(7)));
        let later = Holder::Since(HOUR + Duration::from_millis(10));
        check("a", later, INTERVAL, Some(Reason::Ended(7)));
    }

    #[test]
    fn nobody_survives_a_reboot() {
        check("b", Holder::Somebody, INTERVAL, Some(Reason::Rebooted));
        let writer = Writer {
            boot_id: Text::of("\"\""),
            pid: 7,
            written: HOUR,
            interval: INTERVAL,
        };
        let present = Present {
            boot_id: String::new(),
            uptime: INTERVAL,
            holder: Holder::Somebody,
        };
        assert_eq!(writer.judge(&present).reason, Some(Reason::Rebooted));
    }

    #[test]
    fn this_process_is_seen_as_it_is() {
        let Holder::Since(start) = Present::look(std::process::id()).holder else {
            panic!("not seen");
        };
        let uptime = clock::since_boot();
        assert!(
            start <= uptime && uptime - start < HOUR,
            "{start:?} {uptime:?}"
        );
        assert_eq!(Present::look(0).holder, Holder::Nobody);
    }
}
