// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vendors of MAC addresses, from the lists that the system has. None is held in memory: a list is
//! gone through once for all addresses that are new.

use std::ffi::{CStr, CString};
use std::io;

use crate::codec::lines::Lines;
use crate::codec::oui::{self, Reader, Wanted};
use crate::limits::LIST_BYTES_MAX;
use crate::model::addr::Mac;
use crate::sys::files::{File, Root};

/// Lists that systems have, below the root: the first group of which one is there counts.
const LISTS: [&[&CStr]; 3] = [
    &[
        c"usr/share/ieee-data/oui.txt",
        c"usr/share/ieee-data/mam.txt",
        c"usr/share/ieee-data/oui36.txt",
    ],
    &[c"usr/share/nmap/nmap-mac-prefixes"],
    &[c"usr/share/arp-scan/ieee-oui.txt"],
];

/// The vendors found so far.
#[derive(Debug)]
pub struct Vendors {
    /// Sorted by MAC address, as far as looked up.
    wanted: Vec<Wanted>,
    fresh: Vec<Wanted>,
    lines: Lines,
    file: Option<CString>,
}

impl Vendors {
    /// Will read `file`, or else the system's lists, for at most `capacity` addresses.
    pub fn new(file: Option<CString>, capacity: usize) -> Self {
        Self {
            wanted: Vec::with_capacity(capacity),
            fresh: Vec::with_capacity(capacity),
            lines: Lines::new(),
            file,
        }
    }

    /// The user's own list; empty: the system's.
    pub fn file(&self) -> &CStr {
        self.file.as_deref().unwrap_or_default()
    }

    /// Sees whether the user's own list can be read.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(&self) -> io::Result<()> {
        match &self.file {
            Some(path) => File::open(path)?.read(&mut [0]).map(drop),
            None => Ok(()),
        }
    }

    /// Looks up those of `macs` that are new; random ones have no vendor.
    ///
    /// # Errors
    /// When the user's own list cannot be read.
    pub fn look_up(&mut self, root: &Root, macs: impl Iterator<Item = Mac>) -> io::Result<()> {
        self.fresh.clear();
        for mac in macs {
            let room = self.wanted.len() + self.fresh.len() < self.wanted.capacity();
            if room && !mac.is_local() && self.find(mac).is_none() {
                self.fresh.push(Wanted::new(mac));
            }
        }
        if self.fresh.is_empty() {
            return Ok(());
        }
        sort(&mut self.fresh);
        self.fresh.dedup_by_key(|wanted| wanted.mac);
        let result = self.read_lists(root);
        self.wanted.append(&mut self.fresh);
        sort(&mut self.wanted);
        result
    }

    /// The vendor of `mac`, if it was looked up and found.
    pub fn vendor(&self, mac: Mac) -> Option<&str> {
        let vendor = self.wanted[self.find(mac)?].vendor.as_str();
        (!vendor.is_empty()).then_some(vendor)
    }

    fn find(&self, mac: Mac) -> Option<usize> {
        self.wanted
            .binary_search_by_key(&mac, |wanted| wanted.mac)
            .ok()
    }

    fn read_lists(&mut self, root: &Root) -> io::Result<()> {
        if let Some(path) = &self.file {
            let file = File::open(path)?;
            return self.read(&file);
        }
        for group in LISTS {
            let mut found = false;
            for path in group {
                if let Ok(file) = root.open(path) {
                    found |= self.read(&file).is_ok();
                }
            }
            if found {
                break;
            }
        }
        Ok(())
    }

    fn read(&mut self, file: &File) -> io::Result<()> {
        let Self { fresh, lines, .. } = self;
        let mut reader = Reader::new();
        let mut take = |line: &[u8]| {
            if let Some(assignment) = reader.line(line) {
                oui::keep(&assignment, fresh);
            }
        };
        lines.each(&mut file.pieces(LIST_BYTES_MAX), &mut take)
    }
}

fn sort(wanted: &mut [Wanted]) {
    wanted.sort_unstable_by_key(|wanted| wanted.mac);
}
