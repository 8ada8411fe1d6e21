// SPDX-License-Identifier: MIT OR Apache-2.0
//! What follows from what happened on a connection.

use core::fmt;
use std::rc::Rc;

use super::Broker;
use crate::term::escape::Escaped;
use crate::time::Mono;
use crate::tstat::amqp::event::Event;
use crate::tstat::carrier::CarrierError;

impl Broker<'_> {
    pub(super) fn on_events(&mut self, now: Mono) {
        for event in core::mem::take(&mut self.events) {
            match event {
                Event::Ready => self.on_ready(now),
                Event::Acked { tag, multiple } => {
                    let count = self.window.on_ack(tag, multiple);
                    self.tally.confirmed += count as u64;
                    self.on_progress(now);
                }
                Event::Nacked { tag, multiple } => {
                    if let Err(id) = self.window.on_nack(tag, multiple, now) {
                        self.refuse(format_args!(
                            "could not take message {id}, tried several times; is the queue full \
                             (x-overflow)? See the broker's log"
                        ));
                    }
                    self.on_progress(now);
                }
                Event::Returned {
                    message_id,
                    code,
                    text,
                } => self.on_return(&message_id, code, &text),
                Event::Blocked(reason) => self.on_blocked(&reason, now),
                Event::Unblocked => self.on_unblocked(now),
                Event::Closed => self.line = None,
            }
        }
    }

    fn on_blocked(&mut self, reason: &str, now: Mono) {
        let name = self.name();
        if let Some(line) = self
            .line
            .as_mut()
            .filter(|line| line.blocked_since.is_none())
        {
            line.blocked_since = Some(now);
            log::warn!(
                "{name} takes no messages for now: {}; waiting",
                Escaped(reason)
            );
        }
    }

    fn on_unblocked(&mut self, now: Mono) {
        let name = self.name();
        if let Some(line) = self
            .line
            .as_mut()
            .filter(|line| line.blocked_since.is_some())
        {
            (line.blocked_since, line.moved_at) = (None, now);
            log::warn!("{name} takes messages again");
        }
    }

    fn on_ready(&mut self, now: Mono) {
        if self.was_ready {
            self.tally.reconnected += 1;
        }
        log::info!("{}: connected", self.name());
        self.was_ready = true;
        if self.window.is_empty() {
            self.on_progress(now);
        }
    }

    fn on_progress(&mut self, now: Mono) {
        self.trouble_since = None;
        self.backoff.succeeded();
        if let Some(line) = &mut self.line {
            line.moved_at = now;
        }
    }

    fn on_return(&mut self, message_id: &str, code: u16, text: &str) {
        if !self.window.on_return(message_id) {
            log::info!("{} returned a message that is not under way", self.name());
            return;
        }
        let settings = Rc::clone(&self.settings);
        self.refuse(format_args!(
            "returned message {message_id}: {code} {}; no queue gets what is sent to exchange \
             `{}` with routing_key `{}`: bind one, or correct them",
            Escaped(text),
            Escaped(&settings.exchange),
            Escaped(&settings.routing_key)
        ));
    }

    fn refuse(&mut self, what: fmt::Arguments<'_>) {
        let error = CarrierError::Refused(format!("{} {what}", self.name()));
        self.reason.get_or_insert(error);
    }
}
