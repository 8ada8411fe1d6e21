// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who this machine is (uname(2)), and how large (sysinfo(2)).

use crate::limits::HOST_NAME_BYTES_MAX;

/// Puts the host name into `name`, invalid bytes as U+FFFD. Does not allocate when there is room
/// for [`HOST_NAME_BYTES_MAX`] bytes, which is what it has at most.
pub fn name_into(name: &mut String) {
    name.clear();
    for chunk in rustix::system::uname().nodename().to_bytes().utf8_chunks() {
        for part in [
            chunk.valid(),
            if chunk.invalid().is_empty() {
                ""
            } else {
                "\u{fffd}"
            },
        ] {
            if name.len() + part.len() <= HOST_NAME_BYTES_MAX {
                name.push_str(part);
            }
        }
    }
}

/// Bytes of memory that this machine has.
pub fn ram_bytes() -> u64 {
    let known = rustix::system::sysinfo();
    // The widths of the fields differ from CPU to CPU.
    #[allow(clippy::useless_conversion)]
    u64::from(known.totalram).saturating_mul(u64::from(known.mem_unit))
}
