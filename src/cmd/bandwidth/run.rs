// SPDX-License-Identifier: MIT OR Apache-2.0
//! The run of `bandwidth`: window after window.

use core::time::Duration;

use super::report::Report;
use super::{Plan, live};
use crate::cmd::hidden::Hidden;
use crate::cmd::interfaces::Logical;
use crate::cmd::lan::cannot;
use crate::cmd::observer::Observer;
use crate::cmd::quoted;
use crate::codec::netlink::Link;
use crate::collect::bandwidth::{Capture, Options};
use crate::collect::devices::Ears;
use crate::collect::lan::Lan;
use crate::collect::network::Tables;
use crate::encode::bandwidth::Window;
use crate::encode::device::Stamp;
use crate::engine::schedule::Cadence;
use crate::failure::Failure;
use crate::limits::DEVICES_HEARD_MAX;
use crate::model::device::Devices;
use crate::sys::files::Root;
use crate::sys::privileges::Outcome;
use crate::sys::signal::{Signals, Woken};
use crate::sys::{clock, random};

/// Devices that moved nothing for so long are inactive (config.md: inactive_after).
const INACTIVE_AFTER: Duration = Duration::from_secs(180);

/// The last window is shown unless it is shorter than this, or than half an interval.
const LAST_WINDOW_MIN: Duration = Duration::from_millis(100);

/// Counts, and shows each window.
///
/// # Errors
/// When nothing can be counted, or nobody takes what was.
pub(super) fn run(plan: Plan) -> Result<(), Failure> {
    let signals = Signals::hold().map_err(|error| cannot("wait for signals", &error))?;
    let (interval, count) = (plan.interval, plan.count);
    let json = plan.json;
    let mut observer = open(plan)?;
    let mut desk = live::Desk::open(json)?;
    let mut report = Report::new(json, observer.capture.capacity());
    let mut begun = clock::mono();
    observer.capture.begin_window();
    let mut cadence = Cadence::new(begun, interval);
    report.begin(&observer, &signals)?;
    for sequence in 1.. {
        let woken = desk.wait(&signals, &mut observer, &mut report, cadence.next_due())?;
        let now = clock::mono();
        let duration = now.since(begun);
        if woken == Woken::Terminate && duration < LAST_WINDOW_MIN.min(interval / 2) {
            break;
        }
        observer.end_window(false, now);
        let end = Stamp {
            wall: clock::wall(),
            mono: now,
        };
        let window = Window { end, duration };
        report.show(&mut observer, &window, sequence, &signals)?;
        observer.capture.begin_window();
        begun = now;
        cadence.ran(now);
        if woken == Woken::Terminate || count == Some(sequence) {
            break;
        }
    }
    report.end(&signals)
}

/// Finds the interfaces, opens the sockets.
fn open(plan: Plan) -> Result<Observer, Failure> {
    let root = Root::system().map_err(|error| cannot("open /", &error))?;
    let mut tables = Tables::open().map_err(|error| cannot("ask the kernel", &error))?;
    let network = tables
        .network()
        .map_err(|error| Failure::failed(format_args!("cannot read the interfaces: {error}")))?;
    let logical = Logical::read(&root);
    let wanted = logical.wanted(&plan.interfaces, &network)?;
    if wanted.is_empty() {
        // Says what there is instead.
        logical.link(None, &network)?;
    }
    let mut there = wanted.iter().filter_map(|name| network.by_name(name));
    there.try_for_each(countable)?;
    let hidden = Hidden::open(&root, plan.conntrack);
    let devices = Devices::new(DEVICES_HEARD_MAX, random::bits());
    let sources = plan.named.open(root, DEVICES_HEARD_MAX)?;
    let now = clock::mono();
    let options = Options {
        mode: plan.mode,
        ring_kib: plan.ring_kib,
        devices_max: DEVICES_HEARD_MAX,
        seed: random::bits(),
    };
    let mut capture = Capture::start(&options, wanted.clone(), now)
        .map_err(|error| Failure::failed(format_args!("cannot read the interfaces: {error}")))?;
    match capture.give_up_loading() {
        Ok(Some(Outcome::Kept)) => log::info!("CAP_BPF is kept: this kernel needs it to read"),
        Ok(_) => {}
        Err(error) => log::info!("CAP_BPF is kept: {error}"),
    }
    let lan = Lan::new(devices, Ears::Light, sources, tables)
        .map_err(|error| cannot("wait for frames", &error))?;
    let observer = Observer::new(lan, capture, hidden, None, wanted, INACTIVE_AFTER, now);
    let capture = &observer.capture;
    let reason = capture.fallback_reason();
    let remedy = capture.remedy().unwrap_or("run as root");
    match (observer.witness(), reason) {
        (None, reason) => {
            let reason = reason.unwrap_or("nothing is left to count with");
            Err(Failure::failed(format_args!(
                "cannot count frames: {reason}; {remedy}"
            )))
        }
        (Some(_), Some(reason)) => {
            log::warn!("counted in a ring, which may lose frames: {reason}; {remedy}");
            Ok(observer)
        }
        (Some(_), None) => Ok(observer),
    }
}

/// Whether there are devices to tell apart.
fn countable(link: &Link) -> Result<(), Failure> {
    if link.ethernet {
        return Ok(());
    }
    let name = quoted(&link.name);
    Err(Failure::failed(format_args!(
        "interface {name}: not an Ethernet: its frames do not say which device they are of; \
         choose another with --interface"
    )))
}
