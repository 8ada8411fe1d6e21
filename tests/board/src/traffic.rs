// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames of many devices at a given rate, and an exact account of what was sent (sendmmsg(2)).

use std::io;
use std::time::{Duration, Instant};

use crate::frames::{BROADCAST, Socket};
use crate::layout::{self, Kind};
use crate::outbox::Outbox;

/// Senders that are ahead of their rate sleep for so long: bursts are at most that long.
const PAUSE: Duration = Duration::from_millis(1);

/// What to send.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Frames per second; 0 is as fast as possible.
    pub rate: u32,
    /// Ends after so many frames.
    pub frames: u64,
    /// Ends after so long.
    pub lasting: Duration,
    /// A whole frame with Ethernet header and tag, without checksum.
    pub bytes: usize,
    /// Who sends; the interface itself when there is nobody. They take turns.
    pub from: Option<Macs>,
    /// Who is sent to; they take turns.
    pub to: Macs,
    pub kind: Kind,
    /// The tag in the frame (802.1Q).
    pub vlan: Option<u16>,
}

/// Some MAC addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Macs {
    /// `None`: they have nothing in common but that they are local ones.
    first: Option<[u8; 6]>,
    count: u64,
}

/// What was sent, as a wire would count it: segments are frames.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// What the system was given.
    pub given: u64,
    /// What each of them is worth.
    pub segments: u64,
    pub bytes: u64,
    pub elapsed: Duration,
    /// CPU time of this process, as far as the system accounts it.
    pub cpu: Duration,
}

impl Plan {
    /// `WORD=VALUE`, one each.
    pub fn parse(words: &[&str]) -> io::Result<Self> {
        let mut plan = Self {
            rate: 0,
            frames: u64::MAX,
            lasting: Duration::MAX,
            bytes: 128,
            from: None,
            to: Macs::one(BROADCAST),
            kind: Kind::Udp4,
            vlan: None,
        };
        for word in words {
            let wrong = || io::Error::other(format!("what is {word}?"));
            let (name, value) = word.split_once('=').ok_or_else(wrong)?;
            match name {
                "rate" => plan.rate = number(value)?,
                "frames" => plan.frames = number(value)?,
                "seconds" => plan.lasting = Duration::from_secs(number(value)?),
                "bytes" => plan.bytes = number(value)?,
                "from" => plan.from = Some(Macs::parse(value).ok_or_else(wrong)?),
                "to" => plan.to = Macs::parse(value).ok_or_else(wrong)?,
                "vlan" => plan.vlan = Some(number(value)?),
                "kind" => plan.kind = Kind::parse(value).ok_or_else(wrong)?,
                _ => return Err(wrong()),
            }
        }
        if plan.frames == u64::MAX && plan.lasting == Duration::MAX {
            return Err(io::Error::other("it would never end: frames= or seconds="));
        }
        Ok(plan)
    }
}

impl Macs {
    pub fn one(mac: [u8; 6]) -> Self {
        Self {
            first: Some(mac),
            count: 1,
        }
    }

    /// `02:00:00:00:00:01`, `02:00:00:00:00:01/20` (and those that follow), `random/10000`.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, count) = text.split_once('/').unwrap_or((text, "1"));
        let count = count.parse().ok().filter(|count| *count > 0)?;
        if first == "random" {
            return Some(Self { first: None, count });
        }
        let mut mac = [0; 6];
        let mut octets = first.split(':');
        for octet in &mut mac {
            *octet = u8::from_str_radix(octets.next()?, 16).ok()?;
        }
        octets.next().is_none().then_some(Self {
            first: Some(mac),
            count,
        })
    }

    /// Whose turn it is.
    pub fn turn(self, number: u64) -> [u8; 6] {
        let number = number % self.count;
        let Some(first) = self.first else {
            // As good as random, and the same each time (SplitMix64, Steele and others 2014).
            let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let [a, b, c, d, e, ..] = (mixed ^ (mixed >> 27)).to_be_bytes();
            return [0x06, a, b, c, d, e];
        };
        let [a, b, c, d, e, f] = first;
        let low = u32::from_be_bytes([c, d, e, f]).wrapping_add(number as u32);
        let [c, d, e, f] = low.to_be_bytes();
        [a, b, c, d, e, f]
    }

    /// How often each of them had its turn; `None` when they are too many to tell one by one.
    pub fn turns(self, total: u64) -> Option<impl Iterator<Item = ([u8; 6], u64)>> {
        let share = move |number| total / self.count + u64::from(number < total % self.count);
        let turns = (0..self.count).map(move |number| (self.turn(number), share(number)));
        self.first.map(|_| turns)
    }
}

/// Sends it all, or what could be sent and why it was not more.
pub fn run(interface: &str, plan: &Plan) -> io::Result<(Sent, Option<io::Error>)> {
    let socket = Socket::open(interface, 0)?;
    let from = plan.from.unwrap_or(Macs::one(socket.mac));
    let frame = layout::frame(plan.kind, plan.bytes, plan.vlan)?;
    let mut outbox = Outbox::new(&socket, &frame, plan.kind.offload(plan.vlan))?;
    let (start, cpu_start) = (Instant::now(), cpu());
    let mut given = 0;
    let mut error = None;
    while given < plan.frames && error.is_none() {
        let elapsed = start.elapsed();
        if elapsed >= plan.lasting {
            break;
        }
        let due = match plan.rate {
            0 => u64::MAX,
            rate => (elapsed.as_secs_f64() * f64::from(rate)) as u64,
        };
        let wanted = due.min(plan.frames).saturating_sub(given);
        if wanted == 0 {
            std::thread::sleep(PAUSE);
            continue;
        }
        match outbox.send(wanted, given, from, plan.to) {
            Ok(sent) => given += sent,
            // No room for it now.
            Err(why) if why.raw_os_error() == Some(libc::ENOBUFS) => {}
            Err(why) => error = Some(why),
        }
    }
    let (segments, bytes) = plan.kind.on_the_wire(&frame, plan.vlan);
    let sent = Sent {
        given,
        segments,
        bytes,
        elapsed: start.elapsed(),
        cpu: cpu() - cpu_start,
    };
    Ok((sent, error))
}

/// The account: `sent`, then a line for each sender (tx) and each receiver (rx).
pub fn account(interface: &str, plan: &Plan) -> io::Result<u8> {
    let (sent, error) = run(interface, plan)?;
    let total = |frames: u64| (frames * sent.segments, frames * sent.bytes);
    let (frames, bytes) = total(sent.given);
    let (us, cpu_us) = (sent.elapsed.as_micros(), sent.cpu.as_micros());
    let given = sent.given;
    println!("sent frames={frames} bytes={bytes} given={given} us={us} cpu_us={cpu_us}");
    let own = Macs::one(Socket::open(interface, 0).map_or([0; 6], |socket| socket.mac));
    for (word, macs) in [("tx", plan.from.unwrap_or(own)), ("rx", plan.to)] {
        for (mac, turns) in macs.turns(given).into_iter().flatten() {
            let (frames, bytes) = total(turns);
            println!("{word} {} {frames} {bytes}", text(mac));
        }
    }
    if let Some(error) = error {
        eprintln!("board traffic: ended early: {error}");
        return Ok(1);
    }
    Ok(0)
}

pub fn text(mac: [u8; 6]) -> String {
    mac.map(|octet| format!("{octet:02x}")).join(":")
}

/// CPU time of this process.
fn cpu() -> Duration {
    // SAFETY: a structure of integers, for which all zeros are valid.
    let mut usage = unsafe { core::mem::zeroed::<libc::rusage>() };
    // SAFETY: it is the structure that getrusage(2) fills.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    [usage.ru_utime, usage.ru_stime]
        .map(|time| {
            Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
        })
        .iter()
        .sum()
}

fn number<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    text: &str,
) -> io::Result<T> {
    text.parse().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_take_turns_and_are_accounted_for() {
        let macs = Macs::parse("02:00:00:00:ff:ff/3").unwrap();
        assert_eq!(macs.turn(1), [2, 0, 0, 1, 0, 0]);
        assert_eq!(macs.turn(3), macs.turn(0));
        let turns: Vec<u64> = macs.turns(8).unwrap().map(|(_, turns)| turns).collect();
        assert_eq!(turns, [3, 3, 2]);
        for wrong in [
            "02:00:00:00:ff",
            "02:00:00:00:ff:ff/0",
            "x",
            "1:2:3:4:5:6:7",
        ] {
            assert_eq!(Macs::parse(wrong), None);
        }
    }

    #[test]
    fn random_addresses_are_local_and_differ() {
        let macs = Macs::parse("random/10000").unwrap();
        let mut seen: Vec<_> = (0..10_000).map(|number| macs.turn(number)).collect();
        assert!(seen.iter().all(|mac| mac[0] == 6));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 10_000);
        assert_eq!(macs.turn(10_000), macs.turn(0));
        assert!(macs.turns(1).is_none());
    }

    #[test]
    fn a_plan_has_an_end() {
        let plan = Plan::parse(&["rate=1000", "frames=5", "vlan=7"]).unwrap();
        assert_eq!((plan.rate, plan.frames, plan.vlan), (1000, 5, Some(7)));
        assert!(Plan::parse(&["rate=1000"]).is_err());
        assert!(Plan::parse(&["frames=5", "colour=red"]).is_err());
    }
}
