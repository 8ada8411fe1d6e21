// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines at the speed of memory: where bytes are that end fields is found for a whole window at
//! once, then a line of the common shape costs a few comparisons. All others go to [`mod@line`].

use memchr::{memchr, memrchr};

use super::hours::Flow;
use super::line::{self, Line, Record};
use crate::sys::vector::{BLOCK, not_graphic};

/// Bytes of whole lines that are looked at together; they and their marks fit into the first cache.
const WINDOW: usize = 8 * 1_024;

/// Who is told of lines.
pub trait Visit {
    /// Why it cannot go on.
    type Fault;

    /// A record; whether to go on.
    ///
    /// # Errors
    /// When it cannot be taken.
    fn record(&mut self, record: &Record<'_>) -> Result<Flow, Self::Fault>;

    /// A line that is none.
    fn malformed(&mut self, line: &[u8]);

    /// So many lines have been seen, in all or since the last call.
    fn lines(&mut self, count: u64);
}

/// Where bytes are that are not graphic ASCII.
#[derive(Debug)]
pub struct Marks {
    /// With room for those that are written in vain.
    at: Vec<u16>,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            at: vec![0; WINDOW + 2 * BLOCK],
        }
    }
}

impl Marks {
    /// Finds those of `window`, and puts as many beyond its end as a line needs.
    fn fill(&mut self, window: &[u8]) {
        let mut count = 0;
        let (blocks, rest) = window.as_chunks::<BLOCK>();
        for (number, block) in blocks.iter().enumerate() {
            count = self.push(count, number * BLOCK, not_graphic(block));
        }
        if !rest.is_empty() {
            let mut block = [b'0'; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            count = self.push(count, blocks.len() * BLOCK, not_graphic(&block));
        }
        if let Some(beyond) = self.at.get_mut(count..count + 4) {
            beyond.fill(u16::MAX);
        }
    }

    /// Adds those of the block at `start`: always eight, though fewer count, because the loop is
    /// then the same for almost all blocks.
    #[inline]
    fn push(&mut self, count: usize, start: usize, mut marks: u64) -> usize {
        let end = count + marks.count_ones() as usize;
        let mut next = count;
        loop {
            let Some(eight) = self
                .at
                .get_mut(next..)
                .and_then(|at| at.first_chunk_mut::<8>())
            else {
                return end;
            };
            for at in eight {
                *at = (start + marks.trailing_zeros() as usize) as u16;
                marks &= marks.wrapping_sub(1);
            }
            next += 8;
            if next >= end {
                return end;
            }
        }
    }
}

/// Tells `visitor` of all lines, the last of which may lack its line end.
///
/// # Errors
/// What `visitor` says.
pub fn scan<V: Visit>(lines: &[u8], found: &mut Marks, visitor: &mut V) -> Result<Flow, V::Fault> {
    let whole = memrchr(b'\n', lines).map_or(0, |at| at + 1);
    let (mut left, rest) = lines.split_at(whole);
    while !left.is_empty() {
        let window = &left[..left.len().min(WINDOW)];
        let (window, is_short) = match memrchr(b'\n', window) {
            Some(at) => (&window[..=at], true),
            None => (
                &left[..=memchr(b'\n', left).unwrap_or(left.len() - 1)],
                false,
            ),
        };
        left = &left[window.len()..];
        let flow = if is_short {
            found.fill(window);
            of_window(window, &found.at, visitor)?
        } else {
            of_line(&window[..window.len() - 1], visitor)?
        };
        if flow == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    if rest.is_empty() {
        return Ok(Flow::Continue);
    }
    of_line(rest, visitor)
}

/// A line of any shape, without its line end.
fn of_line<V: Visit>(line: &[u8], visitor: &mut V) -> Result<Flow, V::Fault> {
    visitor.lines(1);
    match line::parse(line) {
        Line::Record(record) => return visitor.record(&record),
        Line::Malformed => visitor.malformed(line),
        Line::Empty => {}
    }
    Ok(Flow::Continue)
}

/// Whole lines with their line ends; `marks` are theirs, and some beyond.
fn of_window<V: Visit>(window: &[u8], marks: &[u16], visitor: &mut V) -> Result<Flow, V::Fault> {
    let (mut start, mut next, mut count) = (0, 0, 0);
    while start < window.len() {
        let ends = marks.get(next..).and_then(|marks| marks.first_chunk::<4>());
        if let Some((record, used)) = ends.and_then(|ends| common(window, start, ends)) {
            count += 1;
            if visitor.record(&record)? == Flow::Stop {
                visitor.lines(count);
                return Ok(Flow::Stop);
            }
            next += used;
            start = usize::from(marks[next - 1]) + 1;
            continue;
        }
        let len = memchr(b'\n', &window[start..]).unwrap_or(window.len() - start);
        if of_line(&window[start..start + len], visitor)? == Flow::Stop {
            visitor.lines(count);
            return Ok(Flow::Stop);
        }
        start += len + 1;
        while marks
            .get(next)
            .is_some_and(|mark| usize::from(*mark) < start)
        {
            next += 1;
        }
    }
    visitor.lines(count);
    Ok(Flow::Continue)
}

/// The record of a line of the common shape: three fields of graphic ASCII with one blank between,
/// and how many marks it has. `None` when it must be looked at closely.
#[inline(always)]
fn common<'a>(window: &'a [u8], start: usize, ends: &[u16; 4]) -> Option<(Record<'a>, usize)> {
    let [first, second, third, fourth] = ends.map(usize::from);
    let time = window.get(start..first)?;
    let from = window.get(first + 1..second)?;
    let to = window.get(second + 1..third)?;
    let is_blank = |at: usize| matches!(window.get(at), Some(b' ' | b'\t'));
    let used = match window.get(third)? {
        b'\n' => 3,
        b'\r' if fourth == third + 1 && window.get(fourth) == Some(&b'\n') => 4,
        _ => return None,
    };
    let is_common = is_blank(first) && is_blank(second) && line::is_host(from) && line::is_host(to);
    if !is_common {
        return None;
    }
    let at_us = line::time_us_fast(time).or_else(|| line::time_us(time))?;
    Some((Record { at_us, from, to }, used))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the visitor was told.
    #[derive(Default)]
    struct Told {
        lines: u64,
        all: Vec<(u64, Vec<u8>, Vec<u8>)>,
        malformed: Vec<Vec<u8>>,
    }

    impl Visit for Told {
        type Fault = ();

        fn record(&mut self, record: &Record<'_>) -> Result<Flow, ()> {
            let [from, to] = [record.from, record.to].map(<[u8]>::to_vec);
            self.all.push((record.at_us, from, to));
            Ok(Flow::Continue)
        }

        fn malformed(&mut self, line: &[u8]) {
            self.malformed.push(line.to_vec());
        }

        fn lines(&mut self, count: u64) {
            self.lines += count;
        }
    }

    #[track_caller]
    fn check(log: &[u8]) {
        let mut told = Told::default();
        scan(log, &mut Marks::default(), &mut told).unwrap();
        let mut expected = Told::default();
        let mut lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').collect();
        lines.pop_if(|last| last.is_empty());
        for line in lines {
            of_line(line, &mut expected).unwrap();
        }
        assert_eq!(told.all, expected.all);
        assert_eq!(told.malformed, expected.malformed);
        assert_eq!(told.lines, expected.lines);
    }

    #[test]
    fn lines_around_the_size_of_a_window_are_read() {
        for len in [WINDOW - 14, WINDOW - 13, WINDOW - 12, 3 * WINDOW] {
            let long = vec![b'x'; len];
            let log = [
                b"1565647200 a b\n1565647200 ",
                &long[..],
                b" c\n1565647201 d e",
            ]
            .concat();
            check(&log);
            check(
                &[
                    b"\n\r\n ",
                    &long[..],
                    b"\n1565647200 ",
                    &vec![b' '; len],
                    b"a b\n",
                ]
                .concat(),
            );
        }
    }

    proptest! {
        #[test]
        fn windows_give_what_lines_give(lines in prop::collection::vec(line(), 0..400)) {
            check(&lines.concat());
        }
    }

    fn line() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => "[0-9]{9,14}[ \t][a-zA-Z0-9_.-]{1,20} [a-z0-9]{1,9}\r?\n"
                .prop_map(String::into_bytes),
            1 => "[ \t0-9.]{0,12}[ \t\r\x0b\x0c]{0,2}[a-z\u{7f}-\u{ff}]{0,9}[ a\r]{0,3}\n?"
                .prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 0..90),
        ]
    }
}
