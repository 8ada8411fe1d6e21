// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole lines from a stream, many at once, through one buffer of fixed size.

use memchr::memrchr;

use super::line::LINE_BYTES_MAX;

/// Bytes that are read at once.
pub const BUFFER_BYTES: usize = 256 * 1_024;

// Whatever is longer than the buffer is longer than a line may be.
const _: () = assert!(BUFFER_BYTES > LINE_BYTES_MAX);

/// The buffer.
#[derive(Debug)]
pub struct Input {
    bytes: Vec<u8>,
    /// What waits lies here.
    start: usize,
    end: usize,
    /// The rest of a line that was too long is passed over.
    overlong: bool,
    overlong_count: u64,
}

impl Default for Input {
    fn default() -> Self {
        Self::with_bytes(BUFFER_BYTES)
    }
}

impl Input {
    /// An empty buffer of so many bytes.
    pub fn with_bytes(bytes: usize) -> Self {
        Self {
            bytes: vec![0; bytes],
            start: 0,
            end: 0,
            overlong: false,
            overlong_count: 0,
        }
    }

    /// Room for what comes next. Call it when the lines that there were are done with.
    pub fn space(&mut self) -> &mut [u8] {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.bytes.len() {
            self.overlong_count += u64::from(!self.overlong);
            (self.end, self.overlong) = (0, true);
        }
        &mut self.bytes[self.end..]
    }

    /// Says that the first `len` bytes of [`Input::space`] were filled; gives all whole lines,
    /// each with its line end.
    pub fn filled(&mut self, len: usize) -> &[u8] {
        let new = self.end..self.bytes.len().min(self.end + len);
        self.end = new.end;
        if self.overlong {
            match memchr::memchr(b'\n', &self.bytes[new.clone()]) {
                Some(at) => (self.start, self.overlong) = (new.start + at + 1, false),
                None => self.start = self.end,
            }
        }
        let Some(at) = memrchr(b'\n', &self.bytes[new.start.max(self.start)..self.end]) else {
            return &[];
        };
        let lines = self.start..new.start.max(self.start) + at + 1;
        self.start = lines.end;
        &self.bytes[lines]
    }

    /// What follows the last line end when the stream is over, and makes the buffer empty.
    pub fn rest(&mut self) -> &[u8] {
        let rest = self.start..self.end;
        (self.start, self.end, self.overlong) = (0, 0, false);
        &self.bytes[rest]
    }

    /// Bytes that wait for their line end.
    pub fn waiting(&self) -> usize {
        self.end - self.start
    }

    /// The bytes that wait for their line end.
    pub fn waiting_bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether the rest of a line is to be passed over, because it is too long.
    pub fn is_overlong(&self) -> bool {
        self.overlong
    }

    /// Takes up what waited in another buffer of the same size.
    pub fn resume(&mut self, waiting: &[u8], is_overlong: bool) {
        let len = waiting.len().min(self.bytes.len());
        self.bytes[..len].copy_from_slice(&waiting[..len]);
        (self.start, self.end, self.overlong) = (0, len, is_overlong);
    }

    /// Lines that were passed over since the last call because they were longer than the buffer.
    pub fn take_overlong(&mut self) -> u64 {
        core::mem::take(&mut self.overlong_count)
    }
}
