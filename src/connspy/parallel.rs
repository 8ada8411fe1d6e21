// SPDX-License-Identifier: MIT OR Apache-2.0
//! A large file by several threads, with the result of one: pieces are counted side by side and
//! added in their order. A piece in which an hour or the range can end, so that the order of its
//! lines matters, is counted once more, line by line.

use std::io;
use std::thread;

use memchr::memchr;

use super::fault::Fault;
use super::hours::{Flow, Hours};
use super::input::Input;
use super::output::Output;
use super::plan::Plan;
use super::scan::Marks;

/// Bytes that each thread counts at once. Its sets take about as much again, at worst five times.
pub const PIECE_BYTES: usize = 2 * 1_024 * 1_024;

/// Pieces that are read together and counted together.
#[derive(Debug)]
pub struct Rounds {
    plan: Plan,
    key: u64,
    input: Input,
    /// Of each thread.
    marks: Vec<Marks>,
}

impl Rounds {
    /// For so many threads, with so many bytes each; `key` is a random number.
    pub fn new(plan: &Plan, piece_bytes: usize, key: u64) -> Self {
        let threads = plan.threads;
        Self {
            plan: plan.clone(),
            key,
            input: Input::with_bytes(threads * piece_bytes),
            marks: (0..threads).map(|_| Marks::default()).collect(),
        }
    }

    /// Reads and counts one round; whether to go on, and whether the file is at its end.
    ///
    /// # Errors
    /// As [`Hours::scan`]; in the result what `read` says.
    pub fn turn(
        &mut self,
        read: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>,
        hours: &mut Hours,
        out: &mut Output,
    ) -> Result<io::Result<(Flow, bool)>, Fault> {
        let space = self.input.space();
        let (mut len, mut failed) = (0, None);
        while len < space.len() && failed.is_none() {
            match read(&mut space[len..]) {
                Ok(0) => break,
                Ok(more) => len += more,
                Err(error) => failed = Some(error),
            }
        }
        let is_over = len < space.len();
        let mut lines = self.input.filled(len);
        let mut flow = count(lines, &self.plan, self.key, &mut self.marks, hours, out)?;
        if is_over && failed.is_none() && flow == Flow::Continue {
            lines = self.input.rest();
            flow = hours.scan(lines, &mut self.marks[0], out)?;
        }
        hours.overlong(self.input.take_overlong());
        Ok(failed.map_or(Ok((flow, is_over)), Err))
    }
}

fn count(
    lines: &[u8],
    plan: &Plan,
    key: u64,
    marks: &mut [Marks],
    hours: &mut Hours,
    out: &mut Output,
) -> Result<Flow, Fault> {
    let pieces = split(lines, marks.len());
    let parts: Vec<Hours> = thread::scope(|scope| {
        let workers = pieces
            .iter()
            .zip(&mut *marks)
            .map(|(piece, marks)| scope.spawn(move || Hours::part(plan, key, piece, marks)));
        let workers: Vec<_> = workers.collect();
        workers
            .into_iter()
            .filter_map(|worker| worker.join().ok())
            .collect()
    });
    for (piece, part) in pieces.iter().zip(parts) {
        if hours.is_plain_sailing(&part) {
            hours.absorb(part, out)?;
        } else if hours.scan(piece, &mut marks[0], out)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

/// `lines` in `count` pieces of whole lines, about the same size.
fn split(lines: &[u8], count: usize) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut left = lines;
    for still in (1..=count).rev() {
        let about = left.len() / still;
        let end = memchr(b'\n', &left[about..]).map_or(left.len(), |at| about + at + 1);
        let (piece, rest) = left.split_at(if still == 1 { left.len() } else { end });
        pieces.push(piece);
        left = rest;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_are_whole_lines_and_all_of_them(text in "[a\n]{0,60}\n", count in 1_usize..6) {
            let pieces = split(text.as_bytes(), count);
            prop_assert_eq!(pieces.len(), count);
            prop_assert!(pieces.iter().all(|piece| piece.is_empty() || piece.ends_with(b"\n")));
            prop_assert_eq!(pieces.concat(), text.as_bytes());
        }
    }
}
