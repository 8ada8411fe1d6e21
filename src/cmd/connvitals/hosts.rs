// SPDX-License-Identifier: MIT OR Apache-2.0
//! From what the user calls a host to an address that can be asked.

use core::net::IpAddr;
use core::time::Duration;

use super::Family;
use crate::cmd::quoted;
use crate::failure::{Exit, Failure};
use crate::model::addr;
use crate::sys::resolver::Resolver;

/// How long a name is looked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A host with its address.
#[derive(Clone, Debug)]
pub(super) struct Host {
    /// As the user wrote it.
    pub(super) name: String,
    pub(super) address: IpAddr,
}

/// The addresses of `names`, in their order. What has none is said and left out.
///
/// # Errors
/// When nobody is left.
pub(super) fn resolve(names: &[String], family: Option<Family>) -> Result<Vec<Host>, Failure> {
    let mut hosts = Vec::with_capacity(names.len());
    let mut resolver = None;
    for name in names {
        match address(name, family, &mut resolver) {
            Ok(address) => hosts.push(Host {
                name: name.clone(),
                address,
            }),
            Err(why) => log::error!("cannot resolve host {}: {why}", quoted(name)),
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
) -> Result<IpAddr, String> {
    let wanted = |address: &IpAddr| match family {
        Some(family) => (family == Family::V6) == address.is_ipv6(),
        None => true,
    };
    let address = match name.parse() {
        Ok(address) => Some(address).filter(wanted),
        Err(_) => {
            let resolver = match resolver {
                Some(resolver) => resolver,
                None => {
                    let started = Resolver::start().map_err(|error| error.to_string())?;
                    resolver.insert(started)
                }
            };
            let found = resolver.resolve(name, 0, PATIENCE);
            let found = found.map_err(|error| error.to_string())?;
            found.iter().map(|address| address.ip()).find(wanted)
        }
    };
    let address = address.ok_or("it has no address of this version of IP")?;
    addr::one_host(address).ok_or_else(|| format!("{address} is no address of one host"))
}
