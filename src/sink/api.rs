// SPDX-License-Identifier: MIT OR Apache-2.0
//! An HTTP API that takes documents, single or in arrays.

use core::fmt::Write;

use super::answer::{Decision, Outcome, Verdict, phrase, verdict};
use super::batch::Batch;
use super::http::{Answer, Method};
use super::identity::{Identity, Splice, splice_into};
use super::target::{Composed, brief};

/// Where documents go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// The address, as it is requested.
    pub url: String,
    /// Sends an array, also of one document.
    pub array: bool,
}

impl Api {
    /// Writes the request that carries the documents of `batch` at `pending`; one unless
    /// [`Api::array`].
    pub fn compose(&self, batch: &Batch, pending: &[usize], splice: Splice, out: &mut Composed) {
        out.method = Method::Post;
        out.content_type = "application/json";
        out.url.push_str(&self.url);
        if self.array {
            out.body.push(b'[');
        }
        for (i, &at) in pending.iter().enumerate() {
            let (origin, document) = batch.get(at);
            if i == 0 {
                // Writing to a string cannot fail.
                let _ = write!(
                    out.idempotency_key,
                    "{}",
                    Identity(origin, document.sequence)
                );
            } else {
                out.body.push(b',');
            }
            splice_into(&mut out.body, origin, &document, splice);
        }
        if self.array {
            let _ = write!(out.idempotency_key, "+{}", pending.len());
            out.body.push(b']');
        }
    }

    /// What the answer says of all documents of the request.
    pub fn outcome(&self, answer: &Answer) -> Outcome {
        let &Answer {
            status,
            retry_after,
            ..
        } = answer;
        let verdict = verdict(status, retry_after);
        let reason = if verdict == Verdict::Delivered {
            String::new()
        } else {
            let said = String::from_utf8_lossy(&answer.body);
            let said = brief(&said);
            let colon = if said.is_empty() { "" } else { ": " };
            let remedy = remedy(&self.url, status, answer.location.as_deref());
            format!("{status} {}{colon}{said}; {remedy}", phrase(status))
        };
        Outcome::All(Decision {
            verdict,
            status,
            reason,
        })
    }
}

fn remedy(url: &str, status: u16, location: Option<&str>) -> String {
    match (status, location) {
        (300..=399, Some(to)) => {
            // Without our own path, in which some services put a secret.
            let path = url.splitn(4, '/').nth(3).filter(|path| !path.is_empty());
            let to = path.map_or_else(|| to.to_owned(), |path| to.replace(path, "…"));
            format!("it redirects to {}: give that address", brief(&to))
        }
        (401 | 403, _) => "check the API key".to_owned(),
        (404..=406, _) => "check the address: nothing there takes documents".to_owned(),
        (408 | 429 | 500..=599, _) => "it may be starting or overloaded".to_owned(),
        _ => "the server's log may say why".to_owned(),
    }
}
