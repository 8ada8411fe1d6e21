// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a connection log: line by line, in windows, in pieces of another size.

use netvitals::connspy::hours::Flow;
use netvitals::connspy::input::Input;
use netvitals::connspy::line::{self, Line, Record};
use netvitals::connspy::scan::{self, Marks, Visit};

/// What was read.
#[derive(Debug, Default, PartialEq)]
struct Told {
    lines: u64,
    records: Vec<(u64, Vec<u8>, Vec<u8>)>,
    malformed: Vec<Vec<u8>>,
}

impl Visit for Told {
    type Fault = ();

    fn record(&mut self, record: &Record<'_>) -> Result<Flow, ()> {
        assert!(record.at_us > 0);
        for host in [record.from, record.to] {
            assert!(host[0].is_ascii_alphanumeric() && !host.iter().any(|b| line::is_blank(*b)));
        }
        let [from, to] = [record.from, record.to].map(<[u8]>::to_vec);
        self.records.push((record.at_us, from, to));
        Ok(Flow::Continue)
    }

    fn malformed(&mut self, line: &[u8]) {
        self.malformed.push(line.to_vec());
    }

    fn lines(&mut self, count: u64) {
        self.lines += count;
    }
}

/// One line after the other.
fn plainly(log: &[u8]) -> Told {
    let mut told = Told::default();
    let mut lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').collect();
    lines.pop_if(|last| last.is_empty());
    for text in lines {
        told.lines += 1;
        match line::parse(text) {
            Line::Record(record) => drop(told.record(&record)),
            Line::Malformed => told.malformed(text),
            Line::Empty => {}
        }
    }
    told
}

/// All at once.
fn at_once(log: &[u8]) -> Told {
    let mut told = Told::default();
    assert_eq!(
        scan::scan(log, &mut Marks::default(), &mut told),
        Ok(Flow::Continue)
    );
    told
}

/// Through a buffer, so many bytes at a time.
fn in_pieces(log: &[u8], piece: usize) -> Told {
    let mut told = Told::default();
    let mut marks = Marks::default();
    let mut input = Input::default();
    for bytes in log.chunks(piece) {
        input.space()[..bytes.len()].copy_from_slice(bytes);
        let lines = input.filled(bytes.len());
        assert_eq!(scan::scan(lines, &mut marks, &mut told), Ok(Flow::Continue));
    }
    assert_eq!(
        scan::scan(input.rest(), &mut marks, &mut told),
        Ok(Flow::Continue)
    );
    assert_eq!(input.take_overlong(), 0);
    told
}

/// One input; its first byte is the size of the pieces.
pub fn run(input: &[u8]) {
    let (piece, log) = input.split_first().unwrap_or((&0, &[]));
    let told = plainly(log);
    assert_eq!(at_once(log), told);
    assert_eq!(in_pieces(log, usize::from(*piece) + 1), told);
}
