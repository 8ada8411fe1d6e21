// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was counted in a window: a device's `bandwidth`, and `capture`, which says who counted and
//! what could not be seen.

use core::num::NonZeroU64;

use embedded_io::Write;

use super::json::Json;
use crate::model::interface::rate_bps;
use crate::model::offload::Offload;
use crate::model::traffic::{Amount, Sums, Witness};
use crate::model::unseen::{Blind, Unseen};

/// What one device, or the router itself, moved.
#[derive(Clone, Copy, Debug)]
pub struct Moved<'a> {
    /// In the window.
    pub window: &'a Amount,
    /// Since the start.
    pub since_start: &'a Amount,
    /// Length of the window.
    pub elapsed_us: NonZeroU64,
    /// Speed of the link; 0 when unknown.
    pub link_mbps: u64,
    /// Who saw it.
    pub witness: Witness,
    /// Whether it is a device, whose bytes stay in the LAN or leave it.
    pub divided: bool,
}

/// Writes the value of `bandwidth`.
///
/// # Errors
/// What `out` says.
pub fn moved<W: Write>(json: &mut Json<W>, moved: &Moved<'_>) -> Result<(), W::Error> {
    let (window, start) = (moved.window, moved.since_start);
    let [rx_bps, tx_bps] =
        [window.rx_bytes, window.tx_bytes].map(|bytes| rate_bps(bytes, moved.elapsed_us));
    json.open_object()?;
    number(json, "\"rxBytesTotal\":", window.rx_bytes)?;
    number(json, "\"txBytesTotal\":", window.tx_bytes)?;
    number(json, "\"rxRateBps\":", rx_bps)?;
    number(json, "\"txRateBps\":", tx_bps)?;
    json.literal_key("\"utilizationPercent\":")?;
    json.decimal(utilization(rx_bps.max(tx_bps), moved.link_mbps), 2)?;
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

/// Hundredths of a percent that `bps` is of a link, rounded; 0 when its speed is unknown.
pub fn utilization(bps: u64, link_mbps: u64) -> u64 {
    // 10 000 hundredths of a percent are 1 000 000 bit/s each.
    let unit = u128::from(link_mbps) * 100;
    match unit {
        0 => 0,
        _ => u64::try_from((u128::from(bps) + unit / 2) / unit).unwrap_or(u64::MAX),
    }
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
