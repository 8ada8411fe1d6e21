// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a server's answer means for a document.

use core::time::Duration;

/// What becomes of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server has it, now or since before.
    Delivered,
    /// The server could not take it now; it may ask for a pause.
    Again(Option<Duration>),
    /// The set-up is wrong, not the document: address, user, rights.
    SetUpWrong,
    /// The server will never take this document.
    Refused,
}

/// A verdict with the server's reason, empty when all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of the document.
    pub verdict: Verdict,
    /// The status code; 0 without an answer.
    pub status: u16,
    /// Why, and what to do, in words for the user.
    pub reason: String,
}

/// What an answer says of the documents of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The same of all.
    All(Decision),
    /// Of each its own, in the order of the request.
    Each(Vec<Decision>),
}

/// The verdict that a status code (RFC 9110) is; 409 is a refusal here.
pub fn verdict(status: u16, retry_after: Option<Duration>) -> Verdict {
    match status {
        200..=299 => Verdict::Delivered,
        408 | 429 | 500..=599 => Verdict::Again(retry_after),
        300..=399 | 401 | 403..=406 => Verdict::SetUpWrong,
        400..=499 => Verdict::Refused,
        // Not a code at all: garbled.
        _ => Verdict::Again(None),
    }
}

/// The words that go with a status code.
pub fn phrase(status: u16) -> &'static str {
    ureq::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|code| code.canonical_reason())
        .unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_verdict() {
        use Verdict::{Again, Delivered, Refused, SetUpWrong};
        for (status, expected) in [
            (200, Delivered),
            (201, Delivered),
            (299, Delivered),
            (408, Again(None)),
            (429, Again(None)),
            (500, Again(None)),
            (503, Again(None)),
            (100, Again(None)),
            (0, Again(None)),
            (999, Again(None)),
            (301, SetUpWrong),
            (401, SetUpWrong),
            (403, SetUpWrong),
            (404, SetUpWrong),
            (405, SetUpWrong),
            (406, SetUpWrong),
            (400, Refused),
            (402, Refused),
            (409, Refused),
            (413, Refused),
            (422, Refused),
        ] {
            assert_eq!(verdict(status, None), expected, "{status}");
        }
        let asked = Some(Duration::from_secs(9));
        assert_eq!(verdict(429, asked), Again(asked));
    }
}
