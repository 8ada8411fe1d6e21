// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where reading stands in a file, and how the file is known again: by what it has at its start and
//! just before that place, whatever its name or inode is by now.

/// Bytes at the start of a file that tell it from others: some records with their times.
pub const HEAD_BYTES: usize = 256;

/// Bytes before the place that was reached.
pub const TAIL_BYTES: usize = 64;

/// A piece of a file, known by its hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Print {
    /// Bytes of it.
    pub len: usize,
    /// FNV-1a, 64 bits.
    pub hash: u64,
}

impl Print {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            len: bytes.len(),
            hash: fnv(FNV_START, bytes),
        }
    }
}

/// FNV-1a of nothing.
pub const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, going on from `hash`.
pub fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Device and inode.
    pub identity: (u64, u64),
    /// Bytes before it; of what is in it when it is packed.
    pub offset: u64,
    /// The first bytes of the file.
    pub head: Print,
    /// The last bytes before the place.
    pub tail: Print,
}

/// What was read last, to make marks from.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Bytes before the place that was reached.
    pub offset: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Trace {
    /// Of a place in the middle of a file that has `head` at its start, and `tail` before it.
    pub fn at(offset: u64, head: &[u8], tail: &[u8]) -> Self {
        Self {
            offset,
            head: head.to_vec(),
            tail: tail.to_vec(),
        }
    }

    /// Of the start of a file that has `head` there.
    pub fn before(head: &[u8]) -> Self {
        Self::at(0, head, &[])
    }

    /// Whether these bytes can come next.
    pub fn allows(&self, bytes: &[u8]) -> bool {
        self.offset > 0 || bytes.starts_with(&self.head)
    }

    /// Says that these bytes came next.
    pub fn pass(&mut self, bytes: &[u8]) {
        let new = (self.head.len() as u64).checked_sub(self.offset);
        if let Some(new) = new.and_then(|known| bytes.get(known as usize..)) {
            let room = HEAD_BYTES - self.head.len();
            self.head.extend_from_slice(&new[..new.len().min(room)]);
        }
        self.offset += bytes.len() as u64;
        let last = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        let surplus = (self.tail.len() + last.len()).saturating_sub(TAIL_BYTES);
        self.tail.drain(..surplus.min(self.tail.len()));
        self.tail.extend_from_slice(last);
    }

    /// The first bytes of the file, as far as they are known.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The last bytes.
    pub fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// The mark of this place in that file.
    pub fn mark(&self, identity: (u64, u64)) -> Mark {
        Mark {
            identity,
            offset: self.offset,
            head: Print::of(&self.head),
            tail: Print::of(&self.tail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_hash_is_the_known_one() {
        assert_eq!(Print::of(b"foobar").hash, 0x8594_4171_f739_67e8);
    }

    proptest! {
        #[test]
        fn marks_do_not_depend_on_the_pieces(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
            cuts in proptest::collection::vec(0..600_usize, 0..10),
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| *cut.min(&bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut trace = Trace::default();
            cuts.windows(2).for_each(|pair| trace.pass(&bytes[pair[0]..pair[1]]));
            let head = &bytes[..bytes.len().min(HEAD_BYTES)];
            let tail = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
            prop_assert_eq!(trace.mark((1, 2)), Mark {
                identity: (1, 2),
                offset: bytes.len() as u64,
                head: Print::of(head),
                tail: Print::of(tail),
            });
            let mut known = Trace::before(&head[..head.len() / 2]);
            prop_assert!(known.allows(&bytes));
            cuts.windows(2).for_each(|pair| known.pass(&bytes[pair[0]..pair[1]]));
            prop_assert_eq!(known.mark((1, 2)), trace.mark((1, 2)));
            let middle = Trace::at(bytes.len() as u64, head, tail);
            prop_assert_eq!(middle.mark((1, 2)), trace.mark((1, 2)));
        }
    }
}
