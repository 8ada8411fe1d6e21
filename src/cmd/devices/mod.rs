// SPDX-License-Identifier: MIT OR Apache-2.0
//! `devices`: who is on the LAN, by an ARP sweep or by listening alone.

mod choose;
mod report;
mod rows;
mod run;
mod session;
mod watch;

use core::time::Duration;
use std::ffi::CString;

use argh::{ArgsInfo, FromArgs};

use super::{Applet, config, outputs, quoted};
use crate::engine::arp_scan::Pace;
use crate::failure::Failure;
use crate::model::addr::Mac;
use crate::model::ranges::Ranges;

#[derive(FromArgs, ArgsInfo)]
#[argh(
    name = "devices",
    description = "Lists the devices of a LAN: asks every address of the interface's prefix, or of \
                   RANGE (a.b.c.d, a.b.c.d/length, a.b.c.d-e.f.g.h; repeatable), by ARP.",
    help_triggers("-h", "--help"),
    example = "Show who is on the LAN:\n  $ devices",
    example = "Ask two ranges behind eth1, and write a JSON object for each device:\n  \
               $ devices -i eth1 10.0.0.0/24 10.0.1.1-10.0.1.99 --json",
    example = "Listen for a minute without sending anything:\n  $ devices --passive 1m"
)]
/// The options of `devices`.
pub struct Args {
    /// the addresses to ask
    #[argh(positional, arg_name = "range")]
    ranges: Vec<String>,
    /// device, or logical name in /etc/config/network (lan, else that of the default route)
    #[argh(option, short = 'i', arg_name = "interface")]
    interface: Option<String>,
    /// write a JSON object for each device, one in a line
    #[argh(switch)]
    json: bool,
    /// go on, and show who comes and goes
    #[argh(switch)]
    watch: bool,
    /// requests per second, 1 to 10000 (1000)
    #[argh(option, arg_name = "n")]
    rate: Option<String>,
    /// how often a silent address is asked again, 0 to 10 (2)
    #[argh(option, arg_name = "n")]
    retry: Option<String>,
    /// longest wait after a request, 1ms to 1m (4 times the slowest answer, 80ms to 500ms)
    #[argh(option, arg_name = "duration")]
    timeout: Option<String>,
    /// send nothing, learn from what passes by for so long, 1ms to 30d
    #[argh(option, arg_name = "duration")]
    passive: Option<String>,
    /// list of vendors: of the IEEE, nmap or arp-scan (that of the system)
    #[argh(option, arg_name = "file")]
    oui: Option<String>,
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
    const NAME: &'static str = "devices";
    const SUMMARY: &'static str = "who is on the LAN, with names, by ARP";

    fn run(self, _: outputs::Options) -> Result<(), Failure> {
        let plan = Plan::new(self)?;
        run::run(plan)
    }
}

/// What to do, checked.
struct Plan {
    interface: Option<String>,
    /// As the user wrote them, each with what it means.
    ranges: Vec<(String, Ranges)>,
    how: How,
    json: bool,
    watch: bool,
    ptr: bool,
    oui: Option<CString>,
    names: Option<CString>,
    config: Vec<(Mac, String)>,
}

/// How devices are found.
#[derive(Clone, Copy)]
enum How {
    Ask(Pace),
    Listen(Duration),
}

impl Plan {
    fn new(args: Args) -> Result<Self, Failure> {
        let how = how(&args)?;
        let mut all = Ranges::new();
        let mut ranges = Vec::new();
        for text in args.ranges {
            let mut range = Ranges::new();
            let added = range.add(&text).and_then(|()| all.add(&text));
            added.map_err(|error| {
                Failure::usage(format_args!("range {}: {error}", quoted(&text)))
            })?;
            ranges.push((text, range));
        }
        Ok(Self {
            interface: args.interface,
            ranges,
            how,
            json: args.json,
            watch: args.watch,
            ptr: !args.no_ptr,
            oui: config::path("--oui", args.oui)?,
            names: config::path("--names", args.names)?,
            config: config::load(args.config.as_deref())?.devices(),
        })
    }
}

fn how(args: &Args) -> Result<How, Failure> {
    if let Some(text) = &args.passive {
        let asks = [&args.rate, &args.retry, &args.timeout];
        if asks.iter().any(|option| option.is_some()) || !args.ranges.is_empty() {
            return Err(Failure::usage(
                "--passive sends nothing: it goes without RANGE, --rate, --retry and --timeout",
            ));
        }
        let range = Duration::from_millis(1)..=Duration::from_secs(30 * 86_400);
        return config::duration("--passive", text, range, "1ms to 30d").map(How::Listen);
    }
    let rate = config::integer_or("--rate", &args.rate, 1_000, 1..=10_000)?;
    let retry = config::integer_or("--retry", &args.retry, 2, 0..=10)?;
    let range = Duration::from_millis(1)..=Duration::from_secs(60);
    let timeout = args.timeout.as_deref();
    let timeout = timeout.map(|text| config::duration("--timeout", text, range, "1ms to 1m"));
    Ok(How::Ask(Pace {
        rate: u32::try_from(rate).unwrap_or(u32::MAX),
        retry: u8::try_from(retry).unwrap_or(u8::MAX),
        timeout: timeout.transpose()?,
    }))
}
