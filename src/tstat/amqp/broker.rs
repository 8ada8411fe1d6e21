// SPDX-License-Identifier: MIT OR Apache-2.0
//! Drives the connection to a broker: sends, listens, waits, connects again.

mod drive;
mod events;
mod line;
mod patience;

use core::time::Duration;
use std::rc::Rc;

use super::event::{Event, Phase};
use super::fault::Fault;
use super::link;
use super::method;
use super::pause::{Cut, Pause};
use super::window::Window;
use crate::engine::retry::Backoff;
use crate::sys::resolver::Resolver;
use crate::sys::signal::Signals;
use crate::sys::{clock, random};
use crate::term::escape::Escaped;
use crate::time::Mono;
use crate::tls::client::Client;
use crate::tstat::carrier::{Carrier, CarrierError, Slice, Tally};
use crate::tstat::settings::{Persistent, Rabbit};
use line::{Break, Line};
use patience::PATIENCE;
pub use patience::Patience;

/// The longest wait between two tries to connect.
const BACKOFF_CEILING: Duration = Duration::from_secs(5);

/// A connection to a broker, kept alive and made again when it breaks.
#[derive(Debug)]
pub struct Broker<'a> {
    settings: Rc<Rabbit>,
    /// Watched in every wait.
    signals: &'a Signals,
    patience: Patience,
    client: Option<Client>,
    resolver: Resolver,
    line: Option<Line>,
    window: Window,
    events: Vec<Event>,
    tally: Tally,
    backoff: Backoff,
    /// More may have come than was read.
    is_unread: bool,
    /// When the next try to connect is due.
    try_at: Mono,
    /// Since when nothing succeeds.
    trouble_since: Option<Mono>,
    was_ready: bool,
    /// Why it goes no further.
    reason: Option<CarrierError>,
}

impl<'a> Broker<'a> {
    /// Connects, declares the queue, asks for confirms.
    ///
    /// # Errors
    /// `SetUpWrong`, `Down` or `Interrupted`.
    pub fn connect(settings: Rabbit, signals: &'a Signals) -> Result<Self, CarrierError> {
        Self::connect_patiently(settings, signals, PATIENCE)
    }

    /// The same, with another patience.
    ///
    /// # Errors
    /// `SetUpWrong`, `Down` or `Interrupted`.
    pub fn connect_patiently(
        settings: Rabbit,
        signals: &'a Signals,
        patience: Patience,
    ) -> Result<Self, CarrierError> {
        if let Some(key) = method::too_long(&settings) {
            let what = format!("`{key}` is longer than the 255 bytes that AMQP allows; shorten it");
            return Err(CarrierError::SetUpWrong(what));
        }
        let client = link::client(&settings).map_err(CarrierError::SetUpWrong)?;
        if settings.tls.as_ref().is_some_and(|tls| tls.insecure) {
            log::warn!("the broker's certificate is not checked: anybody can pose as the broker");
        }
        if settings.persistent == Persistent::Auto && !settings.queue_options.durable {
            log::warn!(
                "the queue is not declared durable: messages do not outlive a restart of the \
                 broker, confirmed ones neither; see `persistent`"
            );
        }
        let resolver = Resolver::start();
        let resolver = resolver.map_err(|error| CarrierError::Down(format!("no thread: {error}")));
        let mut broker = Self {
            settings: Rc::new(settings),
            signals,
            patience,
            client,
            resolver: resolver?,
            line: None,
            window: Window::default(),
            events: Vec::new(),
            tally: Tally::default(),
            backoff: Backoff::new(BACKOFF_CEILING),
            is_unread: false,
            try_at: clock::mono(),
            trouble_since: None,
            was_ready: false,
            reason: None,
        };
        while !broker.was_ready {
            broker.turn(broker.pause(None))?;
        }
        Ok(broker)
    }

    /// Waits that heed signals, unless there is a deadline.
    fn pause(&self, deadline: Option<Mono>) -> Pause<'a> {
        Pause {
            signals: deadline.is_none().then_some(self.signals),
            deadline,
        }
    }

    fn name(&self) -> String {
        let Rabbit { host, port, .. } = &*self.settings;
        let host = Escaped(host.trim_matches(['[', ']']));
        match host.0.contains(':') {
            true => format!("RabbitMQ at [{host}]:{port}"),
            false => format!("RabbitMQ at {host}:{port}"),
        }
    }

    /// The connection is lost: another try later, unless there is no sense in it.
    fn on_break(&mut self, why: Break) -> Result<(), CarrierError> {
        let now = clock::mono();
        self.line = None;
        self.window.on_broken();
        let text = format!("{}: {why}", self.name());
        let since = *self.trouble_since.get_or_insert(now);
        let patience = match self.was_ready {
            true => self.patience.again,
            false => self.patience.first,
        };
        let wait = self.backoff.failed(random::bits(), None);
        // The last try is when patience ends, and not the one before.
        let end = since.after(patience);
        self.try_at = now.after(wait).min(end);
        if why.lasts(self.was_ready) {
            return Err(self.give_up(CarrierError::SetUpWrong(text)));
        }
        let is_over = matches!(why, Break::Fault(Fault::Blocked(_)));
        if is_over || now >= end {
            let tried = now.since(since).as_secs();
            let text = format!("{text} (tried for {tried} s)");
            return Err(self.give_up(CarrierError::Down(text)));
        }
        log::warn!(
            "{text}; trying again in {} ms, {} unconfirmed",
            self.try_at.since(now).as_millis(),
            self.window.len()
        );
        Ok(())
    }

    fn give_up(&mut self, error: CarrierError) -> CarrierError {
        self.window.forget();
        self.trouble_since = None;
        self.backoff.succeeded();
        self.reason.get_or_insert(error.clone());
        error
    }

    fn cut(&mut self, cut: Cut) -> CarrierError {
        match cut {
            Cut::Signal => CarrierError::Interrupted,
            Cut::Deadline => {
                let count = self.window.len();
                let what = format!(
                    "{}: no time left, {count} messages unconfirmed; the next run sends them again",
                    self.name()
                );
                CarrierError::Down(what)
            }
            Cut::Kernel => CarrierError::Down("poll(2) failed: no memory left".to_owned()),
        }
    }
}

impl Carrier for Broker<'_> {
    fn offer(&mut self, slice: &Slice<'_>) -> Result<(), CarrierError> {
        let mut outcome = self.pump();
        loop {
            if let Some(reason) = &self.reason {
                return Err(reason.clone());
            }
            outcome?;
            if self.window.has_room(slice.body.len()) {
                break;
            }
            outcome = self.turn(self.pause(None));
        }
        self.window.take(slice);
        self.pump()
    }

    fn confirmed(&mut self, on_confirmed: &mut dyn FnMut(u64)) {
        // What fails here is told by the next call that may fail.
        let _ = self.pump();
        self.window.confirmed(on_confirmed);
    }

    fn settle(&mut self, deadline: Option<Mono>) -> Result<(), CarrierError> {
        let mut outcome = self.pump();
        while outcome.is_ok() && !self.window.is_empty() {
            outcome = self.turn(self.pause(deadline));
        }
        if outcome == Err(CarrierError::Interrupted) {
            return outcome;
        }
        self.window.forget();
        self.reason.take().map_or(outcome, Err)
    }

    fn tally(&self) -> Tally {
        self.tally
    }

    fn close(&mut self) {
        if let Some(line) = &mut self.line {
            line.session.close();
        }
        let end = clock::mono().after(self.patience.leave);
        let is_leaving = |line: &Line| line.session.phase() == Phase::Closing;
        // No other connection is made for it.
        while self.line.as_ref().is_some_and(is_leaving) {
            if self.turn(self.pause(Some(end))).is_err() {
                break;
            }
        }
        self.line = None;
    }
}
