// SPDX-License-Identifier: MIT OR Apache-2.0
//! The document of a window, made in a buffer that was reserved at the start.

use super::meters::Meters;
use super::probes::Probes;
use crate::cmd::observer::Observer;
use crate::cmd::outlets::Outlets;
use crate::collect::system;
use crate::encode::bandwidth::{self, Window};
use crate::encode::device::{Entry, Stamp};
use crate::encode::json::{Full, Json, Style};
use crate::encode::snapshot::{self, Head, interfaces, metrics};
use crate::encode::traffic::{self, Moved};
use crate::limits::SNAPSHOT_BYTES_MAX;
use crate::model::device::Device;
use crate::model::known_names::NameSource;
use crate::time::{Mono, in_us};

/// The clock was set when it moved by so much against the one that never is.
const STEP_US_MIN: u64 = 500_000;

/// Makes documents, one after the other.
pub(super) struct Documents {
    buffer: Box<[u8]>,
    pub(super) server_id: String,
    boot_id: String,
    pub(super) start_id: u64,
    started: Mono,
    /// Number of the last document.
    pub(super) sequence: u64,
    /// What the wall clock was ahead of the other one at the end of the last window.
    ahead_us: i64,
}

impl Documents {
    /// Nothing yet, in the name of `server_id`.
    pub(super) fn new(server_id: String, boot_id: String, start_id: u64, start: Stamp) -> Self {
        Self {
            buffer: vec![0; SNAPSHOT_BYTES_MAX].into_boxed_slice(),
            server_id,
            boot_id,
            start_id,
            started: start.mono,
            sequence: 0,
            ahead_us: ahead_us(start),
        }
    }

    /// Makes the document of `window`. Does not allocate. What finds no room is left out, the last
    /// devices first, and said.
    pub(super) fn make(
        &mut self,
        observer: &mut Observer,
        meters: &Meters,
        probes: &mut Probes,
        outlets: &Outlets,
        window: &Window,
    ) -> &[u8] {
        self.sequence += 1;
        let ahead_us = ahead_us(window.end);
        let moved_us = ahead_us.wrapping_sub(core::mem::replace(&mut self.ahead_us, ahead_us));
        let step_ms = (moved_us.unsigned_abs() >= STEP_US_MIN).then_some(moved_us / 1_000);
        loop {
            match self.write(observer, meters, probes, outlets, window, step_ms) {
                Ok(len) => {
                    probes.on_written();
                    return &self.buffer[..len];
                }
                Err(_) => leave_out_half(observer, probes),
            }
        }
    }

    /// Writes it; its length.
    fn write(
        &mut self,
        observer: &Observer,
        meters: &Meters,
        probes: &Probes,
        outlets: &Outlets,
        window: &Window,
        clock_step_ms: Option<i64>,
    ) -> Result<usize, Full> {
        let len = self.buffer.len();
        let head = Head {
            server_id: &self.server_id,
            boot_id: &self.boot_id,
            start_id: self.start_id,
            sequence: self.sequence,
            clock_synced: system::is_clock_synced(window.end.wall),
            clock_step_ms,
        };
        let mut json = Json::new(&mut *self.buffer, Style::Compact);
        snapshot::open(&mut json, &head, window)?;
        metrics::member(&mut json, &meters.system)?;
        json.literal_key("\"network\":")?;
        json.open_object()?;
        window.members(&mut json)?;
        let speed = |name: &str| meters.speeds.mbps(name);
        interfaces::member(&mut json, meters.window(window.elapsed_us()), speed)?;
        json.literal_key("\"connectedDevices\":")?;
        json.open_array()?;
        observer.devices(&mut json, window, speed)?;
        router(
            &mut json,
            observer,
            window,
            &self.server_id,
            self.started,
            speed,
        )?;
        json.close_array()?;
        json.literal_key("\"capture\":")?;
        traffic::capture(&mut json, &observer.captured())?;
        json.close_object()?;
        probes.member(&mut json, window.end)?;
        json.literal_key("\"health\":")?;
        json.open_object()?;
        json.literal_key("\"outputs\":")?;
        json.open_array()?;
        outlets.each(window.end.wall, |output| {
            snapshot::output(&mut json, output)
        })?;
        json.close_array()?;
        if let Some(spool) = outlets.spool() {
            json.literal_key("\"spool\":")?;
            snapshot::spool(&mut json, &spool)?;
        }
        json.close_object()?;
        json.close_object()?;
        Ok(len - json.finish()?.len())
    }
}

/// Leaves out of a document that is too long half of the devices, or of the probes when no device
/// is left.
fn leave_out_half(observer: &mut Observer, probes: &mut Probes) {
    let (what, left) = match observer.shows_devices() {
        true => ("devices", observer.leave_out_half()),
        false => ("probes", probes.leave_out_half()),
    };
    log::warn!("the document is too long: only the first {left} {what} are in it");
}

/// Writes the router itself, if it has a MAC address.
fn router(
    json: &mut Json<&mut [u8]>,
    observer: &Observer,
    window: &Window,
    server_id: &str,
    started: Mono,
    speed: impl Fn(&str) -> u32,
) -> Result<(), Full> {
    let Some(segment) = observer.lan.segments().next() else {
        return Ok(());
    };
    let mut device = Device::silent(segment.mac, started);
    for segment in observer.lan.segments() {
        // More than there is room for are left out.
        for prefix in &segment.prefixes {
            let _ = device.ipv4.push(prefix.address());
        }
        for address in &segment.ipv6 {
            let _ = device.ipv6.push(*address);
        }
    }
    let entry = Entry {
        address: device.ipv4.first().copied(),
        device: &device,
        active: true,
        name: Some((server_id, NameSource::Router)),
        vendor: observer.lan.sources.vendors.vendor(segment.mac),
        conflict_macs: &[],
        first_seen: started,
        last_seen: window.end.mono,
        rtt: None,
    };
    let traffic = observer.capture.traffic();
    let moved = observer.witness().map(|witness| Moved {
        window: traffic.window_sums().own,
        since_start: traffic.sums().own,
        elapsed_us: window.elapsed_us(),
        link_mbps: speed(&segment.name),
        witness,
        divided: false,
    });
    bandwidth::device(json, &entry, moved.as_ref(), window.end)
}

/// What the wall clock is ahead of the other one.
fn ahead_us(stamp: Stamp) -> i64 {
    let mono_us = in_us(stamp.mono.since(Mono::from_ns(0)));
    let wall_us = i64::try_from(stamp.wall.us()).unwrap_or(i64::MAX);
    wall_us.saturating_sub(i64::try_from(mono_us).unwrap_or(i64::MAX))
}
