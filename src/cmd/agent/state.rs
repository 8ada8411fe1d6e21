// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state file: the newest snapshot and who wrote it, for `status` and `rpcd`.
//!
//! It stays when the agent ends: what was known last can still be shown, and `status` sees that the
//! process is gone.

use core::convert::Infallible;
use core::time::Duration;

use crate::cmd::outputs::split_path;
use crate::cmd::quoted;
use crate::encode::bandwidth::SCHEMA_VERSION;
use crate::encode::json::{Json, Style};
use crate::failure::Failure;
use crate::sink::file::FileError;
use crate::sink::newest::Newest;
use crate::sys::clock;
use crate::time::{Mono, Wall, in_ms, in_us};

/// Its owner writes, its group reads: it tells who is on the LAN.
const MODE: u32 = 0o640;

/// Bytes of all that stands around the snapshot, without the two texts.
const HEAD_BYTES: usize = 512;

/// Who writes, as it stands beside each snapshot.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Tells this run apart from others.
    pub start_id: u64,
    /// The kernel's identity of this boot; empty when unknown.
    pub boot_id: String,
    /// When the run began.
    pub started: Mono,
    /// Length of a window.
    pub interval: Duration,
    /// The configuration that was read, if any.
    pub config_file: Option<String>,
}

/// Writes the state, window after window.
#[derive(Debug)]
pub struct StateFile {
    file: Newest,
    /// What messages call it.
    path: String,
    facts: Facts,
    /// From the start of the machine to that of the run.
    started: Duration,
    /// All that stands before the snapshot; its room is there from the start.
    head: Vec<u8>,
    /// The last time it could not be written.
    failing: bool,
}

impl StateFile {
    /// Will write to `path`; its directory is made (one level) when it is absent. That it cannot be
    /// made is said, but keeps nobody from running.
    ///
    /// # Errors
    /// When the path holds a NUL byte.
    pub fn open(path: &str, facts: Facts) -> Result<Self, Failure> {
        let (directory, name) = split_path(path);
        let file = Newest::of(directory, name, Some(MODE)).map_err(|_| {
            Failure::usage("option '--state-file': a path without NUL bytes is needed")
        })?;
        let run = clock::mono().since(facts.started);
        let mut state = Self {
            file,
            path: path.to_owned(),
            facts,
            started: clock::since_boot().saturating_sub(run),
            head: Vec::new(),
            failing: false,
        };
        state.reserve();
        state.tell(state.file.prepare());
        Ok(state)
    }

    /// What may change while it runs.
    pub fn set(&mut self, interval: Duration, config_file: Option<String>) {
        self.facts.interval = interval;
        self.facts.config_file = config_file;
        self.reserve();
    }

    /// Each byte of a text takes six at most (`\u001f`).
    fn reserve(&mut self) {
        let config_file = self.facts.config_file.as_ref().map_or(0, String::len);
        self.head.clear();
        self.head
            .reserve(HEAD_BYTES + 6 * (config_file + self.facts.boot_id.len()));
    }

    /// Writes `snapshot`, a document that ends in a line end. A failure is said once until it works
    /// again.
    pub fn write(&mut self, snapshot: &[u8]) {
        self.head.clear();
        let stamp = Stamp {
            now: clock::wall(),
            uptime: clock::since_boot(),
            started: self.started,
        };
        let mut json = Json::new(&mut self.head, Style::Compact);
        let Ok(()) = head(&mut json, &self.facts, stamp);
        let snapshot = snapshot.strip_suffix(b"\n").unwrap_or(snapshot);
        match self.file.put(&[&self.head, snapshot, b"}\n"]) {
            Ok(()) if self.failing => {
                self.failing = false;
                log::warn!("state file {}: written again", quoted(&self.path));
            }
            result => self.tell(result),
        }
    }

    /// Says that it cannot be written, unless it was said before.
    fn tell(&mut self, result: Result<(), FileError>) {
        let Err(error) = result else {
            return;
        };
        if !core::mem::replace(&mut self.failing, true) {
            log::warn!(
                "cannot write the state file {}: {error}; going on, but 'netvitals status' does \
                 not know of it (--state-file '': none)",
                quoted(&self.path)
            );
        }
    }
}

/// When it is written, and how long the machine had been up then and when the run began.
#[derive(Clone, Copy)]
struct Stamp {
    now: Wall,
    uptime: Duration,
    started: Duration,
}

/// Everything up to the snapshot.
fn head(json: &mut Json<&mut Vec<u8>>, facts: &Facts, stamp: Stamp) -> Result<(), Infallible> {
    let Stamp {
        now,
        uptime,
        started,
    } = stamp;
    // A clock that is set meanwhile does not bend it.
    let run_us = in_us(uptime.saturating_sub(started));
    let started = Wall::from_us(now.us().saturating_sub(run_us));
    json.open_object()?;
    json.literal_key("\"schemaVersion\":")?;
    json.unsigned(SCHEMA_VERSION)?;
    json.literal_key("\"version\":")?;
    json.string(env!("CARGO_PKG_VERSION"))?;
    json.literal_key("\"pid\":")?;
    json.unsigned(std::process::id().into())?;
    json.literal_key("\"startId\":")?;
    json.display(format_args!("{:016x}", facts.start_id))?;
    json.literal_key("\"bootId\":")?;
    json.string(&facts.boot_id)?;
    json.literal_key("\"startedTime\":")?;
    json.time(started)?;
    json.literal_key("\"writtenTime\":")?;
    json.time(now)?;
    json.literal_key("\"writtenUptimeMs\":")?;
    json.unsigned(in_ms(uptime))?;
    json.literal_key("\"intervalSeconds\":")?;
    match facts.interval.subsec_millis() {
        0 => json.unsigned(facts.interval.as_secs())?,
        _ => json.decimal(in_ms(facts.interval), 3)?,
    }
    if let Some(config_file) = &facts.config_file {
        json.literal_key("\"configFile\":")?;
        json.string(config_file)?;
    }
    json.literal_key("\"snapshot\":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(interval: Duration, config_file: Option<&str>) -> Facts {
        Facts {
            start_id: 0x9c1f_0a7b_e2d3_4c55,
            boot_id: "0f5e7c1e-7a51-4c7e-9a30-51f6ac2f8a11".to_owned(),
            started: Mono::from_ns(0),
            interval,
            config_file: config_file.map(str::to_owned),
        }
    }

    #[track_caller]
    fn check(facts: &Facts, expected: &str) {
        let stamp = Stamp {
            now: Wall::from_us(1_795_219_200_972_999),
            uptime: Duration::from_micros(61_500_900),
            started: Duration::from_secs(1),
        };
        let mut bytes = Vec::new();
        let Ok(()) = head(&mut Json::new(&mut bytes, Style::Compact), facts, stamp);
        let text = String::from_utf8(bytes).unwrap();
        let (version, pid) = (env!("CARGO_PKG_VERSION"), std::process::id());
        let before = format!(
            "{{\"schemaVersion\":1,\"version\":\"{version}\",\"pid\":{pid},\
             \"startId\":\"9c1f0a7be2d34c55\",\"bootId\":\"{}\",\
             \"startedTime\":\"2026-11-20T23:59:00.472Z\",\
             \"writtenTime\":\"2026-11-21T00:00:00.972Z\",\"writtenUptimeMs\":61500,",
            facts.boot_id
        );
        assert_eq!(text, format!("{before}{expected}\"snapshot\":"));
    }

    #[test]
    fn all_that_tells_a_run_apart_stands_before_the_snapshot() {
        check(
            &facts(Duration::from_secs(5), Some("/etc/config/netvitals")),
            "\"intervalSeconds\":5,\"configFile\":\"/etc/config/netvitals\",",
        );
        check(
            &facts(Duration::from_millis(1_500), None),
            "\"intervalSeconds\":1.5,",
        );
    }

    #[test]
    fn the_worst_texts_find_room_that_is_there() {
        let mut worst = facts(Duration::from_millis(1_001), Some(&"\u{1}".repeat(4_096)));
        worst.boot_id = "\u{2}".repeat(64);
        let stamp = Stamp {
            now: Wall::from_us(u64::MAX),
            uptime: Duration::MAX,
            started: Duration::ZERO,
        };
        let mut bytes = Vec::new();
        let Ok(()) = head(&mut Json::new(&mut bytes, Style::Compact), &worst, stamp);
        assert!(
            bytes.len() <= HEAD_BYTES + 6 * (4_096 + 64),
            "{}",
            bytes.len()
        );
    }
}
