// SPDX-License-Identifier: MIT OR Apache-2.0
//! Other processes.

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// Whether there is a process of that number (kill(2) with signal 0), whoever it is.
pub fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // It may be somebody else's: EPERM.
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_exists() {
        assert!(exists(std::process::id()) && exists(1));
        // The kernel gives no number above 2^22 (proc_sys_kernel(5), pid_max).
        for nobody in [0, (1 << 22) + 1, i32::MAX as u32, u32::MAX] {
            assert!(!exists(nobody), "{nobody}");
        }
    }
}
