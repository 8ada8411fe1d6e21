// SPDX-License-Identifier: MIT OR Apache-2.0
//! A row to objects: first client to server, then server to client.

use core::cmp::Ordering;
use core::fmt;

use super::layout::{Column, Layout, Protocol, Side, Source, TCP_VALUES};
use super::number::{self, NotANumber, Number, Rounded};
use super::rows::Fields;
use super::write;

/// What the durations of UDP are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UdpDurations {
    /// Seconds, as every tstat writes them.
    Seconds,
    /// Milliseconds, as the first of these tools read them.
    Milliseconds,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Flows with fewer bits are left out; not below 0.
    pub bits_min: i128,
    /// What the durations of UDP are in.
    pub udp_durations: UdpDurations,
    /// Name of the sensor.
    pub sensor: String,
    /// Name of the process on that sensor; `None` is the number 0.
    pub instance: Option<String>,
}

/// Why a direction of a row has no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrenderable {
    /// The column that is to blame.
    pub column: Column,
    /// Why.
    pub why: NotANumber,
}

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "is not a number",
            Self::TooLarge => "is too large a number",
        })
    }
}

/// Writes objects.
#[derive(Debug)]
pub struct Renderer {
    bits_min: i128,
    udp_durations: UdpDurations,
    /// Of TCP and UDP, what stands between the ports and the start.
    meta: [Vec<u8>; 2],
}

/// What is reckoned of a direction, once for all.
struct Reckoned {
    bits: Number,
    duration: Rounded,
    bits_per_second: Option<Rounded>,
    packets_per_second: Option<Rounded>,
    /// Seconds since 1970.
    start: f64,
    end: f64,
}

/// A row with what its columns are.
#[derive(Clone, Copy)]
struct Row<'a> {
    line: &'a [u8],
    fields: &'a Fields,
}

impl<'a> Row<'a> {
    fn field(&self, column: Column) -> &'a [u8] {
        self.fields.get(self.line, column)
    }

    fn number(&self, column: Column) -> Result<Number, Unrenderable> {
        Number::of(self.field(column)).map_err(|why| Unrenderable { column, why })
    }

    /// The one of both fields that is larger (or smaller), the second when they are equal. Two
    /// texts are compared as such; a text and a number cannot be.
    fn choose(&self, both: [Column; 2], wanted: Ordering) -> Result<&'a [u8], Unrenderable> {
        let fields = both.map(|column| self.field(column));
        let order = match both.map(|column| self.number(column)) {
            [Ok(one), Ok(other)] => one.order(other),
            [Err(one), Err(other)]
                if (one.why, other.why) == (NotANumber::Text, NotANumber::Text) =>
            {
                fields[0].cmp(fields[1])
            }
            [Err(error), _] | [_, Err(error)] => return Err(error),
        };
        Ok(fields[usize::from(order != wanted)])
    }
}

impl Renderer {
    /// One that writes what is wished.
    pub fn new(wish: &Wish) -> Self {
        let meta = Protocol::ALL.map(|protocol| {
            let mut text = Vec::new();
            text.extend_from_slice(b",\"protocol\":\"");
            text.extend_from_slice(protocol.name().as_bytes());
            text.extend_from_slice(b"\",\"sensor_id\":");
            write::string(wish.sensor.as_bytes(), &mut text);
            text.extend_from_slice(b",\"instance_id\":");
            match &wish.instance {
                Some(name) => write::string(name.as_bytes(), &mut text),
                None => text.push(b'0'),
            }
            text.extend_from_slice(b",\"flow_type\":\"tstat\"},\"start\":");
            text
        });
        Self {
            bits_min: wish.bits_min,
            udp_durations: wish.udp_durations,
            meta,
        }
    }

    /// Writes the object of one `direction` (0: client to server) of a row; false when it is below
    /// the threshold. What was written before an error has to be taken back.
    ///
    /// # Errors
    /// When a column that is reckoned with holds no number.
    pub fn object(
        &self,
        layout: &Layout,
        line: &[u8],
        fields: &Fields,
        direction: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool, Unrenderable> {
        let (row, sides) = (Row { line, fields }, &layout.sides);
        let (side, other) = (&sides[direction & 1], &sides[!direction & 1]);
        let reckoned = self.reckon(layout.protocol, side, row)?;
        let derived = derive(side, row)?;
        if !self.is_wanted(reckoned.bits) {
            return Ok(false);
        }
        out.extend_from_slice(b"{\"type\":\"flow\",\"interval\":600,\"values\":{\"duration\":");
        write::float(reckoned.duration, out);
        out.extend_from_slice(b",\"num_bits\":");
        write::number(reckoned.bits, out);
        out.extend_from_slice(b",\"num_packets\":");
        write::field(row.field(side.packets), out);
        out.extend_from_slice(b",\"bits_per_second\":");
        rate(reckoned.bits_per_second, out);
        out.extend_from_slice(b",\"packets_per_second\":");
        rate(reckoned.packets_per_second, out);
        if layout.protocol == Protocol::Tcp {
            tcp_values(side, row, &derived, out);
        }
        out.extend_from_slice(b"},\"meta\":{\"src_ip\":");
        for (column, key) in [
            (side.ip, ",\"src_port\":"),
            (side.port, ",\"dst_ip\":"),
            (other.ip, ",\"dst_port\":"),
            (other.port, ""),
        ] {
            write::field(row.field(column), out);
            out.extend_from_slice(key.as_bytes());
        }
        out.extend_from_slice(&self.meta[usize::from(layout.protocol == Protocol::Udp)]);
        write::truncated(reckoned.start, out);
        out.extend_from_slice(b",\"end\":");
        write::truncated(reckoned.end, out);
        out.push(b'}');
        Ok(true)
    }

    fn is_wanted(&self, bits: Number) -> bool {
        match bits {
            Number::Int(bits) => bits >= self.bits_min,
            Number::Float(bits) => bits >= self.bits_min as f64,
        }
    }

    fn reckon(
        &self,
        protocol: Protocol,
        side: &Side,
        row: Row<'_>,
    ) -> Result<Reckoned, Unrenderable> {
        let bits = row.number(side.bytes)?.octuple();
        let lasted = row.number(side.duration)?;
        let seconds = match (protocol, self.udp_durations) {
            (Protocol::Udp, UdpDurations::Seconds) => lasted,
            _ => Number::Float(lasted.over(Number::Int(1_000))),
        };
        let finite = |value: f64, column| match value.is_finite() {
            true => Ok(value),
            false => Err(Unrenderable {
                column,
                why: NotANumber::TooLarge,
            }),
        };
        finite(bits.value(), side.bytes)?;
        // What is written as the integer 0.
        let (mut bits_per_second, mut packets_per_second) = (None, None);
        if !lasted.is_zero() {
            let packets = row.number(side.packets)?;
            let rate = |amount: Number, column| {
                finite(amount.over(seconds), column).map(|rate| number::round(rate, 2))
            };
            bits_per_second = Some(rate(bits, side.bytes)?);
            packets_per_second = Some(rate(packets, side.packets)?);
        }
        let duration = number::round(seconds.value(), 2);
        let second = |column| {
            let ms = row.number(column)?;
            Ok(ms.over(Number::Int(1_000)))
        };
        let start = second(side.first)?;
        let end = match side.last {
            Some(last) => second(last)?,
            None => finite(start.trunc() + duration.value(), side.duration)?,
        };
        Ok(Reckoned {
            bits,
            duration,
            bits_per_second,
            packets_per_second,
            start,
            end,
        })
    }
}

/// What an object of TCP takes from more than one column; `None`: the log does not have it.
struct Derived<'a> {
    /// `Some(None)` is the integer 0.
    rexmit_rate: Option<Option<f64>>,
    mss: Option<&'a [u8]>,
    sack_count: Option<&'a [u8]>,
}

fn derive<'a>(side: &Side, row: Row<'a>) -> Result<Derived<'a>, Unrenderable> {
    let choose = |both: Option<[Column; 2]>, wanted| match both {
        Some(both) => row.choose(both, wanted).map(Some),
        None => Ok(None),
    };
    Ok(Derived {
        rexmit_rate: match side.rexmit {
            Some(rexmit) => Some(rexmit_rate(side, row, rexmit)?),
            None => None,
        },
        mss: choose(side.mss, Ordering::Less)?,
        sack_count: choose(side.sack_count, Ordering::Greater)?,
    })
}

fn rexmit_rate(side: &Side, row: Row<'_>, rexmit: Column) -> Result<Option<f64>, Unrenderable> {
    let nothing = |column| {
        let field = row.field(column);
        field.is_empty() || Number::of(field).is_ok_and(Number::is_zero)
    };
    if nothing(rexmit) || nothing(side.packets) {
        return Ok(None);
    }
    let rate = row.number(rexmit)?.over(row.number(side.packets)?);
    match rate.is_finite() {
        true => Ok(Some(rate)),
        false => Err(Unrenderable {
            column: rexmit,
            why: NotANumber::TooLarge,
        }),
    }
}

fn tcp_values(side: &Side, row: Row<'_>, derived: &Derived<'_>, out: &mut Vec<u8>) {
    for ((key, source), own) in TCP_VALUES.iter().zip(side.own) {
        out.extend_from_slice(key.as_bytes());
        match source {
            Source::Own(_) => optional(own.map(|column| row.field(column)), out),
            Source::SmallerMss => optional(derived.mss, out),
            Source::LargerSackCount => optional(derived.sack_count, out),
            Source::RexmitRate => match derived.rexmit_rate {
                None => out.extend_from_slice(b"null"),
                Some(None) => out.push(b'0'),
                Some(Some(rate)) => write::shortest(rate, out),
            },
        }
    }
}

fn rate(rate: Option<Rounded>, out: &mut Vec<u8>) {
    match rate {
        Some(rate) => write::float(rate, out),
        None => out.push(b'0'),
    }
}

fn optional(field: Option<&[u8]>, out: &mut Vec<u8>) {
    match field {
        Some(field) => write::field(field, out),
        None => out.extend_from_slice(b"null"),
    }
}
