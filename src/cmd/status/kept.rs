// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state file as it was found, and whether it is one.

use core::fmt;
use core::time::Duration;
use std::io;

use miniserde::{Deserialize, json};

use crate::codec::json::Object;
use crate::codec::units;
use crate::encode::bandwidth::SCHEMA_VERSION;
use crate::limits::STATE_BYTES_MAX;
use crate::sys::files::{self, File, Status};

/// The text of the file, which is valid JSON.
pub(super) struct Kept(String);

/// What is always there.
#[derive(Clone, Copy)]
pub(super) struct State<'a> {
    /// The file.
    pub(super) file: Object<'a>,
    /// The newest document in it, and parts of that.
    pub(super) snapshot: Object<'a>,
    pub(super) network: Object<'a>,
    pub(super) capture: Object<'a>,
    pub(super) health: Object<'a>,
    /// Process that wrote it.
    pub(super) pid: u32,
    /// When, from the start of the machine.
    pub(super) written: Duration,
    /// Length of a window.
    pub(super) interval: Duration,
}

impl<'a> State<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let file = Object::of(text)?;
        let snapshot = file.object("snapshot")?;
        let network = snapshot.object("network")?;
        Some(Self {
            file,
            snapshot,
            network,
            capture: network.object("capture")?,
            health: snapshot.object("health")?,
            pid: u32::try_from(file.unsigned("pid")?).ok()?,
            written: Duration::from_millis(file.unsigned("writtenUptimeMs")?),
            interval: units::seconds(file.value("intervalSeconds")?)?,
        })
    }

    /// Devices without the router itself: those that are active, and all.
    pub(super) fn devices(&self) -> (u64, u64) {
        let devices = self.network.array("connectedDevices");
        let devices = devices.into_iter().flatten().filter_map(Object::of);
        let others = devices.filter(|device| device.boolean("self") != Some(true));
        others.fold((0, 0), |(active, known), device| {
            let status = device.text("status");
            let is_active = status.is_some_and(|status| status.is("active"));
            (active + u64::from(is_active), known + 1)
        })
    }
}

/// Why nothing is known.
#[derive(Debug)]
pub(super) enum Unknown {
    /// The configuration wants none.
    NotKept,
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
            Self::NotKept => f.write_str("none is kept, option 'state_file' is empty"),
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

/// Any object: read only to see whether it is valid.
#[derive(Deserialize)]
struct Anything {}

impl Kept {
    /// What the file `path` says.
    ///
    /// # Errors
    /// When that is nothing.
    pub(super) fn read(path: &str) -> Result<Self, Unknown> {
        let text = text(path)?;
        let version = Object::of(&text).and_then(|file| file.unsigned("schemaVersion"));
        if version.is_some_and(|version| version > SCHEMA_VERSION) {
            return Err(Unknown::Newer);
        }
        // One document, one line: what is passed on of it is one, too.
        let is_line = text.find('\n') == text.len().checked_sub(1);
        if is_line && json::from_str::<Anything>(&text).is_ok() && State::of(&text).is_some() {
            return Ok(Self(text));
        }
        Err(Unknown::Malformed)
    }

    /// What stands in it.
    pub(super) fn state(&self) -> Option<State<'_>> {
        State::of(&self.0)
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
