// SPDX-License-Identifier: MIT OR Apache-2.0
//! From settings to everything at work: interfaces, sockets, privileges, then outputs.

use super::document::Documents;
use super::meters::Meters;
use super::probes::Probes;
use super::reload::Orders;
use super::rights::{self, Needs};
use super::run::Agent;
use super::settings::{self, Discovery as Finding, Settings};
use super::state::{Facts, StateFile};
use crate::cmd::config::Configuration;
use crate::cmd::hidden::Hidden;
use crate::cmd::interfaces::Logical;
use crate::cmd::lan::{Named, cannot};
use crate::cmd::observer::Observer;
use crate::cmd::outlets::Outlets;
use crate::cmd::outputs::{self, Outputs};
use crate::cmd::servers::{Sender, Servers};
use crate::collect::bandwidth::{Capture, Mode, Options, Source};
use crate::collect::devices::Ears;
use crate::collect::discovery::{self, Discovery};
use crate::collect::lan::Lan;
use crate::collect::network::{ReadError, Tables};
use crate::collect::system;
use crate::encode::device::Stamp;
use crate::engine::arp_scan::Pace;
use crate::failure::Failure;
use crate::limits::DEVICES_HEARD_MAX;
use crate::model::device::Devices;
use crate::sys::files::Root;
use crate::sys::privileges::Outcome;
use crate::sys::signal::{Hints, Signals};
use crate::sys::spool_directory::SpoolDirectory;
use crate::sys::{clock, host, random};
use crate::time::Mono;

/// How often a silent address is asked again in one sweep.
const RETRY: u8 = 1;

/// Sees whether the user and the files that are named are there, and opens nothing.
///
/// # Errors
/// When one is not: the agent would not start.
pub(super) fn check(
    settings: &Settings,
    configuration: &Configuration,
    outputs: &Outputs,
) -> Result<(), Failure> {
    rights::look_up(settings.user.as_deref())?;
    let root = Root::system().map_err(|error| cannot("open /", &error))?;
    named(settings, configuration).open(root, 0)?;
    outputs.servers.as_ref().map_or(Ok(()), Servers::check)
}

/// Opens everything.
///
/// # Errors
/// When there is no file descriptor left, a file that the user names cannot be read, or an output
/// cannot be opened.
pub(super) fn open(
    orders: Orders,
    settings: Settings,
    configuration: &Configuration,
    outputs: Outputs,
    hangup: Hints,
) -> Result<Agent, Failure> {
    let signals = Signals::hold().map_err(|error| cannot("wait for signals", &error))?;
    let both = clock::both();
    let now = both.mono;
    let start = Stamp {
        wall: both.wall(),
        mono: now,
    };
    let (observer, needs) = observer(&settings, configuration, now)?;
    let root = &observer.lan.sources.root;
    let boot_id = system::boot_id(root);
    let boot_id = boot_id.map_or(String::new(), |id| id.as_str().to_owned());
    let start_id = random::bits();
    let server_id = server_id(&settings);
    let facts = Facts {
        start_id,
        boot_id: boot_id.clone(),
        started: start.mono,
        interval: settings.interval,
        config_file: configuration.file.clone(),
    };
    let mut probes = Probes::default();
    probes.change(configuration, now)?;
    let state = settle(&settings, &outputs, needs, facts)?;
    let sender = Sender {
        host: &server_id,
        start_id,
        sequence: 0,
    };
    let outlets = Outlets::open(&outputs, sender, settings.once)?;
    let meters = Meters::start(&observer.lan.sources.root, now);
    if !settings.once {
        orders.try_again();
    }
    Ok(Agent {
        orders,
        outputs,
        documents: Documents::new(server_id, boot_id, start_id, start),
        settings,
        observer,
        meters,
        probes,
        outlets,
        state,
        signals,
        hangup,
    })
}

/// Opens the state file, then gives up what is no longer needed: before any thread starts, so that
/// none of them has it.
fn settle(
    settings: &Settings,
    outputs: &Outputs,
    needs: Needs,
    facts: Facts,
) -> Result<Option<StateFile>, Failure> {
    let state_file = settings.state_file.as_deref().filter(|_| !settings.once);
    let state = state_file.map(|path| StateFile::open(path, facts));
    let state = state.transpose()?;
    let spool = settings.spooling.directory.as_deref();
    let spool = spool.filter(|_| outputs.servers.is_some());
    if let (Some(spool), Some(_)) = (spool, &settings.user) {
        // What cannot be made now is said when it is opened.
        let _ = SpoolDirectory::at(spool);
    }
    let state_file = state_file.map(|path| outputs::split_path(path).0);
    let directories: Vec<&str> = state_file.into_iter().chain(spool).collect();
    let settled = rights::settle(settings.user.as_deref(), needs, &directories)?;
    log::info!("{settled}");
    Ok(state)
}

/// The name of this router.
pub(super) fn server_id(settings: &Settings) -> String {
    settings.server_id.clone().unwrap_or_else(|| {
        let mut name = String::new();
        host::name_into(&mut name);
        name
    })
}

/// Whoever watches the LAN, and what that takes.
fn observer(
    settings: &Settings,
    configuration: &Configuration,
    now: Mono,
) -> Result<(Observer, Needs), Failure> {
    let unreadable =
        |error: ReadError| Failure::failed(format_args!("cannot read the interfaces: {error}"));
    let root = Root::system().map_err(|error| cannot("open /", &error))?;
    let mut tables = Tables::open().map_err(|error| cannot("ask the kernel", &error))?;
    let network = tables.network().map_err(unreadable)?;
    let wanted = Logical::read(&root).wanted(&settings.interfaces, &network)?;
    if wanted.is_empty() {
        log::warn!("there is no interface 'lan' and no default route yet; waiting for one");
    }
    let options = Options {
        mode: match settings.capture {
            settings::Capture::Auto => Mode::Auto,
            settings::Capture::Ebpf => Mode::Ebpf,
            settings::Capture::Ring => Mode::Ring,
            settings::Capture::Off => Mode::Off,
        },
        ring_kib: settings.ring_kib,
        devices_max: DEVICES_HEARD_MAX,
        seed: random::bits(),
    };
    let mut capture = Capture::start(&options, wanted.clone(), now).map_err(unreadable)?;
    if let Some(reason) = capture.fallback_reason() {
        let remedy = capture.remedy().unwrap_or("run as root");
        let unseen = match capture.source() {
            Source::None => "frames cannot be seen, so neither devices nor their bytes",
            _ => "bytes of devices are counted in a ring, which may lose frames",
        };
        log::warn!("{unseen}: {reason}; {remedy}");
    }
    let given_up = capture.give_up_loading();
    let needs = Needs {
        reads_maps: !matches!(given_up, Ok(None | Some(Outcome::GivenUp))),
        reads_conntrack: settings.conntrack,
    };
    let hidden = Hidden::open(&root, settings.conntrack);
    let sources = named(settings, configuration).open(root, DEVICES_HEARD_MAX)?;
    let devices = Devices::new(DEVICES_HEARD_MAX, random::bits());
    let lan = Lan::new(devices, ears(settings), sources, tables)
        .map_err(|error| cannot("wait for frames", &error))?;
    let discovery = discovery(settings).map(|plan| Discovery::new(plan, now));
    let observer = Observer::new(
        lan,
        capture,
        hidden,
        discovery,
        wanted,
        settings.inactive_after,
        now,
    );
    Ok((observer, needs))
}

/// Where names come from.
pub(super) fn named(settings: &Settings, configuration: &Configuration) -> Named {
    Named {
        config: configuration.devices(),
        names: settings.names_file.clone(),
        oui: settings.oui_file.clone(),
        ptr: settings.ptr,
    }
}

/// What is listened to.
pub(super) fn ears(settings: &Settings) -> Ears {
    match settings.discovery {
        Finding::Off => Ears::Off,
        Finding::Active | Finding::Passive => Ears::Light,
    }
}

/// How devices are asked, if they are.
pub(super) fn discovery(settings: &Settings) -> Option<discovery::Plan> {
    let plan = discovery::Plan {
        ranges: settings.ranges.clone(),
        interval: settings.discovery_interval,
        pace: Pace {
            rate: settings.discovery_rate,
            retry: RETRY,
            timeout: None,
        },
        inactive_after: settings.inactive_after,
    };
    (settings.discovery == Finding::Active).then_some(plan)
}
