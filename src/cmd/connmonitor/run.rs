// SPDX-License-Identifier: MIT OR Apache-2.0
//! The loop of `connmonitor`: rounds until a signal, then what runs is finished and told.

use core::time::Duration;
use std::io;

use super::hosts::{self, Source};
use super::records::Records;
use crate::cmd::lan::cannot;
use crate::cmd::outlets::Outlets;
use crate::cmd::outputs::Outputs;
use crate::cmd::servers::Sender;
use crate::collect::prober::Prober;
use crate::failure::{Exit, Failure};
use crate::sys::poll::{self, AsFd, Until};
use crate::sys::signal::{Hints, Signals, Woken};
use crate::sys::{clock, host, random};
use crate::time::Mono;

/// What rounds that run have at the end, and a little more; the rest of the 3 s is for servers.
const LAST_ROUNDS: Duration = Duration::from_millis(2_300);

/// What to do, checked.
pub(super) struct Plan {
    pub(super) source: Source,
    pub(super) changes_only: bool,
    pub(super) loss_limit_percent: u64,
}

/// Everything at work.
pub(super) struct Monitor {
    pub(super) source: Source,
    pub(super) prober: Prober,
    pub(super) records: Records,
    signals: Signals,
    /// SIGHUP.
    pub(super) hangup: Hints,
    /// No name has an address yet.
    hopeless: bool,
}

/// Does all that `plan` wants, until a signal comes.
///
/// # Errors
/// When there is nobody to test, nobody can be asked, or an output did not take everything.
pub(super) fn run(plan: Plan, outputs: &Outputs, hangup: Hints) -> Result<(), Failure> {
    let hosts = plan.source.read()?;
    // From now on: whoever types the hosts wants to be able to give up.
    let signals = Signals::hold().map_err(|error| cannot("wait for signals", &error))?;
    hosts.tell_gaps();
    let prober = Prober::open(hosts.subjects())?;
    let start_id = random::bits();
    let mut name = String::new();
    host::name_into(&mut name);
    let sender = Sender {
        host: &name,
        start_id,
        sequence: 0,
    };
    let outlets = Outlets::open(outputs, sender, false)?;
    let records = Records::new(
        hosts,
        outlets,
        start_id,
        plan.changes_only,
        plan.loss_limit_percent,
    );
    let monitor = Monitor {
        source: plan.source,
        prober,
        records,
        signals,
        hangup,
        hopeless: true,
    };
    log::info!("testing {} hosts", monitor.records.hosts.hosts.len());
    monitor.run()
}

impl Monitor {
    fn run(mut self) -> Result<(), Failure> {
        let watched = self.watch();
        let nobody_reads = matches!(&watched, Err(failure) if failure.exit == Exit::Done);
        let finished = if nobody_reads { Ok(()) } else { self.finish() };
        let outlets = self.records.into_outlets(watched.is_ok());
        let sent = outlets.finish(&self.signals, true);
        watched.and(finished).and(sent)
    }

    /// Rounds until a signal says that it is enough.
    fn watch(&mut self) -> Result<(), Failure> {
        loop {
            let (terminate, reload) = self.wait(None)?;
            if terminate && self.taken()? {
                return Ok(());
            }
            if reload && self.hangup.taken() {
                self.reload()?;
            }
            self.turn()?;
            if self.hopeless {
                // Later a name server may be away for a while.
                self.hopeless = !self.records.is_any_resolved();
                if self.records.are_all_unresolved() {
                    return Err(hosts::none());
                }
            }
        }
    }

    /// Lets the rounds that run come to their end.
    fn finish(&mut self) -> Result<(), Failure> {
        let end = self
            .signals
            .heard()
            .unwrap_or_else(clock::mono)
            .after(LAST_ROUNDS);
        self.prober.finish(clock::mono());
        while !self.prober.is_over() && clock::mono() < end {
            self.wait(Some(end))?;
            self.turn()?;
        }
        Ok(())
    }

    fn turn(&mut self) -> Result<(), Failure> {
        let (records, mut result) = (&mut self.records, Ok(()));
        let turned = self.prober.turn(&mut |report| {
            if result.is_ok() {
                result = records.on_report(report);
            }
        });
        turned.map_err(|error| cannot_wait(&error))?;
        result
    }

    /// Sleeps until something is due or has come; whether there are signals to end and to reload,
    /// which are not looked at before `end`.
    fn wait(&self, end: Option<Mono>) -> Result<(bool, bool), Failure> {
        let prober = self.prober.as_fd();
        // At the end they are watched in the shape of the prober, which costs nothing.
        let (signals, hangup) = match end {
            None => (self.signals.as_fd(), self.hangup.as_fd()),
            Some(_) => (prober, prober),
        };
        let due = [self.prober.next_due(), end].into_iter().flatten().min();
        let timeout = due.map(|due| due.since(clock::mono()));
        let wanted = [signals, hangup, prober].map(|fd| (fd, Until::Readable));
        let [terminate, reload, _] =
            poll::wait(wanted, timeout).map_err(|error| cannot_wait(&error))?;
        Ok((terminate && end.is_none(), reload && end.is_none()))
    }

    /// Whether there is a signal to end.
    fn taken(&self) -> Result<bool, Failure> {
        let woken = self.signals.wait_until(clock::mono(), None);
        let woken = woken.map_err(|error| cannot_wait(&error))?;
        Ok(woken == Woken::Terminate)
    }
}

fn cannot_wait(error: &io::Error) -> Failure {
    cannot("wait for answers", error)
}
