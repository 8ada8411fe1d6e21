// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `device` sections of the configuration: the user's own names, first of all sources.

use std::io;

use crate::cmd::{config, quoted};
use crate::codec::uci::{Event, Reader};
use crate::failure::Failure;
use crate::limits::CONFIG_BYTES_MAX;
use crate::model::addr::Mac;
use crate::sys::files::{self, File};

const DEFAULT: &str = "/etc/config/netvitals";
const ALLOWED: &str = "mac, name";

/// A section that is being read.
#[derive(Default)]
struct Section {
    /// The line it begins on, when it is one of ours.
    line: Option<u32>,
    name: String,
    mac: Option<Mac>,
    device_name: Option<String>,
}

/// The names in the file that `--config` or NETVITALS_CONFIG names, else in the default file if
/// there is one.
///
/// # Errors
/// When the file cannot be read, or something is wrong in it: all of it is said.
pub(in crate::cmd) fn devices(option: Option<String>) -> Result<Vec<(Mac, String)>, Failure> {
    let named = option.or_else(|| config::environment("NETVITALS_CONFIG"));
    let path = named.as_deref().unwrap_or(DEFAULT);
    let read = files::c_path(path)
        .and_then(|path| File::open(&path))
        .and_then(|file| file.read_to_end(CONFIG_BYTES_MAX));
    match read {
        Ok(text) => parse(path, &text),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Failure::failed(format_args!(
            "cannot read {}: {error}; --config FILE names another, /dev/null none",
            quoted(path)
        ))),
    }
}

fn parse(path: &str, text: &[u8]) -> Result<Vec<(Mac, String)>, Failure> {
    let mut reader = Reader::new(text);
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    let (mut section, mut count) = (Section::default(), 0);
    loop {
        let event = match reader.next_event() {
            Ok(Some(Event::Section("device", name))) => {
                count += 1;
                let name = name.map_or_else(|| format!("device-{count}"), str::to_owned);
                Some(Section {
                    line: Some(0),
                    name,
                    ..Section::default()
                })
            }
            Ok(Some(Event::Section(..))) => Some(Section::default()),
            Ok(Some(Event::Option(key, value))) => {
                let result = section.option(key, value);
                let line = reader.line();
                wrong.extend(
                    result
                        .err()
                        .map(|what| section.complaint(path, line, &what)),
                );
                None
            }
            Ok(Some(Event::List(key, _))) if section.line.is_some() => {
                let what = format!("list '{key}': unknown; allowed: options {ALLOWED}");
                wrong.push(section.complaint(path, reader.line(), &what));
                None
            }
            Ok(Some(Event::List(..) | Event::Package(_))) => None,
            Ok(None) => break,
            Err(error) => {
                wrong.push(format!("{path}:{}: {}", error.line, error.fault));
                None
            }
        };
        if let Some(mut next) = event {
            next.line = next.line.map(|_| reader.line());
            wrong.extend(core::mem::replace(&mut section, next).finish(path, &mut found));
        }
    }
    wrong.extend(section.finish(path, &mut found));
    // Each is a line of its own; the last one is the failure.
    let Some(last) = wrong.pop() else {
        return Ok(found);
    };
    for what in wrong {
        log::error!("{what}");
    }
    Err(Failure::usage(last))
}

impl Section {
    fn option(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            _ if self.line.is_none() => {}
            "mac" => {
                let mac = Mac::parse(value.as_bytes()).filter(|mac| mac.is_device());
                let allowed = "a device's, as 02:00:00:00:01:01";
                let complaint =
                    || format!("option 'mac' '{value}': not a MAC address; allowed: {allowed}");
                self.mac = Some(mac.ok_or_else(complaint)?);
            }
            "name" if value.is_empty() => {
                return Err("option 'name' '': not a name; allowed: any text".to_owned());
            }
            "name" => self.device_name = Some(value.to_owned()),
            _ => return Err(format!("option '{key}': unknown; allowed: {ALLOWED}")),
        }
        Ok(())
    }

    /// Hands over what is complete, or says what is missing.
    fn finish(self, path: &str, found: &mut Vec<(Mac, String)>) -> Option<String> {
        let line = self.line?;
        match (self.mac, &self.device_name) {
            (Some(mac), Some(name)) => {
                found.push((mac, name.clone()));
                None
            }
            (mac, _) => {
                let missing = if mac.is_none() { "mac" } else { "name" };
                let what = format!("option '{missing}': missing or wrong; a device needs it");
                Some(self.complaint(path, line, &what))
            }
        }
    }

    fn complaint(&self, path: &str, line: u32, what: &str) -> String {
        format!("{path}:{line}: section '{}' (device): {what}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        parse("f", text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn only_device_sections_are_read() {
        let text = "config netvitals 'main'\n\toption whatever '1'\n\
                    config device\n\toption mac '02:00:00:00:01:01'\n\toption name 'tv set'\n\
                    config device 'x'\n\toption name \"p'c\"\n\toption mac 2-0-0-0-1-2\n\
                    config output\n\tlist port 'x'\n";
        let expected = [(1, "tv set"), (2, "p'c")]
            .map(|(last, name)| (Mac([2, 0, 0, 0, 1, last]), name.to_owned()));
        assert_eq!(parse("f", text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let text = "config device\n\toption mac 'x'\n";
        assert!(wrong(text).contains("f:1: section 'device-1' (device): option 'mac': missing"));
        let text = "config device 'a'\noption mac 02:00:00:00:00:01\noption name b\noption nam c\n";
        assert_eq!(
            wrong(text),
            "f:4: section 'a' (device): option 'nam': unknown; allowed: mac, name"
        );
        let text = "config device 'a'\noption mac 02:00:00:00:00:01\n";
        assert!(wrong(text).contains("option 'name': missing"));
    }
}
