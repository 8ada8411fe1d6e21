// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines from a stream that arrives in pieces, through one fixed buffer.
//!
//! Not a reader: whoever has the stream puts its bytes into [`Lines::space`].

use memchr::memchr;

use crate::limits::LINE_BYTES_MAX;

/// Cuts a stream into lines of at most [`LINE_BYTES_MAX`] − 1 bytes; longer ones are passed over
/// and counted.
#[derive(Debug)]
pub struct Lines {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Inside a line that is too long: everything up to the next line end is dropped.
    overlong: bool,
    overlong_count: u32,
}

impl Default for Lines {
    fn default() -> Self {
        Self::new()
    }
}

impl Lines {
    /// An empty stream.
    pub fn new() -> Self {
        let buffer = vec![0; LINE_BYTES_MAX].into_boxed_slice();
        Self {
            buffer,
            start: 0,
            end: 0,
            overlong: false,
            overlong_count: 0,
        }
    }

    /// Gives each line of a new stream to `take`, also an unended one at the end. `read` puts the
    /// next bytes of the stream into the space that it is given; 0 of them end it.
    ///
    /// # Errors
    /// What `read` says.
    pub fn each<E>(
        &mut self,
        read: &mut dyn FnMut(&mut [u8]) -> Result<usize, E>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), E> {
        self.clear();
        loop {
            let len = read(self.space())?;
            if len == 0 {
                break;
            }
            self.filled(len);
            while let Some(line) = self.next_line() {
                take(line);
            }
        }
        if let Some(line) = self.rest() {
            take(line);
        }
        Ok(())
    }

    /// Forgets everything, for another stream.
    pub fn clear(&mut self) {
        (self.start, self.end, self.overlong, self.overlong_count) = (0, 0, false, 0);
    }

    /// Room for the next bytes of the stream; never empty once [`Lines::next_line`] gave `None`.
    pub fn space(&mut self) -> &mut [u8] {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.buffer.len() {
            self.overlong_count += u32::from(!self.overlong);
            (self.end, self.overlong) = (0, true);
        }
        &mut self.buffer[self.end..]
    }

    /// Says that the first `len` bytes of [`Lines::space`] were filled.
    pub fn filled(&mut self, len: usize) {
        self.end = self.buffer.len().min(self.end + len);
    }

    /// The next whole line, without its line end; `None` when more bytes are needed.
    pub fn next_line(&mut self) -> Option<&[u8]> {
        loop {
            let pending = &self.buffer[self.start..self.end];
            let Some(len) = memchr(b'\n', pending) else {
                if self.overlong {
                    self.start = self.end;
                }
                return None;
            };
            let line = self.start..self.start + len;
            self.start = line.end + 1;
            if !core::mem::take(&mut self.overlong) {
                return Some(&self.buffer[line]);
            }
        }
    }

    /// What follows the last line end when the stream is over; `None` when nothing does.
    pub fn rest(&mut self) -> Option<&[u8]> {
        let rest = self.start..self.end;
        self.start = self.end;
        (!rest.is_empty() && !self.overlong).then(|| &self.buffer[rest])
    }

    /// Lines that were passed over because they were too long.
    pub fn overlong_count(&self) -> u32 {
        self.overlong_count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, u32) {
        let mut lines = Lines::new();
        let mut found = Vec::new();
        let mut stream = stream;
        while !stream.is_empty() {
            let space = lines.space();
            let len = piece.min(space.len()).min(stream.len());
            space[..len].copy_from_slice(&stream[..len]);
            lines.filled(len);
            stream = &stream[len..];
            while let Some(line) = lines.next_line() {
                found.push(line.to_vec());
            }
        }
        found.extend(lines.rest().map(<[u8]>::to_vec));
        (found, lines.overlong_count())
    }

    #[test]
    fn a_line_of_the_size_of_the_buffer_is_passed_over_and_counted() {
        for (len, fits) in [(LINE_BYTES_MAX - 1, true), (LINE_BYTES_MAX, false)] {
            let stream = [b"a\n", &vec![b'x'; len][..], b"\nb"].concat();
            let (found, overlong) = split(&stream, 4_096);
            assert_eq!(found.len(), 2 + usize::from(fits));
            assert_eq!(
                (found[0].as_slice(), found.last().unwrap().as_slice()),
                (&b"a"[..], &b"b"[..])
            );
            assert_eq!(overlong, u32::from(!fits));
        }
    }

    #[test]
    fn an_endless_line_is_counted_once() {
        let (found, overlong) = split(&vec![b'x'; 5 * LINE_BYTES_MAX], 1_000);
        assert_eq!((found.len(), overlong), (0, 1));
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same_lines(
            stream in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..300),
            piece in 1_usize..40,
        ) {
            let mut expected: Vec<Vec<u8>> = stream.split(|&b| b == b'\n').map(Vec::from).collect();
            expected.pop_if(|last| last.is_empty());
            prop_assert_eq!(split(&stream, piece), (expected, 0));
        }
    }
}
