// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a server's answer: never a panic, one decision for each document, no document
//! delivered by an answer that does not say so, reasons of bounded length.

use netvitals::sink::answer::{Decision, Outcome, Verdict};
use netvitals::sink::api::Api;
use netvitals::sink::elastic::Elastic;
use netvitals::sink::http::Answer;

fn check(decision: &Decision, status: u16) {
    assert!(decision.reason.len() < 1_000, "{}", decision.reason.len());
    if decision.verdict == Verdict::Delivered {
        assert!((200..300).contains(&status) || status == 409);
    }
}

/// One input: two bytes of status, one of documents, then the body.
pub fn run(input: &[u8]) {
    let Some(([high, low, count], body)) = input.split_first_chunk() else {
        return;
    };
    let status = u16::from_be_bytes([*high, *low]) % 700;
    let cut = *count > 127;
    let count = usize::from(*count % 5) + 1;
    let location = Some(String::from_utf8_lossy(body).into_owned());
    let answer = Answer {
        status,
        retry_after: None,
        location,
        body: body.to_vec(),
        cut,
    };
    let elastic = Elastic {
        base: "http://127.0.0.1:9200".to_owned(),
        index: "netmon".to_owned(),
        es_type: None,
        auto_id: false,
    };
    match elastic.outcome(&answer, count) {
        Outcome::All(decision) => check(&decision, status),
        Outcome::Each(decisions) => {
            assert_eq!(decisions.len(), count);
            assert!((200..300).contains(&status) && count > 1);
            decisions
                .iter()
                .for_each(|decision| check(decision, decision.status));
        }
    }
    let api = Api {
        url: "http://127.0.0.1/".to_owned(),
        array: true,
    };
    match api.outcome(&answer) {
        Outcome::All(decision) => {
            check(&decision, status);
            assert!(decision.verdict != Verdict::Delivered || status != 409);
        }
        Outcome::Each(_) => panic!("an API answers for all"),
    }
}
