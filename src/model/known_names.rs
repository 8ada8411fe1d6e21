// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names that files give to MAC addresses and to IP addresses, and which of them counts.

use core::net::IpAddr;

use super::addr::Mac;
use super::name::{self, DeviceName};
use crate::limits::{FILE_NAMES_BYTES_MAX, FILE_NAMES_MAX};

/// Where a name comes from; the first one that knows a name is believed (documents.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameSource {
    /// The user's own configuration.
    Config,
    /// The user's own file.
    File,
    /// A fixed lease of the DHCP server's configuration.
    Dhcp,
    /// A lease that is held.
    Lease,
    /// A lease of odhcpd.
    Odhcpd,
    /// ethers(5).
    Ethers,
    /// hosts(5).
    Hosts,
    /// The device itself says so.
    Announced,
    /// The name server says so.
    Ptr,
    /// It is the router itself.
    Router,
}

impl NameSource {
    /// As documents name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::File => "file",
            Self::Dhcp => "dhcp",
            Self::Lease => "lease",
            Self::Odhcpd => "odhcpd",
            Self::Ethers => "ethers",
            Self::Hosts => "hosts",
            Self::Announced => "announced",
            Self::Ptr => "ptr",
            Self::Router => "self",
        }
    }
}

/// Whose name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A device.
    Mac(Mac),
    /// Whoever has the address.
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    owner: Owner,
    source: NameSource,
    start: u32,
    len: u32,
}

/// The names of all files. Full: the rest is left out and counted.
#[derive(Debug)]
pub struct KnownNames {
    entries: Vec<Entry>,
    text: String,
    left_out_count: u64,
}

impl Default for KnownNames {
    fn default() -> Self {
        Self::new()
    }
}

impl KnownNames {
    /// No names; all room is reserved.
    pub fn new() -> Self {
        Self {
            entries: Vec::with_capacity(FILE_NAMES_MAX),
            text: String::with_capacity(FILE_NAMES_BYTES_MAX),
            left_out_count: 0,
        }
    }

    /// Forgets all names.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
        self.left_out_count = 0;
    }

    /// Adds a name, invalid bytes as U+FFFD. [`KnownNames::sort`] has to follow.
    pub fn add(&mut self, owner: Owner, source: NameSource, raw: &[u8]) {
        let name: DeviceName = name::lossy(raw);
        let full = self.entries.len() == FILE_NAMES_MAX
            || self.text.len() + name.len() > FILE_NAMES_BYTES_MAX;
        if full {
            self.left_out_count += 1;
            return;
        }
        self.entries.push(Entry {
            owner,
            source,
            start: self.text.len() as u32,
            len: name.len() as u32,
        });
        self.text.push_str(&name);
    }

    /// Makes the names findable. The first one of a source counts.
    pub fn sort(&mut self) {
        // In place, so that reading the files again does not allocate.
        self.entries
            .sort_unstable_by_key(|entry| (entry.owner, entry.source, entry.start));
    }

    /// The name of a device with these addresses, by the best source that knows one.
    pub fn best(
        &self,
        mac: Mac,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Option<(&str, NameSource)> {
        self.best_of(mac, &mut addresses.into_iter())
    }

    fn best_of(
        &self,
        mac: Mac,
        addresses: &mut dyn Iterator<Item = IpAddr>,
    ) -> Option<(&str, NameSource)> {
        let owners = addresses.map(Owner::Address);
        let found = core::iter::once(Owner::Mac(mac))
            .chain(owners)
            .filter_map(|owner| {
                let at = self.entries.partition_point(|entry| entry.owner < owner);
                self.entries.get(at).filter(|entry| entry.owner == owner)
            });
        let entry = found.min_by_key(|entry| entry.source)?;
        let start = entry.start as usize;
        let text = self.text.get(start..start + entry.len as usize)?;
        Some((text, entry.source))
    }

    /// Names that found no room.
    pub fn left_out_count(&self) -> u64 {
        self.left_out_count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);

    #[test]
    fn the_best_source_counts_and_in_it_the_first() {
        let address: IpAddr = [10, 0, 0, 1].into();
        let mut names = KnownNames::new();
        assert_eq!(names.best(MAC, [address]), None);
        names.add(Owner::Address(address), NameSource::Hosts, b"hosts");
        names.add(Owner::Mac(MAC), NameSource::Lease, b"later");
        names.add(Owner::Mac(Mac::BROADCAST), NameSource::Config, b"another's");
        names.add(Owner::Mac(MAC), NameSource::Ethers, b"ethers");
        names.sort();
        assert_eq!(
            names.best(MAC, [address]),
            Some(("later", NameSource::Lease))
        );
        assert_eq!(
            names.best(Mac::NULL, [address]),
            Some(("hosts", NameSource::Hosts))
        );
        names.clear();
        for name in ["first", "second"] {
            names.add(Owner::Mac(MAC), NameSource::File, name.as_bytes());
        }
        names.sort();
        assert_eq!(
            names.best(MAC, [address]),
            Some(("first", NameSource::File))
        );
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let mut names = KnownNames::new();
        for i in 0..FILE_NAMES_MAX as u32 + 3 {
            let owner = Owner::Address(IpAddr::V4(core::net::Ipv4Addr::from_bits(i)));
            names.add(owner, NameSource::Hosts, b"x");
        }
        assert_eq!(names.left_out_count(), 3);
        names.clear();
        for _ in 0..FILE_NAMES_BYTES_MAX / 255 + 2 {
            names.add(Owner::Mac(MAC), NameSource::Hosts, &[b'x'; 255]);
        }
        assert_eq!(names.left_out_count(), 2);
    }
}
