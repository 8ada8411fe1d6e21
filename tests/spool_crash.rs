// SPDX-License-Identifier: MIT OR Apache-2.0
//! Killed after any byte that the spool writes and after any other step: what was whole comes out,
//! once for each confirmation, in order, and nothing is made up. Damaged bytes cost their records.

use std::rc::Rc;
use std::time::Duration;

use netvitals::sink::batch::Batch;
use netvitals::sink::spool::{Limits, Spool, SpoolError};
use proptest::prelude::*;

#[path = "support/disk.rs"]
mod disk;
#[path = "support/queue.rs"]
mod queue;
use disk::{Disk, Process};
use queue::*;

const OUTPUTS: [u64; 2] = [0x1111, 0x2222];

#[derive(Clone, Debug)]
enum Operation {
    Append(usize),
    Take(usize, usize),
    Confirm(usize),
    Flush,
    Reopen,
}

/// What must be true of the directory, whatever happened.
struct Model {
    disk: Rc<Disk>,
    limits: Limits,
    start_id: u64,
    /// Every document in the directory or once there, oldest first.
    history: Vec<(u64, u64)>,
    sequence: u64,
    /// How many of the history each output need not see again.
    settled: [u64; 2],
}

/// One process and what it did.
struct Run {
    spool: Spool<Process>,
    appended: u64,
    backlog: [u64; 2],
    taken: [u64; 2],
    in_hand: [u64; 2],
}

/// From which to which document of the history each output may begin after this.
type Begin = [(u64, u64); 2];

impl Model {
    fn new(limits: Limits) -> Self {
        Self {
            disk: Disk::new(),
            limits,
            start_id: 1,
            history: Vec::new(),
            sequence: 0,
            settled: [0; 2],
        }
    }

    fn open(&mut self, steps: u64) -> Result<Run, SpoolError> {
        self.start_id += 1;
        self.sequence = 0;
        let process = self.disk.process(steps);
        let spool = Spool::open(process, origin(self.start_id), &OUTPUTS, self.limits)?;
        assert!(spool.holds_lock());
        let backlog = [0, 1].map(|output| spool.waiting(output).documents);
        Ok(Run {
            spool,
            appended: 0,
            backlog,
            taken: [0; 2],
            in_hand: [0; 2],
        })
    }

    fn begin(&self, run: &Run) -> Begin {
        [0, 1].map(|output| {
            let waiting = run.spool.waiting(output).documents;
            let low = self.history.len() as u64 - waiting;
            // Those in hand may have been dropped meanwhile.
            (low, low + run.in_hand[output])
        })
    }

    /// Whether the process survived.
    fn step(&mut self, run: &mut Run, operation: &Operation) -> Result<(), SpoolError> {
        match *operation {
            Operation::Append(len) => {
                self.sequence += 1;
                put(&mut run.spool, self.start_id, self.sequence, len)?;
                run.appended += 1;
                let bytes = 29 + 28 + body(self.start_id, self.sequence, len).len() as u64;
                if bytes.next_multiple_of(4_096) <= self.limits.bytes_max {
                    self.history.push((self.start_id, self.sequence));
                }
            }
            Operation::Take(output, documents) => {
                let mut batch = Batch::default();
                let left = self.history.len() as u64 - run.spool.waiting(output).documents;
                run.spool.take(output, &mut batch, documents, 9_000)?;
                let first = left + run.in_hand[output];
                let seen = seen(&batch);
                assert_eq!(seen, self.history[first as usize..][..seen.len()]);
                let waits = run.spool.waiting(output).documents > run.in_hand[output];
                assert_eq!(!seen.is_empty(), waits);
                run.taken[output] += seen.len() as u64;
                run.in_hand[output] += seen.len() as u64;
            }
            Operation::Confirm(output) => {
                run.spool.confirm(output)?;
                run.in_hand[output] = 0;
            }
            Operation::Flush => run.spool.flush()?,
            Operation::Reopen => {}
        }
        for output in [0, 1] {
            let waiting = run.spool.waiting(output);
            let unread = waiting.documents - run.in_hand[output];
            let seen = run.taken[output] + run.spool.dropped(output) + unread;
            assert_eq!(run.backlog[output] + run.appended, seen, "{operation:?}");
            assert_eq!(waiting.oldest.is_some(), waiting.documents > 0);
        }
        assert!(run.spool.counters().bytes <= self.limits.bytes_max);
        Ok(())
    }

    /// Looks what a process that comes after finds.
    fn check(&mut self, begin: Begin, torn_max: u64, pending: Option<(u64, u64)>) {
        let mut probe = self.open(FOREVER).unwrap();
        let found = [0, 1].map(|output| take(&mut probe.spool, output));
        let ends: Vec<_> = found.iter().filter_map(|found| found.last()).collect();
        // It was being written, and was written whole.
        self.history
            .extend(pending.filter(|pending| ends.contains(&pending)));
        for (output, found) in found.iter().enumerate() {
            let from = (self.history.len() - found.len()) as u64;
            assert_eq!(*found, self.history[from as usize..], "output {output}");
            let (low, high) = begin[output];
            assert!(
                (low..=high).contains(&from),
                "{from}, not {:?}",
                begin[output]
            );
            self.settled[output] = from;
        }
        let counters = probe.spool.counters();
        assert!(
            counters.torn <= torn_max && counters.corrupt == 0,
            "{counters:?}"
        );
        assert!(counters.bytes <= self.limits.bytes_max);
        let again = self.probe_again(probe);
        assert_eq!(again, (0, 0), "a torn end is counted once");
    }

    fn probe_again(&mut self, probe: Run) -> (u64, u64) {
        drop(probe);
        let counters = self.open(FOREVER).unwrap().spool.counters();
        (counters.torn, counters.corrupt)
    }

    /// Runs the operations; the process is killed after `steps`. Whether it was.
    fn run(&mut self, operations: &[Operation], steps: u64) -> bool {
        let begin = self.settled.map(|from| (from, from));
        let Ok(mut run) = self.open(steps) else {
            self.check(begin, 0, None);
            return true;
        };
        for operation in operations {
            if let Operation::Reopen = operation {
                let begin = self.begin(&run);
                drop(run);
                self.check(begin, 0, None);
                run = self.open(FOREVER).unwrap();
                continue;
            }
            let before = self.begin(&run);
            if let Err(error) = self.step(&mut run, operation) {
                assert!(error.to_string().contains("killed"), "{error}");
                let mut begin = self.begin(&run);
                if let Operation::Confirm(output) = *operation {
                    let waiting = run.spool.waiting(output).documents;
                    let after = self.history.len() as u64 - waiting;
                    begin[output] = (before[output].0, after.max(before[output].1));
                }
                drop(run);
                let appending = matches!(operation, Operation::Append(_));
                let pending = appending.then_some((self.start_id, self.sequence));
                self.check(begin, 1, pending);
                return true;
            }
        }
        let begin = self.begin(&run);
        drop(run);
        self.check(begin, 0, None);
        false
    }
}

/// The search for the next record goes on where one piece of the file ends.
#[test]
fn a_damaged_record_of_any_length_is_passed_over() {
    for len in (32_600..32_900).chain([65_400, 65_500]) {
        let mut model = Model::new(limits(16_384));
        let mut run = model.open(FOREVER).unwrap();
        for len in [10, len, 10] {
            model.step(&mut run, &Operation::Append(len)).unwrap();
        }
        drop(run);
        let file = model.disk.ending(".seg").pop().unwrap();
        file.bytes.borrow_mut()[150] ^= 1;
        let mut probe = model.open(FOREVER).unwrap();
        assert_eq!(take(&mut probe.spool, 0), [(2, 1), (2, 3)], "{len}");
        assert_eq!(probe.spool.counters().corrupt, 1);
    }
}

#[test]
fn killed_at_every_step_of_a_short_script() {
    use Operation::*;
    let script = [
        Append(90),
        Append(40),
        Take(0, 1),
        Append(70),
        Confirm(0),
        Take(1, 9),
        Confirm(1),
        Take(0, 9),
        Append(33),
        Confirm(0),
        Take(0, 9),
        Confirm(0),
    ];
    let mut steps = 0;
    loop {
        let mut model = Model::new(limits(16));
        if !model.run(&script, steps) {
            break;
        }
        // And the next one is killed as well.
        model.run(&script, steps / 2);
        model.run(&script, FOREVER);
        steps += 1;
    }
    assert!(steps > 600, "{steps}");
}

#[test]
fn killed_at_every_step_when_the_oldest_are_dropped() {
    use Operation::*;
    let append = Append(6_000);
    let before = vec![append.clone(); 4];
    let script = [
        append.clone(),
        Take(1, 1),
        append.clone(),
        Append(15),
        Confirm(1),
    ];
    // Each byte of a large document is like the next.
    for steps in (0..200).chain((200..14_000).step_by(97)) {
        let mut model = Model::new(limits(20));
        model.run(&before, FOREVER);
        model.run(&script, steps);
        model.run(&script, FOREVER);
    }
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    use Operation::*;
    let operation = prop_oneof![
        6 => (0..3_000_usize).prop_map(Append),
        1 => (0..22_000_usize).prop_map(Append),
        3 => (0..2_usize, 1..9_usize).prop_map(|(output, n)| Take(output, n)),
        2 => (0..2_usize).prop_map(Confirm),
        1 => Just(Reopen),
    ];
    prop::collection::vec(operation, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(200)
    })]

    #[test]
    fn any_operations_and_any_crashes(
        kib in 16..40_u64,
        runs in prop::collection::vec((operations(), 0..60_000_u64), 1..4),
    ) {
        let mut model = Model::new(limits(kib));
        for (operations, steps) in runs {
            model.run(&operations, steps);
        }
        model.run(&[], FOREVER);
    }

    /// With a commit interval what is in RAM may be lost, but nothing else, and nothing comes
    /// out of order.
    #[test]
    fn any_crash_with_a_commit_interval(
        operations in operations(),
        flushes in prop::collection::vec(0..40_usize, 0..4),
        steps in 0..60_000_u64,
    ) {
        let commit_interval = Duration::from_secs(60);
        let limits = Limits { commit_interval, ..limits(32) };
        let mut model = Model::new(limits);
        let mut operations: Vec<_> =
            operations.into_iter().filter(|o| !matches!(o, Operation::Reopen)).collect();
        for at in flushes {
            operations.insert(at.min(operations.len()), Operation::Flush);
        }
        let Ok(mut run) = model.open(steps) else { return Ok(()) };
        let (mut safe, mut settled) = (0, [0; 2]);
        for operation in &operations {
            if model.step(&mut run, operation).is_err() {
                break;
            }
            if let Operation::Flush = operation {
                safe = model.history.len();
                settled = model.begin(&run).map(|(low, _)| low);
            }
        }
        let dropped = [0, 1].map(|output| run.spool.dropped(output) > 0);
        let confirmed = model.begin(&run).map(|(low, _)| low);
        drop(run);
        let mut probe = model.open(FOREVER).unwrap();
        for output in [0, 1] {
            let found = take(&mut probe.spool, output);
            let at = |document| model.history.iter().position(|known| known == document);
            let places: Vec<_> = found.iter().map(at).collect();
            let known: Vec<_> = places.iter().flatten().collect();
            prop_assert!(places.len() - known.len() <= 1);
            // What all confirmed before the commit was not written.
            let confirmed = confirmed[output] as usize;
            let gap_is_confirmed = |pair: &[&usize]| {
                pair[0] < pair[1] && (*pair[0] + 1..*pair[1]).all(|gap| gap < confirmed)
            };
            prop_assert!(known.windows(2).all(gap_is_confirmed));
            if let Some(first) = known.first() {
                prop_assert!(**first as u64 >= settled[output]);
                prop_assert!(dropped[output] || **known.last().unwrap() + 1 >= safe);
            }
        }
    }

    #[test]
    fn damaged_bytes_cost_only_the_records_that_they_hit(
        sizes in prop::collection::vec(0..2_000_usize, 1..30),
        hits in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..5),
    ) {
        let mut model = Model::new(limits(256));
        let mut run = model.open(FOREVER).unwrap();
        let mut spans = Vec::new();
        for len in &sizes {
            model.step(&mut run, &Operation::Append(*len)).unwrap();
            let files = model.disk.ending(".seg");
            let end = files.last().unwrap().bytes.borrow().len();
            let bytes = 28 + body(model.start_id, model.sequence, *len).len();
            spans.push((files.len() - 1, end - bytes, end));
        }
        drop(run);
        let mut hit = Vec::new();
        for (at, flip) in hits {
            // Not the header: it takes its segment with it.
            let (file, start, end) = *at.get(&spans);
            let offset = start + at.index(end - start);
            model.disk.ending(".seg")[file].bytes.borrow_mut()[offset] ^= flip;
            hit.push((file, offset, flip));
        }
        let damaged = |(file, start, end): &(usize, usize, usize)| {
            let mut flips = std::collections::BTreeMap::<usize, u8>::new();
            let inside = |(f, at, _): &&(usize, usize, u8)| f == file && (start..end).contains(&at);
            for (_, at, flip) in hit.iter().filter(inside) {
                *flips.entry(*at).or_default() ^= flip;
            }
            flips.values().any(|flip| *flip != 0)
        };
        let whole = model.history.iter().zip(&spans).filter(|(_, span)| !damaged(span));
        let expected: Vec<_> = whole.map(|(document, _)| *document).collect();
        let any = expected.len() < model.history.len();
        let mut probe = model.open(FOREVER).unwrap();
        prop_assert_eq!(take(&mut probe.spool, 0), expected);
        let counters = probe.spool.counters();
        prop_assert_eq!(counters.torn + counters.corrupt > 0, any);
        prop_assert_eq!(probe.spool.waiting(1).documents, take(&mut probe.spool, 1).len() as u64);
    }
}
