// SPDX-License-Identifier: MIT OR Apache-2.0
//! A window on standard output: as a table, live at a terminal, or as JSON.

use core::fmt::Write as _;
use core::num::NonZeroU64;

use crate::cmd::observer::Observer;
use crate::cmd::stdout_failure;
use crate::collect::speeds::Speeds;
use crate::encode::bandwidth::{self as document, Window};
use crate::encode::json::{Full, Json, Style};
use crate::encode::traffic;
use crate::failure::Failure;
use crate::model::interface::bits_per_second;
use crate::model::traffic::Row;
use crate::sink::stdout;
use crate::sys::signal::Signals;
use crate::sys::terminal;
use crate::term::amount::{Bytes, Rate};
use crate::term::escape::Escaped;
use crate::term::screen;
use crate::term::table::{Column, Table};

const fn column(heading: &'static str, right: bool) -> Column {
    Column {
        heading,
        right,
        shrinks: !right,
    }
}

const COLUMNS: &[Column] = &[
    Column {
        heading: "ADDRESS",
        right: false,
        shrinks: false,
    },
    Column {
        heading: "MAC",
        right: false,
        shrinks: false,
    },
    column("NAME", false),
    column("RECEIVES", true),
    column("SENDS", true),
    column("RECEIVED", true),
    column("SENT", true),
];

/// The room to make it in.
pub(super) struct Report {
    json: bool,
    document: Box<[u8]>,
    speeds: Box<Speeds>,
    /// The lines above the table.
    head: String,
    table: Table,
    text: String,
}

impl Report {
    /// Room for so many devices.
    pub(super) fn new(json: bool, devices_max: usize) -> Self {
        let bytes = if json {
            document::bytes_max(devices_max)
        } else {
            0
        };
        Self {
            json,
            document: vec![0; bytes].into_boxed_slice(),
            speeds: Box::default(),
            head: String::new(),
            table: Table::new(COLUMNS),
            text: String::new(),
        }
    }

    /// Shows at a terminal that it counts, before there is anything to show.
    pub(super) fn begin(&mut self, observer: &Observer, signals: &Signals) -> Result<(), Failure> {
        if self.json || terminal::stdout_size().is_none() {
            return Ok(());
        }
        self.head.push_str("counting on");
        names(&mut self.head, observer);
        self.head.push_str(" …\n");
        self.draw(signals)
    }

    /// Leaves a terminal with a line of its own for what comes next.
    pub(super) fn end(&self, signals: &Signals) -> Result<(), Failure> {
        if self.json || terminal::stdout_size().is_none() {
            return Ok(());
        }
        stdout::put(b"\n", signals).map_err(stdout_failure)
    }

    /// Shows the window that has ended.
    pub(super) fn show(
        &mut self,
        observer: &mut Observer,
        window: &Window,
        sequence: u64,
        signals: &Signals,
    ) -> Result<(), Failure> {
        if self.json {
            let len = self.json(observer, window, sequence).map_err(|error| {
                Failure::failed(format_args!("document: {error}; please report this"))
            })?;
            return stdout::put(&self.document[..len], signals).map_err(stdout_failure);
        }
        observer.by_rate();
        self.head(observer, window);
        self.table.clear();
        let table = &mut self.table;
        let Ok(()) = observer.each(window.end.mono, |entry, row| {
            match (entry.address, entry.device.ipv6.first()) {
                (Some(address), _) => table.cell(address),
                (None, Some(address)) => table.cell(address),
                (None, None) => table.cell("-"),
            }
            table.cell(entry.device.mac);
            table.cell(entry.name.map_or("", |(name, _)| name));
            row.inspect(|row| cells(table, row, window.elapsed_us()));
            Ok::<(), core::convert::Infallible>(())
        });
        self.draw(signals)
    }

    /// Writes the document; its length.
    fn json(&mut self, observer: &Observer, window: &Window, sequence: u64) -> Result<usize, Full> {
        let taps = observer.capture.interfaces().iter();
        let names = taps.map(|tap| tap.name.as_str());
        self.speeds
            .read(&observer.lan.sources.root, names, window.end.mono);
        let len = self.document.len();
        let mut json = Json::new(&mut *self.document, Style::Compact);
        document::open(&mut json, sequence, window)?;
        observer.devices(&mut json, window, |name| self.speeds.mbps(name))?;
        document::close(&mut json, &observer.captured())?;
        Ok(len - json.finish()?.len())
    }

    /// What is said of the window as a whole.
    fn head(&mut self, observer: &Observer, window: &Window) {
        let (head, capture) = (&mut self.head, &observer.capture);
        let sums = capture.traffic().window_sums();
        let source = observer.witness().map_or("nobody", traffic::source);
        let time = window.end.wall.utc();
        head.clear();
        let on = match observer.capture.interfaces() {
            [] => " on nothing",
            _ => " on",
        };
        let (seen, lost) = (sums.frames, capture.frames_lost());
        // Names last: a narrow terminal cuts what is too long. Writing to a string cannot fail.
        let _ = write!(
            head,
            "{time:.0}Z, {source}: {seen} frames seen, {lost} lost,{on}"
        );
        names(head, observer);
        head.push('\n');
        if sums.other_frames > 0 {
            let (frames, bytes) = (sums.other_frames, sums.other_rx_bytes + sums.other_tx_bytes);
            let bytes = Bytes(bytes);
            let _ = writeln!(
                head,
                "no room for more devices: {frames} frames, {bytes} of others"
            );
        }
        let mut unseen = observer.unseen().iter().peekable();
        if unseen.peek().is_some() {
            let _ = write!(head, "cannot see:");
            for reason in unseen {
                let _ = write!(head, " {}", traffic::blind(reason));
            }
            head.push('\n');
        }
    }

    /// Shows what was made, in the size that the terminal has now.
    pub(super) fn draw(&mut self, signals: &Signals) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        let size = terminal::stdout_size();
        self.text.clear();
        self.text.push_str(&self.head);
        let columns = size.map(|(columns, _)| columns);
        self.table.render(columns, &mut self.text);
        let result = match size {
            Some(size) => stdout::put(screen::of(&self.text, size).as_bytes(), signals),
            None => stdout::put(self.text.as_bytes(), signals),
        };
        result.map_err(stdout_failure)
    }
}

/// Writes where is counted.
fn names(head: &mut String, observer: &Observer) {
    for tap in observer.capture.interfaces() {
        // Writing to a string cannot fail.
        let _ = write!(head, " {}", Escaped(&tap.name));
    }
}

fn cells(table: &mut Table, row: &Row, elapsed_us: NonZeroU64) {
    let (window, all) = (row.window(), row.since_start());
    table.cell(Rate(bits_per_second(window.rx_bytes, elapsed_us)));
    table.cell(Rate(bits_per_second(window.tx_bytes, elapsed_us)));
    table.cell(Bytes(all.rx_bytes));
    table.cell(Bytes(all.tx_bytes));
}
