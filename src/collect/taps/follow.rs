// SPDX-License-Identifier: MIT OR Apache-2.0
//! Follows the interfaces and the default route by what the kernel tells of changes
//! (rtnetlink(7)): each change has the tables read anew, for the events alone may be lost.

use core::time::Duration;

use super::{Targets, choose};
use crate::codec::netlink::{Link, Message, Messages};
use crate::collect::network::{ReadError, Tables, is_default};
use crate::model::interface::InterfaceName;
use crate::sys::netlink::{Event, Group, RouteSocket};
use crate::sys::poll::{AsFd, BorrowedFd};
use crate::time::Mono;

/// The tables are read no more often than so: many changes come at once.
const READ_EVERY: Duration = Duration::from_millis(100);

/// After a table could not be read.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Bytes of one datagram of events; the kernel makes each as long as its message, about 2 KB.
const EVENT_BYTES_MAX: usize = 16 * 1_024;

/// Events that are looked at before the caller has its turn again.
const EVENTS_MAX: usize = 256;

/// Interfaces that vanish between two readings and are known by their index; of more, all are
/// taken to have vanished.
const GONE_MAX: usize = 64;

/// Knows what to capture on, and when that changes.
#[derive(Debug)]
pub struct Taps {
    tables: Tables,
    events: RouteSocket,
    buffer: Box<[u8]>,
    wanted: Vec<InterfaceName>,
    links: Vec<Link>,
    targets: Targets,
    changes: Changes,
    /// When to read the tables; `None` while nothing changed.
    stale_since: Option<Mono>,
    next_read: Mono,
}

/// What happened to interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    gone: Vec<u32>,
    /// It is not known which vanished.
    any_gone: bool,
}

impl Changes {
    /// Whether the interface of this index vanished, though another may have the index now.
    pub fn is_gone(&self, index: u32) -> bool {
        self.any_gone || self.gone.contains(&index)
    }

    fn note_gone(&mut self, index: u32) {
        if self.gone.len() == GONE_MAX {
            self.any_gone = true;
        } else if !self.gone.contains(&index) {
            self.gone.push(index);
        }
    }

    /// Whether nothing is known to have vanished.
    fn is_empty(&self) -> bool {
        self.gone.is_empty() && !self.any_gone
    }
}

impl Taps {
    /// Begins to follow the interfaces that are wanted by name.
    ///
    /// # Errors
    /// When the kernel's tables cannot be read.
    pub fn open(wanted: Vec<InterfaceName>, now: Mono) -> Result<Self, ReadError> {
        let events = RouteSocket::open()?;
        // Before the first reading, so that nothing happens unseen between.
        events.join(&[Group::Links, Group::Ipv4Routes, Group::Ipv6Routes])?;
        let mut taps = Self {
            tables: Tables::open()?,
            events,
            buffer: vec![0; EVENT_BYTES_MAX].into_boxed_slice(),
            wanted,
            links: Vec::new(),
            targets: Targets::default(),
            changes: Changes::default(),
            stale_since: None,
            next_read: now,
        };
        taps.read(now)?;
        Ok(taps)
    }

    /// What to capture on, as of the last reading.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Follows others from the next turn on, which is due at once.
    pub fn want(&mut self, wanted: Vec<InterfaceName>, now: Mono) {
        self.wanted = wanted;
        (self.stale_since, self.next_read) = (Some(now), now);
    }

    /// When [`Self::turn`] is due though no event came.
    pub fn next_due(&self) -> Option<Mono> {
        self.stale_since.map(|since| since.max(self.next_read))
    }

    /// Looks at the events that came. What happened to interfaces, when [`Self::targets`] changed
    /// or one of them vanished and came back.
    ///
    /// # Errors
    /// When the kernel's tables cannot be read; it is tried again.
    pub fn turn(&mut self, now: Mono) -> Result<Option<Changes>, ReadError> {
        for _ in 0..EVENTS_MAX {
            match self.events.receive_event(&mut self.buffer)? {
                Event::None => break,
                Event::Datagram(len) => {
                    if is_news(&self.buffer[..len], &self.links, &mut self.changes) {
                        self.stale_since.get_or_insert(now);
                    }
                }
                Event::Lost => {
                    self.changes.any_gone = true;
                    self.stale_since.get_or_insert(now);
                }
            }
        }
        if self.stale_since.is_none() || now < self.next_read {
            return Ok(None);
        }
        let changed = self.read(now)?;
        let changes = core::mem::take(&mut self.changes);
        Ok((changed || !changes.is_empty()).then_some(changes))
    }

    /// Reads the tables; whether something changed.
    fn read(&mut self, now: Mono) -> Result<bool, ReadError> {
        self.next_read = now.after(RETRY_AFTER);
        self.tables.links(&mut self.links)?;
        let default_route = self.tables.default_route()?;
        self.next_read = now.after(READ_EVERY);
        self.stale_since = None;
        let targets = choose(&self.links, default_route, &self.wanted);
        let changed = targets != self.targets;
        self.targets = targets;
        Ok(changed)
    }
}

impl AsFd for Taps {
    /// Readable when events came.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

/// Whether an event says something else than what is known.
fn is_news(datagram: &[u8], known: &[Link], changes: &mut Changes) -> bool {
    let mut news = false;
    for message in Messages::new(datagram) {
        match message {
            Ok((_, Message::Link(link))) => news |= !known.contains(&link),
            Ok((_, Message::LinkGone(link))) => {
                changes.note_gone(link.index);
                news = true;
            }
            Ok((_, Message::Route(route) | Message::RouteGone(route))) => {
                news |= is_default(&route);
            }
            Ok(_) => {}
            Err(_) => {
                changes.any_gone = true;
                news = true;
            }
        }
    }
    news
}
