// SPDX-License-Identifier: MIT OR Apache-2.0
//! How many CPUs this machine may ever have: the kernel hands out a value for each of them.

use std::io;

use crate::sys::files::File;

/// Bytes of the list, which is short.
const LIST_BYTES_MAX: usize = 4_096;

/// The number of possible CPUs (cputopology in the kernel's documentation).
pub fn possible() -> io::Result<usize> {
    let list = File::open(c"/sys/devices/system/cpu/possible")?.read_to_end(LIST_BYTES_MAX)?;
    count(&list).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Counts a list such as `0-3,8`.
fn count(list: &[u8]) -> Option<usize> {
    let list = str::from_utf8(list).ok()?.trim_end();
    let ranges = list.split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?);
        Some(usize::from(last.checked_sub(first)?) + 1)
    });
    ranges.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus_are_counted() {
        for (list, expected) in [
            ("0\n", Some(1)),
            ("0-1\n", Some(2)),
            ("0-3,8,16-31\n", Some(21)),
            ("0-127", Some(128)),
            ("", None),
            ("3-1", None),
            ("0-", None),
            ("0-99999", None),
        ] {
            assert_eq!(count(list.as_bytes()), expected, "{list:?}");
        }
    }
}
