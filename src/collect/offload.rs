// SPDX-License-Identifier: MIT OR Apache-2.0
//! Forwarding past the taps: whether it is set up (/etc/config/firewall), and what the hardware
//! forwarded (/proc/net/nf_conntrack).
//!
//! What is not seen of a flow even so: its bytes between the moment the hardware took it and the
//! first reading after, and those between the last reading and its end.

use core::fmt;
use core::net::IpAddr;
use std::ffi::CStr;
use std::io;

use crate::codec::conntrack::{self, Direction, Flow};
use crate::codec::lines::Lines;
use crate::codec::uci::{Event, Reader};
use crate::codec::units;
use crate::limits::{CONFIG_BYTES_MAX, FLOWS_MAX};
use crate::model::flows::{Count, Flows, Offload, Sight};
use crate::sys::files::{File, Root};

/// The configuration of OpenWrt's firewall, below the root.
const FIREWALL_CONFIG: &CStr = c"etc/config/firewall";

/// The flows, below the root.
const CONNTRACK: &CStr = c"proc/net/nf_conntrack";

/// Whether the kernel counts for new flows, below the root.
const ACCOUNTING: &CStr = c"proc/sys/net/netfilter/nf_conntrack_acct";

/// What /etc/config/firewall asks for: `flow_offloading`, and beside it `flow_offloading_hw`, of
/// `config defaults`. Without the file, or when we may not read it: [`Offload::None`].
pub fn configured(root: &Root) -> Offload {
    let text = root
        .open(FIREWALL_CONFIG)
        .and_then(|file| file.read_to_end(CONFIG_BYTES_MAX));
    text.map_or(Offload::None, |text| defaults(&text))
}

fn defaults(text: &[u8]) -> Offload {
    let mut reader = Reader::new(text);
    let (mut inside, mut software, mut hardware) = (false, false, false);
    loop {
        match reader.next_event() {
            Ok(Some(Event::Section(kind, _))) => inside = kind == "defaults",
            Ok(Some(Event::Option(key, value))) if inside => {
                let value = units::boolean(value).unwrap_or(false);
                match key {
                    "flow_offloading" => software = value,
                    "flow_offloading_hw" => hardware = value,
                    _ => {}
                }
            }
            // The file is not ours: what can be read of it counts.
            Ok(Some(_)) | Err(_) => {}
            Ok(None) => break,
        }
    }
    match (software, hardware) {
        (true, true) => Offload::Hardware,
        (true, false) => Offload::Software,
        // fw4 looks at the second only beside the first.
        (false, _) => Offload::None,
    }
}

/// Whether the kernel counts the packets of new flows (`net.netfilter.nf_conntrack_acct`); `None`
/// when it does not say.
pub fn accounting(root: &Root) -> Option<bool> {
    let mut text = [0; 8];
    let len = root.open(ACCOUNTING).ok()?.read(&mut text).ok()?;
    units::unsigned(text[..len].trim_ascii()).map(|number| number != 0)
}

/// Why there is nothing to read.
#[derive(Debug)]
pub enum ReadError {
    /// There is no such file.
    Missing,
    /// We may not read it.
    Forbidden,
    /// Something else.
    Io(io::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "/proc/net/nf_conntrack does not exist: no connection tracking in this network \
                 namespace",
            ),
            Self::Forbidden => f.write_str(
                "/proc/net/nf_conntrack: permission denied; run as root or with \
                 CAP_DAC_READ_SEARCH",
            ),
            Self::Io(error) => write!(f, "/proc/net/nf_conntrack: {error}"),
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            _ => Self::Io(error),
        }
    }
}

/// What a device moved unseen, as seen from the device, with Ethernet headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Bytes to it.
    pub rx_bytes: u64,
    /// Bytes from it.
    pub tx_bytes: u64,
    /// Frames to it.
    pub rx_frames: u64,
    /// Frames from it.
    pub tx_frames: u64,
}

/// What a reading found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// All flows.
    pub flows: u32,
    /// Those that take the short way through the kernel.
    pub software: u32,
    /// Those that the hardware forwards.
    pub hardware: u32,
    /// Those in hardware that the kernel does not count: accounting was off when they began.
    pub uncounted: u32,
    /// Those in hardware that found the table full.
    pub left_out: u32,
    /// Lines that are not in the form of the kernel, where a flow in hardware was expected.
    pub malformed: u32,
}

impl Reading {
    /// Who forwards, as far as flows show it.
    pub fn offload(&self) -> Offload {
        match (self.software, self.hardware) {
            (0, 0) => Offload::None,
            (_, 0) => Offload::Software,
            _ => Offload::Hardware,
        }
    }
}

/// Reads the flows, as often as wanted, through one buffer.
///
/// The file stays open, so that the right to open it may be given up. The kernel prints some 20
/// flows a piece (a page); before Linux 6.16 it searches the place it was at for each, so that the
/// cost grows with the square of the flows. Hence [`Conntrack::step`].
#[derive(Debug)]
pub struct Conntrack {
    file: File,
    lines: Lines,
    flows: Flows,
    /// What was found so far, while a reading is under way.
    reading: Option<Reading>,
}

impl Conntrack {
    /// Opens the table; `seed` is random.
    ///
    /// # Errors
    /// When it is missing, or we may not.
    pub fn open(root: &Root, seed: u64) -> Result<Self, ReadError> {
        Ok(Self {
            file: root.open(CONNTRACK)?,
            lines: Lines::new(),
            flows: Flows::new(FLOWS_MAX, seed),
            reading: None,
        })
    }

    /// Reads the table to its end, from where the last step left it, and hands over, for both ends
    /// of each flow that the hardware forwards, what it moved since the reading before. Which of
    /// both ends is a device, the caller knows; behind NAT they are the addresses that the ends
    /// have themselves. A flow's first sight hands over nothing: until then every tap saw it.
    ///
    /// # Errors
    /// What read(2) says; the next reading begins anew.
    pub fn read(&mut self, mut each: impl FnMut(IpAddr, Moved)) -> Result<Reading, ReadError> {
        loop {
            if let Some(reading) = self.step(usize::MAX, &mut each)? {
                return Ok(reading);
            }
        }
    }

    /// As [`Conntrack::read`], but so many pieces at most, for those who must not be kept long;
    /// `None` until the end was reached.
    ///
    /// # Errors
    /// What read(2) says; the next reading begins anew.
    pub fn step(
        &mut self,
        pieces_max: usize,
        mut each: impl FnMut(IpAddr, Moved),
    ) -> Result<Option<Reading>, ReadError> {
        let Self {
            file, lines, flows, ..
        } = self;
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => {
                file.rewind()?;
                lines.clear();
                Reading::default()
            }
        };
        for _ in 0..pieces_max {
            let len = file.read(lines.space())?;
            if len == 0 {
                if let Some(line) = lines.rest() {
                    take(line, flows, &mut reading, &mut each);
                }
                reading.malformed = reading.malformed.saturating_add(lines.overlong_count());
                flows.end_reading();
                return Ok(Some(reading));
            }
            lines.filled(len);
            while let Some(line) = lines.next_line() {
                take(line, flows, &mut reading, &mut each);
            }
        }
        self.reading = Some(reading);
        Ok(None)
    }
}

fn take(
    line: &[u8],
    flows: &mut Flows,
    reading: &mut Reading,
    each: &mut impl FnMut(IpAddr, Moved),
) {
    reading.flows = reading.flows.saturating_add(1);
    match conntrack::offload(line) {
        Offload::None => return,
        Offload::Software => {
            reading.software = reading.software.saturating_add(1);
            return;
        }
        Offload::Hardware => {}
    }
    let Some(flow) = conntrack::parse_line(line) else {
        reading.malformed = reading.malformed.saturating_add(1);
        return;
    };
    reading.hardware = reading.hardware.saturating_add(1);
    let (Some(there), Some(back)) = (flow.original.count, flow.reply.count) else {
        reading.uncounted = reading.uncounted.saturating_add(1);
        return;
    };
    match flows.sight(&words(&flow), [there, back]) {
        Sight::First => {}
        Sight::NoRoom => reading.left_out = reading.left_out.saturating_add(1),
        Sight::Moved([there, back]) if there == back && there == Count::default() => {}
        Sight::Moved([there, back]) => {
            each(flow.original.source, moved(back, there));
            each(flow.reply.source, moved(there, back));
        }
    }
}

fn moved(rx: Count, tx: Count) -> Moved {
    Moved {
        rx_bytes: rx.wire_bytes(),
        tx_bytes: tx.wire_bytes(),
        rx_frames: rx.packets,
        tx_frames: tx.packets,
    }
}

/// All that tells a flow from others: the original direction, protocol and zone.
fn words(flow: &Flow) -> [u64; 5] {
    let Direction {
        source,
        destination,
        source_port,
        destination_port,
        ..
    } = flow.original;
    let halves = |address| {
        let bits = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits(),
        };
        [(bits >> 64) as u64, bits as u64]
    };
    let [a, b] = halves(source);
    let [c, d] = halves(destination);
    let ports = u64::from(source_port) << 16 | u64::from(destination_port);
    let rest = u64::from(flow.protocol) << 48 | u64::from(flow.zone) << 32 | ports;
    [a, b, c, d, rest]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(options: &str, expected: Offload) {
        let text = format!("config zone\n\toption flow_offloading '1'\n{options}");
        assert_eq!(defaults(text.as_bytes()), expected, "{options}");
    }

    #[test]
    fn offload_is_an_option_of_the_defaults() {
        check("", Offload::None);
        check("config defaults\n\toption input REJECT\n", Offload::None);
        let on = "config defaults\n\toption flow_offloading '1'\n";
        check(on, Offload::Software);
        let hardware = "\toption flow_offloading_hw 'on'\n";
        check(&format!("{on}{hardware}"), Offload::Hardware);
        check(
            &format!("{on}broken\n\toption\n{hardware}config zone\n"),
            Offload::Hardware,
        );
        check(&format!("config defaults\n{hardware}"), Offload::None);
        check(&on.replace('1', "0"), Offload::None);
        check(&on.replace('1', "maybe"), Offload::None);
    }

    #[test]
    fn flows_show_who_forwards() {
        let reading = |software, hardware| Reading {
            software,
            hardware,
            ..Reading::default()
        };
        assert_eq!(reading(0, 0).offload(), Offload::None);
        assert_eq!(reading(2, 0).offload(), Offload::Software);
        assert_eq!(reading(2, 1).offload(), Offload::Hardware);
    }
}
