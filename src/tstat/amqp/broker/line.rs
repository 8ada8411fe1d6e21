// SPDX-License-Identifier: MIT OR Apache-2.0
//! One connection, as long as it lasts; and why it ended.

use core::fmt;

use super::patience::Patience;
use crate::time::Mono;
use crate::tstat::amqp::fault::Fault;
use crate::tstat::amqp::link::{Link, LinkError};
use crate::tstat::amqp::session::Session;
use crate::tstat::amqp::window::Window;

/// One connection.
#[derive(Debug)]
pub struct Line {
    /// Carries the bytes.
    pub link: Link,
    /// Knows what they mean.
    pub session: Session,
    /// When something was confirmed, or messages could go on after a pause.
    pub moved_at: Mono,
    /// When the broker said that it takes no messages for now.
    pub blocked_since: Option<Mono>,
}

impl Line {
    /// Until when the broker is waited for.
    pub fn patient_until(&self, window: &Window, patience: &Patience) -> Mono {
        if let Some(since) = self.blocked_since {
            since.after(patience.blocked)
        } else if window.awaits_confirms() {
            self.moved_at.after(patience.confirm)
        } else {
            Mono::from_ns(u64::MAX)
        }
    }

    /// Whether the broker still has time.
    ///
    /// # Errors
    /// What it did not do in time.
    pub fn is_patient(&self, window: &Window, patience: &Patience, now: Mono) -> Result<(), Fault> {
        if now < self.patient_until(window, patience) {
            return Ok(());
        }
        Err(match self.blocked_since {
            Some(since) => Fault::Blocked(now.since(since)),
            None => Fault::Unconfirmed(now.since(self.moved_at)),
        })
    }
}

/// Why a connection ended.
#[derive(Debug)]
pub enum Break {
    /// By what the broker said, or did not.
    Fault(Fault),
    /// By the line.
    Link(LinkError),
}

impl Break {
    /// Whether only a person can mend it. A broker that was of use before is one that starts again:
    /// only what it says in so many words is believed.
    pub fn lasts(&self, was_ready: bool) -> bool {
        match self {
            Self::Fault(fault @ Fault::Closed { .. }) => fault.lasts(),
            Self::Fault(fault) => fault.lasts() && !was_ready,
            Self::Link(error) => error.lasts() && !was_ready,
        }
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Link(error) => error.fmt(f),
        }
    }
}

impl From<Fault> for Break {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<LinkError> for Break {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}
