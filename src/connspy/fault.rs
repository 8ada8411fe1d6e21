// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why counting cannot go on.

use core::fmt;
use std::io;

/// Why.
#[derive(Debug)]
pub enum Fault {
    /// Rows cannot be written.
    Output(io::Error),
    /// The sets need more than so many bytes, and there is nowhere to put them.
    Memory(usize),
    /// So many bytes are too few for so many open hours, whatever their sets become.
    Hours(usize, usize),
    /// Sets cannot be kept in the directory for them.
    Disk(io::Error),
    /// The state file cannot be written.
    State(io::Error),
    /// What is estimated cannot be kept over a restart.
    Estimated,
    /// Nor can hosts that are on disk because their rows are still to be printed.
    Unprinted,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(error) => write!(
                f,
                "cannot write rows: {error}; see where standard output or --output-file leads"
            ),
            Self::Memory(bytes) => write!(
                f,
                "the sets of hosts do not fit into {} MiB; give --temp-dir DIR for the rest, more \
                 with --memory-mib, or estimate with --approximate",
                bytes >> 20
            ),
            Self::Hours(bytes, hours) => write!(
                f,
                "{hours} open hours do not fit into {} MiB; give more with --memory-mib, or a \
                 smaller --max_log_late_seconds",
                bytes >> 20
            ),
            Self::Estimated => f.write_str(
                "what --approximate estimates cannot be kept over a restart; give --temp-dir DIR, \
                 or more --memory-mib",
            ),
            Self::State(error) => write!(f, "{error}; see --state"),
            Self::Unprinted => f.write_str(
                "rows that wait in --temp-dir cannot be kept over a restart; give more \
                 --memory-mib, or --hourly",
            ),
            Self::Disk(error) => write!(
                f,
                "cannot keep sets of hosts in the directory of --temp-dir: {error}; name one with \
                 more room, or give more --memory-mib"
            ),
        }
    }
}
