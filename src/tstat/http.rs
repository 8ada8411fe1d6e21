// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ways out over HTTP: an API that takes arrays, Elasticsearch that takes each object as a document
//! with a name of its own. A slice is confirmed by the answer to its request.

use core::time::Duration;
use std::io::Write as _;
use std::sync::Arc;

use memchr::memmem;

use super::carrier::{Carrier, CarrierError, Slice, Tally};
use super::exchange::{Exchange, Job};
use super::local::AtOnce;
use super::settings::{Secret, Server};
use crate::engine::retry::Backoff;
use crate::sink::answer::{Decision, Outcome, Verdict};
use crate::sink::api::Api;
use crate::sink::elastic::Elastic;
use crate::sink::http::{Client, Method, Times, Trust};
use crate::sys::resolver::Resolver;
use crate::sys::signal::{Signals, Woken};
use crate::sys::{clock, random};
use crate::time::Mono;

const TIMES: Times = Times {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(15),
};

/// How long a slice is tried, and the longest wait between two tries.
const PATIENCE: Duration = Duration::from_secs(60);
const CEILING: Duration = Duration::from_secs(10);

/// What each object begins with; nowhere else, because quotes in a string are escaped.
const OBJECT: &[u8] = b",{\"type\":\"flow\",";

/// What the server is.
#[derive(Debug)]
enum Kind {
    Api(Api),
    Elastic(Elastic),
}

/// A server that answers each slice.
#[derive(Debug)]
pub struct ToServer<'a> {
    kind: Kind,
    /// What it is called in messages.
    name: String,
    exchange: Exchange,
    authorization: Option<Secret>,
    signals: &'a Signals,
    body: Vec<u8>,
    done: AtOnce,
    /// Objects that the server will never take, and its word about the first of them.
    refused: Option<(usize, String)>,
}

impl<'a> ToServer<'a> {
    /// An API, or Elasticsearch when `elastic`, that is called `name` in messages.
    ///
    /// # Errors
    /// When the file of certificates cannot be used.
    pub fn open(
        server: &Server,
        elastic: bool,
        name: String,
        signals: &'a Signals,
    ) -> Result<Self, CarrierError> {
        let set_up_wrong = |text: String| CarrierError::SetUpWrong(format!("{name}: {text}"));
        let trust = Trust {
            https: server.url.starts_with("https:"),
            ca: server.ca.clone(),
            insecure: false,
        };
        let no_thread = |error| set_up_wrong(format!("cannot start a thread: {error}"));
        let resolver = Arc::new(Resolver::start().map_err(no_thread)?);
        let client = Client::new(&trust, TIMES, resolver).map_err(set_up_wrong)?;
        let exchange = Exchange::start(client, TIMES.total).map_err(no_thread)?;
        let kind = match elastic {
            true => Kind::Elastic(Elastic {
                base: server.url.clone(),
                index: server.index.clone(),
                es_type: None,
                auto_id: false,
            }),
            false => Kind::Api(Api {
                url: server.url.clone(),
                array: true,
            }),
        };
        Ok(Self {
            kind,
            name,
            exchange,
            authorization: server.authorization.clone(),
            signals,
            body: Vec::new(),
            done: AtOnce::default(),
            refused: None,
        })
    }

    /// Sends the slice once; `None` when a signal came before the answer.
    fn send(&mut self, slice: &Slice<'_>) -> Option<Outcome> {
        let count = slice.objects as usize;
        let mut body = core::mem::take(&mut self.body);
        body.clear();
        let (method, url, content_type) = match &self.kind {
            Kind::Api(api) => {
                body.extend_from_slice(slice.body);
                (Method::Post, api.url.clone(), "application/json")
            }
            Kind::Elastic(Elastic { base, index, .. }) if count == 1 => {
                let object = slice.body.get(1..slice.body.len() - 1);
                body.extend_from_slice(object.unwrap_or_default());
                let url = format!("{base}/{index}/_create/{}-0", slice.message_id);
                (Method::Put, url, "application/json")
            }
            Kind::Elastic(Elastic { base, index, .. }) => {
                bulk(slice, index, &mut body);
                let url = format!("{base}/_bulk");
                (Method::Post, url, "application/x-ndjson")
            }
        };
        let mut headers = vec![("content-type", content_type.to_owned())];
        if matches!(self.kind, Kind::Api(_)) {
            headers.push(("idempotency-key", slice.message_id.to_owned()));
        }
        let authorization = self.authorization.as_ref();
        headers.extend(authorization.map(|Secret(value)| ("authorization", value.clone())));
        let job = Job {
            method,
            url,
            headers,
            body,
            // An item of a bulk answer has 250 bytes, 600 with an error.
            answer_bytes_max: 64 * 1_024 + 1_024 * count as u64,
        };
        let (job, result) = self.exchange.run(job, self.signals)?;
        self.body = job.body;
        Some(match (result, &self.kind) {
            (Err(reason), _) => Outcome::All(Decision {
                verdict: Verdict::Again(None),
                status: 0,
                reason,
            }),
            (Ok(answer), Kind::Elastic(elastic)) => elastic.outcome(&answer, count),
            (Ok(answer), Kind::Api(api)) => api.outcome(&answer),
        })
    }

    /// What becomes of the slice as a whole: `None` when it has arrived, all of it.
    fn judge(&mut self, outcome: Outcome) -> Option<Decision> {
        let decisions = match outcome {
            Outcome::All(decision) => vec![decision],
            Outcome::Each(decisions) => decisions,
        };
        let rank = |decision: &Decision| match decision.verdict {
            Verdict::Delivered => 0,
            Verdict::Refused => 1,
            Verdict::SetUpWrong => 2,
            // Those that were taken are not made twice by a repeat.
            Verdict::Again(_) => 3,
        };
        let count = decisions.len();
        let refused = decisions
            .iter()
            .filter(|decision| rank(decision) == 1)
            .count();
        let worst = decisions.into_iter().rev().max_by_key(rank)?;
        if count > 1 && worst.verdict == Verdict::Refused {
            // The others have arrived, and the slices behind may as well.
            let entry = self.refused.get_or_insert((0, worst.reason.clone()));
            entry.0 += refused;
        }
        (worst.verdict != Verdict::Delivered).then_some(worst)
    }
}

/// A bulk request that creates each object of a slice under a name of its own.
fn bulk(slice: &Slice<'_>, index: &str, out: &mut Vec<u8>) {
    out.clear();
    let (mut rest, mut number) = (slice.body.get(1..).unwrap_or_default(), 0);
    while !rest.is_empty() {
        let end = memmem::find(rest, OBJECT).unwrap_or(rest.len() - 1);
        // Writing to a vector cannot fail.
        let _ = writeln!(
            out,
            "{{\"create\":{{\"_index\":\"{index}\",\"_id\":\"{}-{number}\"}}}}",
            slice.message_id
        );
        out.extend_from_slice(&rest[..end]);
        out.push(b'\n');
        rest = &rest[end + 1..];
        number += 1;
    }
}

impl Carrier for ToServer<'_> {
    fn offer(&mut self, slice: &Slice<'_>) -> Result<(), CarrierError> {
        let mut backoff = Backoff::new(CEILING);
        let start = clock::mono();
        loop {
            let outcome = self.send(slice).ok_or(CarrierError::Interrupted)?;
            let refused = self.refused.as_ref().map(|(count, _)| *count);
            let Some(Decision {
                verdict, reason, ..
            }) = self.judge(outcome)
            else {
                self.done.confirm(slice);
                return Ok(());
            };
            let wait = match verdict {
                Verdict::Delivered => return Ok(()),
                // Some objects of it: said when the directory is settled.
                Verdict::Refused if self.refused.as_ref().map(|(count, _)| *count) != refused => {
                    self.done.tally.messages += 1;
                    return Ok(());
                }
                Verdict::Refused => {
                    return Err(CarrierError::Refused(format!("{}: {reason}", self.name)));
                }
                Verdict::SetUpWrong => {
                    return Err(CarrierError::SetUpWrong(format!("{}: {reason}", self.name)));
                }
                Verdict::Again(asked) => backoff.failed(random::bits(), asked),
            };
            let now = clock::mono();
            if now.since(start) + wait > PATIENCE {
                return Err(CarrierError::Down(format!("{}: {reason}", self.name)));
            }
            log::warn!("{}: {reason}; trying again in {wait:.1?}", self.name);
            let woken = self.signals.wait_until(now.after(wait), None);
            if self.signals.is_asked_to_end() || !matches!(woken, Ok(Woken::Due)) {
                return Err(CarrierError::Interrupted);
            }
            self.done.tally.retried += 1;
        }
    }

    fn confirmed(&mut self, on_confirmed: &mut dyn FnMut(u64)) {
        self.done.hand_over(on_confirmed);
    }

    fn settle(&mut self, _: Option<Mono>) -> Result<(), CarrierError> {
        match self.refused.take() {
            None => Ok(()),
            Some((count, reason)) => Err(CarrierError::Refused(format!(
                "{}: {count} objects were refused: {reason}",
                self.name
            ))),
        }
    }

    fn tally(&self) -> Tally {
        self.done.tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_is_a_document_with_a_name_of_its_own() {
        let body = br#"[{"type":"flow","a":"},{\"type\":\"flow\","},{"type":"flow","b":{}}]"#;
        let slice = Slice {
            number: 3,
            message_id: "tstat-x-3-0",
            body,
            objects: 2,
        };
        let mut out = Vec::new();
        bulk(&slice, "tstat", &mut out);
        let expected = r#"{"create":{"_index":"tstat","_id":"tstat-x-3-0-0"}}
{"type":"flow","a":"},{\"type\":\"flow\","}
{"create":{"_index":"tstat","_id":"tstat-x-3-0-1"}}
{"type":"flow","b":{}}
"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
