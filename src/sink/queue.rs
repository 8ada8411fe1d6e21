// SPDX-License-Identifier: MIT OR Apache-2.0
//! The documents that wait: in a spool on disk where there is one, else in memory.
//!
//! A spool that fails while it is used is said once; from then on documents wait in memory, while
//! what is in the spool is still sent as long as it can be read.

use core::time::Duration;

use super::batch::{Batch, Document, Origin};
use super::memory::MemoryQueue;
use super::spool::{Counters, Limits, Spool, SpoolError, Waiting};
use crate::limits::MEMORY_QUEUE_BYTES_MAX;
use crate::sys::spool_directory::SpoolDirectory;
use crate::time::Mono;

/// How often an idle sender looks for what other processes left in its spool.
const LOOK_AROUND: Duration = Duration::from_secs(5);

/// How long an idle sender sleeps when nothing can come but a call.
const SLEEP: Duration = Duration::from_secs(3_600);

/// Where documents shall wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePlan {
    /// The spool's directory; memory only without one.
    pub directory: Option<String>,
    /// How much it may hold.
    pub limits: Limits,
}

/// Documents that wait, each until every output has decided about it.
#[derive(Debug)]
pub struct Queue {
    disk: Option<Spool<SpoolDirectory>>,
    directory: String,
    /// The disk took the last document.
    disk_works: bool,
    memory: MemoryQueue,
}

impl Queue {
    /// Opens the spool; where that fails, says so and does without.
    pub fn open(plan: &QueuePlan, origin: Origin, outputs: &[u64]) -> Self {
        let bytes = plan.limits.bytes_max.min(MEMORY_QUEUE_BYTES_MAX as u64) as usize;
        let memory = MemoryQueue::new(origin.clone(), outputs.len(), bytes);
        let directory = plan.directory.clone().unwrap_or_default();
        let mut queue = Self {
            disk: None,
            directory,
            disk_works: true,
            memory,
        };
        if plan.directory.is_some() {
            let spool = SpoolDirectory::at(&queue.directory).map_err(SpoolError::from);
            match spool.and_then(|store| Spool::open(store, origin, outputs, plan.limits)) {
                Ok(spool) => queue.disk = Some(spool),
                Err(error) => queue.disk_failed(&error),
            }
        }
        if let Some(count) = queue
            .disk
            .as_ref()
            .map(Spool::abandoned)
            .filter(|count| *count > 0)
        {
            log::warn!(
                "spool {}: {count} documents wait for outputs that are not configured; \
                 they stay until room is needed",
                queue.directory
            );
        }
        queue
    }

    /// Whether documents outlive the process.
    pub fn is_on_disk(&self) -> bool {
        self.disk.is_some()
    }

    /// Whether this process sends; otherwise another one does, from the same spool.
    pub fn sends(&self) -> bool {
        self.disk.as_ref().is_none_or(Spool::holds_lock)
    }

    /// Adds a document; what finds no room is counted as dropped.
    pub fn append(&mut self, document: Document<'_>, now: Mono) {
        if self.disk_works
            && let Some(disk) = &mut self.disk
        {
            match disk.append(document, now) {
                Ok(()) => return,
                Err(error) => self.disk_failed(&error),
            }
        }
        self.memory.append(document);
    }

    /// Adds documents that output `index` has not taken yet to `batch`, until it holds
    /// `documents_max` of them or would exceed `bytes_max`; an empty one gets at least one.
    pub fn take(
        &mut self,
        index: usize,
        batch: &mut Batch,
        documents_max: usize,
        bytes_max: usize,
    ) {
        if let Some(disk) = &mut self.disk
            && let Err(error) = disk.take(index, batch, documents_max, bytes_max)
        {
            self.disk_failed(&error);
        }
        if batch.len() < documents_max {
            self.memory.take(index, batch, documents_max, bytes_max);
        }
    }

    /// Says that all that output `index` took is decided.
    pub fn confirm(&mut self, index: usize) {
        self.memory.confirm(index);
        if let Some(disk) = &mut self.disk
            && let Err(error) = disk.confirm(index)
        {
            self.disk_failed(&error);
        }
    }

    /// Writes what has waited for the commit interval.
    pub fn commit(&mut self, now: Mono) {
        if let Some(disk) = &mut self.disk
            && disk.next_commit().is_some_and(|due| due <= now)
            && let Err(error) = disk.commit(now)
        {
            self.disk_failed(&error);
        }
    }

    /// Writes what has not been written, whatever the interval.
    pub fn flush(&mut self) {
        if let Some(disk) = &mut self.disk
            && let Err(error) = disk.flush()
        {
            self.disk_failed(&error);
        }
    }

    /// Writes everything, and leaves no file where everything is decided. What comes later waits
    /// in memory.
    pub fn close(&mut self) {
        if let Some(disk) = self.disk.take()
            && let Err(error) = disk.close()
        {
            self.disk_failed(&error);
        }
    }

    /// How long nothing needs to be done unless somebody calls.
    pub fn idle_wait(&self, now: Mono) -> Duration {
        let Some(disk) = &self.disk else { return SLEEP };
        disk.next_commit()
            .map_or(LOOK_AROUND, |due| due.since(now).min(LOOK_AROUND))
    }

    /// Keeps the line of a refused document; false when there is no place for it.
    pub fn bury(&mut self, line: &[u8]) -> bool {
        self.disk
            .as_mut()
            .is_some_and(|disk| disk.bury(line).unwrap_or(false))
    }

    /// What output `index` has not decided yet.
    pub fn waiting(&self, index: usize) -> Waiting {
        let memory = self.memory.waiting(index);
        let Some(disk) = &self.disk else {
            return memory;
        };
        let disk = disk.waiting(index);
        let oldest = [disk.oldest, memory.oldest].into_iter().flatten().min();
        Waiting {
            documents: disk.documents + memory.documents,
            oldest,
        }
    }

    /// What output `index` has not decided yet and will not outlive the process.
    pub fn waiting_in_memory(&self, index: usize) -> u64 {
        let in_hand = self
            .disk
            .as_ref()
            .map_or(0, |disk| disk.only_in_hand(index));
        in_hand + self.memory.waiting(index).documents
    }

    /// Documents that made room for others before output `index` could take them.
    pub fn dropped(&self, index: usize) -> u64 {
        self.memory.dropped(index) + self.disk.as_ref().map_or(0, |disk| disk.dropped(index))
    }

    /// What happened to the files of the spool; `None` without one.
    pub fn counters(&self) -> Option<Counters> {
        self.disk.as_ref().map(Spool::counters)
    }

    fn disk_failed(&mut self, error: &SpoolError) {
        if core::mem::replace(&mut self.disk_works, false) {
            let directory = &self.directory;
            log::warn!("spool {directory}: {error}; documents wait in memory from now on");
        }
    }
}
