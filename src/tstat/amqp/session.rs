// SPDX-License-Identifier: MIT OR Apache-2.0
//! One connection to a broker as a state machine: it is told what came and what time it is, and
//! tells what to send and what happened. It never waits, reads or writes by itself.
//!
//! ```text
//! Greeting ─▶ Login ─▶ Opening ─▶ Channel ─▶ Declaring ─▶ Confirming ─▶ Ready ─▶ Closing ─▶ Closed
//! ```

use core::time::Duration;
use std::rc::Rc;

use super::event::{Event, Phase};
use super::fault::Fault;
use super::frame::{self, Frame, Kind};
use super::method::{self, Address, CHANNEL, Heard};
use crate::time::Mono;
use crate::tstat::settings::{Persistent, Rabbit};

/// From the first byte to the last answer before messages can go.
const HANDSHAKE_MAX: Duration = Duration::from_secs(15);

/// A message on its way back.
#[derive(Debug)]
struct Returning {
    code: u16,
    text: String,
    /// Id, and bytes of body that are still to come; `None` before the header.
    header: Option<(String, u64)>,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    settings: Rc<Rabbit>,
    phase: Phase,
    address: Address,
    inbound: Vec<u8>,
    out: Vec<u8>,
    started: Mono,
    heard_at: Mono,
    said_at: Mono,
    /// Zero is never.
    heartbeat: Duration,
    is_blocked: bool,
    tag_last: u64,
    returning: Option<Returning>,
}

impl Session {
    /// Begins to talk. What the wire has no room for ([`method::too_long`]) must not be in the
    /// settings.
    pub fn new(settings: Rc<Rabbit>, now: Mono) -> Self {
        let persistent = match settings.persistent {
            Persistent::Auto => settings.queue_options.durable,
            Persistent::Yes => true,
            Persistent::No => false,
        };
        let address = Address {
            exchange: settings.exchange.clone(),
            routing_key: settings.routing_key.clone(),
            delivery_mode: if persistent { 2 } else { 1 },
            frame_max: frame::SIZE_MIN,
        };
        Self {
            settings,
            phase: Phase::Greeting,
            address,
            inbound: Vec::new(),
            out: frame::PROTOCOL_HEADER.to_vec(),
            started: now,
            heard_at: now,
            said_at: now,
            heartbeat: Duration::ZERO,
            is_blocked: false,
            tag_last: 0,
            returning: None,
        }
    }

    /// What is going on.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether a message can go: the broker takes them, and the one before went.
    pub fn takes_message(&self) -> bool {
        self.phase == Phase::Ready && !self.is_blocked && self.out.is_empty()
    }

    /// Whether the broker said that it takes no messages for now.
    pub fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    /// What is to be sent.
    pub fn out(&self) -> &[u8] {
        &self.out
    }

    /// Says that the first `count` bytes of [`Session::out`] were sent.
    pub fn sent(&mut self, count: usize, now: Mono) {
        self.out.drain(..count);
        self.said_at = now;
    }

    /// Sends a message; to be asked only when it can go. Returns its tag: 1, 2, 3 …
    pub fn publish(&mut self, message_id: &str, body: &[u8]) -> u64 {
        method::put_publish(&mut self.out, &self.address, message_id, body);
        self.tag_last += 1;
        self.tag_last
    }

    /// Takes leave, when there is something to take leave of.
    pub fn close(&mut self) {
        if self.phase == Phase::Ready {
            method::put_close(&mut self.out);
            self.phase = Phase::Closing;
        }
    }

    fn is_opening(&self) -> bool {
        !matches!(self.phase, Phase::Ready | Phase::Closing | Phase::Closed)
    }

    /// When [`Session::on_time`] has something to do next.
    pub fn next_due(&self) -> Mono {
        let mut due = Mono::from_ns(u64::MAX);
        if self.is_opening() {
            due = due.min(self.started.after(HANDSHAKE_MAX));
        }
        if !self.heartbeat.is_zero() {
            due = due.min(self.heard_at.after(self.heartbeat * 2));
            if self.out.is_empty() {
                due = due.min(self.said_at.after(self.heartbeat / 2));
            }
        }
        due
    }

    /// Does what is due: a sign of life; or the broker gave none.
    ///
    /// # Errors
    /// When the broker takes too long for something.
    pub fn on_time(&mut self, now: Mono) -> Result<(), Fault> {
        if self.is_opening() && now.since(self.started) >= HANDSHAKE_MAX {
            return Err(Fault::Slow(self.phase, HANDSHAKE_MAX));
        }
        if !self.heartbeat.is_zero() {
            let silence = now.since(self.heard_at);
            if silence >= self.heartbeat * 2 {
                return Err(Fault::Silent(silence));
            }
            if self.out.is_empty() && now.since(self.said_at) >= self.heartbeat / 2 {
                frame::put(&mut self.out, Kind::Heartbeat, 0, &[]);
                // Not another one each turn, while the line takes nothing.
                self.said_at = now;
            }
        }
        Ok(())
    }

    /// Takes in what came.
    ///
    /// # Errors
    /// When the broker ends the connection or the channel, or makes no sense. What is still to be
    /// sent is then a last word that need not arrive.
    pub fn on_bytes(
        &mut self,
        bytes: &[u8],
        now: Mono,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        self.heard_at = now;
        let mut inbound = core::mem::take(&mut self.inbound);
        inbound.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            let during = self.phase;
            let split = frame::split(&inbound[at..], self.address.frame_max);
            let Some((frame, len)) = split.map_err(|error| Fault::Frame { error, during })? else {
                break;
            };
            self.on_frame(frame, events)?;
            at += len;
        }
        inbound.drain(..at);
        self.inbound = inbound;
        Ok(())
    }

    fn on_frame(&mut self, frame: Frame<'_>, events: &mut Vec<Event>) -> Result<(), Fault> {
        let nonsense = Fault::Unexpected(self.phase);
        match frame.kind {
            Kind::Heartbeat => return Ok(()),
            Kind::Method if self.returning.is_none() => {
                let heard = method::hear(frame.payload).ok_or(nonsense)?;
                return self.on_method(frame.channel, heard, events);
            }
            Kind::Method => return Err(nonsense),
            Kind::Header | Kind::Body => {}
        }
        let Some(returning) = &mut self.returning else {
            return Err(nonsense);
        };
        match (&mut returning.header, frame.kind) {
            (header @ None, Kind::Header) => {
                let (left, id) = method::hear_header(frame.payload).ok_or(nonsense)?;
                *header = Some((id, left));
            }
            (Some((_, left)), Kind::Body) => {
                let left_then = left.checked_sub(frame.payload.len() as u64);
                *left = left_then.ok_or(nonsense)?;
            }
            _ => return Err(nonsense),
        }
        if let Some(Returning {
            code,
            text,
            header: Some((message_id, 0)),
        }) = self.returning.take_if(|r| matches!(r.header, Some((_, 0))))
        {
            events.push(Event::Returned {
                message_id,
                code,
                text,
            });
        }
        Ok(())
    }

    fn on_method(
        &mut self,
        channel: u16,
        heard: Heard,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        match (self.phase, channel, heard) {
            (_, 0 | CHANNEL, Heard::Close { code, text }) => {
                method::put_close_ok(&mut self.out, channel);
                if channel != 0 {
                    method::put_close(&mut self.out);
                }
                return Err(Fault::Closed { code, text });
            }
            (_, 0, Heard::Blocked(reason)) => {
                self.is_blocked = true;
                events.push(Event::Blocked(reason));
            }
            (_, 0, Heard::Unblocked) => {
                self.is_blocked = false;
                events.push(Event::Unblocked);
            }
            (Phase::Closing, 0, Heard::Closed) => {
                self.phase = Phase::Closed;
                events.push(Event::Closed);
            }
            (Phase::Closing, ..) => {}
            (Phase::Ready, CHANNEL, heard) => return self.on_news(heard, events),
            (phase, channel, heard) => self.on_answer(phase, channel, heard, events)?,
        }
        Ok(())
    }

    /// On the way to [`Phase::Ready`], each answer has its place.
    fn on_answer(
        &mut self,
        phase: Phase,
        channel: u16,
        heard: Heard,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        let (out, settings) = (&mut self.out, &self.settings);
        self.phase = match (phase, channel, heard) {
            (
                Phase::Greeting,
                0,
                Heard::Start {
                    version,
                    mechanisms,
                },
            ) => {
                if version != (0, 9) {
                    return Err(Fault::Version(version.0, version.1));
                }
                if !mechanisms.split(' ').any(|mechanism| mechanism == "PLAIN") {
                    return Err(Fault::Mechanisms(mechanisms));
                }
                method::put_start_ok(out, &settings.username, &settings.password.0);
                Phase::Login
            }
            (
                Phase::Login,
                0,
                Heard::Tune {
                    frame_max,
                    heartbeat_s,
                    ..
                },
            ) => {
                self.tune(frame_max, heartbeat_s)?;
                Phase::Opening
            }
            (Phase::Opening, 0, Heard::Opened) => {
                method::put_channel_open(out);
                Phase::Channel
            }
            (Phase::Channel, CHANNEL, Heard::Opened) => {
                method::put_declare(out, &settings.queue, &settings.queue_options);
                Phase::Declaring
            }
            (Phase::Declaring, CHANNEL, Heard::Declared) => {
                method::put_confirm_select(out);
                Phase::Confirming
            }
            (Phase::Confirming, CHANNEL, Heard::Confirming) => {
                events.push(Event::Ready);
                Phase::Ready
            }
            _ => return Err(Fault::Unexpected(phase)),
        };
        Ok(())
    }

    /// Agrees on the smaller frames and the more frequent signs of life.
    fn tune(&mut self, frame_max: u32, heartbeat_s: u16) -> Result<(), Fault> {
        let size = match usize::try_from(frame_max).unwrap_or(usize::MAX) {
            0 => frame::SIZE_MAX,
            size if size < frame::SIZE_MIN => return Err(Fault::FrameMax(frame_max)),
            size => size.min(frame::SIZE_MAX),
        };
        let heartbeat_s = match (self.settings.heartbeat_s, heartbeat_s) {
            (None, theirs) => theirs,
            (Some(ours), 0) => ours,
            (Some(ours), theirs) => ours.min(theirs),
        };
        self.address.frame_max = size;
        self.heartbeat = Duration::from_secs(heartbeat_s.into());
        let (out, vhost) = (&mut self.out, &self.settings.vhost);
        // At most SIZE_MAX.
        method::put_tune_ok_open(out, size as u32, heartbeat_s, vhost);
        Ok(())
    }

    /// While messages go out.
    fn on_news(&mut self, heard: Heard, events: &mut Vec<Event>) -> Result<(), Fault> {
        match heard {
            Heard::Ack { tag, multiple } if tag <= self.tag_last => {
                events.push(Event::Acked { tag, multiple });
            }
            Heard::Nack { tag, multiple } if tag <= self.tag_last => {
                events.push(Event::Nacked { tag, multiple });
            }
            Heard::Return { code, text } => {
                self.returning = Some(Returning {
                    code,
                    text,
                    header: None,
                });
            }
            Heard::Flow(active) => {
                method::put_flow_ok(&mut self.out, active);
                self.is_blocked = !active;
                events.push(match active {
                    true => Event::Unblocked,
                    false => Event::Blocked("channel.flow".to_owned()),
                });
            }
            _ => return Err(Fault::Unexpected(self.phase)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
