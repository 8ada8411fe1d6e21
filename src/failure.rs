// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a run ends: the exit status, and the one line that says why.

use core::fmt;
use std::process::ExitCode;

/// Exit status of every applet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done; also when the reader of our output went away.
    Done,
    /// 1: failed at run time.
    Failed,
    /// 2: wrong usage or configuration; nothing was done.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Failed => Self::from(1),
            Exit::Usage => Self::from(2),
        }
    }
}

/// Why a run ends early, ready to be shown: what was tried, on what, why it failed, what to do.
#[derive(Debug)]
pub struct Failure {
    /// Status to leave with.
    pub exit: Exit,
    message: String,
}

impl Failure {
    /// The run cannot go on.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self {
            exit: Exit::Failed,
            message: message.to_string(),
        }
    }

    /// The command line or the configuration is wrong.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.to_string(),
        }
    }

    /// All was said already, or there is nothing to say.
    pub fn silent(exit: Exit) -> Self {
        Self {
            exit,
            message: String::new(),
        }
    }

    /// Whether there is nothing to show.
    pub fn is_silent(&self) -> bool {
        self.message.is_empty()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
