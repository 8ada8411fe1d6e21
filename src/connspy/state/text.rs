// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state as text: a line for each thing, the last one with a hash of all before it.
//!
//! Hosts stand there as they are: they have neither blanks nor line ends.

use core::fmt;

use crate::connspy::output::Group;
use crate::connspy::tail::mark::{FNV_START, Mark, Print, fnv};

/// The first line.
const TITLE: &[u8] = b"netvitals connspy state 1";

/// All but the hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// What was asked for, `NAME VALUE` each.
    pub options: Vec<String>,
    /// Which of the files was read.
    pub index: u64,
    /// Up to where.
    pub mark: Mark,
    /// A line was passed over that is too long.
    pub is_overlong: bool,
    /// What was read of a line.
    pub waiting: Vec<u8>,
    /// Device and inode of the file of rows, and its length.
    pub output: Option<((u64, u64), u64)>,
    /// The largest time so far, in microseconds.
    pub clock_us: u64,
    /// Lines, malformed and late ones, rows.
    pub counts: [u64; 4],
    /// The end of the range was seen, and all was printed.
    pub is_done: bool,
}

/// A host in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted<'a> {
    /// The start of the hour.
    pub hour_us: u64,
    /// Where it counts.
    pub group: Group,
    /// Its name.
    pub host: &'a [u8],
    /// Its connections.
    pub count: u64,
}

/// Why a text is no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is something else, or of another version.
    Foreign,
    /// This line is not as it was written.
    Line(u64),
    /// It ends too early.
    Short,
    /// It was changed since it was written.
    Hash,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("not a state of this version of connspy"),
            Self::Line(number) => write!(f, "damaged in line {number}"),
            Self::Short => f.write_str("damaged: its end is missing"),
            Self::Hash => f.write_str("damaged: changed since it was written"),
        }
    }
}

/// Writes a state.
#[derive(Debug)]
pub struct Writer {
    /// What was written and not taken yet.
    pub bytes: Vec<u8>,
    hash: u64,
    hour_us: Option<u64>,
}

impl Writer {
    /// The text up to the hosts.
    pub fn new(head: &Head) -> Self {
        let mut writer = Self {
            bytes: Vec::new(),
            hash: FNV_START,
            hour_us: None,
        };
        writer.line(TITLE, &[], &[]);
        for option in &head.options {
            writer.line(b"option", &[], option.as_bytes());
        }
        let Mark {
            identity: (device, inode),
            offset,
            head: start,
            tail,
        } = head.mark;
        let [start, tail] = [start, tail].map(|print| [print.len as u64, print.hash]);
        let at = [head.index, device, inode, offset];
        let prints = [start[0], start[1], tail[0], tail[1]];
        let overlong = [u64::from(head.is_overlong)];
        writer.line(b"at", &[&at[..], &prints, &overlong].concat(), &[]);
        writer.line(b"waiting", &[], &head.waiting);
        if let Some(((device, inode), len)) = head.output {
            writer.line(b"output", &[device, inode, len], &[]);
        }
        writer.line(b"clock", &[head.clock_us], &[]);
        writer.line(b"counts", &head.counts, &[]);
        writer.line(b"done", &[u64::from(head.is_done)], &[]);
        writer
    }

    /// Adds a host; those of an hour come together.
    pub fn host(&mut self, counted: Counted<'_>) {
        if self.hour_us != Some(counted.hour_us) {
            self.hour_us = Some(counted.hour_us);
            self.line(b"hour", &[counted.hour_us], &[]);
        }
        let group: &[u8] = match counted.group {
            Group::To => b"to",
            Group::From => b"from",
            Group::Most => b"most",
        };
        self.line(group, &[counted.count], counted.host);
    }

    /// Ends it.
    pub fn end(&mut self) {
        self.line(b"end", &[self.hash], &[]);
    }

    fn line(&mut self, word: &[u8], numbers: &[u64], text: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(word);
        for number in numbers {
            self.bytes.push(b' ');
            self.bytes.extend_from_slice(number.to_string().as_bytes());
        }
        if !text.is_empty() {
            self.bytes.push(b' ');
            self.bytes.extend_from_slice(text);
        }
        self.bytes.push(b'\n');
        self.hash = fnv(self.hash, &self.bytes[start..]);
    }
}

/// Reads a state, line by line.
#[derive(Debug)]
pub struct Reader {
    /// What was read.
    pub head: Head,
    line: u64,
    hash: u64,
    hour_us: Option<u64>,
    is_over: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            head: Head::default(),
            line: 0,
            hash: FNV_START,
            hour_us: None,
            is_over: false,
        }
    }
}

impl Reader {
    /// Takes the next line, without its line end; the host in it, if there is one.
    ///
    /// # Errors
    /// When it is not as [`Writer`] writes.
    pub fn line<'a>(&mut self, line: &'a [u8]) -> Result<Option<Counted<'a>>, Wrong> {
        self.line += 1;
        if self.line == 1 && line != TITLE {
            return Err(Wrong::Foreign);
        }
        let hash = self.hash;
        self.hash = fnv(fnv(hash, line), b"\n");
        let wrong = Wrong::Line(self.line);
        if self.is_over || line.contains(&b'\n') {
            return Err(wrong);
        }
        if self.line == 1 {
            return Ok(None);
        }
        let (word, rest) = cut(line);
        let group = match word {
            b"to" => Group::To,
            b"from" => Group::From,
            b"most" => Group::Most,
            b"end" if numbers(rest) != Some([hash]) => return Err(Wrong::Hash),
            b"end" => {
                self.is_over = true;
                return Ok(None);
            }
            _ => return self.set(word, rest).ok_or(wrong).map(|()| None),
        };
        let (count, host) = cut(rest);
        match (self.hour_us, number(count)) {
            (Some(hour_us), Some(count)) if count > 0 && is_host(host) => Ok(Some(Counted {
                hour_us,
                group,
                host,
                count,
            })),
            _ => Err(wrong),
        }
    }

    /// The end of the text.
    ///
    /// # Errors
    /// When its last line is missing.
    pub fn finish(self) -> Result<Head, Wrong> {
        self.is_over.then_some(self.head).ok_or(Wrong::Short)
    }

    fn set(&mut self, word: &[u8], rest: &[u8]) -> Option<()> {
        let head = &mut self.head;
        match word {
            b"option" => {
                let option = core::str::from_utf8(rest).ok()?;
                head.options.push(option.to_owned());
            }
            b"at" => {
                let [index, device, inode, offset, rest @ ..] = numbers::<9>(rest)?;
                let [head_len, head_hash, tail_len, tail_hash, is_overlong] = rest;
                let print = |len, hash| {
                    let len = usize::try_from(len).ok()?;
                    Some(Print { len, hash })
                };
                head.mark = Mark {
                    identity: (device, inode),
                    offset,
                    head: print(head_len, head_hash)?,
                    tail: print(tail_len, tail_hash)?,
                };
                (head.index, head.is_overlong) = (index, boolean(is_overlong)?);
            }
            b"waiting" => head.waiting = rest.to_vec(),
            b"output" => {
                let [device, inode, len] = numbers(rest)?;
                head.output = Some(((device, inode), len));
            }
            b"clock" => [head.clock_us] = numbers(rest)?,
            b"counts" => head.counts = numbers(rest)?,
            b"done" => head.is_done = boolean(numbers::<1>(rest)?[0])?,
            b"hour" => self.hour_us = Some(numbers::<1>(rest)?[0]),
            _ => return None,
        }
        Some(())
    }
}

fn is_host(host: &[u8]) -> bool {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    !host.is_empty() && !host.iter().any(is_blank)
}

/// Up to the first blank, and behind it.
fn cut(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == b' ') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, &[]),
    }
}

fn boolean(number: u64) -> Option<bool> {
    (number <= 1).then_some(number == 1)
}

/// So many numbers, and nothing else.
fn numbers<const N: usize>(text: &[u8]) -> Option<[u64; N]> {
    let mut found = [0; N];
    let mut words = text.split(|byte| *byte == b' ');
    for slot in &mut found {
        *slot = number(words.next()?)?;
    }
    words.next().is_none().then_some(found)
}

fn number(digits: &[u8]) -> Option<u64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let add = |number: u64, byte| number.checked_mul(10)?.checked_add(digit(byte)?);
    (!digits.is_empty()).then_some(())?;
    digits.iter().try_fold(0, add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Hosts = Vec<(u64, Group, Vec<u8>, u64)>;

    /// Reads a whole text.
    fn read(text: &[u8]) -> Result<(Head, Hosts), Wrong> {
        let mut reader = Reader::default();
        let mut hosts = Vec::new();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        for line in text.split(|byte| *byte == b'\n') {
            if let Some(counted) = reader.line(line)? {
                let Counted {
                    hour_us,
                    group,
                    host,
                    count,
                } = counted;
                hosts.push((hour_us, group, host.to_vec(), count));
            }
        }
        Ok((reader.finish()?, hosts))
    }

    fn any_head() -> impl Strategy<Value = Head> {
        let numbers = proptest::array::uniform16(any::<u64>());
        let waiting = proptest::collection::vec(any::<u8>(), 0..50);
        let options = proptest::collection::vec("[a-z]{1,9} [!-~]{1,9}", 0..4);
        let all = (numbers, waiting, options, any::<[bool; 3]>());
        all.prop_map(|(n, mut waiting, options, [a, b, c])| {
            waiting.retain(|byte| *byte != b'\n');
            let print = |len: u64, hash| Print {
                len: len as u32 as usize,
                hash,
            };
            let mark = Mark {
                identity: (n[0], n[1]),
                offset: n[2],
                head: print(n[3], n[4]),
                tail: print(n[5], n[6]),
            };
            Head {
                options,
                index: n[7],
                mark,
                is_overlong: a,
                waiting,
                output: b.then_some(((n[8], n[9]), n[10])),
                clock_us: n[11],
                counts: [n[12], n[13], n[14], n[15]],
                is_done: c,
            }
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            head in any_head(),
            hosts in prop::collection::vec((0..3_u64, 0..3_usize, "[!-~]{1,9}", 1..9_u64), 0..9),
        ) {
            let groups = [Group::To, Group::From, Group::Most];
            let hosts = hosts.into_iter();
            let hosts = hosts.map(|(hour, at, host, n)| (hour, groups[at], host.into_bytes(), n));
            let hosts: Vec<_> = hosts.collect();
            let mut writer = Writer::new(&head);
            for (hour_us, group, host, count) in &hosts {
                let (hour_us, group, count) = (*hour_us, *group, *count);
                writer.host(Counted { hour_us, group, host, count });
            }
            writer.end();
            prop_assert_eq!(read(&writer.bytes), Ok((head, hosts)));
        }

        #[test]
        fn damage_is_noticed(head in any_head(), at in any::<usize>(), bit in 0..8) {
            let mut writer = Writer::new(&head);
            writer.end();
            let whole = writer.bytes;
            let at = at % (whole.len() - 1);
            prop_assert!(read(&whole[..at]).is_err());
            let mut damaged = whole.clone();
            damaged[at] ^= 1_u8 << bit;
            prop_assert!(read(&damaged).is_err());
        }

        #[test]
        fn nothing_makes_it_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&text);
        }
    }

    #[test]
    fn other_files_are_told_apart() {
        assert_eq!(read(b""), Err(Wrong::Foreign));
        assert_eq!(read(b"1565647200 a b\n"), Err(Wrong::Foreign));
        assert_eq!(read(&[TITLE, b"\n"].concat()), Err(Wrong::Short));
        assert_eq!(read(&[TITLE, b"\nx\n"].concat()), Err(Wrong::Line(2)));
        assert_eq!(read(&[TITLE, b"\nend 0\n"].concat()), Err(Wrong::Hash));
    }
}
