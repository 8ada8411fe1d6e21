// SPDX-License-Identifier: MIT OR Apache-2.0
//! The options of `agent` on the command line, as they were given.

use argh::{ArgsInfo, FromArgs};

/// The options that the configuration has as well, as [`flags`](crate::cmd::flags) reads them.
pub const FLAGS: &str = "\
--server-id|main|server_id|1|name of this router in documents, 1 to 64 bytes (host name)\n\
--interval|main|interval|1|length of a window, 1s to 1h (5s)\n\
--interface|main|interface|*i|device, or logical name in /etc/config/network; repeatable (lan, \
else that of the default route)\n\
--capture|main|capture|1|how frames are counted: auto, ebpf, ring, off (auto)\n\
--ring-kib|main|ring_kib|1|size of the ring, 128 to 16384 KiB (512)\n\
--conntrack|main|conntrack|1|read conntrack where hardware hides frames; keeps one more \
capability\n\
--range|main|range|*|addresses to ask: a.b.c.d, a.b.c.d/length, a.b.c.d-e.f.g.h; repeatable \
(the interface's own prefix, up to 4096 addresses)\n\
--discovery|main|discovery|1|how devices are found: active, passive, off (active)\n\
--discovery-interval|main|discovery_interval|1|time from sweep to sweep, 10s to 1d (60s)\n\
--discovery-rate|main|discovery_rate|1|requests per second, 1 to 10000 (200)\n\
--inactive-after|main|inactive_after|1|silence after which a device is inactive, 30s to 30d \
(180s)\n\
--forget-after|main|forget_after|1|silence after which a device leaves, 30s to 30d (1d)\n\
--names|main|names_file|1|file with names, lines of MAC address and name\n\
--oui|main|oui_file|1|list of vendors: of the IEEE, nmap or arp-scan (that of the system)\n\
--no-ptr|main|ptr||do not ask the name server for names\n\
--state-file|main|state_file|1|file for 'netvitals status'; empty for none \
(/var/run/netvitals/state.json)\n\
--user|main|user|1|user to become once everything is open";

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

    /// tell what is wrong in the configuration, and end
    #[argh(switch)]
    pub test: bool,
}
