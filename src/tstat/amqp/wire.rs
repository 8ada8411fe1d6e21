// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fields that methods are made of (AMQP 0-9-1 section 4.2.5), read and written.

use super::frame::{END, Kind};
use crate::tstat::settings::Argument;

/// What is left to be read of a payload.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next bytes, so many of them.
    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.first_chunk().copied()
    }

    /// An octet; a bit that stands alone is one too.
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// A short integer.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// A long integer.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A long long integer.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A short string; what is not UTF-8 becomes U+FFFD.
    pub fn short(&mut self) -> Option<String> {
        let len = self.u8()?;
        let bytes = self.bytes(len.into())?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    /// A long string; or a table, unseen.
    pub fn long(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.bytes(usize::try_from(len).ok()?)
    }

    /// The value, if nothing is left behind it.
    pub fn end<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

/// A frame that is being written; it ends when it is dropped.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Where the length goes.
    at: usize,
}

impl<'a> Writer<'a> {
    /// Begins a frame.
    pub fn begin(out: &'a mut Vec<u8>, kind: Kind, channel: u16) -> Self {
        out.push(kind as u8);
        out.extend_from_slice(&channel.to_be_bytes());
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        Self { out, at }
    }

    /// Begins a method.
    pub fn method(out: &'a mut Vec<u8>, channel: u16, class: u16, method: u16) -> Self {
        let mut writer = Self::begin(out, Kind::Method, channel);
        writer.u16(class).u16(method);
        writer
    }

    /// An octet.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.out.push(value);
        self
    }

    /// Bits, the first is the lowest.
    pub fn bits<const N: usize>(&mut self, bits: [bool; N]) -> &mut Self {
        let octet = bits.iter().rev();
        self.u8(octet.fold(0, |octet, &bit| octet << 1 | u8::from(bit)))
    }

    /// A short integer.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.out.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// A long integer.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.out.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// A long long integer.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.out.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// A short string; cut to the 255 bytes that it can have.
    pub fn short(&mut self, text: &str) -> &mut Self {
        let len = u8::try_from(text.len()).unwrap_or(u8::MAX);
        self.u8(len)
            .out
            .extend_from_slice(&text.as_bytes()[..len.into()]);
        self
    }

    /// A long string, or a table.
    pub fn long(&mut self, write: impl FnOnce(&mut Self)) -> &mut Self {
        let at = self.out.len();
        self.u32(0);
        write(self);
        set_length(self.out, at);
        self
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend_from_slice(bytes);
        self
    }

    /// One entry of a table, of the kinds that RabbitMQ knows.
    pub fn entry(&mut self, key: &str, value: &Argument) -> &mut Self {
        self.short(key);
        match value {
            Argument::Boolean(value) => self.u8(b't').u8((*value).into()),
            Argument::Integer(value) => self.u8(b'l').bytes(&value.to_be_bytes()),
            Argument::Text(text) => self.text_entry(text),
        }
    }

    /// The value of an entry, a text.
    pub fn text_entry(&mut self, text: &str) -> &mut Self {
        self.u8(b'S').long(|writer| {
            writer.bytes(text.as_bytes());
        })
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        set_length(self.out, self.at);
        self.out.push(END);
    }
}

/// Writes how many bytes follow the four ones `at`.
fn set_length(out: &mut [u8], at: usize) {
    // What we say is far shorter than 4 GiB.
    let len = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&len.to_be_bytes());
}
