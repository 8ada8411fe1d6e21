// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection log with a writer that never stops, and what is to be said of it.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The time of the first line, the start of an hour.
const START: u64 = 1_565_647_200;

/// Lines that are written between two rotations, and seconds from one to the next.
const LINES: u64 = 40;
const STEP_SECONDS: u64 = 11;

/// How a log is put aside.
#[derive(Clone, Copy, Debug)]
pub enum Rotation {
    /// It is renamed, and one of its name made anew.
    Rename,
    /// It is copied, and cut to nothing.
    CopyAndCut,
    /// It is renamed and made anew, and the old one packed.
    Pack,
}

/// A log.
pub struct Log {
    path: PathBuf,
    file: File,
    lines: u64,
    parts: u64,
}

impl Log {
    /// An empty one.
    pub fn new(directory: &Path) -> Self {
        let path = directory.join("log");
        Self {
            file: append(&path),
            path,
            lines: 0,
            parts: 0,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The lines that were written.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// A time after all that so many turns, of [`Log::write_some`] twice, can write.
    pub fn end_of(&self, turns: u64) -> u64 {
        START + 2 * (turns + 20) * LINES * STEP_SECONDS
    }

    /// Writes some lines, each of another host; some in two pieces.
    pub fn write_some(&mut self) {
        for _ in 0..LINES {
            let line = line(self.lines);
            let cut = match self.lines % 5 {
                0 => line.len() / 2,
                _ => line.len(),
            };
            self.file.write_all(&line.as_bytes()[..cut]).unwrap();
            self.file.write_all(&line.as_bytes()[cut..]).unwrap();
            self.lines += 1;
        }
    }

    /// Writes a line that ends all ranges.
    pub fn finish(&mut self) {
        self.file.write_all(b"253402300799 end end\n").unwrap();
    }

    /// Puts it aside.
    pub fn rotate(&mut self, rotation: Rotation) {
        let part = |number: u64, end: &str| {
            let mut path = self.path.clone().into_os_string();
            path.push(format!(".{number}{end}"));
            PathBuf::from(path)
        };
        for number in (1..=self.parts).rev() {
            for end in ["", ".gz"] {
                let _ = fs::rename(part(number, end), part(number + 1, end));
            }
        }
        self.parts += 1;
        let old = part(1, "");
        match rotation {
            Rotation::CopyAndCut => {
                fs::copy(&self.path, &old).unwrap();
                self.file.set_len(0).unwrap();
            }
            Rotation::Rename | Rotation::Pack => {
                fs::rename(&self.path, &old).unwrap();
                self.file = append(&self.path);
            }
        }
        if matches!(rotation, Rotation::Pack) {
            let file = File::create(part(1, ".gz")).unwrap();
            let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            packer.write_all(&fs::read(&old).unwrap()).unwrap();
            packer.finish().unwrap();
            fs::remove_file(old).unwrap();
        }
    }
}

fn append(path: &Path) -> File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
}

fn line(number: u64) -> String {
    format!("{} h{number} t\n", START + number * STEP_SECONDS)
}

/// What connspy says of so many lines; without those of hours that are open.
pub fn complete_rows(lines: u64) -> String {
    let last = START + (lines - 1) * STEP_SECONDS;
    // The lateness, and the time of the last one is not beyond but at the end.
    let open = (last - 300 - 1) / 3_600 * 3_600;
    rows((open - START).div_ceil(STEP_SECONDS))
}

/// What connspy says of so many lines.
pub fn rows(lines: u64) -> String {
    let mut text = String::new();
    let mut number = 0;
    while number < lines {
        let hour = (START + number * STEP_SECONDS) / 3_600 * 3_600;
        let first = number;
        while number < lines && START + number * STEP_SECONDS < hour + 3_600 {
            let host = format!("\"group\":\"to\",\"host\":\"h{number}\"");
            writeln!(text, "{{\"hour\":{hour},{host}}}").unwrap();
            number += 1;
        }
        let most = format!(
            "\"group\":\"most\",\"host\":\"t\",\"connections\":{}",
            number - first
        );
        writeln!(text, "{{\"hour\":{hour},{most}}}").unwrap();
    }
    text
}
