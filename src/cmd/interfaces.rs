// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which interface is meant by a name: a device, or the logical name that OpenWrt gives it.

use super::quoted;
use crate::codec::netlink::Link;
use crate::codec::uci::{Event, Reader};
use crate::collect::network::Network;
use crate::collect::segment::Segment;
use crate::failure::Failure;
use crate::limits::CONFIG_BYTES_MAX;
use crate::model::interface::InterfaceName;
use crate::sys::files::Root;

/// Protocols whose device is named after protocol and interface, as `pppoe-wan`.
const PPP_LIKE: [&str; 7] = ["ppp", "pppoe", "pppoa", "pptp", "l2tp", "3g", "sstp"];

/// The system's own names of interfaces: /etc/config/network.
pub(super) struct Logical(Vec<u8>);

impl Logical {
    /// Reads them; absent, there are none.
    pub(super) fn read(root: &Root) -> Self {
        let file = root.open(c"etc/config/network");
        let text = file.and_then(|file| file.read_to_end(CONFIG_BYTES_MAX));
        Self(text.unwrap_or_default())
    }

    /// The devices that `names` mean, whether they exist or not; without any the usual one, if
    /// there is one.
    ///
    /// # Errors
    /// When a name is too long for a device's.
    pub(super) fn wanted(
        &self,
        names: &[String],
        network: &Network,
    ) -> Result<Vec<InterfaceName>, Failure> {
        if names.is_empty() {
            return Ok(self.usual(network).into_iter().collect());
        }
        let device = |name: &String| {
            let known = network.by_name(name).is_some();
            let device = if known { None } else { logical(name, &self.0) };
            let device = device.as_deref().unwrap_or(name);
            let device = device_name(device).ok_or_else(|| {
                Failure::usage(format_args!(
                    "interface {}: not a name; allowed: a device's (1 to {DEVICE_NAME_BYTES_MAX} \
                     bytes), or one in /etc/config/network",
                    quoted(name)
                ))
            })?;
            if network.by_name(&device).is_none() {
                log::warn!(
                    "interface {}: not there (yet), it is waited for; there are: {}",
                    quoted(name),
                    self::names(network)
                );
            }
            Ok(device)
        };
        names.iter().map(device).collect()
    }

    /// The device of `lan`, whether it exists or not, else that of the default route, if there is
    /// one.
    pub(super) fn usual(&self, network: &Network) -> Option<InterfaceName> {
        let lan = || InterfaceName::try_from(logical("lan", &self.0)?.as_str()).ok();
        let link = network.by_name("lan").map(|link| link.name.clone());
        let route = || Some(network.of_default_route()?.name.clone());
        link.or_else(lan).or_else(route)
    }

    /// The interface that is meant by `name`; without one `lan`, else that of the default route.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn link<'n>(
        &self,
        name: Option<&str>,
        network: &'n Network,
    ) -> Result<&'n Link, Failure> {
        if let Some(name) = name {
            return resolve(name, network, &self.0);
        }
        if let Ok(link) = resolve("lan", network, &self.0) {
            return Ok(link);
        }
        network.of_default_route().ok_or_else(|| {
            Failure::failed(format_args!(
                "there is no interface 'lan' and no default route; choose with --interface, \
                 there are: {}",
                names(network)
            ))
        })
    }
}

/// Bytes of a device's name at most (IFNAMSIZ, netdevice(7)).
const DEVICE_NAME_BYTES_MAX: usize = 15;

fn device_name(name: &str) -> Option<InterfaceName> {
    let fits = (1..=DEVICE_NAME_BYTES_MAX).contains(&name.len());
    InterfaceName::try_from(name).ok().filter(|_| fits)
}

/// The names of all interfaces.
pub(super) fn names(network: &Network) -> String {
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

/// The interface as one with neighbours.
///
/// # Errors
/// When it has none, or is down.
pub(super) fn segment(link: &Link, network: &Network) -> Result<Segment, Failure> {
    let name = link.name.as_str();
    let refused = |what: &str| Err(Failure::failed(format_args!("interface '{name}': {what}")));
    if link.loopback {
        return refused("the loopback has no neighbours; choose another with --interface");
    }
    let Some(segment) = Segment::of(link, network) else {
        return refused(
            "point-to-point, not an Ethernet: there is no ARP; choose another with --interface",
        );
    };
    if !link.up {
        let remedy = format!("it is down; bring it up: ip link set {name} up");
        return refused(&remedy);
    }
    Ok(segment)
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
}
