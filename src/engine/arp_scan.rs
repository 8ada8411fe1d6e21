// SPDX-License-Identifier: MIT OR Apache-2.0
//! An ARP sweep (RFC 826): whom to ask and when, and when to give up.
//!
//! Everybody is asked once, at a steady rate; then, round by round, only those that are silent.
//! The wait after an ask follows the slowest answer heard so far. Frames and sockets are elsewhere.

use core::net::Ipv4Addr;
use core::time::Duration;

use crate::model::ranges::Ranges;
use crate::time::Mono;

/// The wait after an ask when nobody has answered yet, and the longest one.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// The shortest wait after an ask.
const WAIT_MIN: Duration = Duration::from_millis(80);

/// How many times the slowest answer is waited for.
const WAIT_FACTOR: u32 = 4;

/// What a sleep that lasted too long may be made up for with asks in a row.
const CATCH_UP: Duration = Duration::from_millis(8);

/// An answer that comes sooner after the last ask than this is taken for the answer to it.
const PROMPT: Duration = Duration::from_millis(10);

/// How to sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Asks per second, 1 or more.
    pub rate: u32,
    /// How often a silent address is asked again.
    pub retry: u8,
    /// The wait after an ask; `None` follows the answers.
    pub timeout: Option<Duration>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a request for this address now.
    Ask(Ipv4Addr),
    /// Nothing before that moment, unless an answer comes.
    WaitUntil(Mono),
    /// Everybody has answered, or was waited for long enough.
    Done,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The address was silent until now; the time since it was asked.
    First(Duration),
    /// It has answered before; the time since it was asked last, and how often it answered now.
    Again(Duration, u8),
    /// It was not asked, or not yet.
    NotAsked,
}

/// One address.
#[derive(Clone, Copy, Debug)]
struct Probe {
    first_ask: Mono,
    last_ask: Mono,
    asks: u8,
    answers: u8,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Silent,
    Answered,
    /// Not to be asked.
    Skipped,
}

/// One sweep over a set of addresses.
#[derive(Debug)]
pub struct ArpScan {
    ranges: Ranges,
    probes: Box<[Probe]>,
    pace: Pace,
    /// The next address to look at in this round.
    cursor: usize,
    /// Addresses to ask.
    targets_count: usize,
    round: u8,
    /// No ask before that moment.
    due: Mono,
    /// The latest ask of the last round.
    last_ask: Mono,
    silent_count: usize,
    asks_count: u64,
    slowest: Option<Duration>,
}

impl ArpScan {
    /// A sweep of all in `ranges` but `skipped`, that begins at `start`. 24 B for each address, now
    /// and not later.
    pub fn new(ranges: Ranges, skipped: &[Ipv4Addr], pace: Pace, start: Mono) -> Self {
        let silent = Probe {
            first_ask: start,
            last_ask: start,
            asks: 0,
            answers: 0,
            state: State::Silent,
        };
        let mut probes = vec![silent; ranges.count() as usize].into_boxed_slice();
        for &address in skipped {
            let index = ranges.index_of(address);
            if let Some(probe) = index.and_then(|index| probes.get_mut(index as usize)) {
                probe.state = State::Skipped;
            }
        }
        let skipped = |probe: &&Probe| probe.state == State::Skipped;
        let targets_count = probes.len() - probes.iter().filter(skipped).count();
        Self {
            ranges,
            probes,
            pace,
            cursor: 0,
            targets_count,
            round: 0,
            due: start,
            last_ask: start,
            silent_count: targets_count,
            asks_count: 0,
            slowest: None,
        }
    }

    /// Begins the same sweep again; what was learnt about the answers' speed stays.
    pub fn restart(&mut self, start: Mono) {
        for probe in &mut self.probes {
            (probe.asks, probe.answers) = (0, 0);
            if probe.state == State::Answered {
                probe.state = State::Silent;
            }
        }
        self.silent_count = self.targets_count;
        (self.cursor, self.round, self.asks_count) = (0, 0, 0);
        (self.due, self.last_ask) = (start, start);
    }

    /// What to do at `now`. An ask counts as sent when this returns.
    pub fn poll(&mut self, now: Mono) -> Action {
        if self.silent_count == 0 {
            return Action::Done;
        }
        loop {
            let Some(probe) = self.probes.get(self.cursor).copied() else {
                if self.round >= self.pace.retry {
                    return self.last_wait(now);
                }
                self.round += 1;
                self.cursor = 0;
                continue;
            };
            if probe.state != State::Silent {
                self.cursor += 1;
                continue;
            }
            let patient_until = match probe.asks {
                0 => now,
                _ => probe.last_ask.after(self.wait()),
            };
            let due = self.due.max(patient_until);
            if now < due {
                return Action::WaitUntil(due);
            }
            return self.ask(now);
        }
    }

    /// Hears that `address` answered at `at`, by the kernel's stamp.
    pub fn on_reply(&mut self, address: Ipv4Addr, at: Mono) -> Heard {
        let index = self.ranges.index_of(address);
        let probe = index.and_then(|index| self.probes.get_mut(index as usize));
        let Some(probe) = probe.filter(|probe| probe.asks > 0) else {
            return Heard::NotAsked;
        };
        let since_last = at.since(probe.last_ask);
        probe.answers = probe.answers.saturating_add(1);
        if core::mem::replace(&mut probe.state, State::Answered) == State::Answered {
            return Heard::Again(since_last, probe.answers);
        }
        // Which of several asks it answers cannot be told. One that comes late after the last is
        // taken for the answer to the first, so that slow devices make the sweep more patient.
        let usual = self
            .slowest
            .map_or(PROMPT, |slowest| PROMPT.max(slowest * 2));
        let rtt = if probe.asks == 1 || since_last <= usual {
            since_last
        } else {
            at.since(probe.first_ask)
        };
        self.silent_count -= 1;
        self.slowest = self.slowest.max(Some(rtt));
        Heard::First(rtt)
    }

    /// Addresses that the sweep asks for.
    pub fn targets_count(&self) -> usize {
        self.targets_count
    }

    /// Addresses that have not answered.
    pub fn silent_count(&self) -> usize {
        self.silent_count
    }

    /// Requests so far.
    pub fn asks_count(&self) -> u64 {
        self.asks_count
    }

    /// How long the rest takes at least, when no further address answers.
    pub fn rest(&self) -> Duration {
        let rounds = u32::from(self.pace.retry - self.round.min(self.pace.retry));
        let unasked = self.probes.len() - self.cursor.min(self.probes.len());
        let again = self.silent_count.saturating_sub(unasked) * rounds as usize;
        let asks = u32::try_from(unasked + again).unwrap_or(u32::MAX);
        self.interval() * asks + self.wait() * (rounds + 1)
    }

    fn ask(&mut self, now: Mono) -> Action {
        let address = self.ranges.get(self.cursor as u32);
        let (Some(address), Some(probe)) = (address, self.probes.get_mut(self.cursor)) else {
            return Action::Done;
        };
        if probe.asks == 0 {
            probe.first_ask = now;
        }
        probe.last_ask = now;
        probe.asks = probe.asks.saturating_add(1);
        self.cursor += 1;
        self.last_ask = now;
        self.asks_count += 1;
        // A late wake-up is made up for, up to a bound: the rest of it is lost.
        let late = now.since(self.due);
        let from = if late > CATCH_UP {
            self.due.after(late - CATCH_UP)
        } else {
            self.due
        };
        self.due = from.after(self.interval());
        Action::Ask(address)
    }

    fn last_wait(&self, now: Mono) -> Action {
        let end = self.last_ask.after(self.wait());
        if now < end {
            Action::WaitUntil(end)
        } else {
            Action::Done
        }
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(1) / self.pace.rate.max(1)
    }

    /// How long an answer is waited for.
    fn wait(&self) -> Duration {
        let adapted = || {
            let slowest = self
                .slowest
                .map_or(WAIT_MAX, |slowest| slowest.saturating_mul(WAIT_FACTOR));
            slowest.clamp(WAIT_MIN, WAIT_MAX)
        };
        self.pace.timeout.unwrap_or_else(adapted)
    }
}

#[cfg(test)]
mod tests;
