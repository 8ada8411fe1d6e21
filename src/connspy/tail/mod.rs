// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--tail`: the logs in their order, and then what comes into the last one, until a signal or the
//! end of the range. Time is what the lines say: while the log is silent nothing happens.

pub mod follow;
pub mod mark;
pub mod part;
pub mod siblings;

use core::time::Duration;
use std::io;
use std::rc::Rc;

use follow::{Follower, Next};
use siblings::Place;

use super::batch;
use super::fault::Fault;
use super::hours::{Counts, Flow, Hours};
use super::output::{Output, Target};
use super::plan::Plan;
use super::scan::Marks;
use super::seek::Wanted;
use super::state::Keeper;
use super::state::text::Head;
use crate::failure::Failure;
use crate::sys::clock;
use crate::sys::files::File;
use crate::sys::poll::{self, AsFd, Crowd, Until};
use crate::sys::random;
use crate::sys::signal::{Hint, Hints, Signals, Woken};
use crate::sys::watch::Watch;
use crate::term::escape::Escaped;

/// How often is looked for changes that the kernel does not tell.
const POLL: Duration = Duration::from_millis(500);

/// Why reading is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// A signal: another run may go on.
    Signal,
    /// The range, or standard input, has ended.
    End,
}

/// Does what `plan` asks for, and goes on with what comes.
///
/// # Errors
/// When a log cannot be read, rows not be written, sets not be kept, or the state is not usable.
pub fn run(plan: &Plan) -> Result<(), Failure> {
    let hear = Hearing::new(plan)
        .map_err(|error| Failure::failed(format_args!("cannot wait for signals: {error}")))?;
    let mut session = Session::new(plan, &hear.signals)?;
    if session.load()? {
        return Ok(());
    }
    session.begin()?;
    let result = session.follow(hear).and_then(|over| session.end(over));
    if !matches!(&result, Err(failure) if failure.is_silent()) {
        batch::tell(plan, &session.hours, &session.out);
    }
    result
}

/// What is waited for.
struct Hearing {
    signals: Rc<Signals>,
    /// The file of rows is to be opened again.
    hangups: Option<Hints>,
    watch: Option<Watch>,
    all: Crowd,
}

impl Hearing {
    fn new(plan: &Plan) -> io::Result<Self> {
        let signals = Rc::new(Signals::hold()?);
        // Who writes to a terminal ends with it.
        let hangups = match plan.output_file {
            Some(_) => Some(Hints::hold(Hint::Reload)?),
            None => None,
        };
        let all = Crowd::new()?;
        all.add(&*signals)?;
        hangups.iter().try_for_each(|hangups| all.add(hangups))?;
        let watch = match plan.files.last() {
            Some(path) => match Watch::of(&Place::of(path)?.directory) {
                Ok(watch) => {
                    all.add(&watch)?;
                    Some(watch)
                }
                Err(error) => {
                    log::info!("no word of changes ({error}); looks every half second");
                    None
                }
            },
            None => None,
        };
        Ok(Self {
            signals,
            hangups,
            watch,
            all,
        })
    }

    /// Whether it is to end.
    fn is_over(&self) -> io::Result<bool> {
        Ok(self.signals.wait_until(clock::mono(), None)? == Woken::Terminate)
    }

    /// Whether the file of rows is to be opened again.
    fn is_hung_up(&self) -> bool {
        self.hangups.as_ref().is_some_and(Hints::taken)
    }

    /// From now on changes of the log that is read are heard.
    fn listen(&mut self, follower: &Follower) {
        if let (Some(watch), Some(place)) = (&mut self.watch, follower.place()) {
            watch.hush();
            watch.add(&place.path);
        }
    }

    /// Waits for anything.
    fn wait(&self, follower: &Follower) -> io::Result<()> {
        let all = (self.all.as_fd(), Until::Readable);
        match follower.stream() {
            Some(stream) => poll::wait([all, (stream, Until::Readable)], Some(POLL)).map(drop),
            None => poll::wait([all], Some(POLL)).map(drop),
        }
    }
}

/// What is worked on.
struct Session<'a> {
    plan: &'a Plan,
    follower: Follower,
    hours: Hours,
    out: Output,
    marks: Marks,
    keeper: Option<Keeper>,
    /// Saving failed, and that was said.
    is_told: bool,
}

impl<'a> Session<'a> {
    fn new(plan: &'a Plan, signals: &Rc<Signals>) -> Result<Self, Failure> {
        let target = match batch::target(plan)? {
            Target::Stdout => Target::Watched(Rc::clone(signals)),
            target => target,
        };
        let query = &plan.query;
        let keeper = plan.state.as_deref().map(|path| Keeper::new(path, plan));
        Ok(Self {
            plan,
            follower: Follower::new(&plan.files, Wanted::of(query)).map_err(unreadable)?,
            hours: Hours::new(query.clone(), &plan.memory, random::bits()),
            out: Output::new(target, plan),
            marks: Marks::default(),
            keeper: keeper.transpose().map_err(unreadable)?,
            is_told: false,
        })
    }

    /// Saves where it begins, so that rows of a run that is killed are known to be such.
    fn begin(&mut self) -> Result<(), Failure> {
        self.follower
            .open()
            .map_err(|error| self.unreadable(&error))?;
        self.save(false, true).map_err(|fault| {
            let path = Escaped(self.plan.state.as_deref().unwrap_or_default());
            Failure::failed(format_args!(
                "cannot write the state '{path}': {fault}; choose a directory with room that this \
                 user may write to"
            ))
        })
    }

    /// Takes up what a former run kept; whether there is nothing to do any more.
    fn load(&mut self) -> Result<bool, Failure> {
        let Some(keeper) = &mut self.keeper else {
            return Ok(false);
        };
        let Some(head) = keeper.load(self.plan, &mut self.hours)? else {
            return Ok(false);
        };
        let [lines, malformed, late, rows] = head.counts;
        let counts = Counts {
            lines,
            malformed,
            late,
        };
        self.hours.resume(head.clock_us, counts);
        self.out.rows = rows;
        self.take_back(&head)?;
        let index = usize::try_from(head.index).unwrap_or(usize::MAX);
        let is_found = self
            .follower
            .resume(index, &head.mark)
            .map_err(unreadable)?;
        if is_found {
            let input = &mut self.follower.input;
            input.resume(&head.waiting, head.is_overlong);
        } else {
            self.follower.lost += u64::from(!head.waiting.is_empty());
        }
        if !is_found {
            log::warn!(
                "what the state is of is not found any more; lines of it may be lost, goes on at \
                 the start of '{}'",
                Escaped(self.plan.files.last().map_or("", String::as_str))
            );
        }
        Ok(head.is_done)
    }

    /// Takes back the rows that were written after the state was saved.
    fn take_back(&self, head: &Head) -> Result<(), Failure> {
        let (Some(path), Some((identity, len))) = (&self.plan.output_file, head.output) else {
            return Ok(());
        };
        let failed = |error: io::Error| {
            Failure::failed(format_args!(
                "cannot take back rows from '{}': {error}; see --output-file",
                Escaped(path)
            ))
        };
        let place = Place::of(path).map_err(failed)?;
        let is_same = |path: &std::ffi::CStr| -> io::Result<Option<File>> {
            let file = File::append(path)?;
            let status = file.status()?;
            let is_same = status.identity() == identity && status.bytes() >= len;
            Ok(is_same.then_some(file))
        };
        let mut found = is_same(&place.path).map_err(failed)?;
        if found.is_none() {
            // It may have been put aside since.
            let siblings = place.siblings().map_err(failed)?;
            let known = siblings.iter().find(|sibling| sibling.identity == identity);
            found = known.and_then(|sibling| is_same(&sibling.path).ok().flatten());
        }
        match found {
            Some(file) => file.truncate(len).map_err(failed),
            None => {
                let path = Escaped(path);
                log::warn!("'{path}' is not the one of the state; rows may stand there twice");
                Ok(())
            }
        }
    }

    fn follow(&mut self, mut hear: Hearing) -> Result<Over, Failure> {
        hear.listen(&self.follower);
        loop {
            if hear.is_over().map_err(unreadable)? {
                return Ok(Over::Signal);
            }
            if hear.is_hung_up() {
                self.turn()?;
            }
            let next = self
                .follower
                .read()
                .map_err(|error| self.unreadable(&error))?;
            let lines = match next {
                Next::Bytes(len) => self.follower.input.filled(len),
                Next::Rest => self.follower.input.rest(),
                Next::End => return Ok(Over::End),
                Next::Nothing => {
                    self.keep(false);
                    hear.wait(&self.follower).map_err(unreadable)?;
                    hear.listen(&self.follower);
                    continue;
                }
            };
            let flow = self.hours.scan(lines, &mut self.marks, &mut self.out);
            let flow = flow.map_err(batch::failure)?;
            let skipped = self.follower.input.take_overlong();
            let lost = core::mem::take(&mut self.follower.lost);
            self.hours.overlong(skipped + lost);
            let flushed = self.out.flush();
            flushed.map_err(|error| batch::failure(error.into()))?;
            if flow == Flow::Stop {
                return Ok(Over::End);
            }
            self.keep(false);
        }
    }

    /// Sends rows to the file that has the name by now.
    fn turn(&mut self) -> Result<(), Failure> {
        match batch::target(self.plan) {
            Ok(target) => {
                let turned = self.out.turn_to(target);
                turned.map_err(|error| batch::failure(error.into()))?;
            }
            Err(failure) => log::warn!("{failure}; rows go to the former file"),
        }
        self.keep(true);
        Ok(())
    }

    /// Saves the state on the way, if it is due, and says when that begins not to succeed.
    fn keep(&mut self, at_once: bool) {
        let result = self.save(false, at_once);
        let was_told = core::mem::replace(&mut self.is_told, result.is_err());
        if let (Err(fault), false) = (result, was_told) {
            log::warn!("cannot save the state: {fault}; it is tried again");
        }
    }

    /// Saves the state, if there is one to be kept, and it is due.
    fn save(&mut self, is_done: bool, at_once: bool) -> Result<(), Fault> {
        let Some(keeper) = &mut self.keeper else {
            return Ok(());
        };
        let input = &self.follower.input;
        let mut head = Head {
            options: Vec::new(),
            index: self.follower.index() as u64,
            mark: self.follower.mark(),
            is_overlong: input.is_overlong(),
            waiting: input.waiting_bytes().to_vec(),
            output: None,
            clock_us: self.hours.clock_us(),
            counts: [0; 4],
            is_done,
        };
        let start = clock::mono();
        if !at_once && !keeper.is_due(&head, self.out.rows, start) {
            return Ok(());
        }
        let counts = self.hours.counts();
        head.counts = [counts.lines, counts.malformed, counts.late, self.out.rows];
        head.output = self.out.file_end();
        keeper.save(head, &mut self.hours, self.out.rows, start)
    }

    fn end(&mut self, over: Over) -> Result<(), Failure> {
        let lost = core::mem::take(&mut self.follower.lost);
        self.hours.overlong(lost);
        let keeps = self.keeper.is_some() && over == Over::Signal;
        if !keeps {
            self.hours.finish(&mut self.out).map_err(batch::failure)?;
        }
        self.save(!keeps, true).map_err(|fault| {
            Failure::failed(format_args!(
                "cannot save the state at the end: {fault}; the next run repeats what came since"
            ))
        })
    }

    fn unreadable(&self, error: &io::Error) -> Failure {
        match self.follower.place() {
            Some(place) => {
                let path = place.path.to_string_lossy();
                Failure::failed(format_args!("cannot read '{}': {error}", Escaped(&path)))
            }
            None => Failure::failed(format_args!("cannot read standard input: {error}")),
        }
    }
}

fn unreadable(error: io::Error) -> Failure {
    Failure::failed(format_args!("cannot read logs: {error}"))
}
