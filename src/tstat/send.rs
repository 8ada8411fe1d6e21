// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run of `tstat-send`: every directory with logs that is not yet processed, one after the other.

use core::ops::ControlFlow;
use core::time::Duration;
use std::io;

use super::carrier::{Carrier, CarrierError};
use super::directory::{Halt, Outcome};
use super::flow::{Renderer, Wish};
use super::reading::Reader;
use super::report::Report;
use super::settings::Transport;
use super::walk::{Place, Visitor, walk};
use crate::failure::{Exit, Failure};
use crate::sys::files::c_path;
use crate::sys::signal::Signals;
use crate::sys::tree::Directory;

/// What to do, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where the tree of logs begins.
    pub directory: String,
    /// Which objects are made, and how.
    pub wish: Wish,
    /// Where they go; `None`: to standard output, and nothing is marked.
    pub transport: Option<Transport>,
    /// Ends after the first directory that had objects.
    pub single: bool,
    /// Logs that changed later than this are left alone.
    pub min_age: Duration,
}

/// Makes the way out, when it is needed first.
pub type Connect<'a> = &'a dyn Fn() -> Result<Box<dyn Carrier + 'a>, CarrierError>;

/// A run.
pub struct Sender<'a> {
    pub(super) plan: &'a Plan,
    pub(super) signals: &'a Signals,
    pub(super) connect: Connect<'a>,
    pub(super) carrier: Option<Box<dyn Carrier + 'a>>,
    pub(super) reader: Reader,
    pub(super) report: Report,
    /// Why the run ended before its end.
    stopped: Option<CarrierError>,
}

impl<'a> Sender<'a> {
    /// A run by `plan` that connects when there is something to do.
    pub fn new(plan: &'a Plan, signals: &'a Signals, connect: Connect<'a>) -> Self {
        Self {
            plan,
            signals,
            connect,
            carrier: None,
            reader: Reader::new(Renderer::new(&plan.wish)),
            report: Report::default(),
            stopped: None,
        }
    }

    /// Goes through the tree, and says in the end how it went.
    ///
    /// # Errors
    /// When something was not done; it was said already.
    pub fn run(mut self) -> Result<(), Failure> {
        let plan = self.plan;
        let opened = c_path(&plan.directory).and_then(|path| Directory::open(&path));
        let root = opened.map_err(|error| {
            Failure::usage(format_args!(
                "cannot open the directory {}: {error}; is it there, and yours to read?",
                plan.directory
            ))
        })?;
        let place = Place::root(&plan.directory);
        self.report.expect(&root, &place);
        // Whether it went to its end is known by `stopped`.
        let _ = walk(&root, &place, &mut self);
        if let Some(carrier) = &mut self.carrier {
            carrier.close();
            self.report.tally = carrier.tally();
        }
        let stopped = self.stopped.take();
        match &stopped {
            None | Some(CarrierError::Closed) => {}
            Some(CarrierError::Interrupted) => {
                self.report.hide();
                log::warn!("interrupted; what was confirmed is remembered for the next run");
            }
            // Said where it happened.
            Some(_) => self.report.failed += 1,
        }
        self.report.show();
        match (self.report.failed, stopped) {
            (0, _) => Ok(()),
            _ => Err(Failure::silent(Exit::Failed)),
        }
    }
}

impl Visitor for Sender<'_> {
    fn visit(&mut self, directory: &Directory, place: &Place) -> ControlFlow<()> {
        if self.signals.is_asked_to_end() {
            self.stopped = Some(CarrierError::Interrupted);
            return ControlFlow::Break(());
        }
        let before = self.report.counts.objects;
        let result = self.directory(directory, place);
        let had_objects = self.report.counts.objects > before;
        match result {
            Ok(Outcome::Left) => {}
            Ok(Outcome::Done) => self.report.done += 1,
            Err(Halt::Failed(what)) => {
                self.report.failed += 1;
                self.report.hide();
                log::error!("{}: {what}", place.path);
            }
            Err(Halt::Stopped(error)) => {
                if !matches!(error, CarrierError::Closed | CarrierError::Interrupted) {
                    self.report.hide();
                    log::error!("{}: {error}", place.path);
                }
                self.stopped = Some(error);
                return ControlFlow::Break(());
            }
        }
        match self.plan.single && had_objects {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn blocked(&mut self, place: &Place, error: &io::Error) {
        self.report.failed += 1;
        self.report.hide();
        log::error!(
            "{}: cannot be searched: {error}; is it yours to read?",
            place.path
        );
    }
}
