// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is open, told and taken up again, so that a restart changes nothing.

use super::{Counts, GROUPS, Hours};
use crate::connspy::fault::Fault;
use crate::connspy::group::Sum;
use crate::connspy::output::Group;

/// What is kept of an hour over a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept<'a> {
    /// The first moment of the hour.
    pub start_us: u64,
    /// The group that the host is in.
    pub group: Group,
    /// Its name, in lower case.
    pub host: &'a [u8],
    /// Its connections.
    pub count: u64,
}

impl Hours {
    /// Tells all that is open, oldest hour first, hosts in the order of their appearance, so that
    /// [`Hours::restore`] can take it up again.
    ///
    /// # Errors
    /// What `each` says; when sets cannot be read back, or are estimated.
    pub fn keep(
        &mut self,
        each: &mut dyn FnMut(Kept<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for hour in &mut self.open {
            let start_us = hour.start_us;
            for (group, hosts) in GROUPS.into_iter().zip(&mut hour.groups) {
                // Which rows were printed would be forgotten.
                if self.query.is_immediate() && hosts.is_spilled() {
                    return Err(Fault::Unprinted);
                }
                hosts.each(
                    0,
                    self.spill.as_mut(),
                    &mut self.budget,
                    &mut |sum| match sum {
                        Sum::Host(host, count, _) => each(Kept {
                            start_us,
                            group,
                            host,
                            count,
                        }),
                        Sum::Estimate(_) => Err(Fault::Estimated),
                    },
                )?;
            }
        }
        Ok(())
    }

    /// Takes up what was there before a restart: the clock and the counts.
    pub fn resume(&mut self, clock_us: u64, counts: Counts) {
        (self.clock_us, self.counts) = (clock_us, counts);
    }

    /// Takes up a host of an hour that was open before a restart. Its row was printed if rows are
    /// printed at once.
    ///
    /// # Errors
    /// As [`Hours::scan`].
    pub fn restore(&mut self, kept: Kept<'_>) -> Result<(), Fault> {
        let Some(at) = self.find_hour(kept.start_us)? else {
            return Ok(());
        };
        loop {
            let hosts = &mut self.open[at].groups[kept.group as usize];
            match hosts.add(kept.host, kept.count, &mut self.budget) {
                Ok(_) => return Ok(()),
                Err(_) => self.relieve()?,
            }
        }
    }
}
