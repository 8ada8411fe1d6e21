// SPDX-License-Identifier: MIT OR Apache-2.0
//! A window of the network: when it was, and the document of `bandwidth --json`.

use core::num::NonZeroU64;
use core::time::Duration;

use embedded_io::Write;

use super::device::{self, Entry, Stamp};
use super::json::Json;
use super::traffic::{self, Capture, Moved};
use crate::limits::{DEVICE_DOCUMENT_BYTES_MAX, MOVED_BYTES_MAX};
use crate::time::{in_ms, in_us};

/// Version of the form of documents; raised when a key changes its meaning.
pub const SCHEMA_VERSION: u64 = 1;

/// When a window was.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Its end.
    pub end: Stamp,
    /// Its length.
    pub duration: Duration,
}

impl Window {
    /// Its length, at least 1 µs.
    pub fn elapsed_us(&self) -> NonZeroU64 {
        NonZeroU64::new(in_us(self.duration)).unwrap_or(NonZeroU64::MIN)
    }

    /// Writes its members.
    ///
    /// # Errors
    /// What `out` says.
    pub fn members<W: Write>(&self, json: &mut Json<W>) -> Result<(), W::Error> {
        let ms = in_ms(self.duration);
        json.literal_key("\"collectionStartTime\":")?;
        json.time(self.end.at(self.end.mono.before(self.duration)))?;
        json.literal_key("\"collectionEndTime\":")?;
        json.time(self.end.wall)?;
        json.literal_key("\"collectionDurationSeconds\":")?;
        json.unsigned((ms + 50) / 1_000)?;
        json.literal_key("\"collectionDurationMs\":")?;
        json.unsigned(ms)
    }
}

/// Writes the object of a device, with what it moved.
///
/// # Errors
/// What `out` says.
pub fn device<W: Write>(
    json: &mut Json<W>,
    entry: &Entry<'_>,
    moved: Option<&Moved>,
    stamp: Stamp,
) -> Result<(), W::Error> {
    json.open_object()?;
    device::members(json, entry, stamp)?;
    if let Some(moved) = moved {
        json.literal_key("\"bandwidth\":")?;
        traffic::moved(json, moved)?;
    }
    json.close_object()
}

/// Bytes that a document with so many devices has at worst.
pub const fn bytes_max(devices_count: usize) -> usize {
    (devices_count + 1) * (DEVICE_DOCUMENT_BYTES_MAX + MOVED_BYTES_MAX)
}

/// Writes the document of `bandwidth --json` up to its devices.
///
/// # Errors
/// What `out` says.
pub fn open<W: Write>(json: &mut Json<W>, sequence: u64, window: &Window) -> Result<(), W::Error> {
    json.open_object()?;
    json.literal_key("\"schemaVersion\":")?;
    json.unsigned(SCHEMA_VERSION)?;
    json.literal_key("\"sequence\":")?;
    json.unsigned(sequence)?;
    window.members(json)?;
    json.literal_key("\"connectedDevices\":")?;
    json.open_array()
}

/// Writes it from there.
///
/// # Errors
/// What `out` says.
pub fn close<'a, W: Write>(
    json: &mut Json<W>,
    capture: &Capture<'_, impl Iterator<Item = &'a str> + Clone>,
) -> Result<(), W::Error> {
    json.close_array()?;
    json.literal_key("\"capture\":")?;
    traffic::capture(json, capture)?;
    json.close_object()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::json::Style;
    use crate::model::flows::Offload;
    use crate::model::traffic::{Sums, Witness};
    use crate::model::unseen::Unseen;
    use crate::time::{Mono, Wall};

    const END: Stamp = Stamp {
        wall: Wall::from_us(1_795_221_564_972_123),
        mono: Mono::from_ns(10_000_000_000),
    };

    #[test]
    fn an_empty_window_is_the_sample_of_the_design() {
        let window = Window {
            end: END,
            duration: Duration::from_millis(1_000),
        };
        let captured = Capture {
            witness: Some(Witness::Ring),
            fallback_reason: Some("bpf: operation not permitted (CAP_BPF)"),
            interfaces: ["eth1"].into_iter(),
            sums: Sums::default(),
            frames_lost: 0,
            offload: Offload::None,
            unseen: Unseen::NOTHING,
        };
        let mut buffer = [0; 1_024];
        let mut json = Json::new(&mut buffer[..], Style::Compact);
        open(&mut json, 1, &window).unwrap();
        close(&mut json, &captured).unwrap();
        let left = json.finish().unwrap().len();
        let text = core::str::from_utf8(&buffer[..1_024 - left]).unwrap();
        assert_eq!(
            text,
            "{\"schemaVersion\":1,\"sequence\":1,\
             \"collectionStartTime\":\"2026-11-21T00:39:23.972Z\",\
             \"collectionEndTime\":\"2026-11-21T00:39:24.972Z\",\"collectionDurationSeconds\":1,\
             \"collectionDurationMs\":1000,\"connectedDevices\":[],\
             \"capture\":{\"source\":\"ring\",\
             \"fallbackReason\":\"bpf: operation not permitted (CAP_BPF)\",\
             \"interfaces\":[\"eth1\"],\"framesSeen\":0,\"framesLost\":0,\
             \"otherMacs\":{\"rxBytesTotal\":0,\"txBytesTotal\":0,\"frames\":0},\
             \"multicast\":{\"bytesTotal\":0,\"frames\":0},\"offload\":\"none\",\"unseen\":[]}}\n"
        );
    }

    #[test]
    fn seconds_are_rounded_as_the_design_says() {
        for (ms, seconds) in [(4_949, "4"), (4_950, "5"), (4_980, "5"), (5_049, "5")] {
            let window = Window {
                end: END,
                duration: Duration::from_millis(ms),
            };
            let mut buffer = [0; 512];
            let mut json = Json::new(&mut buffer[..], Style::Compact);
            json.open_object().unwrap();
            window.members(&mut json).unwrap();
            let text = core::str::from_utf8(&buffer).unwrap();
            let expected = format!("\"collectionDurationSeconds\":{seconds},");
            assert!(text.contains(&expected), "{text}");
        }
    }
}
