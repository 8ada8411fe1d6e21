// SPDX-License-Identifier: MIT OR Apache-2.0
//! The options of `agent` on the command line, as they were given.

use argh::{ArgsInfo, FromArgs};

use crate::cmd::Verbosity;
use crate::cmd::config::Section;

#[derive(FromArgs, ArgsInfo, Debug, Default)]
#[argh(
    name = "agent",
    description = "Sends a snapshot of the router, its interfaces and the devices of its LAN every \
                   few seconds. What is not given here stands in /etc/config/netvitals, if it \
                   exists.",
    help_triggers("-h", "--help"),
    example = "Show one window, without sending anything:\n  $ agent --once",
    example = "Send a snapshot every ten seconds to an HTTP API:\n  \
               $ agent --interval 10s --api-url http://192.0.2.9/snapshots",
    example = "Do what a file says, but look at br-guest alone:\n  \
               $ agent --config /etc/netvitals.conf -i br-guest"
)]
/// The options of `agent`.
pub struct Args {
    /// print one snapshot of one window and end; asks no device unless --discovery active
    #[argh(switch)]
    pub once: bool,
    /// name of this router in documents, 1 to 64 bytes (host name)
    #[argh(option, arg_name = "name")]
    pub server_id: Option<String>,
    /// length of a window, 1s to 1h (5s)
    #[argh(option, arg_name = "duration")]
    pub interval: Option<String>,
    /// device, or logical name in /etc/config/network; repeatable (lan, else that of the default
    /// route)
    #[argh(option, short = 'i', arg_name = "interface")]
    pub interface: Vec<String>,
    /// how frames are counted: auto, ebpf, ring, off (auto)
    #[argh(option, arg_name = "way")]
    pub capture: Option<String>,
    /// size of the ring, 128 to 16384 KiB (512)
    #[argh(option, arg_name = "n")]
    pub ring_kib: Option<String>,
    /// read conntrack where hardware hides frames; keeps one more capability
    #[argh(switch)]
    pub conntrack: bool,
    /// addresses to ask: a.b.c.d, a.b.c.d/length, a.b.c.d-e.f.g.h; repeatable (the interface's
    /// own prefix, up to 4096 addresses)
    #[argh(option, arg_name = "range")]
    pub range: Vec<String>,
    /// how devices are found: active, passive, off (active)
    #[argh(option, arg_name = "way")]
    pub discovery: Option<String>,
    /// time from sweep to sweep, 10s to 1d (60s)
    #[argh(option, arg_name = "duration")]
    pub discovery_interval: Option<String>,
    /// requests per second, 1 to 10000 (200)
    #[argh(option, arg_name = "n")]
    pub discovery_rate: Option<String>,
    /// silence after which a device is inactive, 30s to 30d (180s)
    #[argh(option, arg_name = "duration")]
    pub inactive_after: Option<String>,
    /// silence after which a device leaves, 30s to 30d (1d)
    #[argh(option, arg_name = "duration")]
    pub forget_after: Option<String>,
    /// file with names, lines of MAC address and name
    #[argh(option, arg_name = "file")]
    pub names: Option<String>,
    /// list of vendors: of the IEEE, nmap or arp-scan (that of the system)
    #[argh(option, arg_name = "file")]
    pub oui: Option<String>,
    /// do not ask the name server for names
    #[argh(switch)]
    pub no_ptr: bool,
    /// file for 'netvitals status'; empty for none (/var/run/netvitals/state.json)
    #[argh(option, arg_name = "file")]
    pub state_file: Option<String>,
    /// user to become once everything is open
    #[argh(option, arg_name = "name")]
    pub user: Option<String>,
    /// tell more; twice: tell everything
    #[argh(switch, short = 'v')]
    pub verbose: u8,
    /// tell everything
    #[argh(switch)]
    pub debug: bool,
    /// tell errors only
    #[argh(switch)]
    pub quiet: bool,
}

impl Args {
    pub(in crate::cmd) fn verbosity(&self) -> Verbosity {
        Verbosity {
            verbose: self.verbose,
            debug: self.debug,
            quiet: self.quiet,
        }
    }

    /// Lays the options over those of a `netvitals` section.
    pub(super) fn lay(&self, main: &mut Section, wrong: &mut Vec<String>) {
        for (option, flag, text) in [
            ("server_id", "--server-id", &self.server_id),
            ("interval", "--interval", &self.interval),
            ("capture", "--capture", &self.capture),
            ("ring_kib", "--ring-kib", &self.ring_kib),
            ("discovery", "--discovery", &self.discovery),
            (
                "discovery_interval",
                "--discovery-interval",
                &self.discovery_interval,
            ),
            ("discovery_rate", "--discovery-rate", &self.discovery_rate),
            ("inactive_after", "--inactive-after", &self.inactive_after),
            ("forget_after", "--forget-after", &self.forget_after),
            ("names_file", "--names", &self.names),
            ("oui_file", "--oui", &self.oui),
            ("state_file", "--state-file", &self.state_file),
            ("user", "--user", &self.user),
        ] {
            main.lay(option, flag, text, wrong);
        }
        main.lay("interface", "--interface", &self.interface, wrong);
        main.lay("range", "--range", &self.range, wrong);
        for (option, flag, is_given, value) in [
            ("conntrack", "--conntrack", self.conntrack, "1"),
            ("ptr", "--no-ptr", self.no_ptr, "0"),
        ] {
            if is_given {
                main.lay(option, flag, [&value.to_owned()], wrong);
            }
        }
    }
}
