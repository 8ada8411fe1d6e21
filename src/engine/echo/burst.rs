// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is asked of a host: how often, how fast, and with what.

use core::time::Duration;

/// What connvitals sends unless it is told how much.
const TEXT: &[u8; 41] = b"The very model of a modern major general.";

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A text of 41 bytes.
    Text,
    /// So many bytes of zero.
    Zeros(u16),
}

impl Payload {
    /// Its bytes.
    pub fn len(self) -> usize {
        match self {
            Self::Text => TEXT.len(),
            Self::Zeros(len) => len.into(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Writes it to `bytes`, which is as long.
    pub fn write(self, bytes: &mut [u8]) {
        match self {
            Self::Text if bytes.len() == TEXT.len() => bytes.copy_from_slice(TEXT),
            _ => bytes.fill(0),
        }
    }

    /// Whether `bytes` are the same.
    pub fn is(self, bytes: &[u8]) -> bool {
        match self {
            Self::Text => bytes == TEXT,
            Self::Zeros(len) => bytes.len() == len.into() && bytes.iter().all(|&byte| byte == 0),
        }
    }
}

/// What to ask of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Requests, 1 or more.
    pub count: u32,
    /// What they carry.
    pub payload: Payload,
    /// From one request to the next.
    pub spacing: Duration,
    /// How long an answer is waited for.
    pub timeout: Duration,
}
