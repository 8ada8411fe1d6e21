// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sums of bytes and frames: of one device, and of all that is no device's. They only grow.

use crate::model::usage::Totals;

/// What one device moved, as seen from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Bytes that it received.
    pub rx_bytes: u64,
    /// Bytes that it sent.
    pub tx_bytes: u64,
    /// Frames that it received.
    pub rx_frames: u64,
    /// Frames that it sent.
    pub tx_frames: u64,
    /// Bytes of `rx_bytes` that came through the router from elsewhere.
    pub wan_rx_bytes: u64,
    /// Bytes of `tx_bytes` that went through the router to elsewhere.
    pub wan_tx_bytes: u64,
}

impl Amount {
    /// Bytes that it received from its own network.
    pub fn lan_rx_bytes(&self) -> u64 {
        self.rx_bytes.saturating_sub(self.wan_rx_bytes)
    }

    /// Bytes that it sent into its own network.
    pub fn lan_tx_bytes(&self) -> u64 {
        self.tx_bytes.saturating_sub(self.wan_tx_bytes)
    }

    /// Received and sent frames.
    pub fn frames(&self) -> u64 {
        self.rx_frames.saturating_add(self.tx_frames)
    }

    /// What moved since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            rx_bytes: self.rx_bytes.saturating_sub(earlier.rx_bytes),
            tx_bytes: self.tx_bytes.saturating_sub(earlier.tx_bytes),
            rx_frames: self.rx_frames.saturating_sub(earlier.rx_frames),
            tx_frames: self.tx_frames.saturating_sub(earlier.tx_frames),
            wan_rx_bytes: self.wan_rx_bytes.saturating_sub(earlier.wan_rx_bytes),
            wan_tx_bytes: self.wan_tx_bytes.saturating_sub(earlier.wan_tx_bytes),
        }
    }

    /// Adds `more`.
    pub fn add(&mut self, more: &Self) {
        grow(&mut self.rx_bytes, more.rx_bytes);
        grow(&mut self.tx_bytes, more.tx_bytes);
        grow(&mut self.rx_frames, more.rx_frames);
        grow(&mut self.tx_frames, more.tx_frames);
        grow(&mut self.wan_rx_bytes, more.wan_rx_bytes);
        grow(&mut self.wan_tx_bytes, more.wan_tx_bytes);
    }
}

/// What all that is no device's moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Frames that were looked at.
    pub frames: u64,
    /// What the router itself moved.
    pub own: Amount,
    /// Bytes to group addresses.
    pub group_bytes: u64,
    /// Frames to group addresses.
    pub group_frames: u64,
    /// Bytes to devices that found the table full.
    pub other_rx_bytes: u64,
    /// Bytes of devices that found the table full.
    pub other_tx_bytes: u64,
    /// Frames of and to devices that found the table full.
    pub other_frames: u64,
    /// Bytes of copies that a bridge sent to a port where their destination is not.
    pub flooded_bytes: u64,
    /// Frames of such copies.
    pub flooded_frames: u64,
}

impl Sums {
    /// What moved since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            frames: self.frames.saturating_sub(earlier.frames),
            own: self.own.since(&earlier.own),
            group_bytes: self.group_bytes.saturating_sub(earlier.group_bytes),
            group_frames: self.group_frames.saturating_sub(earlier.group_frames),
            other_rx_bytes: self.other_rx_bytes.saturating_sub(earlier.other_rx_bytes),
            other_tx_bytes: self.other_tx_bytes.saturating_sub(earlier.other_tx_bytes),
            other_frames: self.other_frames.saturating_sub(earlier.other_frames),
            flooded_bytes: self.flooded_bytes.saturating_sub(earlier.flooded_bytes),
            flooded_frames: self.flooded_frames.saturating_sub(earlier.flooded_frames),
        }
    }

    /// Adds by how much the totals of an engine grew.
    pub fn add(&mut self, more: &Totals) {
        grow(&mut self.frames, more.frames);
        grow(&mut self.own.rx_bytes, more.self_rx_bytes);
        grow(&mut self.own.tx_bytes, more.self_tx_bytes);
        grow(&mut self.own.rx_frames, more.self_rx_frames);
        grow(&mut self.own.tx_frames, more.self_tx_frames);
        grow(&mut self.group_bytes, more.group_bytes);
        grow(&mut self.group_frames, more.group_frames);
        grow(&mut self.other_rx_bytes, more.other_rx_bytes);
        grow(&mut self.other_tx_bytes, more.other_tx_bytes);
        grow(&mut self.other_frames, more.other_frames);
    }

    /// Adds what a device moved that has no row.
    pub(super) fn add_other(&mut self, more: &Amount) {
        grow(&mut self.other_rx_bytes, more.rx_bytes);
        grow(&mut self.other_tx_bytes, more.tx_bytes);
        grow(&mut self.other_frames, more.frames());
    }

    /// Adds copies that are nobody's.
    pub(super) fn add_flooded(&mut self, bytes: u64, frames: u64) {
        grow(&mut self.flooded_bytes, bytes);
        grow(&mut self.flooded_frames, frames);
    }
}

#[inline(never)] // Called at 39 places; inline it is three times as long on machines of 32 bits.
fn grow(sum: &mut u64, by: u64) {
    *sum = sum.saturating_add(by);
}
