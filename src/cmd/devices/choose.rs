// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which interface is meant, and which of its addresses are to be asked.

use core::net::Ipv4Addr;

use super::Plan;
use crate::cmd::quoted;
use crate::codec::netlink::Link;
use crate::codec::uci::{Event, Reader};
use crate::collect::network::Network;
use crate::failure::Failure;
use crate::limits::{ADDRESSES_MAX, CONFIG_BYTES_MAX};
use crate::model::addr::{Mac, Prefix};
use crate::model::ranges::{RangeError, Ranges};
use crate::sys::files::Root;

/// Protocols whose device is named after protocol and interface, as `pppoe-wan`.
const PPP_LIKE: [&str; 7] = ["ppp", "pppoe", "pppoa", "pptp", "l2tp", "3g", "sstp"];

/// The interface, fit for its purpose.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) mac: Mac,
    /// Its IPv4 addresses.
    pub(super) prefixes: Vec<Prefix>,
}

/// The interface that the plan names, else `lan`, else that of the default route; fit to be
/// listened on.
///
/// # Errors
/// When there is none, or there is no ARP on it.
pub(super) fn interface(plan: &Plan, network: &Network, root: &Root) -> Result<Chosen, Failure> {
    let text = root
        .open(c"etc/config/network")
        .and_then(|file| file.read_to_end(CONFIG_BYTES_MAX))
        .unwrap_or_default();
    let link = match &plan.interface {
        Some(name) => resolve(name, network, &text)?,
        None => match resolve("lan", network, &text) {
            Ok(link) => link,
            Err(_) => network.of_default_route().ok_or_else(|| {
                Failure::failed(format_args!(
                    "there is no interface 'lan' and no default route; choose with --interface, \
                     there are: {}",
                    names(network)
                ))
            })?,
        },
    };
    usable(link, network)
}

fn names(network: &Network) -> String {
    let names: Vec<&str> = network
        .links
        .iter()
        .map(|link| link.name.as_str())
        .collect();
    names.join(" ")
}

/// The device of that name, else that of the logical name.
fn resolve<'n>(name: &str, network: &'n Network, text: &[u8]) -> Result<&'n Link, Failure> {
    if let Some(link) = network.by_name(name) {
        return Ok(link);
    }
    let Some(device) = logical(name, text) else {
        return Err(Failure::failed(format_args!(
            "interface {}: neither a device nor a name in /etc/config/network; there are: {}",
            quoted(name),
            names(network)
        )));
    };
    network.by_name(&device).ok_or_else(|| {
        Failure::failed(format_args!(
            "interface {}: its device {} does not exist (yet); there are: {}",
            quoted(name),
            quoted(&device),
            names(network)
        ))
    })
}

/// The device of the logical interface `name`; an alias is followed once.
fn logical(name: &str, text: &[u8]) -> Option<String> {
    let device = section(name, text)?;
    match device.strip_prefix('@') {
        Some(other) => section(other, text).filter(|device| !device.starts_with('@')),
        None => Some(device),
    }
}

fn section(wanted: &str, text: &[u8]) -> Option<String> {
    let mut reader = Reader::new(text);
    let mut inside = false;
    let (mut device, mut ifname, mut bridge, mut proto) = (None, None, false, String::new());
    loop {
        match reader.next_event() {
            Ok(Some(Event::Section(kind, name))) => {
                inside = kind == "interface" && name == Some(wanted);
            }
            Ok(Some(Event::Option(key, value) | Event::List(key, value))) if inside => match key {
                "device" => device = Some(value.to_owned()),
                "ifname" => ifname = value.split_ascii_whitespace().next().map(str::to_owned),
                "type" => bridge = value == "bridge",
                "proto" => value.clone_into(&mut proto),
                _ => {}
            },
            Ok(None) => break,
            // The file is not ours: what can be read of it counts.
            Ok(Some(_)) | Err(_) => {}
        }
    }
    if PPP_LIKE.contains(&proto.as_str()) {
        return Some(format!("{proto}-{wanted}"));
    }
    if bridge {
        return Some(format!("br-{wanted}"));
    }
    device.or(ifname)
}

fn usable(link: &Link, network: &Network) -> Result<Chosen, Failure> {
    let name = link.name.as_str();
    let refused = |what: &str| Err(Failure::failed(format_args!("interface '{name}': {what}")));
    if link.loopback {
        return refused("the loopback has no neighbours; choose another with --interface");
    }
    let Some(mac) = link.mac.filter(|_| link.ethernet) else {
        return refused(
            "point-to-point, not an Ethernet: there is no ARP; choose another with --interface",
        );
    };
    if !link.up {
        let remedy = format!("it is down; bring it up: ip link set {name} up");
        return refused(&remedy);
    }
    Ok(Chosen {
        index: link.index,
        name: name.to_owned(),
        mac,
        prefixes: network.prefixes(link.index).collect(),
    })
}

/// The addresses to ask: the ranges of the plan, else the interface's own prefixes.
///
/// # Errors
/// When there are none, or nobody there would answer.
pub(super) fn targets(plan: &Plan, chosen: &Chosen) -> Result<Ranges, Failure> {
    let (name, prefixes) = (&chosen.name, &chosen.prefixes);
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
                return Err(outside(text, chosen));
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

fn outside(text: &str, chosen: &Chosen) -> Failure {
    let prefixes: Vec<String> = chosen.prefixes.iter().map(Prefix::to_string).collect();
    Failure::usage(format_args!(
        "range {}: not inside a prefix of '{}' ({}), so nobody there answers; allowed: parts of it",
        quoted(text),
        chosen.name,
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

/// Addresses that are not to be asked: our own, and those of all hosts of a prefix.
pub(super) fn skipped(chosen: &Chosen) -> Vec<Ipv4Addr> {
    let mut skipped = Vec::new();
    for prefix in &chosen.prefixes {
        skipped.push(prefix.address());
        if prefix.length() < 31 {
            skipped.extend([prefix.network(), prefix.broadcast()]);
        }
    }
    skipped
}

/// The own address that a host at `target` takes for its neighbour's.
pub(super) fn source(chosen: &Chosen, target: Ipv4Addr) -> Ipv4Addr {
    let inside = chosen
        .prefixes
        .iter()
        .filter(|prefix| prefix.contains(target));
    inside
        .max_by_key(|prefix| prefix.length())
        .map_or(Ipv4Addr::UNSPECIFIED, |prefix| prefix.address())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] =
        b"config interface 'lan'\n\toption device 'br-lan'\n\toption proto 'static'\n\
        config interface 'old'\n\toption type 'bridge'\n\toption ifname 'eth0 eth1'\n\
        config interface 'older'\n\toption ifname 'eth7'\n\
        config interface 'wan'\n\toption proto 'pppoe'\n\toption device 'eth1'\n\
        config interface 'lan6'\n\toption device '@lan'\n\
        config interface 'loop'\n\toption device '@loop'\n\
        config device 'lan'\n\toption device 'wrong'\n";

    #[test]
    fn logical_names_lead_to_devices() {
        for (name, device) in [
            ("lan", Some("br-lan")),
            ("old", Some("br-old")),
            ("older", Some("eth7")),
            ("wan", Some("pppoe-wan")),
            ("lan6", Some("br-lan")),
            ("loop", None),
            ("none", None),
        ] {
            assert_eq!(logical(name, TEXT).as_deref(), device, "{name}");
        }
    }

    #[test]
    fn the_nearest_own_address_asks() {
        let prefix = |text: [u8; 4], len| Prefix::new(text.into(), len).unwrap();
        let chosen = Chosen {
            index: 1,
            name: "x".into(),
            mac: Mac::NULL,
            prefixes: vec![prefix([10, 0, 0, 1], 8), prefix([10, 1, 0, 1], 16)],
        };
        assert_eq!(
            source(&chosen, [10, 1, 2, 3].into()),
            Ipv4Addr::new(10, 1, 0, 1)
        );
        assert_eq!(
            source(&chosen, [10, 2, 2, 3].into()),
            Ipv4Addr::new(10, 0, 0, 1)
        );
        assert_eq!(skipped(&chosen).len(), 6);
    }
}
