// SPDX-License-Identifier: MIT OR Apache-2.0
//! The work of one output's thread: take a batch, bring every document of it to a decision.

use std::sync::Arc;

use super::answer::{Decision, Outcome, Verdict};
use super::batch::Batch;
use super::shipper::{Patience, Shared};
use super::target::{Composed, Output};
use crate::encode::json::{Json, Style};
use crate::engine::retry::Backoff;
use crate::sys::{clock, random};

use core::time::Duration;

/// The longest wait between two tries: of a service, and of a run that ends soon anyway.
const SERVICE_CEILING: Duration = Duration::from_secs(300);
const ONCE_CEILING: Duration = Duration::from_secs(4);

/// With less time than this for an answer, its want says nothing about the server.
const HURRY: Duration = Duration::from_secs(2);

/// One output at work.
pub(super) struct Delivery {
    shared: Arc<Shared>,
    index: usize,
    output: Output,
    patience: Patience,
    backoff: Backoff,
    batch: Batch,
    composed: Composed,
    /// The last try failed, and was said.
    failing: bool,
    /// A document was refused since the last one that was taken, and that was said.
    refusing: bool,
}

impl Delivery {
    pub(super) fn new(
        shared: Arc<Shared>,
        index: usize,
        output: Output,
        patience: Patience,
    ) -> Self {
        let backoff = Backoff::new(match patience {
            Patience::Once(_) | Patience::Run => ONCE_CEILING,
            Patience::Service => SERVICE_CEILING,
        });
        let (batch, composed) = (Batch::default(), Composed::default());
        Self {
            shared,
            index,
            output,
            patience,
            backoff,
            batch,
            composed,
            failing: false,
            refusing: false,
        }
    }

    /// Delivers until it is told to close.
    pub(super) fn run(mut self) {
        while self.shared.fill(self.index, &self.output, &mut self.batch) {
            if !self.deliver() {
                break;
            }
            self.shared.lock().queue.confirm(self.index);
            self.batch.clear();
        }
        self.shared.ended();
    }

    /// Brings the batch to an end; false when time is up before that.
    fn deliver(&mut self) -> bool {
        let mut groups = vec![(0..self.batch.len()).collect::<Vec<_>>()];
        while let Some(mut group) = groups.pop() {
            let mut tried = false;
            while !group.is_empty() {
                if tried {
                    self.shared.lock().progress[self.index].retried += group.len() as u64;
                }
                tried = true;
                let left = self.shared.time_left();
                let composed = &mut self.composed;
                let outcome = self.output.send(&self.batch, &group, composed, left);
                if let Outcome::All(Decision {
                    verdict: Verdict::Refused,
                    ..
                }) = outcome
                    && group.len() > 1
                {
                    // One bad document spoils the request: halve until it stands alone.
                    groups.push(group.split_off(group.len() / 2));
                    continue;
                }
                if let Some(decision) = self.settle(&mut group, outcome)
                    && !self.wait(decision, left)
                {
                    return false;
                }
            }
        }
        true
    }

    /// Leaves in `group` what has to be sent again, and gives the reason.
    fn settle(&mut self, group: &mut Vec<usize>, outcome: Outcome) -> Option<Decision> {
        let mut decisions = match outcome {
            Outcome::All(decision) => vec![decision; group.len()],
            Outcome::Each(decisions) => decisions,
        }
        .into_iter();
        let (mut sent, mut again) = (0, None);
        group.retain(|&at| {
            let Some(decision) = decisions.next() else {
                return true;
            };
            match decision.verdict {
                Verdict::Delivered => sent += 1,
                Verdict::Refused => self.refuse(at, decision),
                Verdict::Again(_) | Verdict::SetUpWrong => {
                    more_urgent(&mut again, decision);
                    return true;
                }
            }
            false
        });
        if sent > 0 {
            self.refusing = false;
            self.shared.lock().progress[self.index].sent += sent;
        }
        if again.is_none() {
            self.backoff.succeeded();
            if core::mem::take(&mut self.failing) && self.patience == Patience::Service {
                log::warn!("{}: delivering again", self.output.name);
            }
        }
        again
    }

    /// Waits before another try; false when there is none. The last one had `left` for an answer.
    fn wait(&mut self, decision: Decision, left: Duration) -> bool {
        let Decision {
            verdict,
            status,
            reason,
        } = decision;
        // That a hurried last try got no answer hides what was wrong before.
        if status != 0 || !self.failing || left > HURRY {
            self.failed(&reason);
        }
        let first = !core::mem::replace(&mut self.failing, true);
        let name = &self.output.name;
        let wait = match (verdict, self.patience) {
            (Verdict::SetUpWrong, Patience::Once(_)) => return false,
            (Verdict::SetUpWrong, _) => self.backoff.set_up_wrong(random::bits()),
            (Verdict::Again(asked), _) => self.backoff.failed(random::bits(), asked),
            (Verdict::Delivered | Verdict::Refused, _) => return true,
        };
        if first && self.patience == Patience::Service {
            log::warn!("{name}: {reason}; trying again");
        } else {
            log::info!("{name}: {reason}; trying again in {wait:.1?}");
        }
        self.shared.pause(wait)
    }

    /// Puts a document aside that the server will never take.
    fn refuse(&mut self, at: usize, decision: Decision) {
        self.failed(&decision.reason);
        let name = &self.output.name;
        let mut state = self.shared.lock();
        state.progress[self.index].dead_lettered += 1;
        // One that is too long for its place leaves the reason at least.
        let kept = [Some(self.batch.get(at).1.body), None]
            .into_iter()
            .any(|document| {
                let mut line = Vec::new();
                // Writing to a vector cannot fail.
                let _ = dead_letter(&mut line, name, &decision, document);
                state.queue.bury(&line)
            });
        drop(state);
        let fate = if kept {
            "kept among the dead letters"
        } else {
            "dropped"
        };
        let first = !core::mem::replace(&mut self.refusing, true);
        if first && self.patience == Patience::Service {
            log::error!(
                "{name}: {}; the document is {fate}, as are further ones",
                decision.reason
            );
        } else {
            log::info!("{name}: {}; the document is {fate}", decision.reason);
        }
    }

    fn failed(&self, reason: &str) {
        let failure = (reason.to_owned(), clock::wall());
        self.shared.lock().progress[self.index].last_error = Some(failure);
    }
}

/// Keeps the decision that lets the batch be tried again sooner: what passes by itself goes before
/// what a person has to mend, and the longest wait that a server asked for counts.
fn more_urgent(kept: &mut Option<Decision>, new: Decision) {
    let replaces = match (kept.as_ref().map(|kept| kept.verdict), new.verdict) {
        (None, _) | (Some(Verdict::SetUpWrong), Verdict::Again(_)) => true,
        (Some(Verdict::Again(kept)), Verdict::Again(new)) => new > kept,
        _ => false,
    };
    if replaces {
        *kept = Some(new);
    }
}

/// The line that a refused document leaves.
fn dead_letter(
    line: &mut Vec<u8>,
    output: &str,
    decision: &Decision,
    document: Option<&[u8]>,
) -> Result<(), core::convert::Infallible> {
    let mut json = Json::new(line, Style::Compact);
    json.open_object()?;
    json.key("time")?;
    json.string(&format!("{:.3}Z", clock::wall().utc()))?;
    json.key("output")?;
    json.string(output)?;
    json.key("status")?;
    json.unsigned(decision.status.into())?;
    json.key("reason")?;
    json.string(&decision.reason)?;
    if let Some(document) = document {
        json.key("document")?;
        json.raw(document.trim_ascii())?;
    }
    json.close_object()?;
    json.finish().map(drop)
}
