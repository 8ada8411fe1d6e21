// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the counting of frames tells: cumulative numbers per device and interface.

use super::addr::Mac;

/// A device on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// The device.
    pub mac: Mac,
    /// The low 16 bits of the interface's index.
    pub interface: u16,
}

/// What moved on a lane, as seen from the device; cumulative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Flow {
    /// Bytes that it sent.
    pub tx_bytes: u64,
    /// Frames that it sent.
    pub tx_frames: u64,
    /// Bytes that it received.
    pub rx_bytes: u64,
    /// Frames that it received.
    pub rx_frames: u64,
    /// Bytes of `tx_bytes` that went to the router itself.
    pub routed_tx_bytes: u64,
    /// Bytes of `rx_bytes` that came from the router itself.
    pub routed_rx_bytes: u64,
}

/// What does not belong to one device; cumulative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Totals {
    /// Frames that were looked at.
    pub frames: u64,
    /// Bytes that the router received.
    pub self_rx_bytes: u64,
    /// Frames that the router received.
    pub self_rx_frames: u64,
    /// Bytes that the router sent.
    pub self_tx_bytes: u64,
    /// Frames that the router sent.
    pub self_tx_frames: u64,
    /// Bytes to group addresses.
    pub group_bytes: u64,
    /// Frames to group addresses.
    pub group_frames: u64,
    /// Bytes to devices that found no room.
    pub other_rx_bytes: u64,
    /// Bytes of devices that found no room.
    pub other_tx_bytes: u64,
    /// Frames of devices that found no room.
    pub other_frames: u64,
}
