// SPDX-License-Identifier: MIT OR Apache-2.0
//! pthread_setname_np(3) for static binaries, where musl's own needs snprintf(3), 9 KB and more,
//! for a path below /proc. std names only the calling thread, for which there is prctl(2).

use core::ffi::{c_char, c_int};

#[allow(unsafe_code)]
// SAFETY: stands for the symbol of the C library, with its signature; to fail with an error number
// is one of its documented answers.
#[unsafe(no_mangle)]
extern "C" fn pthread_setname_np(thread: libc::pthread_t, name: *const c_char) -> c_int {
    // SAFETY: every thread may ask for its own handle (pthread_self(3)).
    if thread != unsafe { libc::pthread_self() } {
        return libc::ESRCH;
    }
    // SAFETY: the caller promises a C string (pthread_setname_np(3)); the kernel reads 16 bytes of
    // it at most, and not beyond its end (PR_SET_NAME(2const)).
    match unsafe { libc::prctl(libc::PR_SET_NAME, name) } {
        0 => 0,
        _ => libc::EINVAL,
    }
}
