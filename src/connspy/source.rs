// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where bytes of a log come from: a file, standard input, a file packed by gzip (RFC 1952).

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

use super::seek::{self, Wanted};
use crate::sys::files::{self, File};

/// Bytes of a packed file that are read at once.
const PACKED_BYTES: usize = 64 * 1_024;

/// An open log.
#[derive(Debug)]
pub struct Source {
    /// What it is called in messages.
    pub name: String,
    /// Its length; `None` when it is no regular file.
    pub bytes: Option<u64>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Plain(Counted),
    Packed(Members),
}

/// A file, and how much of it was read.
#[derive(Debug)]
struct Counted {
    file: File,
    read_bytes: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read(buffer)?;
        self.read_bytes += len as u64;
        Ok(len)
    }
}

/// The members of a packed file, one after the other (RFC 1952, section 2.2).
#[derive(Debug)]
struct Members {
    /// The one that is being unpacked; `None` only while the next takes its place.
    member: Option<Box<GzDecoder<BufReader<Counted>>>>,
}

impl Members {
    fn new(packed: Counted) -> Self {
        let packed = BufReader::with_capacity(PACKED_BYTES, packed);
        Self {
            member: Some(Box::new(GzDecoder::new(packed))),
        }
    }

    fn read_bytes(&self) -> u64 {
        let member = self.member.as_ref();
        member.map_or(0, |member| member.get_ref().get_ref().read_bytes)
    }
}

impl Read for Members {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let len = member.read(buffer)?;
            if len > 0 || buffer.is_empty() {
                return Ok(len);
            }
            if at_end(member.get_mut())? {
                break;
            }
            // The header of a member is read when the next bytes are asked for.
            let packed = self.member.take().map(|member| member.into_inner());
            self.member = packed.map(|packed| Box::new(GzDecoder::new(packed)));
        }
        Ok(0)
    }
}

/// Whether nothing but zeros follows, with which tapes and block devices fill up their blocks.
fn at_end(packed: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = packed.fill_buf()?;
        if bytes.is_empty() {
            return Ok(true);
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let only_zeros = zeros == bytes.len();
        packed.consume(zeros);
        if !only_zeros {
            return Ok(false);
        }
    }
}

impl Source {
    /// Opens the file `path`, which is unpacked when it ends in `.gz`.
    ///
    /// # Errors
    /// What open(2) says.
    pub fn open(path: &str) -> io::Result<Self> {
        let file = File::open_waiting(&files::c_path(path)?)?;
        Self::of_file(path, file)
    }

    /// Standard input.
    ///
    /// # Errors
    /// When it is closed.
    pub fn stdin() -> io::Result<Self> {
        Self::of_file("standard input", File::standard_input()?)
    }

    /// What is open already; it is unpacked when `name` ends in `.gz`.
    ///
    /// # Errors
    /// What fstat(2) says.
    pub fn of_file(name: &str, file: File) -> io::Result<Self> {
        let status = file.status()?;
        let plain = Counted {
            file,
            read_bytes: 0,
        };
        Ok(Self {
            name: name.to_owned(),
            bytes: status.is_file().then(|| status.bytes()),
            content: match name.ends_with(".gz") {
                true => Content::Packed(Members::new(plain)),
                false => Content::Plain(plain),
            },
        })
    }

    /// Passes over what is before a range of time, in a file that is not packed.
    ///
    /// # Errors
    /// What pread(2) and lseek(2) say.
    pub fn seek(&mut self, wanted: Wanted) -> io::Result<()> {
        if let (Content::Plain(plain), Some(len)) = (&mut self.content, self.bytes) {
            let file = &plain.file;
            let start = seek::start(&mut |space, at| file.read_at(space, at), len, wanted)?;
            file.go_to(start)?;
            plain.read_bytes = start;
        }
        Ok(())
    }

    /// Whether bytes are those of the file.
    pub fn is_plain(&self) -> bool {
        matches!(self.content, Content::Plain(_))
    }

    /// Bytes of the file that were read.
    pub fn read_bytes(&self) -> u64 {
        match &self.content {
            Content::Plain(plain) => plain.read_bytes,
            Content::Packed(members) => members.read_bytes(),
        }
    }

    /// Fills the start of `buffer`; 0 at the end.
    ///
    /// # Errors
    /// What read(2) says; `UnexpectedEof`, `InvalidInput` or `InvalidData` where a packed file is
    /// cut or broken.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.content {
            Content::Plain(plain) => plain.read(buffer),
            Content::Packed(members) => members.read(buffer),
        }
    }
}
