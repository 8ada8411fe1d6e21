// SPDX-License-Identifier: MIT OR Apache-2.0
//! `bandwidth`: how much each device moves, now and in all.

mod live;
mod report;
mod run;

use core::time::Duration;

use argh::{ArgsInfo, FromArgs};

use super::lan::Named;
use super::{Applet, config, outputs};
use crate::collect::bandwidth::Mode;
use crate::failure::Failure;

#[derive(FromArgs, ArgsInfo)]
#[argh(
    name = "bandwidth",
    description = "Counts what each device behind an interface sends and receives, without a gap \
                   and without taking part. At a terminal a live table (q ends it), else lines.",
    help_triggers("-h", "--help"),
    example = "Watch the LAN:\n  $ bandwidth",
    example = "Write a JSON object for each minute of the next hour:\n  \
               $ bandwidth -i br-lan --json --interval 1m --count 60",
    example = "Count in this process instead of in the kernel:\n  \
               $ bandwidth --capture ring --ring-kib 4096"
)]
/// The options of `bandwidth`.
pub struct Args {
    /// device, or logical name in /etc/config/network (lan, else that of the default route);
    /// repeatable
    #[argh(option, short = 'i', arg_name = "interface")]
    interface: Vec<String>,
    /// length of a window, 200ms to 1h (1s)
    #[argh(option, arg_name = "duration")]
    interval: Option<String>,
    /// how many windows; 0 goes on for ever (0)
    #[argh(option, arg_name = "n")]
    count: Option<String>,
    /// who counts: auto, ebpf (the kernel), ring (this process) (auto)
    #[argh(option, arg_name = "how")]
    capture: Option<String>,
    /// size of the ring, 128 to 16384 (512)
    #[argh(option, arg_name = "kib")]
    ring_kib: Option<String>,
    /// add what hardware offload hides, from the kernel's connection table
    #[argh(switch)]
    conntrack: bool,
    /// write a JSON object for each window, one in a line
    #[argh(switch)]
    json: bool,
    /// file with names, lines of MAC address and name
    #[argh(option, arg_name = "file")]
    names: Option<String>,
    /// do not ask the name server for names
    #[argh(switch)]
    no_ptr: bool,
    /// configuration with names in 'device' sections (/etc/config/netvitals)
    #[argh(option, arg_name = "file")]
    config: Option<String>,
}

impl Applet for Args {
    const NAME: &'static str = "bandwidth";
    const SUMMARY: &'static str = "how much each device moves, counted by the kernel";

    fn run(self, _: outputs::Options) -> Result<(), Failure> {
        let plan = Plan::new(self)?;
        run::run(plan)
    }
}

/// What to do, checked.
struct Plan {
    interfaces: Vec<String>,
    interval: Duration,
    /// `None`: for ever.
    count: Option<u64>,
    mode: Mode,
    ring_kib: u32,
    conntrack: bool,
    json: bool,
    named: Named,
}

impl Plan {
    fn new(args: Args) -> Result<Self, Failure> {
        let range = Duration::from_millis(200)..=Duration::from_secs(3_600);
        let second = Duration::from_secs(1);
        let interval =
            config::duration_or("--interval", &args.interval, second, range, "200ms to 1h")?;
        let count = config::integer_or("--count", &args.count, 0, 0..=u64::MAX)?;
        let mode = match args.capture.as_deref() {
            None | Some("auto") => Mode::Auto,
            Some("ebpf") => Mode::Ebpf,
            Some("ring") => Mode::Ring,
            Some(text) => {
                let subject = "option '--capture'";
                return Err(config::refused(
                    subject,
                    text,
                    "a way to count",
                    "auto, ebpf, ring",
                ));
            }
        };
        let ring_kib = config::integer_or("--ring-kib", &args.ring_kib, 512, 128..=16_384)?;
        let names = config::path("--names", args.names)?;
        Ok(Self {
            interfaces: args.interface,
            interval,
            count: (count > 0).then_some(count),
            mode,
            ring_kib: u32::try_from(ring_kib).unwrap_or(u32::MAX),
            conntrack: args.conntrack,
            json: args.json,
            named: Named {
                config: config::load(args.config.as_deref())?.devices(),
                names,
                oui: None,
                ptr: !args.no_ptr,
            },
        })
    }
}
