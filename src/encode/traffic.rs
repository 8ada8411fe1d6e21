// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was counted in a window: a device's `bandwidth`, and `capture`, which says who counted and
//! what could not be seen.

use core::num::NonZeroU64;

use embedded_io::Write;

use super::json::Json;
use crate::model::flows::Offload;
use crate::model::interface::{bits_per_second, utilization_hundredths};
use crate::model::traffic::{Amount, Sums, Witness};
use crate::model::unseen::{Blind, Unseen};

/// What one device, or the router itself, moved.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    /// In the window.
    pub window: Amount,
    /// Since the start.
    pub since_start: Amount,
    /// Length of the window.
    pub elapsed_us: NonZeroU64,
    /// Speed of the link; 0 when unknown.
    pub link_mbps: u32,
    /// Who saw it.
    pub witness: Witness,
    /// Whether it is a device, whose bytes stay in the LAN or leave it.
    pub divided: bool,
}

/// Writes the value of `bandwidth`.
///
/// # Errors
/// What `out` says.
pub fn moved<W: Write>(json: &mut Json<W>, moved: &Moved) -> Result<(), W::Error> {
    let (window, start) = (&moved.window, &moved.since_start);
    let [rx_bps, tx_bps] =
        [window.rx_bytes, window.tx_bytes].map(|bytes| bits_per_second(bytes, moved.elapsed_us));
    json.open_object()?;
    number(json, "\"rxBytesTotal\":", window.rx_bytes)?;
    number(json, "\"txBytesTotal\":", window.tx_bytes)?;
    number(json, "\"rxRateBps\":", rx_bps)?;
    number(json, "\"txRateBps\":", tx_bps)?;
    json.literal_key("\"utilizationPercent\":")?;
    let used = utilization_hundredths(rx_bps.max(tx_bps), moved.link_mbps);
    json.decimal(used, 2)?;
    number(json, "\"rxPacketsTotal\":", window.rx_frames)?;
    number(json, "\"txPacketsTotal\":", window.tx_frames)?;
    number(json, "\"rxBytesSinceStart\":", start.rx_bytes)?;
    number(json, "\"txBytesSinceStart\":", start.tx_bytes)?;
    number(json, "\"rxPacketsSinceStart\":", start.rx_frames)?;
    number(json, "\"txPacketsSinceStart\":", start.tx_frames)?;
    if moved.divided {
        json.literal_key("\"wan\":")?;
        let wan = |amount: &Amount| (amount.wan_rx_bytes, amount.wan_tx_bytes);
        part(json, wan(window), wan(start))?;
        json.literal_key("\"lan\":")?;
        let lan = |amount: &Amount| (amount.lan_rx_bytes(), amount.lan_tx_bytes());
        part(json, lan(window), lan(start))?;
    }
    json.literal_key("\"source\":")?;
    json.string(source(moved.witness))?;
    json.close_object()
}

fn part<W: Write>(
    json: &mut Json<W>,
    (rx, tx): (u64, u64),
    (rx_start, tx_start): (u64, u64),
) -> Result<(), W::Error> {
    json.open_object()?;
    number(json, "\"rxBytesTotal\":", rx)?;
    number(json, "\"txBytesTotal\":", tx)?;
    number(json, "\"rxBytesSinceStart\":", rx_start)?;
    number(json, "\"txBytesSinceStart\":", tx_start)?;
    json.close_object()
}

/// What stands in `capture`.
#[derive(Clone, Debug)]
pub struct Capture<'a, I> {
    /// Who counts; `None`: nobody.
    pub witness: Option<Witness>,
    /// Why it is not the program in the kernel.
    pub fallback_reason: Option<&'a str>,
    /// What is tapped.
    pub interfaces: I,
    /// What is no device's, in the window.
    pub sums: Sums,
    /// Frames of the window that were not looked at for want of room.
    pub frames_lost: u64,
    /// Who else forwards.
    pub offload: Offload,
    /// What could not be seen.
    pub unseen: Unseen,
}

/// Writes the value of `capture`.
///
/// # Errors
/// What `out` says.
pub fn capture<'a, W: Write>(
    json: &mut Json<W>,
    capture: &Capture<'_, impl Iterator<Item = &'a str> + Clone>,
) -> Result<(), W::Error> {
    let sums = &capture.sums;
    json.open_object()?;
    json.literal_key("\"source\":")?;
    json.string(capture.witness.map_or("none", source))?;
    if let Some(reason) = capture.fallback_reason {
        json.literal_key("\"fallbackReason\":")?;
        json.string(reason)?;
    }
    json.literal_key("\"interfaces\":")?;
    json.open_array()?;
    for interface in capture.interfaces.clone() {
        json.string(interface)?;
    }
    json.close_array()?;
    number(json, "\"framesSeen\":", sums.frames)?;
    number(json, "\"framesLost\":", capture.frames_lost)?;
    json.literal_key("\"otherMacs\":")?;
    json.open_object()?;
    number(json, "\"rxBytesTotal\":", sums.other_rx_bytes)?;
    number(json, "\"txBytesTotal\":", sums.other_tx_bytes)?;
    number(json, "\"frames\":", sums.other_frames)?;
    json.close_object()?;
    json.literal_key("\"multicast\":")?;
    bytes_and_frames(json, sums.group_bytes, sums.group_frames)?;
    if sums.flooded_frames > 0 {
        json.literal_key("\"flooded\":")?;
        bytes_and_frames(json, sums.flooded_bytes, sums.flooded_frames)?;
    }
    json.literal_key("\"offload\":")?;
    json.string(match capture.offload {
        Offload::None => "none",
        Offload::Software => "software",
        Offload::Hardware => "hardware",
    })?;
    json.literal_key("\"unseen\":")?;
    json.open_array()?;
    for reason in capture.unseen.iter() {
        json.string(blind(reason))?;
    }
    json.close_array()?;
    json.close_object()
}

fn bytes_and_frames<W: Write>(json: &mut Json<W>, bytes: u64, frames: u64) -> Result<(), W::Error> {
    json.open_object()?;
    number(json, "\"bytesTotal\":", bytes)?;
    number(json, "\"frames\":", frames)?;
    json.close_object()
}

/// A witness as documents call it.
pub fn source(witness: Witness) -> &'static str {
    match witness {
        Witness::Ebpf => "ebpf",
        Witness::Ring => "ring",
        Witness::Conntrack => "conntrack",
    }
}

/// What cannot be seen, as documents call it.
pub fn blind(reason: Blind) -> &'static str {
    match reason {
        Blind::NoPermission => "no-permission",
        Blind::NoInterface => "no-interface",
        Blind::HardwareOffload => "hardware-offload",
        Blind::SwitchLocal => "switch-local",
        Blind::RingLoss => "ring-loss",
    }
}

fn number<W: Write>(json: &mut Json<W>, key: &'static str, value: u64) -> Result<(), W::Error> {
    json.literal_key(key)?;
    json.unsigned(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::json::Style;

    const WINDOW: Amount = Amount {
        rx_bytes: 1_024,
        tx_bytes: 2_048,
        rx_frames: 4,
        tx_frames: 8,
        wan_rx_bytes: 1_000,
        wan_tx_bytes: 2_048,
    };
    const SINCE_START: Amount = Amount {
        rx_bytes: 99_000,
        tx_bytes: u64::MAX,
        rx_frames: 400,
        tx_frames: 800,
        wan_rx_bytes: 90_000,
        wan_tx_bytes: 70_000,
    };

    const MOVED: Moved = Moved {
        window: WINDOW,
        since_start: SINCE_START,
        elapsed_us: NonZeroU64::new(5_000_000).unwrap(),
        link_mbps: 1_000,
        witness: Witness::Ebpf,
        divided: true,
    };

    #[track_caller]
    fn check<E: core::fmt::Debug>(
        expected: &str,
        write: impl FnOnce(&mut Json<&mut [u8]>) -> Result<(), E>,
    ) {
        let mut buffer = [0; 4_096];
        let mut json = Json::new(&mut buffer[..], Style::Compact);
        write(&mut json).unwrap();
        let left = json.finish().unwrap().len();
        let text = &buffer[..4_096 - left];
        assert_eq!(core::str::from_utf8(text).unwrap().trim_end(), expected);
    }

    #[test]
    fn a_device_moved_what_the_design_says() {
        check(
            "{\"rxBytesTotal\":1024,\"txBytesTotal\":2048,\"rxRateBps\":1638,\"txRateBps\":3276,\
             \"utilizationPercent\":0.0,\"rxPacketsTotal\":4,\"txPacketsTotal\":8,\
             \"rxBytesSinceStart\":99000,\"txBytesSinceStart\":18446744073709551615,\
             \"rxPacketsSinceStart\":400,\"txPacketsSinceStart\":800,\
             \"wan\":{\"rxBytesTotal\":1000,\"txBytesTotal\":2048,\"rxBytesSinceStart\":90000,\
             \"txBytesSinceStart\":70000},\"lan\":{\"rxBytesTotal\":24,\"txBytesTotal\":0,\
             \"rxBytesSinceStart\":9000,\"txBytesSinceStart\":18446744073709481615},\
             \"source\":\"ebpf\"}",
            |json| moved(json, &MOVED),
        );
    }

    #[test]
    fn the_router_is_not_divided() {
        let router = Moved {
            divided: false,
            witness: Witness::Conntrack,
            link_mbps: 0,
            ..MOVED
        };
        check(
            "{\"rxBytesTotal\":1024,\"txBytesTotal\":2048,\"rxRateBps\":1638,\"txRateBps\":3276,\
             \"utilizationPercent\":0.0,\"rxPacketsTotal\":4,\"txPacketsTotal\":8,\
             \"rxBytesSinceStart\":99000,\"txBytesSinceStart\":18446744073709551615,\
             \"rxPacketsSinceStart\":400,\"txPacketsSinceStart\":800,\"source\":\"conntrack\"}",
            |json| moved(json, &router),
        );
    }

    #[test]
    fn the_longest_object_fits() {
        let most = Amount {
            rx_bytes: u64::MAX,
            tx_bytes: u64::MAX,
            rx_frames: u64::MAX,
            tx_frames: u64::MAX,
            wan_rx_bytes: u64::MAX,
            wan_tx_bytes: u64::MAX,
        };
        let longest = Moved {
            window: most,
            since_start: most,
            elapsed_us: NonZeroU64::MIN,
            ..MOVED
        };
        let mut buffer = [0; crate::limits::MOVED_BYTES_MAX];
        let mut json = Json::new(&mut buffer[..], Style::Compact);
        moved(&mut json, &longest).unwrap();
    }

    #[test]
    fn a_capture_says_who_counted_and_what_is_missing() {
        let mut unseen = Unseen::NOTHING;
        unseen.insert(Blind::RingLoss);
        unseen.insert(Blind::SwitchLocal);
        let full = Capture {
            witness: Some(Witness::Ring),
            fallback_reason: Some("bpf: operation not permitted (CAP_BPF)"),
            interfaces: ["lan1", "lan2"].into_iter(),
            sums: Sums {
                frames: 12,
                group_bytes: 60,
                group_frames: 1,
                other_rx_bytes: 2,
                other_tx_bytes: 3,
                other_frames: 4,
                flooded_bytes: 5,
                flooded_frames: 6,
                ..Sums::default()
            },
            frames_lost: 7,
            offload: Offload::Software,
            unseen,
        };
        check(
            "{\"source\":\"ring\",\"fallbackReason\":\"bpf: operation not permitted (CAP_BPF)\",\
             \"interfaces\":[\"lan1\",\"lan2\"],\"framesSeen\":12,\"framesLost\":7,\
             \"otherMacs\":{\"rxBytesTotal\":2,\"txBytesTotal\":3,\"frames\":4},\
             \"multicast\":{\"bytesTotal\":60,\"frames\":1},\
             \"flooded\":{\"bytesTotal\":5,\"frames\":6},\"offload\":\"software\",\
             \"unseen\":[\"switch-local\",\"ring-loss\"]}",
            |json| capture(json, &full),
        );
        let empty = Capture {
            witness: None,
            fallback_reason: None,
            interfaces: [].into_iter(),
            sums: Sums::default(),
            frames_lost: 0,
            offload: Offload::None,
            unseen: Unseen::NOTHING,
        };
        check(
            "{\"source\":\"none\",\"interfaces\":[],\"framesSeen\":0,\"framesLost\":0,\
             \"otherMacs\":{\"rxBytesTotal\":0,\"txBytesTotal\":0,\"frames\":0},\
             \"multicast\":{\"bytesTotal\":0,\"frames\":0},\"offload\":\"none\",\"unseen\":[]}",
            |json| capture(json, &empty),
        );
    }
}
