// SPDX-License-Identifier: MIT OR Apache-2.0
//! Setting the clock, beyond 2038 too: busybox's date knows 32 bits only.

use std::io;

/// clock_settime64 of the 32-bit kernels; those of MIPS count from 4000.
const SYS_CLOCK_SETTIME64: libc::c_long = if cfg!(target_arch = "mips") {
    4404
} else {
    404
};

/// Sets the clock to so many seconds since 1970.
pub fn set(seconds: u32) -> io::Result<()> {
    let time = [i64::from(seconds), 0];
    // SAFETY: two 64-bit integers are what the call reads (struct __kernel_timespec).
    let result = unsafe { libc::syscall(SYS_CLOCK_SETTIME64, libc::CLOCK_REALTIME, time.as_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
