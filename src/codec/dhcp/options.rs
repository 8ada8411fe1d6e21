// SPDX-License-Identifier: MIT OR Apache-2.0
//! Options of DHCP that are of use (RFC 2132, RFC 4702), gathered from every place they may be in.

use core::net::Ipv4Addr;

use super::{Kind, Message};
use crate::limits::DEVICE_NAME_BYTES_MAX;
use crate::model::addr::Mac;
use crate::model::name::{DeviceName, lossy};

/// Flag E of option 81: the name is in the encoding of DNS (RFC 4702 section 2.1).
const ENCODED: u8 = 4;

/// Values of options; a name that is split over several is whole again (RFC 3396).
#[derive(Default)]
pub struct Options<'a> {
    kind: Option<&'a [u8]>,
    requested: Option<&'a [u8]>,
    identifier: Option<&'a [u8]>,
    /// Option 52: 1 for `file`, 2 for `sname`.
    pub overload: u8,
    host_name: heapless::Vec<u8, DEVICE_NAME_BYTES_MAX>,
    full_name: heapless::Vec<u8, DEVICE_NAME_BYTES_MAX>,
}

impl<'a> Options<'a> {
    /// Goes through options until the end option, the end, or one that goes beyond it.
    pub fn walk(&mut self, mut options: &'a [u8]) {
        while let [code, rest @ ..] = options {
            options = match code {
                0 => rest,
                255 => return,
                _ => {
                    let Some((&len, rest)) = rest.split_first() else {
                        return;
                    };
                    let Some((value, rest)) = rest.split_at_checked(len.into()) else {
                        return;
                    };
                    self.note(*code, value);
                    rest
                }
            };
        }
    }

    fn note(&mut self, code: u8, value: &'a [u8]) {
        match code {
            12 => append(&mut self.host_name, value),
            50 => self.requested = self.requested.or(Some(value)),
            52 => self.overload |= value.first().copied().unwrap_or_default(),
            53 => self.kind = self.kind.or(Some(value)),
            61 => self.identifier = self.identifier.or(Some(value)),
            81 => append(&mut self.full_name, value),
            _ => {}
        }
    }

    /// Fills what options say into a message.
    pub fn tell(&self, message: &mut Message) {
        if let Some(&[kind]) = self.kind {
            message.kind = Kind::of(kind);
        }
        if let Some(&[a, b, c, d]) = self.requested {
            message.requested = Some(Ipv4Addr::new(a, b, c, d));
        }
        if let Some(&[1, a, b, c, d, e, f]) = self.identifier {
            message.identifier = Some(Mac([a, b, c, d, e, f]));
        }
        message.host_name = text(&self.host_name);
        if let [flags, _, _, name @ ..] = self.full_name.as_slice() {
            message.full_name = match flags & ENCODED {
                0 => text(name),
                _ => text(&dotted(name)),
            };
        }
    }
}

/// As much of `value` as there is room for.
fn append<const N: usize>(whole: &mut heapless::Vec<u8, N>, value: &[u8]) {
    let room = value.len().min(N - whole.len());
    let appended = whole.extend_from_slice(&value[..room]);
    debug_assert!(appended.is_ok());
}

/// Up to the first NUL, which some clients end a name with (RFC 2132 section 2 asks to strip it).
fn text(raw: &[u8]) -> Option<DeviceName> {
    let name = raw.split(|&byte| byte == 0).next().unwrap_or_default();
    (!name.is_empty()).then(|| lossy(name))
}

/// Labels as a name with dots; ends at the empty label, or at one that goes beyond the end.
fn dotted(mut labels: &[u8]) -> heapless::Vec<u8, DEVICE_NAME_BYTES_MAX> {
    let mut name = heapless::Vec::new();
    while let [len @ 1..=255, rest @ ..] = labels {
        let Some((label, rest)) = rest.split_at_checked(usize::from(*len)) else {
            break;
        };
        if !name.is_empty() {
            append(&mut name, b".");
        }
        append(&mut name, label);
        labels = rest;
    }
    name
}
