// SPDX-License-Identifier: MIT OR Apache-2.0
//! One process, as `/proc/PID/stat` shows it (proc_pid_stat(5)).

/// Ticks in a second of that file (USER_HZ): 100 on every CPU that this program is built for.
const TICK_MS: u64 = 10;

/// Whether it lives, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// It has ended, and only its parent does not know.
    pub is_dead: bool,
    /// From the start of the machine (CLOCK_BOOTTIME) to its own, in ms, cut off to 10.
    pub start_ms: u64,
}

impl Process {
    /// What `stat` says; `None` when it is not understood.
    pub fn parse(stat: &str) -> Option<Self> {
        // The name in brackets is the process's to choose: it may hold blanks and brackets.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?;
        let start: u64 = fields.nth(18)?.parse().ok()?;
        Some(Self {
            is_dead: matches!(state, "Z" | "X" | "x"),
            start_ms: start.checked_mul(TICK_MS)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stat: &str, expected: Option<(bool, u64)>) {
        let expected = expected.map(|(is_dead, start_ms)| Process { is_dead, start_ms });
        assert_eq!(Process::parse(stat), expected, "{stat}");
    }

    #[test]
    fn a_name_can_forge_nothing() {
        let rest = "1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 6150 1 1 18446744073709551615\n";
        check(&format!("7 (netvitals) S {rest}"), Some((false, 61_500)));
        check(&format!("7 (a) Z 1 (b) R {rest}"), Some((false, 61_500)));
        check(&format!("7 (netvitals) Z {rest}"), Some((true, 61_500)));
        check("7 (netvitals) S 1 1 1", None);
        check("", None);
        check(
            &format!("7 (netvitals) S{}", " 18446744073709551615".repeat(20)),
            None,
        );
    }
}
