// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is asked for, checked.

/// One hour.
pub const HOUR_US: u64 = 3_600 * 1_000_000;

/// Whose connections count for the busiest host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busiest {
    /// Those that it initiated.
    Source,
    /// All that it takes part in; one with itself counts twice.
    Both,
}

/// Which rows are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The host whose sources are wanted, in lower case.
    pub to: Option<Vec<u8>>,
    /// The host whose destinations are wanted, in lower case.
    pub from: Option<Vec<u8>>,
    /// The busiest host is wanted.
    pub busiest: Option<Busiest>,
    /// By hour.
    pub hourly: bool,
    /// The first moment that counts; 0: from the beginning.
    pub time_init_us: u64,
    /// The moment from which on nothing counts; `None`: no end.
    pub time_end_us: Option<u64>,
    /// How late a line can be.
    pub late_us: u64,
    /// Hours that are open at the end of the input are not printed.
    pub only_complete_hours: bool,
}

impl Query {
    /// Whether each host is a row as soon as it is seen.
    pub fn is_immediate(&self) -> bool {
        !self.hourly && self.to.is_some() && self.from.is_none() && self.busiest.is_none()
    }

    /// The time from which on reading stops.
    pub fn stop_us(&self) -> u64 {
        self.time_end_us
            .map_or(u64::MAX, |end| end.saturating_add(self.late_us))
    }
}

/// What the sets of hosts may cost, and what happens then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes of all sets together.
    pub bytes: usize,
    /// Where sets go that do not fit; `None`: nowhere, it is an error.
    pub temp_dir: Option<String>,
    /// Sets that do not fit are estimated.
    pub approximate: bool,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The logs, in order; none: standard input.
    pub files: Vec<String>,
    /// Which rows.
    pub query: Query,
    /// Rows are JSON objects.
    pub json: bool,
    /// The counts are told at the end.
    pub summary: bool,
    /// The bounds.
    pub memory: Memory,
    /// Threads that read a large file.
    pub threads: usize,
    /// What comes into the last file is read as well.
    pub tail: bool,
    /// Where the place and the open hours are kept over a restart.
    pub state: Option<String>,
    /// Where rows go; `None`: standard output.
    pub output_file: Option<String>,
}
