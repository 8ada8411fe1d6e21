// SPDX-License-Identifier: MIT OR Apache-2.0
//! The speeds of the interfaces' links by name.

use heapless::index_map::FnvIndexMap;

use super::interface::InterfaceName;
use crate::limits::INTERFACES_MAX;

/// As large as a [`Sample`](super::interface::Sample), so that each of its interfaces finds room.
/// Full, of names that are gone: a new one has no speed until all is forgotten.
#[derive(Debug, Default)]
pub struct LinkSpeeds(FnvIndexMap<InterfaceName, u32, INTERFACES_MAX>);

impl LinkSpeeds {
    /// Knows none.
    pub const fn new() -> Self {
        Self(FnvIndexMap::new())
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Notes the speed of a link in Mbit/s, 0 when it has none.
    pub fn insert(&mut self, name: &str, mbps: u32) {
        if let Ok(name) = InterfaceName::try_from(name) {
            let _ = self.0.insert(name, mbps);
        }
    }

    /// What was noted; `None` when nothing was.
    pub fn get(&self, name: &str) -> Option<u32> {
        self.0.get(&InterfaceName::try_from(name).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_knows_what_it_knew() {
        let mut speeds = Box::new(LinkSpeeds::new());
        let name = |i: usize| InterfaceName::try_from(format!("eth{i}").as_str()).unwrap();
        for i in 0..INTERFACES_MAX + 2 {
            speeds.insert(&name(i), 10);
            let expected = (i < INTERFACES_MAX).then_some(10);
            assert_eq!(speeds.get(&name(i)), expected);
        }
        speeds.insert(&name(0), 100);
        assert_eq!(speeds.get("eth0"), Some(100));
        assert_eq!(speeds.get(&"x".repeat(99)), None);
        speeds.clear();
        assert_eq!(speeds.get("eth0"), None);
    }
}
