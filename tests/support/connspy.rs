// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules of `connspy` once more, as plainly as they can be written.
#![allow(dead_code)]

use netvitals::connspy::plan::{Busiest, Query};

/// What is to be printed, and the lines that were read, malformed and late.
pub struct Expected {
    pub rows: String,
    pub counts: [u64; 3],
}

/// Hosts in the order of appearance, with counts.
type Hosts = Vec<(String, u64)>;

/// An hour's start in seconds, the sources, the destinations, the connections.
type Hour = (u64, [Hosts; 3]);

fn add(hosts: &mut Hosts, host: &str) -> bool {
    if let Some(found) = hosts.iter_mut().find(|found| found.0 == host) {
        found.1 += 1;
        return false;
    }
    hosts.push((host.to_owned(), 1));
    true
}

/// The time in microseconds.
pub fn time(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    for part in [whole, fraction] {
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
    }
    // In units of 10^-12, so that nothing is lost.
    let fraction: String = fraction
        .chars()
        .chain("000000000000".chars())
        .take(12)
        .collect();
    let exact = whole.parse::<u128>().ok()? * 1_000_000_000_000 + fraction.parse::<u128>().ok()?;
    let is_milliseconds = exact > 999_999_999_999 * 1_000_000_000_000;
    let us = exact
        / if is_milliseconds {
            1_000_000_000
        } else {
            1_000_000
        };
    (us > 0 && us < 253_402_300_800_000_000).then_some(us as u64)
}

fn record(line: &[u8]) -> Option<(u64, String, String)> {
    let line = std::str::from_utf8(line).ok()?.to_ascii_lowercase();
    let blanks: &[char] = &[' ', '\t', '\r', '\u{b}', '\u{c}'];
    let fields: Vec<&str> = line
        .split(blanks)
        .filter(|field| !field.is_empty())
        .collect();
    let [at, from, to] = fields[..] else {
        return None;
    };
    let is_host = |host: &str| host.starts_with(|c: char| c.is_ascii_alphanumeric());
    (is_host(from) && is_host(to)).then_some((time(at)?, from.to_owned(), to.to_owned()))
}

/// A terminal must not be moved by a name.
pub fn shown(host: &str) -> String {
    let show = |c: char| match c.is_control() {
        true => format!("\\u{{{:x}}}", u32::from(c)),
        false => c.to_string(),
    };
    host.chars().map(show).collect()
}

fn print(rows: &mut String, hour: &Hour, query: &Query) {
    let (start, [to, from, most]) = hour;
    let head = match query.hourly {
        true => format!("{start}.0\t"),
        false => String::new(),
    };
    for (group, hosts) in [("TO", to), ("FROM", from)] {
        for (host, _) in hosts {
            *rows += &format!("{head}{group}\t{}\n", shown(host));
        }
    }
    let mut busiest: Option<&(String, u64)> = None;
    for host in most {
        if busiest.is_none_or(|busiest| host.1 > busiest.1) {
            busiest = Some(host);
        }
    }
    if let Some((host, _)) = busiest {
        *rows += &format!("{head}MOST\t{}\n", shown(host));
    }
}

/// The count on its way.
struct Count<'a> {
    query: &'a Query,
    rows: String,
    counts: [u64; 3],
    open: Vec<Hour>,
    clock: u64,
}

impl Count<'_> {
    fn is_over(&self, start: u64) -> bool {
        let end = (start + 3_600) * 1_000_000;
        self.query.hourly && self.clock > end + self.query.late_us
    }

    /// Takes a line; whether to go on.
    fn line(&mut self, line: &[u8]) -> bool {
        self.counts[0] += 1;
        if line.is_empty() || line == b"\r" {
            return true;
        }
        let Some((at, from, to)) = record(line) else {
            self.counts[1] += 1;
            return true;
        };
        self.clock = self.clock.max(at);
        let Query {
            time_init_us: init,
            time_end_us: end,
            late_us: late,
            ..
        } = *self.query;
        if end.is_some_and(|end| self.clock >= end + late) {
            return false;
        }
        if at >= init && end.is_none_or(|end| at < end) {
            self.take(at, &from, &to);
        }
        for hour in std::mem::take(&mut self.open) {
            match self.is_over(hour.0) {
                true => print(&mut self.rows, &hour, self.query),
                false => self.open.push(hour),
            }
        }
        true
    }

    fn take(&mut self, at: u64, from: &str, to: &str) {
        let Query {
            to: wanted_to,
            from: wanted_from,
            busiest,
            hourly,
            ..
        } = self.query;
        let start = if *hourly {
            at / 3_600_000_000 * 3_600
        } else {
            0
        };
        if self.is_over(start) {
            self.counts[2] += 1;
            return;
        }
        if !self.open.iter().any(|hour| hour.0 == start) {
            self.open.push((start, Default::default()));
            self.open.sort_by_key(|hour| hour.0);
        }
        let is = |wanted: &Option<Vec<u8>>, host: &str| wanted.as_deref() == Some(host.as_bytes());
        let hour = self.open.iter_mut().find(|hour| hour.0 == start).unwrap();
        let is_new = is(wanted_to, to) && add(&mut hour.1[0], from);
        if is_new && self.query.is_immediate() {
            self.rows += &format!("{}\n", shown(from));
        }
        if is(wanted_from, from) {
            add(&mut hour.1[1], to);
        }
        if busiest.is_some() {
            add(&mut hour.1[2], from);
        }
        if *busiest == Some(Busiest::Both) {
            add(&mut hour.1[2], to);
        }
    }
}

/// What `query` gives for `files`.
pub fn expected(files: &[Vec<u8>], query: &Query) -> Expected {
    let mut count = Count {
        query,
        rows: String::new(),
        counts: [0; 3],
        open: Vec::new(),
        clock: 0,
    };
    'files: for file in files {
        let mut lines: Vec<&[u8]> = file.split(|byte| *byte == b'\n').collect();
        lines.pop_if(|last| last.is_empty());
        for line in lines {
            if !count.line(line) {
                break 'files;
            }
        }
    }
    let Count {
        mut rows,
        counts,
        open,
        ..
    } = count;
    if !query.only_complete_hours && !query.is_immediate() {
        open.iter().for_each(|hour| print(&mut rows, hour, query));
    }
    Expected { rows, counts }
}
