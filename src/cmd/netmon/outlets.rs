// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the documents of `netmon` go, and what is said when they cannot.

use super::Plan;
use crate::cmd::outputs::FilePlan;
use crate::cmd::servers::Sending;
use crate::cmd::{quoted, stdout_failure};
use crate::encode::json::Style;
use crate::encode::netmon as document;
use crate::failure::{Exit, Failure};
use crate::limits::{HOST_NAME_BYTES_MAX, NETMON_DOCUMENT_BYTES_MAX};
use crate::model::interface::Window;
use crate::sink::file::{FileError, FileSink};
use crate::sink::stdout;
use crate::sys::signal::Signals;
use crate::sys::{clock, host};

/// All outputs of a run, and the buffer that documents are made in.
pub(super) struct Outlets {
    host: String,
    buffer: Box<[u8]>,
    stdout: Option<Style>,
    file: Option<(String, FileSink)>,
    servers: Option<Sending>,
    /// No document follows the first.
    single: bool,
    /// Documents that the file did not take since the last one that it took, and in all.
    failing_count: u64,
    failed_count: u64,
}

impl Outlets {
    pub(super) fn open(plan: &Plan) -> Result<Self, Failure> {
        let mut host = String::with_capacity(HOST_NAME_BYTES_MAX);
        host::name_into(&mut host);
        let single = plan.is_single();
        let file = plan.file.as_ref().map(open_file).transpose()?;
        let servers = plan.servers.as_ref();
        let servers = servers
            .map(|servers| servers.start(&host, single))
            .transpose()?;
        Ok(Self {
            host,
            buffer: vec![0; NETMON_DOCUMENT_BYTES_MAX].into_boxed_slice(),
            stdout: plan.stdout,
            file,
            servers,
            single,
            failing_count: 0,
            failed_count: 0,
        })
    }

    /// Keys that no interface may take.
    pub(super) fn reserved(&self) -> &'static [&'static str] {
        if self.servers.is_some() {
            document::RESERVED_SENT
        } else {
            document::RESERVED
        }
    }

    /// Encodes the window and hands it to each output, whatever becomes of the others.
    ///
    /// # Errors
    /// When there is no use in another window; silent when nobody reads any more.
    pub(super) fn write(&mut self, window: Window<'_>, signals: &Signals) -> Result<(), Failure> {
        host::name_into(&mut self.host);
        let mut file = Ok(());
        if self.servers.is_some() || self.file.is_some() {
            let document = encode(window, &self.host, Style::Compact, &mut self.buffer)?;
            if let Some(servers) = &mut self.servers {
                servers.offer(clock::wall(), document);
            }
            file = self
                .file
                .as_ref()
                .map_or(Ok(()), |(_, sink)| sink.put(document));
        }
        let file = self.tell_file(file);
        if let Some(style) = self.stdout {
            let document = encode(window, &self.host, style, &mut self.buffer)?;
            if let Err(error) = stdout::put(document, signals) {
                let failure = stdout_failure(error);
                let others = self.servers.is_some() || self.file.is_some();
                if failure.exit != Exit::Done || !others {
                    return file.and(Err(failure));
                }
                // Nobody reads any more; the other outputs go on.
                self.stdout = None;
            }
        }
        file
    }

    /// Sees what was handed over through to its end.
    ///
    /// # Errors
    /// When an output did not take everything.
    pub(super) fn finish(self, signals: &Signals, terminated: bool) -> Result<(), Failure> {
        let sent = self
            .servers
            .map_or(Ok(()), |servers| servers.finish(signals, terminated));
        match (self.failed_count, &self.file) {
            (1.., Some((path, _))) if !self.single => Err(Failure::failed(format_args!(
                "{}: documents lost: {}; see the lines before",
                quoted(path),
                self.failed_count
            ))),
            _ => sent,
        }
    }

    /// Says when the file takes no documents, and when it does so again.
    fn tell_file(&mut self, result: Result<(), FileError>) -> Result<(), Failure> {
        let Some((path, _)) = &self.file else {
            return Ok(());
        };
        match result {
            Ok(()) if self.failing_count > 0 => {
                log::warn!(
                    "{}: written again, after {} lost",
                    quoted(path),
                    self.failing_count
                );
                self.failing_count = 0;
            }
            Ok(()) => {}
            Err(error) if self.single => return Err(unwritable(path, &error)),
            Err(error) => {
                if self.failing_count == 0 {
                    log::error!("{}; going on", unwritable(path, &error));
                }
                self.failing_count += 1;
                self.failed_count += 1;
            }
        }
        Ok(())
    }
}

fn encode<'b>(
    window: Window<'_>,
    host: &str,
    style: Style,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], Failure> {
    document::document(window, host, style, buffer)
        .map_err(|error| Failure::failed(format_args!("document: {error}; please report this")))
}

fn open_file(plan: &FilePlan) -> Result<(String, FileSink), Failure> {
    let directory = &plan.directory;
    match FileSink::open(directory, "netmon.log", plan.keep) {
        Ok(sink) => Ok((format!("{directory}/netmon.log"), sink)),
        Err(error) => Err(Failure::failed(format_args!(
            "--logpath {}: cannot use the directory: {error}",
            quoted(directory)
        ))),
    }
}

fn unwritable(path: &str, error: &FileError) -> Failure {
    Failure::failed(format_args!("cannot write {}: {error}", quoted(path)))
}
