// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of connmonitor, of both forms: eight numbers and a host in each further line, or a
//! host and `key=value` words in each line. The first line with anything in it tells which.

mod fault;
#[cfg(test)]
mod tests;

use core::time::Duration;

pub use fault::{Fault, HostsError};

use crate::codec::units;
use crate::limits::{PAYLOAD_BYTES_MAX, PROBE_PORTS_MAX};

/// Ports that are checked besides those of http, https and mysql.
pub type Ports = heapless::Vec<u16, PROBE_PORTS_MAX, u8>;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Eight numbers for all hosts, as of connmonitor 1 to 3.
    Numbers,
    /// Options for each host, as of connmonitor 4.
    Options,
}

/// What to do with a host, and how its results are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tests {
    /// From a round of pings to the next one, in a file of numbers from its end on; `None`: none.
    pub ping: Option<Duration>,
    /// The same of traces.
    pub trace: Option<Duration>,
    /// The same of port checks.
    pub scan: Option<Duration>,
    /// Pings in a round, 1 to 1000 when there are any.
    pub pings_count: u32,
    /// Bytes of zero in a ping.
    pub payload_bytes: u16,
    /// Hops of a trace at most, 1 to 255 when there is one.
    pub hops_max: u8,
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// From a ping to the next one.
    pub spacing: Duration,
    /// Further ports.
    pub ports: Ports,
    /// What certificates are worth is asked for.
    pub tls: bool,
    /// Results are objects, not text.
    pub json: bool,
    /// Results say when they were found; in a file of numbers they never do.
    pub timestamp: bool,
}

impl Default for Tests {
    /// What a line of options means that has none.
    fn default() -> Self {
        Self {
            ping: Some(Duration::from_millis(500)),
            trace: None,
            scan: None,
            pings_count: 10,
            payload_bytes: 41,
            hops_max: 30,
            timeout: Duration::from_secs(1),
            spacing: Duration::from_millis(10),
            ports: Ports::new(),
            tls: false,
            json: false,
            timestamp: true,
        }
    }
}

impl Tests {
    /// Zero pings and zero hops mean that there is no such test.
    fn settle(&mut self) {
        self.ping = self.ping.filter(|_| self.pings_count > 0);
        self.trace = self.trace.filter(|_| self.hops_max > 0);
    }
}

const PINGS_MAX: u64 = 1_000;

const MONTH: Duration = Duration::from_secs(30 * 86_400);

const MINUTE: Duration = Duration::from_secs(60);

const ROUND_MIN: Duration = Duration::from_millis(10);

const TIMEOUT_MIN: Duration = Duration::from_millis(10);

/// Reads a file and hands over its hosts, in their order and each as often as it stands there.
///
/// # Errors
/// The first thing that is wrong; hosts before it were handed over.
pub fn read<'a>(
    text: &'a [u8],
    mut host: impl FnMut(&'a str, &Tests),
) -> Result<Form, HostsError<'a>> {
    let lines = (1..).zip(text.split(|&byte| byte == b'\n'));
    let mut lines = lines.filter_map(|(number, line)| {
        let line = line.trim_ascii();
        let text = str::from_utf8(line).map_err(|_| Fault::NotText.at(number));
        (!line.is_empty()).then(|| text.map(|text| (number, text)))
    });
    let (number, first) = lines.next().unwrap_or(Err(Fault::Empty.at(1)))?;
    if is_numbers(first) {
        let tests = numbers(first).map_err(|fault| fault.at(number))?;
        for line in lines {
            host(line?.1, &tests);
        }
        return Ok(Form::Numbers);
    }
    for line in core::iter::once(Ok((number, first))).chain(lines) {
        let (number, line) = line?;
        let (name, tests) = options(line).map_err(|fault| fault.at(number))?;
        host(name, &tests);
    }
    Ok(Form::Options)
}

/// Whether the first line is meant to hold the eight numbers, right or wrong.
fn is_numbers(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let first = words.next().unwrap_or_default();
    let is_number = |word: &str| integer(word).is_some();
    is_number(first) || (!line.contains('=') && words.any(is_number))
}

/// The numbers of a line that starts with at least eight. Whoever tests nothing may give any.
fn numbers(line: &str) -> Result<Tests, Fault<'_>> {
    let mut words = line.split_ascii_whitespace();
    let mut numbers = [(0, ""); 8];
    for (count, number) in numbers.iter_mut().enumerate() {
        let word = words.next().ok_or(Fault::TooFew(count))?;
        *number = (integer(word).ok_or(Fault::NoInteger(word))?, word);
    }
    let [ping, trace, scan, pings, payload, hops, json, sleep] = numbers;
    let is_on = |number: (i64, &str)| number.0 != 0;
    let sleep_ms = bounded("SLEEP", sleep, MONTH.as_secs() * 1_000)?;
    let rounds = |test| is_on(test).then(|| Duration::from_millis(sleep_ms));
    let mut tests = Tests {
        ping: rounds(ping),
        trace: rounds(trace),
        scan: rounds(scan),
        json: is_on(json),
        timestamp: false,
        ..Tests::default()
    };
    if is_on(ping) {
        tests.pings_count = bounded("NUMPINGS", pings, PINGS_MAX)? as u32;
        tests.payload_bytes = bounded("PAYLOAD", payload, PAYLOAD_BYTES_MAX.into())? as u16;
    }
    if is_on(trace) {
        tests.hops_max = bounded("HOPS", hops, u8::MAX.into())? as u8;
    }
    tests.settle();
    Ok(tests)
}

fn bounded<'a>(
    name: &'static str,
    (number, word): (i64, &'a str),
    max: u64,
) -> Result<u64, Fault<'a>> {
    let number = u64::try_from(number).ok().filter(|number| *number <= max);
    number.ok_or(Fault::Number { name, word, max })
}

/// A whole number with or without a sign; one that is too large is the largest.
fn integer(word: &str) -> Option<i64> {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word).as_bytes();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = units::unsigned(digits).and_then(|number| i64::try_from(number).ok());
    let number = number.unwrap_or(i64::MAX);
    Some(if word.starts_with('-') {
        -number
    } else {
        number
    })
}

/// A host and its options.
fn options(line: &str) -> Result<(&str, Tests), Fault<'_>> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next().unwrap_or_default();
    let mut tests = Tests::default();
    for word in words {
        let (key, value) = word.split_once('=').ok_or(Fault::NoEquals(word))?;
        let option = OPTIONS
            .iter()
            .find(|(name, ..)| key.eq_ignore_ascii_case(name));
        let &(name, allowed, set) = option.ok_or(Fault::Unknown(key))?;
        set(&mut tests, value).ok_or(Fault::Value {
            name,
            value,
            allowed,
        })?;
    }
    tests.settle();
    Ok((name, tests))
}

/// Name, what is allowed, and how it is taken; `None` when it is not.
type Set = fn(&mut Tests, &str) -> Option<()>;
type Key = (&'static str, &'static str, Set);

const ROUNDS: &str = "milliseconds or a duration, 0 = off, 10ms to 30d";
const TRUTH: &str = "0, 1, true or false";

const OPTIONS: &[Key] = &[
    ("ping", ROUNDS, |tests, text| {
        put(&mut tests.ping, rounds(text))
    }),
    ("trace", ROUNDS, |tests, text| {
        put(&mut tests.trace, rounds(text))
    }),
    ("scan", ROUNDS, |tests, text| {
        put(&mut tests.scan, rounds(text))
    }),
    ("numpings", "0 to 1000", |tests, text| {
        put(
            &mut tests.pings_count,
            count(text, PINGS_MAX).map(|count| count as u32),
        )
    }),
    ("payload", "0 to 65507", |tests, text| {
        let bytes = count(text, PAYLOAD_BYTES_MAX.into());
        put(&mut tests.payload_bytes, bytes.map(|bytes| bytes as u16))
    }),
    ("hops", "0 to 255", |tests, text| {
        put(
            &mut tests.hops_max,
            count(text, u8::MAX.into()).map(|hops| hops as u8),
        )
    }),
    ("json", TRUTH, |tests, text| {
        put(&mut tests.json, truth(text))
    }),
    ("timestamp", TRUTH, |tests, text| {
        put(&mut tests.timestamp, truth(text))
    }),
    (
        "timeout",
        "milliseconds or a duration, 10ms to 1m",
        |tests, text| {
            let span = milliseconds(text).filter(|span| *span >= TIMEOUT_MIN && *span <= MINUTE);
            put(&mut tests.timeout, span)
        },
    ),
    (
        "spacing",
        "milliseconds or a duration, 0 to 1m",
        |tests, text| {
            put(
                &mut tests.spacing,
                milliseconds(text).filter(|span| *span <= MINUTE),
            )
        },
    ),
    (
        "ports",
        "up to 32 of 1 to 65535, as 22,8080",
        |tests, text| put(&mut tests.ports, ports(text)),
    ),
    ("tls", TRUTH, |tests, text| put(&mut tests.tls, truth(text))),
];

fn put<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

fn count(text: &str, max: u64) -> Option<u64> {
    units::unsigned(text.as_bytes()).filter(|number| *number <= max)
}

/// A number, of which zero alone is false, or a word.
fn truth(text: &str) -> Option<bool> {
    units::boolean(text).or_else(|| integer(text).map(|number| number != 0))
}

/// A time between rounds; zero is never.
fn rounds(text: &str) -> Option<Option<Duration>> {
    match milliseconds(text)? {
        Duration::ZERO => Some(None),
        span => (ROUND_MIN..=MONTH).contains(&span).then_some(Some(span)),
    }
}

/// A duration with a unit in any case, or a number of milliseconds.
fn milliseconds(text: &str) -> Option<Duration> {
    if !text.contains(|c: char| c.is_ascii_alphabetic()) {
        return units::seconds(text).map(|span| span / 1_000);
    }
    let mut lower = heapless::String::<32, u8>::new();
    lower.push_str(text).ok()?;
    lower.make_ascii_lowercase();
    units::duration(&lower)
}

/// The ports of a list, each once.
fn ports(list: &str) -> Option<Ports> {
    let mut ports = Ports::new();
    for word in list.split(',') {
        let port = u16::try_from(units::unsigned(word.as_bytes())?).ok()?;
        if port == 0 {
            return None;
        }
        if !ports.contains(&port) {
            ports.push(port).ok()?;
        }
    }
    Some(ports)
}
