// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages of DNS (RFC 1035 section 4): names with compression, questions, records.
//!
//! Time is bounded: each pointer must lead to before the run of labels that it ends, so a name is
//! read in at most 255 steps; a record takes 11 bytes at least.

use core::fmt::Write;
use core::net::IpAddr;

use super::Malformed;
use crate::model::name::{DeviceName, lossy};

/// Class of the Internet.
pub const IN: u16 = 1;
/// Sections as [`Record::section`] counts them.
pub const ANSWERS: usize = 0;
/// Where SOA stands when there is no answer.
pub const AUTHORITIES: usize = 1;
/// What a server adds unasked.
pub const ADDITIONALS: usize = 2;

/// Bytes of a name with its length bytes (RFC 1035 section 2.3.4).
const NAME_BYTES_MAX: usize = 255;
const HEADER_BYTES: usize = 12;

/// A name: labels of 1 to 63 bytes. Compared without regard to ASCII case (RFC 4343).
#[derive(Clone, Debug)]
pub struct Name {
    /// Ends with the empty label of the root.
    wire: heapless::Vec<u8, NAME_BYTES_MAX, u8>,
}

impl Default for Name {
    /// The root.
    fn default() -> Self {
        let mut wire = heapless::Vec::new();
        let fits = wire.push(0);
        debug_assert!(fits.is_ok());
        Self { wire }
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        // Lengths are below the letters, so they are compared as they are.
        self.wire.eq_ignore_ascii_case(&other.wire)
    }
}

impl Eq for Name {}

impl Name {
    /// The name that belongs to `address` (RFC 1035 section 3.5, RFC 3596 section 2.5).
    pub fn reverse(address: IpAddr) -> Self {
        let mut name = Self::default();
        let mut push = |label: &[u8]| {
            let fits = name.push(label);
            debug_assert!(fits.is_some(), "34 labels fit");
        };
        match address {
            IpAddr::V4(address) => {
                for octet in address.octets().into_iter().rev() {
                    let mut label = heapless::String::<3, u8>::new();
                    let _ = write!(label, "{octet}");
                    push(label.as_bytes());
                }
                push(b"in-addr");
            }
            IpAddr::V6(address) => {
                for octet in address.octets().into_iter().rev() {
                    for nibble in [octet & 0xf, octet >> 4] {
                        push(&[b"0123456789abcdef"[usize::from(nibble)]]);
                    }
                }
                push(b"ip6");
            }
        }
        push(b"arpa");
        name
    }

    /// Its bytes without compression, the root's empty label last.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Puts a label before the root; `None` when it is empty, too long, or the name would be.
    pub fn push(&mut self, label: &[u8]) -> Option<()> {
        let len = u8::try_from(label.len())
            .ok()
            .filter(|len| (1..64).contains(len))?;
        if self.wire.len() + 1 + label.len() > NAME_BYTES_MAX {
            return None;
        }
        *self.wire.last_mut()? = len;
        self.wire.extend_from_slice(label).ok()?;
        self.wire.push(0).ok()
    }

    /// Its labels.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.wire.as_slice();
        core::iter::from_fn(move || {
            let (&len, behind) = rest.split_first().filter(|&(&len, _)| len > 0)?;
            let label;
            (label, rest) = behind.split_at_checked(len.into())?;
            Some(label)
        })
    }

    /// As people write it, without the final dot; a dot or `\` inside a label has a `\` before it.
    /// The root is empty. Cut where it does not fit.
    pub fn text(&self) -> DeviceName {
        let mut raw: heapless::Vec<u8, { 2 * NAME_BYTES_MAX }> = heapless::Vec::new();
        for label in self.labels() {
            let dot = (!raw.is_empty()).then_some(b'.');
            let escaped = label.iter().flat_map(|&byte| {
                let escape = matches!(byte, b'.' | b'\\').then_some(b'\\');
                escape.into_iter().chain(Some(byte))
            });
            raw.extend(dot.into_iter().chain(escaped));
        }
        lossy(&raw)
    }
}

/// A message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    /// Chosen by whoever asks.
    pub id: u16,
    /// QR, OPCODE, AA, TC, RD, RA, Z, RCODE from the highest bit.
    pub flags: u16,
    questions: u16,
    counts: [u16; 3],
}

/// A record.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// [`ANSWERS`], [`AUTHORITIES`] or [`ADDITIONALS`].
    pub section: usize,
    /// Whose it is.
    pub owner: Name,
    /// TYPE.
    pub kind: u16,
    /// CLASS; in multicast DNS the highest bit is a flag (RFC 6762 section 10.2).
    pub class: u16,
    /// For how long it may be kept; 0 when its highest bit is set (RFC 2181 section 8).
    pub ttl_s: u32,
    /// RDATA.
    pub data: &'a [u8],
    at: usize,
}

impl<'a> Message<'a> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// It is short.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header = bytes
            .first_chunk::<HEADER_BYTES>()
            .ok_or(Malformed::Short)?;
        let word = |i: usize| u16::from_be_bytes([header[2 * i], header[2 * i + 1]]);
        Ok(Self {
            bytes,
            id: word(0),
            flags: word(1),
            questions: word(2),
            counts: [word(3), word(4), word(5)],
        })
    }

    /// Name, type and class of the question; `None` when there is none or more than one.
    ///
    /// # Errors
    ///
    /// It is cut, or its name is wrong.
    pub fn only_question(&self) -> Result<Option<(Name, u16, u16)>, Malformed> {
        if self.questions != 1 {
            return Ok(None);
        }
        let (name, at) = self.name(HEADER_BYTES)?;
        Ok(Some((name, self.word(at)?, self.word(at + 2)?)))
    }

    /// All records; ends after the first error.
    pub fn records(&self) -> Records<'a> {
        Records {
            message: *self,
            at: HEADER_BYTES,
            questions: self.questions,
            section: 0,
            left: self.counts[0],
        }
    }

    /// A name in a record's data, at `offset`, and the offset behind it.
    ///
    /// # Errors
    ///
    /// It is cut or wrong.
    pub fn name_in(&self, record: &Record, offset: usize) -> Result<(Name, usize), Malformed> {
        let (name, behind) = self.name(record.at + offset)?;
        match behind - record.at {
            offset if offset <= record.data.len() => Ok((name, offset)),
            _ => Err(Malformed::Short),
        }
    }

    fn word(&self, at: usize) -> Result<u16, Malformed> {
        let octets = self.bytes.get(at..).and_then(<[u8]>::first_chunk);
        octets
            .copied()
            .map(u16::from_be_bytes)
            .ok_or(Malformed::Short)
    }

    /// The name at `start`, and where what follows it begins.
    fn name(&self, start: usize) -> Result<(Name, usize), Malformed> {
        let mut name = Name::default();
        let (mut at, mut run) = (start, start);
        let mut behind = None;
        loop {
            let len = *self.bytes.get(at).ok_or(Malformed::Short)?;
            at += 1;
            match len {
                0 => return Ok((name, behind.unwrap_or(at))),
                1..64 => {
                    let label = self.bytes.get(at..at + usize::from(len));
                    let label = label.ok_or(Malformed::Short)?;
                    name.push(label).ok_or(Malformed::Name)?;
                    at += label.len();
                }
                0xc0.. => {
                    let target = usize::from(self.word(at - 1)? & 0x3fff);
                    behind = behind.or(Some(at + 1));
                    if target >= run {
                        return Err(Malformed::Name);
                    }
                    (at, run) = (target, target);
                }
                _ => return Err(Malformed::Name),
            }
        }
    }
}

/// The records of a message, section after section.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    message: Message<'a>,
    at: usize,
    questions: u16,
    section: usize,
    left: u16,
}

impl<'a> Records<'a> {
    fn read(&mut self) -> Result<Option<Record<'a>>, Malformed> {
        while self.questions > 0 {
            self.questions -= 1;
            self.at = self.message.name(self.at)?.1 + 4;
        }
        while self.left == 0 {
            self.section += 1;
            match self.message.counts.get(self.section) {
                Some(&count) => self.left = count,
                None => return Ok(None),
            }
        }
        self.left -= 1;
        let (owner, at) = self.message.name(self.at)?;
        let fixed = self
            .message
            .bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk());
        let [k0, k1, c0, c1, t0, t1, t2, t3, l0, l1] = *fixed.ok_or(Malformed::Short)?;
        let at = at + 10;
        let ttl_s = u32::from_be_bytes([t0, t1, t2, t3]);
        self.at = at + usize::from(u16::from_be_bytes([l0, l1]));
        let data = self
            .message
            .bytes
            .get(at..self.at)
            .ok_or(Malformed::Short)?;
        Ok(Some(Record {
            section: self.section,
            owner,
            kind: u16::from_be_bytes([k0, k1]),
            class: u16::from_be_bytes([c0, c1]),
            ttl_s: if ttl_s >> 31 == 0 { ttl_s } else { 0 },
            data,
            at,
        }))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.read();
        if record.is_err() {
            (self.questions, self.section, self.left) = (0, self.message.counts.len(), 0);
        }
        record.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name() {
        let address = "2001:db8::567:89ab".parse().unwrap();
        let text = "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        assert_eq!(Name::reverse(address).text(), text, "RFC 3596 section 2.5");
        assert_eq!(
            Name::reverse([10, 0, 0, 9].into()).text(),
            "9.0.0.10.in-addr.arpa"
        );
    }

    #[test]
    fn a_name_has_255_bytes_at_most() {
        let mut name = Name::default();
        assert_eq!(name.push(b""), None);
        assert_eq!(name.push(&[b'x'; 64]), None);
        for _ in 0..3 {
            name.push(&[b'x'; 63]).unwrap();
        }
        let before = name.clone();
        assert_eq!(name.push(&[b'x'; 62]), None);
        assert_eq!(name, before);
        name.push(&[b'x'; 61]).unwrap();
        assert_eq!((name.wire().len(), name.text().len()), (255, 253));
        assert_eq!(name.push(b"x"), None);
    }
}
