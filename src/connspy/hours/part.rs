// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parts of the lines that are counted by themselves and added to the whole in their order.

use super::{GROUPS, Hours};
use crate::connspy::fault::Fault;
use crate::connspy::output::Output;
use crate::connspy::plan::{Memory, Plan};
use crate::connspy::scan::Marks;

impl Hours {
    /// What `piece` holds, counted by itself: with no end to anything, and all the memory it needs.
    pub fn part(plan: &Plan, key: u64, piece: &[u8], marks: &mut Marks) -> Self {
        let memory = Memory {
            bytes: usize::MAX,
            temp_dir: None,
            approximate: false,
        };
        let mut part = Self::new(plan.query.clone(), &memory, key);
        (part.stop_us, part.is_part) = (u64::MAX, true);
        // Nothing is printed, and memory has no end: there is nothing that can fail.
        let _ = part.scan(piece, marks, &mut Output::kept(plan));
        part
    }

    /// Whether what was counted by itself can be added: nothing ends before it is over.
    pub fn is_plain_sailing(&self, part: &Self) -> bool {
        let clock_us = self.clock_us.max(part.clock_us);
        let mut hours = part.open.iter();
        clock_us < self.stop_us
            && hours.all(|hour| clock_us <= self.over_us(hour.start_us))
            && !(part.counts.malformed > 0 && self.shows_malformed())
    }

    /// Adds what was counted by itself, if it is plain sailing.
    ///
    /// # Errors
    /// As [`Hours::scan`].
    pub fn absorb(&mut self, part: Self, out: &mut Output) -> Result<(), Fault> {
        for hour in &part.open {
            let Some(at) = self.find_hour(hour.start_us)? else {
                continue;
            };
            for (group, hosts) in GROUPS.into_iter().zip(&hour.groups) {
                for (host, count) in hosts.in_memory() {
                    self.add(at, group, host, count, out)?;
                }
            }
        }
        self.counts.lines += part.counts.lines;
        self.counts.malformed += part.counts.malformed;
        self.clock_us = self.clock_us.max(part.clock_us);
        self.close(out)
    }
}
