// SPDX-License-Identifier: MIT OR Apache-2.0
//! The documents of `netmon`, from windows to outputs.

use super::Plan;
use crate::cmd::outlets::Outlets as Shared;
use crate::cmd::servers::Sender;
use crate::encode::json::Style;
use crate::encode::netmon as document;
use crate::failure::Failure;
use crate::limits::{HOST_NAME_BYTES_MAX, NETMON_DOCUMENT_BYTES_MAX};
use crate::model::interface::Window;
use crate::sys::signal::Signals;
use crate::sys::{clock, host, random};

/// All outputs of a run, and the buffer that documents are made in.
pub(super) struct Outlets {
    host: String,
    buffer: Box<[u8]>,
    style: Style,
    shared: Shared,
}

impl Outlets {
    pub(super) fn open(plan: &Plan) -> Result<Self, Failure> {
        let mut host = String::with_capacity(HOST_NAME_BYTES_MAX);
        host::name_into(&mut host);
        let sender = Sender {
            host: &host,
            start_id: random::bits(),
            sequence: 0,
        };
        Ok(Self {
            shared: Shared::open(&plan.outputs, sender, plan.is_single())?,
            host,
            buffer: vec![0; NETMON_DOCUMENT_BYTES_MAX].into_boxed_slice(),
            style: plan.style,
        })
    }

    /// Keys that no interface may take.
    pub(super) fn reserved(&self) -> &'static [&'static str] {
        if self.shared.sends() {
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
        let Self { host, buffer, .. } = self;
        host::name_into(host);
        let mut shipped = Ok(());
        if self.shared.ships() {
            let document = encode(window, host, Style::Compact, buffer)?;
            shipped = self.shared.ship(clock::wall(), document);
        }
        if self.shared.prints() {
            let document = encode(window, host, self.style, buffer)?;
            return shipped.and(self.shared.print(document, signals));
        }
        shipped
    }

    /// Sees what was handed over through to its end.
    ///
    /// # Errors
    /// When an output did not take everything.
    pub(super) fn finish(self, signals: &Signals, terminated: bool) -> Result<(), Failure> {
        self.shared.finish(signals, terminated)
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
