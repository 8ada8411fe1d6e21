// SPDX-License-Identifier: MIT OR Apache-2.0
//! Elasticsearch 7 and 8, OpenSearch: requests for documents, and what the answers mean.
//!
//! A document is created under its own identity, so that a repeat is a conflict (409) and not a
//! second document.

use core::fmt::Write;

use miniserde::{Deserialize, json};

use super::answer::{Decision, Outcome, Verdict, phrase, verdict};
use super::batch::Batch;
use super::http::{Answer, Method};
use super::identity::{Identity, Splice, splice_into};
use super::target::{Composed, brief};

/// Where documents go on one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elastic {
    /// `http://host:port/path`, without a slash at the end.
    pub base: String,
    /// Index or data stream.
    pub index: String,
    /// Type, for servers before 8.
    pub es_type: Option<String>,
    /// Lets the server choose identities: a repeat may be a second document.
    pub auto_id: bool,
}

/// The answer to a bulk request, as far as it is needed.
#[derive(Deserialize)]
struct BulkAnswer {
    items: Vec<Action>,
}

/// What became of a document, under the name of what was done.
#[derive(Deserialize)]
struct Action {
    create: Option<Item>,
    index: Option<Item>,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    error: Option<Cause>,
}

#[derive(Deserialize)]
struct Cause {
    r#type: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Fault {
    error: Cause,
}

#[derive(Deserialize)]
struct PlainFault {
    error: String,
}

impl Elastic {
    /// Writes the request that carries the documents of `batch` at `pending`.
    pub fn compose(&self, batch: &Batch, pending: &[usize], splice: Splice, out: &mut Composed) {
        let Self {
            base,
            index,
            es_type,
            auto_id,
        } = self;
        if let &[only] = pending {
            let (origin, document) = batch.get(only);
            let identity = Identity(origin, document.sequence);
            out.content_type = "application/json";
            out.method = if *auto_id { Method::Post } else { Method::Put };
            // Writing to a string cannot fail.
            let _ = match (es_type, auto_id) {
                (None, false) => write!(out.url, "{base}/{index}/_create/{identity}"),
                (Some(t), false) => write!(out.url, "{base}/{index}/{t}/{identity}?op_type=create"),
                (None, true) => write!(out.url, "{base}/{index}/_doc"),
                (Some(t), true) => write!(out.url, "{base}/{index}/{t}"),
            };
            splice_into(&mut out.body, origin, &document, splice);
            return;
        }
        out.content_type = "application/x-ndjson";
        out.method = Method::Post;
        let _ = write!(out.url, "{base}/_bulk");
        for &at in pending {
            let (origin, document) = batch.get(at);
            self.action(Identity(origin, document.sequence), &mut out.body);
            splice_into(&mut out.body, origin, &document, splice);
            out.body.push(b'\n');
        }
    }

    /// The line before a document of a bulk request. Index, type and identity need no escape.
    fn action(&self, identity: Identity<'_>, body: &mut Vec<u8>) {
        use std::io::Write as _;
        let _ = write!(body, "{{\"create\":{{\"_index\":\"{}\"", self.index);
        if let Some(es_type) = &self.es_type {
            let _ = write!(body, ",\"_type\":\"{es_type}\"");
        }
        if !self.auto_id {
            let _ = write!(body, ",\"_id\":\"{identity}\"");
        }
        body.extend_from_slice(b"}}\n");
    }

    /// What the answer to a request with `count` documents says of them.
    pub fn outcome(&self, answer: &Answer, count: usize) -> Outcome {
        if count == 1 || !(200..300).contains(&answer.status) {
            return Outcome::All(self.decide(answer.status, answer, server_reason(&answer.body)));
        }
        if answer.cut {
            // Refused as a whole, it comes back in halves, whose answers are shorter.
            let reason = "the answer is too long".to_owned();
            let verdict = Verdict::Refused;
            return Outcome::All(Decision {
                verdict,
                status: answer.status,
                reason,
            });
        }
        let text = core::str::from_utf8(&answer.body).unwrap_or_default();
        match json::from_str::<BulkAnswer>(text) {
            Ok(BulkAnswer { items }) if items.len() == count => {
                let items = items.into_iter();
                let decisions: Vec<_> = items
                    .filter_map(|Action { create, index }| create.or(index))
                    .map(|Item { status, error }| {
                        self.decide(status, answer, error.map(words).unwrap_or_default())
                    })
                    .collect();
                if decisions.len() == count {
                    Outcome::Each(decisions)
                } else {
                    garbled()
                }
            }
            _ => garbled(),
        }
    }

    fn decide(&self, status: u16, answer: &Answer, reason: String) -> Decision {
        if status == 409 && !self.auto_id {
            return Decision {
                verdict: Verdict::Delivered,
                status,
                reason: String::new(),
            };
        }
        let verdict = verdict(status, answer.retry_after);
        if verdict == Verdict::Delivered && answer.body.trim_ascii_start().starts_with(b"<") {
            // The page of a captive portal, not the word of a server.
            let reason = "a page for browsers came back; is this Elasticsearch?".to_owned();
            return Decision {
                verdict: Verdict::Again(None),
                status,
                reason,
            };
        }
        if verdict == Verdict::Delivered {
            return Decision {
                verdict,
                status,
                reason: String::new(),
            };
        }
        let remedy = self.remedy(status, &reason, answer.location.as_deref());
        let colon = if reason.is_empty() { "" } else { ": " };
        let reason = format!("{status} {}{colon}{reason}; {remedy}", phrase(status));
        Decision {
            verdict,
            status,
            reason,
        }
    }

    fn remedy(&self, status: u16, reason: &str, location: Option<&str>) -> String {
        let index = &self.index;
        if reason.contains("Limit of total fields") {
            return "choose fewer interfaces with --interface, or raise \
                    index.mapping.total_fields.limit of the index"
                .to_owned();
        }
        if reason.contains("no handler found") || reason.contains("unknown parameter [_type]") {
            return "this server knows no types: leave --estype out".to_owned();
        }
        if reason.contains("more than 1 type") {
            return "the index holds documents of another type: choose another index or type"
                .into();
        }
        if reason.contains("read-only") || reason.contains("flood-stage") {
            return "free disk space on the server".to_owned();
        }
        match (status, location) {
            (300..=399, Some(to)) => format!("it redirects to {}: give that address", brief(to)),
            (401, _) => "check user and password, or the API key".to_owned(),
            (403, _) => format!("give the user the right to create documents in '{index}'"),
            (404..=406, _) => format!("is this Elasticsearch, and is '{index}' an index there?"),
            (408 | 429 | 500..=599, _) => "it may be starting or overloaded".to_owned(),
            _ => format!("see the mapping of '{index}' on the server"),
        }
    }
}

fn garbled() -> Outcome {
    let reason = "the answer is not that of a bulk request; is this Elasticsearch?".to_owned();
    Outcome::All(Decision {
        verdict: Verdict::Again(None),
        status: 200,
        reason,
    })
}

fn words(Cause { r#type, reason }: Cause) -> String {
    let both = [r#type, reason]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(": ");
    brief(&both).to_owned()
}

/// The server's own words in an answer that is no success.
fn server_reason(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    if let Ok(Fault { error }) = json::from_str(&text) {
        words(error)
    } else if let Ok(PlainFault { error }) = json::from_str(&text) {
        brief(&error).to_owned()
    } else {
        brief(&text).to_owned()
    }
}
