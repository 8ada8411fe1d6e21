// SPDX-License-Identifier: MIT OR Apache-2.0
//! What all applets with a LAN have in common: the sources of names, and what is said when a LAN
//! cannot be reached.

use std::ffi::CString;
use std::io;

use super::quoted;
use crate::collect::lan::{Down, Sources};
use crate::collect::names::Names;
use crate::collect::reverse::ReverseNames;
use crate::collect::vendors::Vendors;
use crate::failure::Failure;
use crate::model::addr::Mac;
use crate::sys::files::Root;

/// Where names come from, as the options say.
pub(super) struct Named {
    /// The user's own names.
    pub(super) config: Vec<(Mac, String)>,
    /// A file with names.
    pub(super) names: Option<CString>,
    /// The list of vendors; `None`: the system's.
    pub(super) oui: Option<CString>,
    /// Whether name servers are asked.
    pub(super) ptr: bool,
}

impl Named {
    /// Opens them, for so many devices.
    ///
    /// # Errors
    /// When a file that the user names cannot be read.
    pub(super) fn open(self, root: Root, capacity: usize) -> Result<Sources, Failure> {
        let path = self.names.clone().unwrap_or_default();
        let mut names = Names::new(self.config, self.names);
        names.read(&root).map_err(|error| {
            let path = quoted(&path.to_string_lossy());
            Failure::failed(format_args!("cannot read {path}: {error}; see --names"))
        })?;
        let vendors = Vendors::new(self.oui, capacity);
        vendors
            .check()
            .map_err(|error| unreadable_list(&vendors, &error))?;
        let reverse = if self.ptr {
            ReverseNames::of_system(&root)
        } else {
            ReverseNames::off()
        };
        Ok(Sources {
            names,
            vendors,
            reverse,
            root,
        })
    }
}

/// The process has no file descriptor left, or the kernel no memory.
pub(super) fn cannot(what: &str, error: &io::Error) -> Failure {
    Failure::failed(format_args!("cannot {what}: {error}; raise ulimit -n"))
}

/// The list of vendors cannot be read.
pub(super) fn unreadable_list(vendors: &Vendors, error: &io::Error) -> Failure {
    let path = quoted(&vendors.file().to_string_lossy());
    Failure::failed(format_args!(
        "cannot read the list of vendors {path}: {error}; see --oui"
    ))
}

/// A socket cannot be opened.
pub(super) fn closed(down: &Down) -> Failure {
    let Down { name, error } = down;
    if error.kind() == io::ErrorKind::PermissionDenied {
        return Failure::failed(format_args!(
            "may not send and receive frames on '{name}': CAP_NET_RAW is missing; run as \
             root, or once: setcap cap_net_raw+ep PATH-OF-NETVITALS"
        ));
    }
    Failure::failed(format_args!(
        "cannot open a packet socket on '{name}': {error}; the kernel needs CONFIG_PACKET"
    ))
}
