// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reverse look-ups: a PTR query is made, its answer is read (RFC 1035, RFC 3596, RFC 2308).

use core::net::IpAddr;

use crate::model::name::DeviceName;

/// Bytes of the longest PTR query: header, 34 labels of ip6.arpa, type and class.
pub const QUERY_BYTES_MAX: usize = 12 + 74 + 4;

/// Bytes of an answer by UDP without EDNS (RFC 1035 section 4.2.1); longer ones come truncated.
pub const ANSWER_BYTES_MAX: usize = 512;

/// The answer to a PTR query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// As in the query.
    pub id: u16,
    /// What it says.
    pub outcome: Outcome,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The first name there is.
    Name {
        /// Without the final dot. Chosen by whoever has the zone.
        name: DeviceName,
        /// For how long it may be kept; the shortest on the way to it.
        ttl_s: u32,
    },
    /// There is no name (NXDOMAIN or no PTR record).
    NoName {
        /// For how long that may be kept (RFC 2308); `None` when the answer does not say.
        ttl_s: Option<u32>,
    },
    /// Cut for its length: no use in it without TCP.
    Truncated,
    /// The server failed or refused; the RCODE (RFC 1035 section 4.1.1).
    Failed(u8),
}

/// Why it is no answer to the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It ends inside a header, a name or a record.
    Short,
    /// A name that loops, is longer than 255 bytes, or has a reserved label.
    Name,
    /// A query, or not of the standard kind.
    NotAnAnswer,
    /// It repeats another question than that for the address.
    OtherQuestion,
}

/// Writes the PTR query for `address` and gives the part of `buffer` that it takes.
pub fn query(id: u16, address: IpAddr, buffer: &mut [u8; QUERY_BYTES_MAX]) -> &[u8] {
    let _ = (id, address);
    &buffer[..0]
}

/// The id that a message begins with, to find the address that was asked for; `None` when shorter.
pub fn id(message: &[u8]) -> Option<u16> {
    message.first_chunk().copied().map(u16::from_be_bytes)
}

/// Reads the answer to the PTR query for `address`. The caller compares the id.
///
/// # Errors
///
/// See [`Malformed`].
pub fn parse(message: &[u8], address: IpAddr) -> Result<Answer, Malformed> {
    let _ = (message, address);
    Err(Malformed::Short)
}
