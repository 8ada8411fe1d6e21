// SPDX-License-Identifier: MIT OR Apache-2.0
//! From what the user calls a host to an address that can be asked.

use core::net::IpAddr;
use core::time::Duration;

use super::Family;
use crate::failure::{Exit, Failure};
use crate::model::addr;
use crate::sys::resolver::{ResolveError, Resolver};
use crate::sys::{clock, zone};
use crate::time::Mono;

/// How long names are looked for: as long for one of them, and so much longer for each.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_EACH: Duration = Duration::from_millis(100);

/// How long each name is looked for even when others took all of that.
const PATIENCE_LEAST: Duration = Duration::from_millis(250);

/// A host with its address.
#[derive(Clone, Debug)]
pub(super) struct Host {
    /// As the user wrote it.
    pub(super) name: String,
    /// With its interface, when it is link-local ([`zone`]).
    pub(super) address: IpAddr,
}

/// The addresses of `names`, in their order. What has none is said and left out.
///
/// # Errors
/// When nobody is left.
pub(super) fn resolve(names: &[String], family: Option<Family>) -> Result<Vec<Host>, Failure> {
    let mut hosts = Vec::with_capacity(names.len());
    let mut resolver = None;
    let patience = PATIENCE + PATIENCE_EACH * names.len() as u32;
    let deadline = clock::mono().after(patience);
    for name in names {
        match address(name, family, &mut resolver, deadline) {
            Ok(address) => hosts.push(Host {
                name: name.clone(),
                address,
            }),
            Err(why) => log::error!("Unable to resolve host ( {name} ): {why}"),
        }
    }
    if hosts.is_empty() {
        log::error!("no host is left to test; check the names, or the name server");
        return Err(Failure::silent(Exit::Failed));
    }
    Ok(hosts)
}

fn address(
    name: &str,
    family: Option<Family>,
    resolver: &mut Option<Resolver>,
    deadline: Mono,
) -> Result<IpAddr, String> {
    let wanted = |&address: &IpAddr| match family {
        Some(family) => (family == Family::V6) == address.is_ipv6(),
        None => true,
    };
    let address = match name.parse::<IpAddr>() {
        Ok(address) => Some(address.to_canonical()).filter(wanted),
        Err(_) => {
            let started = match resolver {
                Some(started) => started,
                None => {
                    let started = Resolver::start().map_err(|error| error.to_string())?;
                    resolver.insert(started)
                }
            };
            let left = deadline.since(clock::mono());
            let patience = PATIENCE.min(left).max(PATIENCE_LEAST);
            let found = match started.resolve(name, 0, patience) {
                Ok(found) => found,
                Err(error) => {
                    // Its thread may hang on this name, which is no fault of the next one.
                    if matches!(error, ResolveError::TimedOut) {
                        *resolver = None;
                    }
                    return Err(error.to_string());
                }
            };
            found.iter().map(zone::of).find(wanted)
        }
    };
    let address = address.ok_or("it has no address of this version of IP")?;
    let address =
        addr::one_host(address).ok_or_else(|| format!("{address} is no address of one host"))?;
    if zone::is_missing(address) {
        log::warn!("{address} is on every interface: name one, as {address}%eth0");
    }
    Ok(address)
}
