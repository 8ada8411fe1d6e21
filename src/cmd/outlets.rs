// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where documents go while the applet runs, and what is said when they cannot.

use core::fmt;
use core::time::Duration;
use std::io;

use super::outputs::{FilePlan, Outputs};
use super::servers::{Sender, Sending};
use super::{quoted, stdout_failure};
use crate::encode::snapshot::{Output, Spool};
use crate::failure::{Exit, Failure};
use crate::sink::file::{FileError, FileSink};
use crate::sink::stdout::{self, Rest};
use crate::sys::clock;
use crate::sys::signal::Signals;
use crate::time::Wall;

/// All outputs of a run.
pub(super) struct Outlets {
    stdout: Option<Counted>,
    files: Vec<(FileSink, Counted)>,
    servers: Option<Sending>,
    /// Those before the last reload, with what they have in memory.
    retired: Vec<Sending>,
    /// No document follows the first.
    single: bool,
    /// What standard output has not taken yet.
    rest: Rest,
}

/// What the reader of standard output is given for each document, and at the end.
const PRINT_PATIENCE: Duration = Duration::from_millis(100);
const LAST_PATIENCE: Duration = Duration::from_secs(1);

const STDOUT: &str = "standard output";

/// What an output is called, and what it took.
struct Counted {
    name: String,
    /// What messages call it.
    subject: String,
    sent: u64,
    /// Documents that it did not take since the last one that it took, and in all.
    failing_count: u64,
    failed_count: u64,
    last_error: Option<(String, Wall)>,
}

impl Outlets {
    /// Opens all outputs, on behalf of `sender`.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub(super) fn open(
        outputs: &Outputs,
        sender: Sender<'_>,
        single: bool,
    ) -> Result<Self, Failure> {
        let files = outputs.files.iter().map(open_file);
        let servers = outputs.servers.as_ref();
        Ok(Self {
            stdout: outputs
                .stdout
                .clone()
                .map(|name| Counted::new(name, STDOUT.to_owned())),
            files: files.collect::<Result<_, _>>()?,
            servers: servers
                .map(|servers| servers.start(sender, single))
                .transpose()?,
            retired: Vec::new(),
            single,
            rest: Rest::default(),
        })
    }

    /// Changes from outputs `old` to `new`, as far as they differ; what stays goes on with its
    /// counters. A sender that was `renamed` has to begin anew with its servers.
    ///
    /// # Errors
    /// When one cannot be opened: it goes on with the old ones.
    pub(super) fn exchange(
        &mut self,
        old: &Outputs,
        new: &Outputs,
        sender: Sender<'_>,
        renamed: bool,
    ) -> Result<(), Failure> {
        let files = new.files.iter().map(|plan| {
            let kept = old.files.iter().position(|before| before == plan);
            kept.map_or_else(|| open_file(plan).map(Ok), |index| Ok(Err(index)))
        });
        let files = files.collect::<Result<Vec<_>, Failure>>()?;
        if renamed || old.servers != new.servers {
            self.exchange_servers(old, new, sender)?;
        }
        let before = core::mem::take(&mut self.files).into_iter();
        let mut before: Vec<_> = before.map(Some).collect();
        let files = files.into_iter();
        let files = files.map(|file| file.map_or_else(|index| before[index].take(), Some));
        self.files = files.flatten().collect();
        if old.stdout != new.stdout {
            let name = new.stdout.clone();
            self.stdout = name.map(|name| Counted::new(name, STDOUT.to_owned()));
        }
        Ok(())
    }

    fn exchange_servers(
        &mut self,
        old: &Outputs,
        new: &Outputs,
        sender: Sender<'_>,
    ) -> Result<(), Failure> {
        let start = |outputs: &Outputs| {
            let servers = outputs.servers.as_ref();
            servers
                .map(|servers| servers.start(sender, false))
                .transpose()
        };
        // Two cannot have the spool in hand.
        self.retired
            .extend(self.servers.take().and_then(Sending::retire));
        match start(new) {
            Ok(servers) => self.servers = servers,
            Err(failure) => {
                self.servers = start(old)?;
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Whether documents go to standard output.
    pub(super) fn prints(&self) -> bool {
        self.stdout.is_some()
    }

    /// Whether documents go to standard output or files.
    pub(super) fn records(&self) -> bool {
        self.prints() || !self.files.is_empty()
    }

    /// Whether documents go elsewhere.
    pub(super) fn ships(&self) -> bool {
        self.servers.is_some() || !self.files.is_empty()
    }

    /// Whether documents go to servers.
    pub(super) fn sends(&self) -> bool {
        self.servers.is_some()
    }

    /// Hands a document, stamped with `wall`, to files and servers, whatever becomes of the others.
    ///
    /// # Errors
    /// When a file did not take the only one.
    pub(super) fn ship(&mut self, wall: Wall, document: &[u8]) -> Result<(), Failure> {
        if let Some(servers) = &mut self.servers {
            servers.offer(wall, document);
        }
        self.retired.retain(|sending| !sending.is_over());
        let mut result = Ok(());
        for (sink, counted) in &mut self.files {
            result = result.and(counted.put(sink.put(document), self.single));
        }
        result
    }

    /// Writes a document to standard output.
    ///
    /// # Errors
    /// When there is no use in another one; silent when nobody reads any more.
    pub(super) fn print(&mut self, document: &[u8], signals: &Signals) -> Result<(), Failure> {
        let ships = self.ships();
        let Some(counted) = &mut self.stdout else {
            return Ok(());
        };
        let Err(error) = stdout::put(document, signals) else {
            counted.sent += 1;
            return Ok(());
        };
        let failure = stdout_failure(error);
        if failure.exit == Exit::Done && ships {
            // Nobody reads any more; the other outputs go on.
            self.stdout = None;
            return Ok(());
        }
        Err(failure)
    }

    /// Writes a document to standard output as far as its reader takes it soon: one that is slow
    /// misses documents, and holds up nobody.
    ///
    /// # Errors
    /// As [`Self::print`].
    pub(super) fn print_soon(&mut self, document: &[u8]) -> Result<(), Failure> {
        let ships = self.ships();
        let Some(counted) = &mut self.stdout else {
            return Ok(());
        };
        match self.rest.put(document, PRINT_PATIENCE) {
            Ok(true) => counted.took(),
            Ok(false) => counted.missed("its reader does not read"),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && ships => self.stdout = None,
            Err(error) => return Err(stdout_failure(error)),
        }
        Ok(())
    }

    /// Hands a document, stamped with `wall`, to servers alone.
    pub(super) fn send(&mut self, wall: Wall, document: &[u8]) {
        if let Some(servers) = &mut self.servers {
            servers.offer(wall, document);
        }
    }

    /// Hands a record to files and to standard output, none of which is waited for; what they do
    /// not take is counted.
    ///
    /// # Errors
    /// When nobody reads any more, which is no fault.
    pub(super) fn record(&mut self, record: &[u8]) -> Result<(), Failure> {
        for (sink, counted) in &mut self.files {
            // It goes on, so there is no error.
            let _ = counted.put(sink.put(record), false);
        }
        let ships = self.ships();
        let Some(counted) = &mut self.stdout else {
            return Ok(());
        };
        match self.rest.put(record, Duration::ZERO) {
            Ok(true) => counted.took(),
            Ok(false) => counted.missed("its reader does not read"),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => match ships {
                true => self.stdout = None,
                false => return Err(stdout_failure(error)),
            },
            Err(error) => counted.missed(error),
        }
        Ok(())
    }

    /// Writes what ends standard output, as far as its reader takes it soon.
    pub(super) fn end_with(&mut self, bytes: &[u8]) {
        if self.prints() {
            // What cannot be written was said before.
            let _ = self.rest.put(bytes, PRINT_PATIENCE);
        }
    }

    /// Hands over what became of the documents at each output.
    pub(super) fn each<E>(
        &self,
        now: Wall,
        mut each: impl FnMut(&Output<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(counted) = &self.stdout {
            each(&counted.output("stdout"))?;
        }
        for (_, counted) in &self.files {
            each(&counted.output("file"))?;
        }
        let mut result = Ok(());
        if let Some(servers) = &self.servers {
            servers.each(now, |output| {
                if result.is_ok() {
                    result = each(output);
                }
            });
        }
        result
    }

    /// What happened to the files of the spool; `None` without one.
    pub(super) fn spool(&self) -> Option<Spool> {
        self.servers.as_ref().and_then(Sending::spool)
    }

    /// Sees what was handed over through to its end.
    ///
    /// # Errors
    /// When an output did not take everything.
    pub(super) fn finish(mut self, signals: &Signals, terminated: bool) -> Result<(), Failure> {
        // Half a line helps nobody; that it cannot be ended was said.
        let _ = self.rest.put(b"", LAST_PATIENCE);
        // Those that were replaced have until the same moment.
        let begun = signals.heard().unwrap_or_else(clock::mono);
        let mut sent = Ok(());
        for sending in self.servers.into_iter().chain(self.retired) {
            sent = sent.and(sending.finish(signals, terminated, begun));
        }
        let files = self.files.iter().map(|(_, counted)| counted);
        let all = self.stdout.iter().chain(files);
        let mut lost = all.filter(|counted| counted.failed_count > 0);
        match lost.next() {
            Some(counted) if !self.single => Err(Failure::failed(format_args!(
                "{}: documents lost: {}; see the lines before",
                quoted(&counted.subject),
                counted.failed_count
            ))),
            _ => sent,
        }
    }
}

impl Counted {
    fn new(name: String, subject: String) -> Self {
        Self {
            name,
            subject,
            sent: 0,
            failing_count: 0,
            failed_count: 0,
            last_error: None,
        }
    }

    /// Counts what became of a document; says when the output takes none, and when it does again.
    fn put(&mut self, result: Result<(), FileError>, single: bool) -> Result<(), Failure> {
        let Err(error) = result else {
            self.took();
            return Ok(());
        };
        if single {
            return Err(self.failure(&error));
        }
        self.missed(error);
        Ok(())
    }

    fn took(&mut self) {
        self.sent += 1;
        if self.failing_count > 0 {
            let subject = quoted(&self.subject);
            let lost = core::mem::take(&mut self.failing_count);
            log::warn!("{subject}: written again, after {lost} lost");
        }
    }

    fn missed(&mut self, why: impl fmt::Display) {
        if self.failing_count == 0 {
            let failure = self.failure(&why);
            log::error!("{failure}; going on");
            self.last_error = Some((failure.to_string(), clock::wall()));
        }
        self.failing_count += 1;
        self.failed_count += 1;
    }

    fn failure(&self, why: &dyn fmt::Display) -> Failure {
        let subject = quoted(&self.subject);
        Failure::failed(format_args!("cannot write {subject}: {why}"))
    }

    fn output(&self, kind: &'static str) -> Output<'_> {
        let error = self.last_error.as_ref();
        Output {
            name: &self.name,
            kind,
            queue: 0,
            oldest_s: None,
            sent: self.sent,
            retried: 0,
            dropped: self.failed_count,
            dead_lettered: 0,
            last_error: error.map(|(text, when)| (text.as_str(), *when)),
        }
    }
}

fn open_file(plan: &FilePlan) -> Result<(FileSink, Counted), Failure> {
    let FilePlan {
        name,
        directory,
        file_name,
        ..
    } = plan;
    match FileSink::open(directory, file_name, plan.keep) {
        Ok(sink) => {
            let path = format!("{directory}/{file_name}");
            Ok((sink, Counted::new(name.clone(), path)))
        }
        Err(error) => Err(Failure::failed(format_args!(
            "{}: cannot use the directory: {error}",
            plan.subject
        ))),
    }
}
