// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which addresses are to be asked.

use core::net::Ipv4Addr;

use super::Plan;
use crate::cmd::quoted;
use crate::collect::segment::Segment;
use crate::failure::Failure;
use crate::limits::ADDRESSES_MAX;
use crate::model::addr::Prefix;
use crate::model::ranges::{RangeError, Ranges};

/// The addresses to ask: the ranges of the plan, else the interface's own prefixes.
///
/// # Errors
/// When there are none, or nobody there would answer.
pub(super) fn targets(plan: &Plan, segment: &Segment) -> Result<Ranges, Failure> {
    let (name, prefixes) = (&segment.name, &segment.prefixes);
    if prefixes.is_empty() {
        return Err(Failure::failed(format_args!(
            "interface '{name}': it has no IPv4 address to ask from; give it one, or listen with \
             --passive"
        )));
    }
    let mut targets = Ranges::new();
    for (text, range) in &plan.ranges {
        for (first, last) in range.spans() {
            let inside = |prefix: &Prefix| prefix.contains(first) && prefix.contains(last);
            if !prefixes.iter().any(inside) {
                return Err(outside(text, segment));
            }
            targets
                .add_span(first, last)
                .map_err(|error| too_many(text, error))?;
        }
        tell_host_bits(text, range);
    }
    if plan.ranges.is_empty() {
        for prefix in prefixes.iter().filter(|prefix| prefix.length() < 31) {
            let text = prefix.to_string();
            targets
                .add_prefix(*prefix)
                .map_err(|error| too_many(&text, error))?;
        }
    }
    match prefixes.first() {
        Some(prefix) if targets.is_empty() => Err(no_lan(name, *prefix)),
        _ => Ok(targets),
    }
}

fn no_lan(name: &str, prefix: Prefix) -> Failure {
    let what = if prefix.length() == 32 {
        "holds no other address: a /32 has no LAN"
    } else {
        "is a link between two (RFC 3021): name the other address as RANGE"
    };
    Failure::failed(format_args!(
        "interface '{name}': its prefix {prefix} {what}"
    ))
}

fn outside(text: &str, segment: &Segment) -> Failure {
    let prefixes: Vec<String> = segment.prefixes.iter().map(Prefix::to_string).collect();
    Failure::usage(format_args!(
        "range {}: not inside a prefix of '{}' ({}), so nobody there answers; \
         allowed: parts of it, or of another interface's with --interface",
        quoted(text),
        segment.name,
        prefixes.join(" ")
    ))
}

fn too_many(text: &str, error: RangeError) -> Failure {
    let remedy = match error {
        RangeError::TooManyAddresses(_) => "name a smaller RANGE",
        _ => "name fewer",
    };
    Failure::usage(format_args!(
        "range {}: {error}; {remedy} (at most {ADDRESSES_MAX} addresses)",
        quoted(text)
    ))
}

/// Says what a prefix that does not begin at its network is taken for.
fn tell_host_bits(text: &str, range: &Ranges) {
    let Some((address, len)) = text.split_once('/') else {
        return;
    };
    let (address, len) = (address.parse::<Ipv4Addr>().ok(), len.parse::<u8>().ok());
    let prefix = address
        .zip(len)
        .and_then(|(address, len)| Prefix::new(address, len));
    if let Some(prefix) = prefix.filter(|prefix| prefix.address() != prefix.network())
        && let Some((first, last)) = range.spans().next()
    {
        let network = prefix.network();
        let len = prefix.length();
        log::warn!("range {text}: taken for its network {network}/{len}, hosts {first} to {last}");
    }
}
