// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which interfaces the user wants: patterns with `*`, exclusions with a leading `!`.

/// Patterns that choose interfaces by name; empty chooses all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    wanted: Vec<String>,
    unwanted: Vec<String>,
}

impl Selection {
    /// Sorts the patterns into wanted ones and, with a leading `!`, unwanted ones.
    pub fn new(patterns: impl IntoIterator<Item = String>) -> Self {
        let mut selection = Self::default();
        for pattern in patterns {
            match pattern.strip_prefix('!') {
                Some(rest) => selection.unwanted.push(rest.to_owned()),
                None => selection.wanted.push(pattern),
            }
        }
        selection
    }

    /// Whether all names are chosen.
    pub fn is_all(&self) -> bool {
        self.wanted.is_empty() && self.unwanted.is_empty()
    }

    /// Whether `name` is chosen: by any wanted pattern or for want of one, and by no unwanted one.
    pub fn chooses(&self, name: &str) -> bool {
        let hit = |pattern: &String| matches(pattern.as_bytes(), name.as_bytes());
        (self.wanted.is_empty() || self.wanted.iter().any(hit)) && !self.unwanted.iter().any(hit)
    }
}

/// Whether `pattern`, in which `*` stands for any bytes, covers all of `name`. Linear in the
/// product of both lengths at worst: only the last `*` is ever tried again.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            retry = Some((p, n));
        } else if pattern.get(p) == Some(&name[n]) {
            (p, n) = (p + 1, n + 1);
        } else if let Some((after_star, start)) = retry {
            (p, n) = (after_star, start + 1);
            retry = Some((after_star, n));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patterns: &[&str], name: &str, expected: bool) {
        let selection = Selection::new(patterns.iter().map(|p| (*p).to_owned()));
        assert_eq!(
            selection.chooses(name),
            expected,
            "{patterns:?} on {name:?}"
        );
    }

    #[test]
    fn no_pattern_chooses_everything() {
        check(&[], "eth0", true);
        assert!(Selection::default().is_all());
    }

    #[test]
    fn a_star_stands_for_any_bytes() {
        check(&["eth*"], "eth0", true);
        check(&["eth*"], "eth", true);
        check(&["eth*"], "veth0", false);
        check(&["*.100"], "eth0.100", true);
        check(&["*.1*0"], "eth0.1.100", true);
        check(&["a*b*c"], "aXbXbYc", true);
        check(&["a*b*c"], "aXcXb", false);
        check(&["*"], "", true);
        check(&["eth0"], "eth00", false);
        check(&[""], "eth0", false);
    }

    #[test]
    fn an_exclamation_mark_excludes() {
        check(&["!lo"], "lo", false);
        check(&["!lo"], "eth0", true);
        check(&["eth*", "!eth1"], "eth1", false);
        check(&["eth*", "!eth1"], "eth2", true);
        check(&["eth*", "!eth1"], "wlan0", false);
    }
}
