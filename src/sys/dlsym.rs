// SPDX-License-Identifier: MIT OR Apache-2.0
//! dlsym(3) for static binaries on mips, where musl's own crashes.
//!
//! It is written in assembly that expects a register which only position-independent callers load;
//! rustix asks it for functions that an older C library may lack. A static binary has nothing to
//! look a name up in, so musl's, too, could only answer null.

use core::ffi::{c_char, c_void};

#[allow(unsafe_code)]
// SAFETY: stands for the symbol of the C library, with its signature; finding nothing is one of its
// documented answers.
#[unsafe(no_mangle)]
extern "C" fn dlsym(_handle: *mut c_void, _name: *const c_char) -> *mut c_void {
    core::ptr::null_mut()
}

#[cfg(test)]
mod tests {
    #[test]
    #[allow(unsafe_code)]
    fn a_static_binary_finds_no_symbol_and_survives() {
        // SAFETY: any handle and any C string may be asked for (dlsym(3)).
        let found = unsafe { libc::dlsym(core::ptr::null_mut(), c"getrandom".as_ptr()) };
        assert!(found.is_null());
    }
}
