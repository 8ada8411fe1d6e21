// SPDX-License-Identifier: MIT OR Apache-2.0
//! The run of `devices`: one sweep, or one time of listening, and what was found.

use super::lan::Lan;
use super::report::{self, Mark, Report};
use super::{How, Plan, watch};
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
    let mut lan = Lan::open(plan)?;
    let mut report = Report::new(lan.listener.devices.capacity(), watch);
    if watch {
        return watch::run(&mut lan, &mut report, how, json);
    }
    let start = clock::mono();
    let mut progress = Progress::new(start);
    let found = find(&mut lan, how, start, &mut progress);
    progress.clear();
    let woken = found?;
    lan.look_around(false)?;
    if woken == Woken::Due {
        lan.wait_for_names()?;
    }
    log::info!(
        "{} devices at {} addresses, {} requests, {:?}",
        lan.listener.devices.devices().len(),
        lan.listener.devices.claims().len(),
        lan.scan.as_ref().map_or(0, |scan| scan.asks_count()),
        clock::mono().since(start)
    );
    let shown = if json {
        report.json(&lan)
    } else {
        report.table(&lan, None, |_| Mark::None);
        report.put(&lan.signals)
    };
    report::tell_oddities(&lan);
    shown
}

fn find(lan: &mut Lan, how: How, start: Mono, progress: &mut Progress) -> Result<Woken, Failure> {
    match how {
        How::Ask(_) => lan.sweep(|lan, now| {
            show(lan, progress, now);
            Ok(())
        }),
        How::Listen(span) => lan.listen(start.after(span), |lan, now| {
            let left = start.after(span).since(now);
            if progress.is_due(left, now) {
                let found = lan.listener.devices.devices().len();
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
