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

/// What `query` gives for `files`.
pub fn expected(files: &[Vec<u8>], query: &Query) -> Expected {
    let mut rows = String::new();
    let mut counts = [0; 3];
    let mut open: Vec<Hour> = Vec::new();
    let mut clock = 0;
    let over = |clock: u64, start: u64| {
        query.hourly && clock > (start + 3_600) * 1_000_000 + query.late_us
    };
    let is_host = |wanted: &Option<Vec<u8>>, host: &str| wanted.as_deref() == Some(host.as_bytes());
    let immediate = !query.hourly && query.from.is_none() && query.busiest.is_none();
    'files: for file in files {
        let mut lines: Vec<&[u8]> = file.split(|byte| *byte == b'\n').collect();
        lines.pop_if(|last| last.is_empty());
        for line in lines {
            counts[0] += 1;
            if line.is_empty() || line == b"\r" {
                continue;
            }
            let Some((at, from, to)) = record(line) else {
                counts[1] += 1;
                continue;
            };
            clock = clock.max(at);
            if query
                .time_end_us
                .is_some_and(|end| clock >= end + query.late_us)
            {
                break 'files;
            }
            let start = if query.hourly {
                at / 3_600_000_000 * 3_600
            } else {
                0
            };
            let is_inside =
                at >= query.time_init_us && query.time_end_us.is_none_or(|end| at < end);
            if is_inside && over(clock, start) {
                counts[2] += 1;
            } else if is_inside {
                if !open.iter().any(|hour| hour.0 == start) {
                    open.push((start, Default::default()));
                    open.sort_by_key(|hour| hour.0);
                }
                let hour = open.iter_mut().find(|hour| hour.0 == start).unwrap();
                if is_host(&query.to, &to) && add(&mut hour.1[0], &from) && immediate {
                    rows += &format!("{}\n", shown(&from));
                }
                if is_host(&query.from, &from) {
                    add(&mut hour.1[1], &to);
                }
                if query.busiest.is_some() {
                    add(&mut hour.1[2], &from);
                }
                if query.busiest == Some(Busiest::Both) {
                    add(&mut hour.1[2], &to);
                }
            }
            let is_over = |hour: &Hour| over(clock, hour.0);
            open.iter()
                .filter(|hour| is_over(hour))
                .for_each(|hour| print(&mut rows, hour, query));
            open.retain(|hour| !is_over(hour));
        }
    }
    if !query.only_complete_hours && !immediate {
        open.iter().for_each(|hour| print(&mut rows, hour, query));
    }
    Expected { rows, counts }
}
