// SPDX-License-Identifier: MIT OR Apache-2.0
//! SIGHUP: the file is read again. What stays in it goes on as if nothing had happened; what cannot
//! be read ends the run, as it always did.

use super::hosts::{OS_ERROR, Source};
use super::run::Monitor;
use crate::failure::Failure;

impl Monitor {
    /// Reads the hosts again.
    ///
    /// # Errors
    /// When the file cannot be read or is wrong, which was said.
    pub(super) fn reload(&mut self) -> Result<(), Failure> {
        if matches!(self.source, Source::StandardInput) {
            log::error!(
                target: OS_ERROR,
                "cannot read standard input again at SIGHUP; going on with the hosts of before"
            );
            return Ok(());
        }
        let hosts = self.source.read()?;
        hosts.tell_gaps();
        self.prober.reload(hosts.subjects())?;
        let count = hosts.hosts.len();
        self.records.exchange(hosts);
        log::info!("read again: {count} hosts");
        Ok(())
    }
}
