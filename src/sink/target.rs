// SPDX-License-Identifier: MIT OR Apache-2.0
//! One output: where it is, how it is spoken to, what it takes at once.

use core::time::Duration;

use super::answer::{Decision, Outcome, Verdict};
use super::api::Api;
use super::batch::Batch;
use super::elastic::Elastic;
use super::gzip;
use super::http::{Client, Method, Request};
use super::identity::Splice;

/// What kind of server an output is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Elasticsearch, OpenSearch.
    Elastic(Elastic),
    /// An HTTP API.
    Api(Api),
}

/// An output over HTTP, ready to be used.
#[derive(Debug)]
pub struct Output {
    /// What it is called in messages: kind and address, never a secret.
    pub name: String,
    /// Tells it apart over restarts.
    pub identity: u64,
    /// Where it is.
    pub target: Target,
    /// How to get there.
    pub client: Client,
    /// The `Authorization` field (RFC 9110), if the server wants one.
    pub authorization: Option<String>,
    /// What the server gets in front of each document.
    pub splice: Splice,
    /// Compresses bodies.
    pub gzip: bool,
    /// Documents in one request at most.
    pub batch_max: usize,
    /// How long a document may wait for others.
    pub batch_age: Duration,
}

/// A request in the making; its buffers are used again.
#[derive(Debug)]
pub struct Composed {
    /// What to do.
    pub method: Method,
    /// Where to.
    pub url: String,
    /// Form of the body.
    pub content_type: &'static str,
    /// Names the request in repeats; empty when it needs no name.
    pub idempotency_key: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Default for Composed {
    fn default() -> Self {
        let (url, idempotency_key) = (String::new(), String::new());
        Self {
            method: Method::Post,
            url,
            content_type: "",
            idempotency_key,
            body: Vec::new(),
        }
    }
}

impl Output {
    /// Sends the documents of `batch` at `pending`, at least one, and says what became of them.
    pub fn send(
        &self,
        batch: &Batch,
        pending: &[usize],
        composed: &mut Composed,
        at_most: Duration,
    ) -> Outcome {
        composed.url.clear();
        composed.idempotency_key.clear();
        composed.body.clear();
        match &self.target {
            Target::Elastic(elastic) => elastic.compose(batch, pending, self.splice, composed),
            Target::Api(api) => api.compose(batch, pending, self.splice, composed),
        }
        if self.gzip {
            composed.body = gzip::compress(&composed.body);
        }
        let mut headers = vec![("content-type", composed.content_type)];
        if self.gzip {
            headers.push(("content-encoding", "gzip"));
        }
        if !composed.idempotency_key.is_empty() {
            headers.push(("idempotency-key", composed.idempotency_key.as_str()));
        }
        headers.extend(
            self.authorization
                .as_deref()
                .map(|value| ("authorization", value)),
        );
        let request = Request {
            method: composed.method,
            url: &composed.url,
            headers: &headers,
            body: &composed.body,
            // An item of a bulk answer has 250 bytes, 600 with an error.
            answer_bytes_max: 64 * 1_024 + 1_024 * pending.len() as u64,
        };
        match (self.client.send(&request, at_most), &self.target) {
            (Err(reason), _) => Outcome::All(Decision {
                verdict: Verdict::Again(None),
                status: 0,
                reason,
            }),
            (Ok(answer), Target::Elastic(elastic)) => elastic.outcome(&answer, pending.len()),
            (Ok(answer), Target::Api(api)) => api.outcome(&answer),
        }
    }
}

/// The start of what a server said: enough to understand, too little to flood a log. Of a page for
/// browsers nothing is worth showing.
pub fn brief(text: &str) -> &str {
    let line = text
        .trim()
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches([';', '.', ' ']);
    if line.starts_with('<') {
        ""
    } else {
        &line[..line.floor_char_boundary(300)]
    }
}
