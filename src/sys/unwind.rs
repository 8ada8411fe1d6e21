// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stands in for the unwinder in static binaries whose panics abort.
//!
//! std refers to it in two places: in a routine that runs while a panic unwinds, which it never
//! does here, and for the backtrace of `RUST_BACKTRACE`, which without unwind tables has no frame
//! to show. The real one is 29 KB of code on mips, and needs fprintf(3).

use core::ffi::{c_int, c_void};

#[allow(non_snake_case, unsafe_code)]
// SAFETY: stands for the function of the unwinder, with its signature (Itanium C++ ABI, section
// 1.6 of the base ABI, and its extensions in gcc); no frame is left is one of its answers.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(
    _each: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
    _argument: *mut c_void,
) -> c_int {
    0
}

/// Defines what only runs while something unwinds, or has a frame.
macro_rules! never_called {
    ($($name:ident)*) => {$(
        #[allow(non_snake_case, unsafe_code)]
        // SAFETY: stands for a function of the unwinder. It is not called (`panic = "abort"`), so
        // that its arguments do not matter.
        #[unsafe(no_mangle)]
        extern "C" fn $name() -> ! {
            std::process::abort()
        }
    )*};
}

never_called! {
    _Unwind_DeleteException _Unwind_FindEnclosingFunction _Unwind_GetCFA _Unwind_GetDataRelBase
    _Unwind_GetGR _Unwind_GetIP _Unwind_GetIPInfo _Unwind_GetLanguageSpecificData
    _Unwind_GetRegionStart _Unwind_GetTextRelBase _Unwind_RaiseException _Unwind_Resume
    _Unwind_SetGR _Unwind_SetIP
}

#[cfg(target_arch = "arm")]
never_called! {
    __aeabi_unwind_cpp_pr0 __aeabi_unwind_cpp_pr1 __aeabi_unwind_cpp_pr2 __gnu_unwind_frame
    _Unwind_VRS_Get _Unwind_VRS_Set
}
