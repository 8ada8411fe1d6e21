// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a frame begins and ends (AMQP 0-9-1 section 4.2.3), and nothing of what it means.
//!
//! A frame is looked at in place; one that is longer than agreed is refused at its seventh byte.

use core::fmt;

/// What stands around a payload: kind, channel, length; and the end.
pub const OVERHEAD: usize = 8;

/// The smallest frame that both sides must take, and the largest before they agreed on one.
pub const SIZE_MIN: usize = 4_096;

/// The largest frame that we take, as most clients do. Bounds what a broker can make us keep.
pub const SIZE_MAX: usize = 128 * 1_024;

/// The last byte of each frame.
pub const END: u8 = 0xce;

/// What the client says first.
pub const PROTOCOL_HEADER: [u8; 8] = *b"AMQP\0\0\x09\x01";

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A call or its answer.
    Method = 1,
    /// Length and properties of a message.
    Header = 2,
    /// A piece of a message.
    Body = 3,
    /// A sign of life.
    Heartbeat = 8,
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What the payload is.
    pub kind: Kind,
    /// 0 is the connection itself.
    pub channel: u16,
    /// What stands between header and end.
    pub payload: &'a [u8],
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The broker names the protocol that it speaks instead.
    OtherProtocol,
    /// No frame begins with this byte.
    Kind(u8),
    /// So many bytes, header and end included, are more than agreed.
    TooLong(u64),
    /// It does not end where it should.
    NoEnd,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherProtocol => f.write_str("it does not speak AMQP 0-9-1"),
            Self::Kind(byte) => write!(f, "no frame of AMQP begins with byte {byte:#04x}"),
            Self::TooLong(bytes) => write!(f, "a frame of {bytes} bytes is more than agreed"),
            Self::NoEnd => f.write_str("a frame does not end where it should"),
        }
    }
}

/// The frame at the start of `input`, and how many bytes it takes; `None` while it is incomplete.
///
/// # Errors
/// When no frame of at most `size_max` bytes begins so.
pub fn split(input: &[u8], size_max: usize) -> Result<Option<(Frame<'_>, usize)>, FrameError> {
    let kind = match input.first() {
        None => return Ok(None),
        Some(1) => Kind::Method,
        Some(2) => Kind::Header,
        Some(3) => Kind::Body,
        Some(8) => Kind::Heartbeat,
        Some(b'A') if input.len() < 4 && b"AMQP".starts_with(input) => return Ok(None),
        Some(b'A') if input.starts_with(b"AMQP") => return Err(FrameError::OtherProtocol),
        Some(&byte) => return Err(FrameError::Kind(byte)),
    };
    let Some(&[_, c0, c1, l0, l1, l2, l3]) = input.first_chunk() else {
        return Ok(None);
    };
    let size = u64::from(u32::from_be_bytes([l0, l1, l2, l3])) + OVERHEAD as u64;
    let Some(len) = usize::try_from(size).ok().filter(|&len| len <= size_max) else {
        return Err(FrameError::TooLong(size));
    };
    let Some(frame) = input.get(..len) else {
        return Ok(None);
    };
    if frame[len - 1] != END {
        return Err(FrameError::NoEnd);
    }
    let (channel, payload) = (u16::from_be_bytes([c0, c1]), &frame[7..len - 1]);
    Ok(Some((
        Frame {
            kind,
            channel,
            payload,
        },
        len,
    )))
}

/// Appends a frame.
pub fn put(out: &mut Vec<u8>, kind: Kind, channel: u16, payload: &[u8]) {
    let len = u32::try_from(payload.len()).expect("a frame is at most as long as agreed");
    out.push(kind as u8);
    out.extend_from_slice(&channel.to_be_bytes());
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(payload);
    out.push(END);
}

/// Appends the frames of a message's body, none of more than `size_max` bytes; none at all when it
/// is empty.
pub fn put_body(out: &mut Vec<u8>, channel: u16, body: &[u8], size_max: usize) {
    let pieces = body.chunks(size_max.max(SIZE_MIN) - OVERHEAD);
    out.reserve_exact(body.len() + pieces.len() * OVERHEAD);
    pieces.for_each(|piece| put(out, Kind::Body, channel, piece));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEARTBEAT: [u8; 8] = [8, 0, 0, 0, 0, 0, 0, END];

    /// Kind, channel, payload, and how many bytes they take.
    type Found<'a> = (Kind, u16, &'a [u8], usize);

    #[track_caller]
    fn check(input: &[u8], expected: Result<Option<Found<'_>>, FrameError>) {
        let found = split(input, SIZE_MIN);
        let found = found
            .map(|found| found.map(|(frame, len)| (frame.kind, frame.channel, frame.payload, len)));
        assert_eq!(found, expected, "{input:?}");
    }

    #[test]
    fn frames_are_found_when_they_are_whole() {
        check(&HEARTBEAT, Ok(Some((Kind::Heartbeat, 0, &[], 8))));
        let body = [3, 1, 2, 0, 0, 0, 3, b'a', b'b', b'c', END, 8];
        check(&body, Ok(Some((Kind::Body, 0x102, b"abc", 11))));
        (0..11).for_each(|len| check(&body[..len], Ok(None)));
    }

    #[test]
    fn what_is_no_frame_is_refused_at_once() {
        check(b"A", Ok(None));
        check(b"AMQP", Err(FrameError::OtherProtocol));
        check(b"AMX", Err(FrameError::Kind(b'A')));
        check(b"HTTP/1.1 400", Err(FrameError::Kind(b'H')));
        check(&[0x15, 3, 1], Err(FrameError::Kind(0x15)));
        let longest = [1, 0, 0, 255, 255, 255, 255];
        check(&longest, Err(FrameError::TooLong(0x1_0000_0007)));
        check(&[1, 0, 0, 0, 0, 1, 0, 0, 0], Ok(None));
        check(&[8, 0, 0, 0, 0, 0, 0, 0], Err(FrameError::NoEnd));
    }

    #[test]
    fn a_frame_may_be_as_long_as_agreed_and_no_longer() {
        for (payload, expected) in [(4_088, true), (4_089, false)] {
            let mut out = Vec::new();
            put(&mut out, Kind::Body, 1, &vec![0; payload]);
            assert_eq!(split(&out, SIZE_MIN).is_ok(), expected, "{payload}");
        }
    }

    proptest! {
        #[test]
        fn a_body_comes_back_from_its_frames(
            body in proptest::collection::vec(any::<u8>(), 0..40_000),
            size_max in SIZE_MIN..20_000,
        ) {
            let mut out = Vec::new();
            put_body(&mut out, 1, &body, size_max);
            let (mut rest, mut found) = (&out[..], Vec::new());
            while let Some((frame, len)) = split(rest, size_max).unwrap() {
                prop_assert_eq!((frame.kind, frame.channel), (Kind::Body, 1));
                prop_assert!(!frame.payload.is_empty() && len <= size_max);
                found.extend_from_slice(frame.payload);
                rest = &rest[len..];
            }
            prop_assert!(rest.is_empty());
            prop_assert_eq!(found, body);
        }
    }
}
