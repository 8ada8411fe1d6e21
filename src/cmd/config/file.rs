// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration file: UCI text to checked sections, or to all that is wrong in it.

use std::io;

use super::section::Section;
use super::tables::TYPES;
use super::{environment, kinds};
use crate::cmd::quoted;
use crate::codec::uci::{Event, Reader};
use crate::failure::Failure;
use crate::limits::CONFIG_BYTES_MAX;
use crate::model::addr::Mac;
use crate::sys::files::{self, File};

/// The file that is read when none is named.
pub const DEFAULT: &str = "/etc/config/netvitals";

/// A whole configuration, checked; without a file: every default, no sections.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The file it was read from, if any.
    pub file: Option<String>,
    /// `netvitals`: what `agent` does.
    pub main: Section,
    /// The others, in the order of the file.
    sections: Vec<Section>,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            file: None,
            main: Section::main(),
            sections: Vec::new(),
        }
    }
}

impl Configuration {
    /// The sections of a type: `output`, `probe` (see [`Probe`](super::probe::Probe)), and what the
    /// init script reads: `schedule`, `connmonitor`, `connspy`. Also those that are not enabled.
    pub fn sections(&self, kind: &str) -> impl Iterator<Item = &Section> {
        self.sections
            .iter()
            .filter(move |section| section.kind == kind)
    }

    /// The user's own names, of the `device` sections.
    pub fn devices(&self) -> Vec<(Mac, String)> {
        let mut devices = Vec::new();
        for section in self.sections("device") {
            if let Some(mac) = Mac::parse(section.text("mac").as_bytes()) {
                devices.push((mac, section.text("name").to_owned()));
            }
        }
        devices
    }
}

/// What the file says that `--config` or NETVITALS_CONFIG names, else the default file if there is
/// one.
///
/// # Errors
/// When the file cannot be read, or something is wrong in it: all of it is said, the last of it as
/// the failure.
pub fn load(option: Option<&str>) -> Result<Configuration, Failure> {
    let named = option
        .map(str::to_owned)
        .or_else(|| environment("NETVITALS_CONFIG"));
    let path = named.as_deref().unwrap_or(DEFAULT);
    let read = files::c_path(path)
        .and_then(|path| File::open(&path))
        .and_then(|file| file.read_to_end(CONFIG_BYTES_MAX));
    match read {
        Ok(text) => {
            let mut configuration = parse(path, &text).map_err(all)?;
            configuration.file = Some(path.to_owned()).filter(|path| path != "/dev/null");
            Ok(configuration)
        }
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
            Ok(Configuration::default())
        }
        Err(error) => Err(Failure::failed(format_args!(
            "cannot read {}: {error}; --config FILE names another, /dev/null none",
            quoted(path)
        ))),
    }
}

fn all(mut wrong: Vec<String>) -> Failure {
    let last = wrong.pop().unwrap_or_default();
    for what in wrong {
        log::error!("{what}");
    }
    Failure::usage(last)
}

/// Nothing when nothing is wrong.
///
/// # Errors
/// All that is wrong; each is a line of its own, the last one is the failure.
pub fn none_wrong(wrong: Vec<String>) -> Result<(), Failure> {
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(all(wrong)),
    }
}

/// What `text`, the content of `file`, says.
///
/// # Errors
/// All that is wrong, each a line for the user.
pub fn parse(file: &str, text: &[u8]) -> Result<Configuration, Vec<String>> {
    let mut parser = Parser {
        file,
        sections: Vec::new(),
        current: None,
        counts: [0; TYPES.len()],
        wrong: Vec::new(),
    };
    let mut reader = Reader::new(text);
    loop {
        match reader.next_numbered() {
            Ok(None) => break,
            Ok(Some((line, Event::Section(kind, name)))) => parser.section(line, kind, name),
            Ok(Some((line, Event::Option(option, text)))) => {
                parser.option(line, option, text, false);
            }
            Ok(Some((line, Event::List(option, text)))) => parser.option(line, option, text, true),
            Ok(Some((_, Event::Package(_)))) => {}
            Err(error) => {
                parser.complain(error.line, &error.fault.to_string());
                if reader.is_at_section() {
                    parser.current = None;
                }
            }
        }
    }
    parser.finish()
}

struct Parser<'a> {
    file: &'a str,
    sections: Vec<Section>,
    /// The section that options belong to; `None` where its type is unknown.
    current: Option<usize>,
    /// Sections of each type.
    counts: [u32; TYPES.len()],
    wrong: Vec<String>,
}

impl Parser<'_> {
    fn complain(&mut self, line: u32, what: &str) {
        self.wrong.push(format!("{}:{line}: {what}", self.file));
    }

    fn section(&mut self, line: u32, kind: &str, name: Option<&str>) {
        self.current = None;
        let Some(index) = TYPES.iter().position(|(known, _)| *known == kind) else {
            let types = TYPES.map(|(known, _)| known).join(", ");
            let what = format!("section type '{kind}': unknown; allowed: {types}");
            return self.complain(line, &what);
        };
        self.counts[index] += 1;
        let name = name.map_or_else(|| format!("{kind}-{}", self.counts[index]), str::to_owned);
        // As libuci does: a section may go on later, under the same name and type.
        let known = |section: &Section| section.name == name;
        self.current = self.sections.iter().position(known);
        let mut other = self.current.map(|at| &self.sections[at]);
        other = other.filter(|other| other.kind != kind);
        if index == 0 && self.current.is_none() {
            other = self.sections.iter().find(|section| section.kind == kind);
        }
        if let Some(other) = other {
            let (of, at) = (other.kind, other.line());
            let what = match of == kind {
                true => format!("there is one already, in line {at}; allowed: one"),
                false => format!("the name belongs to a section ({of}) already, in line {at}"),
            };
            self.complain(line, &format!("section '{name}' ({kind}): {what}"));
            self.current = None;
        }
        if self.current.is_none() {
            self.current = Some(self.sections.len());
            let section = Section::new(index, name, self.file, line);
            self.sections.push(section);
        }
    }

    fn option(&mut self, line: u32, option: &str, text: &str, is_list: bool) {
        if let Some(at) = self.current {
            let read = self.sections[at].read(option, text, line, is_list);
            self.wrong.extend(read.err());
        }
    }

    fn finish(mut self) -> Result<Configuration, Vec<String>> {
        for section in &self.sections {
            section.check(&mut self.wrong);
            let mut fault = |output: &str| {
                let known = |other: &Section| other.kind == "output" && other.name == output;
                let is_known = output == "stdout" || self.sections.iter().any(known);
                (!is_known).then(|| format!(" {}: there is no such output", quoted(output)))
            };
            section.check_each("output", &mut fault, &mut self.wrong);
        }
        // What else seems to be wrong in a newer file is not.
        let newer = |what: &String| what.ends_with(kinds::NEWER);
        if let Some(at) = self.wrong.iter().position(newer) {
            return Err(vec![self.wrong.swap_remove(at)]);
        }
        if !self.wrong.is_empty() {
            return Err(self.wrong);
        }
        let main = self
            .sections
            .iter()
            .position(|section| section.kind == TYPES[0].0);
        Ok(Configuration {
            file: None,
            main: main.map_or_else(Section::main, |at| self.sections.remove(at)),
            sections: self.sections,
        })
    }
}
