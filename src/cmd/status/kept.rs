// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state file as it was found: what of it is understood, and its text.

use core::fmt;
use core::time::Duration;
use std::io;

use miniserde::{Deserialize, json};

use crate::codec::json::Members;
use crate::codec::units;
use crate::encode::bandwidth::SCHEMA_VERSION;
use crate::limits::STATE_BYTES_MAX;
use crate::sys::files::{self, File, Status};

/// What stands in the file.
#[derive(Deserialize)]
pub(super) struct State {
    pub(super) version: String,
    pub(super) pid: u32,
    #[serde(rename = "bootId")]
    pub(super) boot_id: String,
    #[serde(rename = "startedTime")]
    pub(super) started: String,
    #[serde(rename = "writtenUptimeMs")]
    pub(super) written_uptime_ms: u64,
    #[serde(rename = "configFile")]
    pub(super) config_file: Option<String>,
    pub(super) snapshot: Snapshot,
}

/// What of the newest document is shown to people.
#[derive(Deserialize)]
pub(super) struct Snapshot {
    #[serde(rename = "serverId")]
    pub(super) server_id: String,
    #[serde(rename = "snapshotTime")]
    pub(super) time: String,
    pub(super) sequence: u64,
    #[serde(rename = "clockSynced")]
    pub(super) clock_synced: bool,
    pub(super) network: Network,
    pub(super) health: Health,
}

#[derive(Deserialize)]
pub(super) struct Network {
    #[serde(rename = "connectedDevices")]
    devices: Vec<Device>,
    pub(super) capture: Capture,
}

#[derive(Deserialize)]
struct Device {
    status: String,
    #[serde(rename = "self")]
    is_router: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Capture {
    pub(super) source: String,
    #[serde(rename = "fallbackReason")]
    pub(super) fallback_reason: Option<String>,
    pub(super) interfaces: Vec<String>,
    #[serde(rename = "framesSeen")]
    pub(super) frames_seen: u64,
    #[serde(rename = "framesLost")]
    pub(super) frames_lost: u64,
    pub(super) unseen: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Health {
    pub(super) outputs: Vec<Output>,
    pub(super) spool: Option<Spool>,
}

#[derive(Deserialize)]
pub(super) struct Output {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) queue: u64,
    #[serde(rename = "oldestSeconds")]
    pub(super) oldest_s: Option<u64>,
    pub(super) sent: u64,
    pub(super) dropped: u64,
    #[serde(rename = "deadLettered")]
    pub(super) dead_lettered: u64,
    #[serde(rename = "lastError")]
    pub(super) last_error: Option<String>,
    #[serde(rename = "lastErrorTime")]
    pub(super) last_error_time: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Spool {
    pub(super) bytes: u64,
    #[serde(rename = "limitBytes")]
    pub(super) limit_bytes: u64,
    pub(super) torn: u64,
    pub(super) corrupt: u64,
}

/// The file, understood.
pub(super) struct Kept {
    text: String,
    pub(super) state: State,
    /// Length of a window.
    pub(super) interval: Duration,
}

/// Why nothing is known.
#[derive(Debug)]
pub(super) enum Unknown {
    /// There is no file.
    Absent,
    /// It cannot be read.
    Unreadable(io::Error),
    /// It is a directory, a device or a pipe.
    NotAFile,
    /// It is larger than any.
    TooLarge,
    /// It is something else, or damaged.
    Malformed,
    /// It is of another version, with other meanings.
    Newer,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str(
                "there is none; start the agent, or name its file with --state-file FILE",
            ),
            Self::Unreadable(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                write!(f, "cannot read it: {error}; run as root")
            }
            Self::Unreadable(error) => write!(f, "cannot read it: {error}"),
            Self::NotAFile => f.write_str("it is not an ordinary file"),
            Self::TooLarge => f.write_str("too large; it is not the agent's"),
            Self::Malformed => {
                f.write_str("not what an agent writes; is it another's, or cut off?")
            }
            Self::Newer => f.write_str("written by a newer netvitals; use that for status, too"),
        }
    }
}

impl Kept {
    /// What the file `path` says.
    ///
    /// # Errors
    /// When that is nothing.
    pub(super) fn read(path: &str) -> Result<Self, Unknown> {
        Self::parse(text(path)?)
    }

    fn parse(text: String) -> Result<Self, Unknown> {
        let number = |name| Members::of(&text).value(name).unwrap_or_default();
        let version = units::unsigned(number("schemaVersion").as_bytes());
        if version.is_some_and(|version| version > SCHEMA_VERSION) {
            return Err(Unknown::Newer);
        }
        let interval = units::seconds(number("intervalSeconds")).ok_or(Unknown::Malformed)?;
        // One document, one line: what is passed on of it is one, too.
        let lines = text.bytes().filter(|&byte| byte == b'\n').count();
        let is_line = lines == 1 && text.ends_with('\n');
        match json::from_str(&text) {
            Ok(state) if is_line => Ok(Self {
                state,
                interval,
                text,
            }),
            _ => Err(Unknown::Malformed),
        }
    }

    /// A member of the file, as it is written.
    pub(super) fn member(&self, name: &str) -> Option<&str> {
        Members::of(&self.text).value(name)
    }

    /// A member of the newest document, as it is written.
    pub(super) fn of_snapshot(&self, name: &str) -> Option<&str> {
        Members::of(self.member("snapshot")?).value(name)
    }

    /// A member of its `network`, as it is written.
    pub(super) fn of_network(&self, name: &str) -> Option<&str> {
        Members::of(self.of_snapshot("network")?).value(name)
    }

    /// Devices without the router itself: those that are active, and all.
    pub(super) fn devices(&self) -> (u64, u64) {
        let devices = self.state.snapshot.network.devices.iter();
        let others = devices.filter(|device| device.is_router != Some(true));
        others.fold((0, 0), |(active, known), device| {
            (active + u64::from(device.status == "active"), known + 1)
        })
    }
}

fn text(path: &str) -> Result<String, Unknown> {
    let path = files::c_path(path).map_err(Unknown::Unreadable)?;
    let read = || match Status::of(&path, true)? {
        None => Err(io::ErrorKind::NotFound.into()),
        Some(status) if !status.is_file() => Err(io::ErrorKind::InvalidInput.into()),
        Some(_) => File::open(&path)?.read_to_end(STATE_BYTES_MAX),
    };
    let bytes = read().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Unknown::Absent,
        io::ErrorKind::InvalidInput => Unknown::NotAFile,
        io::ErrorKind::FileTooLarge => Unknown::TooLarge,
        _ => Unknown::Unreadable(error),
    })?;
    String::from_utf8(bytes).map_err(|_| Unknown::Malformed)
}
