// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who this machine is (uname(2)).

use crate::limits::HOST_NAME_BYTES_MAX;

/// The host name, invalid bytes as U+FFFD; at most [`HOST_NAME_BYTES_MAX`] bytes.
pub fn name() -> String {
    let mut name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    name.truncate(name.floor_char_boundary(HOST_NAME_BYTES_MAX));
    name
}
