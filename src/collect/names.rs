// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of devices from the files of the system: fixed leases, leases, ethers(5), hosts(5), and
//! the user's own file.

use std::ffi::{CStr, CString};
use std::io;

use crate::codec::leases::{self, Line};
use crate::codec::lines::Lines;
use crate::codec::uci::{Event, Reader};
use crate::limits::{CONFIG_BYTES_MAX, LIST_BYTES_MAX};
use crate::model::addr::Mac;
use crate::model::known_names::{KnownNames, NameSource, Owner};
use crate::model::name::{self, DeviceName};
use crate::sys::files::{File, Root};

/// The configuration of OpenWrt's DHCP server, below the root.
const DHCP_CONFIG: &CStr = c"etc/config/dhcp";

type Parse = fn(&[u8]) -> Line<'_>;

/// Files that name devices line by line, below the root.
const FILES: [(&CStr, NameSource, Parse); 5] = [
    (c"tmp/dhcp.leases", NameSource::Lease, leases::dnsmasq),
    (
        c"var/lib/misc/dnsmasq.leases",
        NameSource::Lease,
        leases::dnsmasq,
    ),
    (c"tmp/hosts/odhcpd", NameSource::Odhcpd, leases::odhcpd),
    (c"etc/ethers", NameSource::Ethers, leases::ethers),
    (c"etc/hosts", NameSource::Hosts, leases::hosts),
];

/// Reads the files, as often as wanted, through one buffer.
#[derive(Debug)]
pub struct Names {
    /// What they say.
    pub known: KnownNames,
    lines: Lines,
    config: Vec<(Mac, String)>,
    file: Option<CString>,
    malformed_count: u64,
}

impl Names {
    /// Will read the system's files, and `file`, which the user names; `config` is the user's own.
    pub fn new(config: Vec<(Mac, String)>, file: Option<CString>) -> Self {
        Self {
            known: KnownNames::new(),
            lines: Lines::new(),
            config,
            file,
            malformed_count: 0,
        }
    }

    /// Reads all files anew. Those that are absent, or that we may not read, say nothing.
    ///
    /// # Errors
    /// When the user's own file cannot be read.
    pub fn read(&mut self, root: &Root) -> io::Result<()> {
        self.known.clear();
        self.malformed_count = 0;
        for (mac, name) in &self.config {
            self.known
                .add(Owner::Mac(*mac), NameSource::Config, name.as_bytes());
        }
        let own = match &self.file {
            Some(path) => File::open(path)
                .and_then(|file| self.read_lines(&file, NameSource::File, leases::names)),
            None => Ok(()),
        };
        if let Ok(text) = root
            .open(DHCP_CONFIG)
            .and_then(|file| file.read_to_end(CONFIG_BYTES_MAX))
        {
            self.read_dhcp(&text);
        }
        for (path, source, parse) in FILES {
            // A file that vanishes meanwhile is as good as absent.
            let _ = root
                .open(path)
                .and_then(|file| self.read_lines(&file, source, parse));
        }
        self.known.sort();
        own
    }

    /// Lines that are not of their file's form.
    pub fn malformed_count(&self) -> u64 {
        self.malformed_count
    }

    fn read_lines(&mut self, file: &File, source: NameSource, parse: Parse) -> io::Result<()> {
        let Self {
            known,
            lines,
            malformed_count,
            ..
        } = self;
        let mut take = |line: &[u8]| match parse(line) {
            Line::Entry(entry) => {
                // Of both, the device is meant, whatever address it has today.
                let owner = match (entry.mac, entry.address) {
                    (Some(mac), _) => Owner::Mac(mac),
                    (None, Some(address)) => Owner::Address(address),
                    (None, None) => return,
                };
                known.add(owner, source, entry.name);
            }
            Line::Nothing => {}
            Line::Malformed => *malformed_count += 1,
        };
        lines.each(&mut file.pieces(LIST_BYTES_MAX), &mut take)
    }

    /// `config host` with `name`, and `mac` (one, several, or a list) or `ip`.
    fn read_dhcp(&mut self, text: &[u8]) {
        let mut reader = Reader::new(text);
        let mut host = Host::default();
        loop {
            match reader.next_event() {
                Ok(Some(Event::Section(kind, _))) => {
                    host.finish(&mut self.known);
                    host.wanted = kind == "host";
                }
                Ok(Some(Event::Option(key, value) | Event::List(key, value))) => {
                    host.option(key, value);
                }
                Ok(Some(Event::Package(_))) => {}
                Ok(None) => break,
                // The file is not ours: what can be read of it counts.
                Err(_) => self.malformed_count += 1,
            }
        }
        host.finish(&mut self.known);
    }
}

/// A section that is being read.
#[derive(Default)]
struct Host {
    wanted: bool,
    name: DeviceName,
    macs: Vec<Mac>,
    address: Option<core::net::IpAddr>,
}

impl Host {
    fn option(&mut self, key: &str, value: &str) {
        match key {
            "name" => self.name = name::lossy(value.as_bytes()),
            "mac" => {
                let words = value.split_ascii_whitespace();
                self.macs
                    .extend(words.filter_map(|word| Mac::parse(word.as_bytes())));
            }
            "ip" => self.address = value.parse().ok(),
            _ => {}
        }
    }

    fn finish(&mut self, known: &mut KnownNames) {
        let Self {
            wanted,
            name,
            macs,
            address,
        } = core::mem::take(self);
        if !wanted || name.is_empty() {
            return;
        }
        for mac in &macs {
            known.add(Owner::Mac(*mac), NameSource::Dhcp, name.as_bytes());
        }
        if let (Some(address), true) = (address, macs.is_empty()) {
            known.add(Owner::Address(address), NameSource::Dhcp, name.as_bytes());
        }
    }
}
