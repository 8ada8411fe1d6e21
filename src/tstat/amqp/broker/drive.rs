// SPDX-License-Identifier: MIT OR Apache-2.0
//! One turn after the other: what is to be sent goes, what came is taken in, then a wait.

use std::rc::Rc;

use super::Broker;
use super::line::{Break, Line};
use crate::sys::clock;
use crate::sys::poll::AsFd;
use crate::time::Mono;
use crate::tstat::amqp::fault::Fault;
use crate::tstat::amqp::link::Link;
use crate::tstat::amqp::pause::Pause;
use crate::tstat::amqp::session::Session;
use crate::tstat::carrier::CarrierError;

/// Bytes read at once; a broker says little: a confirm has 21.
const READ_BYTES: usize = 4_096;

/// Reads in a row: as many as it takes for the confirms of all that can be under way, many times
/// over. Then signals and clocks have their turn.
const READS_MAX: usize = 64;

impl Broker<'_> {
    /// Waits until something can be done, and does it: to be called only when all was done that
    /// can be ([`Broker::pump`]), and it was not enough. Nothing may be taken in between the two:
    /// it could be what ends the caller's wait, and then be waited for.
    pub(super) fn turn(&mut self, pause: Pause<'_>) -> Result<(), CarrierError> {
        let waited = match &self.line {
            None => pause.until(self.try_at),
            Some(line) => {
                let or_write = !line.session.out().is_empty() || line.link.wants_write();
                let due = match self.is_unread {
                    true => clock::mono(),
                    false => self.next_due(line),
                };
                pause.for_read(line.link.as_fd(), or_write, due).map(drop)
            }
        };
        waited.map_err(|cut| self.cut(cut))?;
        if self.line.is_none() {
            let opened = Link::open(&self.settings, self.client.as_ref(), &self.resolver, &pause);
            match opened.map_err(|cut| self.cut(cut))? {
                Ok(link) => self.begin(link),
                Err(error) => return self.on_break(error.into()),
            }
        }
        self.pump()
    }

    fn begin(&mut self, link: Link) {
        let now = clock::mono();
        self.line = Some(Line {
            link,
            session: Session::new(Rc::clone(&self.settings), now),
            moved_at: now,
            blocked_since: None,
        });
    }

    /// Sends and takes in what is possible without waiting.
    pub(super) fn pump(&mut self) -> Result<(), CarrierError> {
        match self.exchange() {
            Ok(()) => Ok(()),
            Err(why) => self.on_break(why),
        }
    }

    fn exchange(&mut self) -> Result<(), Break> {
        let mut buffer = [0; READ_BYTES];
        self.is_unread = true;
        // Bounded, so that a broker that never ends talking cannot keep us from all else.
        for _ in 0..READS_MAX {
            let now = clock::mono();
            let Some(line) = &mut self.line else {
                self.is_unread = false;
                return Ok(());
            };
            let read = line.link.read(&mut buffer)?;
            if read == Some(0) {
                return Err(Fault::HungUp(line.session.phase()).into());
            }
            if let Some(len) = read {
                let heard = line.session.on_bytes(&buffer[..len], now, &mut self.events);
                self.on_events(now);
                if let Err(fault) = heard {
                    self.last_word();
                    return Err(fault.into());
                }
            }
            let went = self.send(now)?;
            if read.is_none() && !went {
                self.is_unread = false;
                break;
            }
        }
        self.on_time(clock::mono())
    }

    /// What is due, and whether the broker is too late; only after what it said was read.
    fn on_time(&mut self, now: Mono) -> Result<(), Break> {
        if let Some(line) = &mut self.line {
            line.session.on_time(now)?;
            line.is_patient(&self.window, &self.patience, now)?;
            let written = line.link.write(line.session.out())?;
            if written > 0 {
                line.session.sent(written, now);
            }
        }
        Ok(())
    }

    /// Sends what is to be sent, and slices that wait; whether anything went.
    fn send(&mut self, now: Mono) -> Result<bool, Break> {
        let mut went = false;
        while let Some(line) = &mut self.line {
            let written = line.link.write(line.session.out())?;
            if written > 0 {
                line.session.sent(written, now);
                went = true;
                continue;
            }
            if !line.session.takes_message() {
                break;
            }
            let awaits_confirms = self.window.awaits_confirms();
            let Some(next) = self.window.next(now) else {
                break;
            };
            if !awaits_confirms {
                line.moved_at = now;
            }
            match next.again {
                true => self.tally.retried += 1,
                false => self.tally.messages += 1,
            }
            let tag = line.session.publish(next.message_id, next.body);
            next.went(tag);
        }
        Ok(went)
    }

    /// What is said before a line is given up; nobody waits for it to arrive.
    fn last_word(&mut self) {
        if let Some(line) = &mut self.line {
            let _ = line.link.write(line.session.out());
        }
    }

    fn next_due(&self, line: &Line) -> Mono {
        let due = line.session.next_due();
        let resend = self
            .window
            .next_due()
            .filter(|_| line.session.takes_message());
        let patient = line.patient_until(&self.window, &self.patience);
        due.min(patient).min(resend.unwrap_or(due))
    }
}
