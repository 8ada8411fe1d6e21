// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dead letters: documents that a server refused, kept for people to look at.
//!
//! Two files: when the newer one would exceed half of the bound it takes the place of the older.

use super::name::DEAD_LETTERS;
use super::store::Store;
use super::{Spool, SpoolError, if_found};

impl<S: Store> Spool<S> {
    /// Keeps a line, which ends in a line end; `false` when it is longer than half of the bound, or
    /// another process has the lock.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn bury(&mut self, line: &[u8]) -> Result<bool, SpoolError> {
        let half = self.limits.dead_letter_bytes_max / 2;
        if !self.locked || line.len() as u64 > half {
            return Ok(false);
        }
        let [newer, older] = DEAD_LETTERS;
        let (mut file, mut bytes) = match if_found(self.store.open(newer))? {
            Some(file) => {
                let (bytes, _) = self.store.status(&file)?;
                (file, bytes)
            }
            None => (self.store.create(newer)?, 0),
        };
        // Ends a line that a crash cut off.
        let mut last = [b'\n'];
        if bytes > 0 {
            self.store.read_at(&file, bytes - 1, &mut last)?;
        }
        let mut end: &[u8] = if last == *b"\n" { b"" } else { b"\n" };
        if bytes + (end.len() + line.len()) as u64 > half {
            self.store.rename(newer, older)?;
            (file, bytes, end) = (self.store.create(newer)?, 0, b"");
        }
        let result = self.store.append(&file, [end, line]);
        if result.is_err() {
            let _ = self.store.truncate(&file, bytes);
        }
        Ok(result.map(|()| true)?)
    }
}
