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
    files: Vec<Outlet>,
    servers: Option<Sending>,
    /// No document follows the first.
    single: bool,
}

/// A file, and how it takes documents.
struct Outlet {
    path: String,
    sink: FileSink,
    /// Documents that it did not take since the last one that it took, and in all.
    failing_count: u64,
    failed_count: u64,
}

impl Outlets {
    pub(super) fn open(plan: &Plan) -> Result<Self, Failure> {
        let mut host = String::with_capacity(HOST_NAME_BYTES_MAX);
        host::name_into(&mut host);
        let single = plan.is_single();
        let mut files = Vec::new();
        for file in &plan.outputs.files {
            files.push(Outlet::open(file)?);
        }
        let servers = plan.outputs.servers.as_ref();
        let servers = servers
            .map(|servers| servers.start(&host, single))
            .transpose()?;
        Ok(Self {
            host,
            buffer: vec![0; NETMON_DOCUMENT_BYTES_MAX].into_boxed_slice(),
            stdout: plan.stdout,
            files,
            servers,
            single,
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
        let others = self.servers.is_some() || !self.files.is_empty();
        let mut file = Ok(());
        if others {
            let document = encode(window, &self.host, Style::Compact, &mut self.buffer)?;
            if let Some(servers) = &mut self.servers {
                servers.offer(clock::wall(), document);
            }
            for outlet in &mut self.files {
                file = file.and(outlet.put(document, self.single));
            }
        }
        if let Some(style) = self.stdout {
            let document = encode(window, &self.host, style, &mut self.buffer)?;
            if let Err(error) = stdout::put(document, signals) {
                let failure = stdout_failure(error);
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
        let mut lost = self.files.iter().filter(|outlet| outlet.failed_count > 0);
        match lost.next() {
            Some(outlet) if !self.single => Err(Failure::failed(format_args!(
                "{}: documents lost: {}; see the lines before",
                quoted(&outlet.path),
                outlet.failed_count
            ))),
            _ => sent,
        }
    }
}

impl Outlet {
    fn open(plan: &FilePlan) -> Result<Self, Failure> {
        let FilePlan {
            directory,
            file_name,
            ..
        } = plan;
        match FileSink::open(directory, file_name, plan.keep) {
            Ok(sink) => Ok(Self {
                path: format!("{directory}/{file_name}"),
                sink,
                failing_count: 0,
                failed_count: 0,
            }),
            Err(error) => Err(Failure::failed(format_args!(
                "{}: cannot use the directory: {error}",
                plan.subject
            ))),
        }
    }

    /// Writes a document; says when the file takes none, and when it does so again.
    fn put(&mut self, document: &[u8], single: bool) -> Result<(), Failure> {
        match self.sink.put(document) {
            Ok(()) if self.failing_count > 0 => {
                log::warn!(
                    "{}: written again, after {} lost",
                    quoted(&self.path),
                    self.failing_count
                );
                self.failing_count = 0;
            }
            Ok(()) => {}
            Err(error) if single => return Err(unwritable(&self.path, &error)),
            Err(error) => {
                if self.failing_count == 0 {
                    log::error!("{}; going on", unwritable(&self.path, &error));
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

fn unwritable(path: &str, error: &FileError) -> Failure {
    Failure::failed(format_args!("cannot write {}: {error}", quoted(path)))
}
