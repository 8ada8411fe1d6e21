// SPDX-License-Identifier: MIT OR Apache-2.0
//! The run of `devices`: one sweep, or one time of listening, and what was found.

use super::report::{self, Mark, Report};
use super::session::Session;
use super::{How, Plan, watch};
use crate::collect::lan::Lan;
use crate::failure::Failure;
use crate::sys::clock;
use crate::sys::signal::Woken;
use crate::term::progress::Progress;
use crate::time::Mono;

/// Does all that `plan` wants.
///
/// # Errors
/// When the LAN cannot be asked, or nobody takes what was found.
pub(super) fn run(plan: Plan) -> Result<(), Failure> {
    let (how, json, watch) = (plan.how, plan.json, plan.watch);
    let mut session = Session::open(plan)?;
    let mut report = Report::new(session.lan.listener.devices.capacity(), watch);
    if watch {
        return watch::run(&mut session, &mut report, how, json);
    }
    let start = clock::mono();
    let mut progress = Progress::new(start);
    let found = find(&mut session, how, start, &mut progress);
    progress.clear();
    let woken = found?;
    session.look_around(false)?;
    if woken == Woken::Due {
        session.wait_for_names()?;
    }
    let lan = &session.lan;
    log::info!(
        "{} devices at {} addresses, {} requests, {:?}",
        lan.listener.devices.devices().len(),
        lan.listener.devices.claims().len(),
        lan.scan.as_ref().map_or(0, |scan| scan.asks_count()),
        clock::mono().since(start)
    );
    let shown = if json {
        report.json(lan, &session.signals)
    } else {
        report.table(lan, None, |_| Mark::None);
        report.put(&session.signals)
    };
    report::tell_oddities(lan);
    shown
}

fn find(
    session: &mut Session,
    how: How,
    start: Mono,
    progress: &mut Progress,
) -> Result<Woken, Failure> {
    match how {
        How::Ask(_) => session.sweep(|session, now| {
            show(&session.lan, progress, now);
            Ok(())
        }),
        How::Listen(span) => session.listen(start.after(span), |session, now| {
            let left = start.after(span).since(now);
            if progress.is_due(left, now) {
                let found = session.lan.listener.devices.devices().len();
                let left = left.as_secs();
                progress.show(format_args!("listening, {found} found, {left} s left"), now);
            }
            Ok(())
        }),
    }
}

fn show(lan: &Lan, progress: &mut Progress, now: Mono) {
    let Some(scan) = &lan.scan else {
        return;
    };
    let left = scan.rest();
    if progress.is_due(left, now) {
        let (asked, all) = (scan.asks_count(), scan.targets_count());
        let (found, left) = (all - scan.silent_count(), left.as_secs() + 1);
        progress.show(
            format_args!("{asked} requests for {all} addresses, {found} found, {left} s left"),
            now,
        );
    }
}
