// SPDX-License-Identifier: MIT OR Apache-2.0
//! The speed of each interface's link, from /sys/class/net/NAME/speed.
//!
//! Asking may go to the hardware, so each is asked when it is new, and all again once a minute or
//! when somebody says that they may have changed. Wi-Fi, tunnels and lo have no speed.

use std::ffi::CStr;
use std::time::Duration;

use crate::codec::units;
use crate::limits::INTERFACE_NAME_BYTES_MAX;
use crate::model::speeds::LinkSpeeds;
use crate::sys::files::Root;
use crate::time::Mono;

/// How long an answer holds.
const HOLDS: Duration = Duration::from_secs(60);

const BEFORE: &[u8] = b"sys/class/net/";
const BEHIND: &[u8] = b"/speed\0";

/// The speeds, and when all were asked for.
#[derive(Debug, Default)]
pub struct Speeds {
    known: LinkSpeeds,
    asked: Option<Mono>,
}

impl Speeds {
    /// Knows none.
    pub const fn new() -> Self {
        Self {
            known: LinkSpeeds::new(),
            asked: None,
        }
    }

    /// Asks for those of the interfaces called `names` that are new, or for all of them.
    pub fn read<'n>(&mut self, root: &Root, names: impl Iterator<Item = &'n str>, now: Mono) {
        if self.asked.is_none_or(|asked| now.since(asked) >= HOLDS) {
            self.known.clear();
            self.asked = Some(now);
        }
        for name in names {
            if self.known.get(name).is_none() {
                self.known.insert(name, ask(root, name));
            }
        }
    }

    /// Says that the links may have changed: the next reading asks for all.
    pub fn forget(&mut self) {
        self.asked = None;
    }

    /// The speed in Mbit/s; 0 when it is unknown.
    pub fn mbps(&self, name: &str) -> u32 {
        self.known.get(name).unwrap_or(0)
    }
}

fn ask(root: &Root, name: &str) -> u32 {
    let mut text = [0; 16];
    let mut space = [0; BEFORE.len() + INTERFACE_NAME_BYTES_MAX + BEHIND.len()];
    // Reading fails where there is no speed, or no link.
    path(name, &mut space)
        .and_then(|path| root.open(path).ok()?.read(&mut text).ok())
        .map_or(0, |len| parse(&text[..len]))
}

/// The file of an interface; `None` for a name that would lead elsewhere.
fn path<'b>(name: &str, space: &'b mut [u8]) -> Option<&'b CStr> {
    if name.contains(['/', '\0']) || name == "." || name == ".." {
        return None;
    }
    let mut at = 0;
    for part in [BEFORE, name.as_bytes(), BEHIND] {
        space.get_mut(at..at + part.len())?.copy_from_slice(part);
        at += part.len();
    }
    CStr::from_bytes_with_nul(&space[..at]).ok()
}

/// -1, which old kernels show as 2^32 − 1, is unknown.
fn parse(text: &[u8]) -> u32 {
    let number = units::unsigned(text.trim_ascii());
    number
        .and_then(|number| i32::try_from(number).ok())
        .map_or(0, i32::unsigned_abs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_speed_is_nought() {
        for (text, expected) in [
            ("1000\n", 1_000),
            ("0\n", 0),
            ("-1\n", 0),
            ("4294967295\n", 0),
            ("2147483647\n", 2_147_483_647),
            ("fast", 0),
            ("", 0),
        ] {
            assert_eq!(parse(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn no_name_leads_elsewhere() {
        let mut space = [0; 80];
        let found = path("br-lan", &mut space).map(CStr::to_owned);
        assert_eq!(found.unwrap().as_c_str(), c"sys/class/net/br-lan/speed");
        for bad in ["..", ".", "../../x", "a\0b", &"x".repeat(80)] {
            assert_eq!(path(bad, &mut space), None, "{bad:?}");
        }
    }
}
