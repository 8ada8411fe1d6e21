// SPDX-License-Identifier: MIT OR Apache-2.0
//! `connvitals`: one round of ping, trace and port checks of all hosts at once.

mod hosts;
mod run;

use core::time::Duration;

use argh::{ArgsInfo, FromArgs};

use super::{Applet, Verbosity, config, outputs};
use crate::codec::units;
use crate::collect::route::Kind;
use crate::engine::echo::{Burst, Payload};
use crate::failure::Failure;
use crate::limits::{HOPS_MAX, PAYLOAD_BYTES_MAX, PROBE_HOSTS_MAX};

#[derive(FromArgs, ArgsInfo)]
#[argh(
    name = "connvitals",
    description = "Tests the way to each HOST (name or address) and its services, all at once.",
    help_triggers("-h", "--help"),
    example = "Ping a host ten times:\n  $ connvitals example.net",
    example = "Ping a hundred times, trace, check ports, as JSON:\n  \
               $ connvitals -jstp 100 192.0.2.1 2001:db8::1"
)]
/// The options of `connvitals`.
pub struct Args {
    /// the hosts to test
    #[argh(positional, arg_name = "host")]
    hosts: Vec<String>,
    /// most hops of a trace, 0 to 255 (30)
    #[argh(option, short = 'H', arg_name = "n")]
    hops: Option<String>,
    /// pings for each host, 0 to 1000 (10)
    #[argh(option, short = 'p', arg_name = "n")]
    pings: Option<String>,
    /// no pings
    #[argh(switch, short = 'P')]
    no_ping: bool,
    /// trace the route
    #[argh(switch, short = 't')]
    trace: bool,
    /// check the ports of http, https and mysql
    #[argh(switch, short = 's')]
    port_scan: bool,
    /// bytes of zeros in a ping, 0 to 65507 (a text of 41)
    #[argh(option, arg_name = "n")]
    payload_size: Option<String>,
    /// write a JSON object for each host, one in a line
    #[argh(switch, short = 'j')]
    json: bool,
    /// IPv4 only
    #[argh(switch, short = '4')]
    ipv4: bool,
    /// IPv6 only
    #[argh(switch, short = '6')]
    ipv6: bool,
    /// longest wait for an answer, 10ms to 1m (1s)
    #[argh(option, arg_name = "duration")]
    timeout: Option<String>,
    /// from one ping of a host to the next, 0 to 1m (10ms)
    #[argh(option, arg_name = "duration")]
    spacing: Option<String>,
    /// packets per second over all hosts, 1 to 100000 (10000)
    #[argh(option, arg_name = "n")]
    rate: Option<String>,
    /// what traces are made of: udp or icmp (udp)
    #[argh(option, arg_name = "mode")]
    trace_mode: Option<String>,
    /// further ports to check, as 22,8080; implies --port-scan
    #[argh(option, arg_name = "list")]
    ports: Option<String>,
    /// tell in JSON what certificates are worth; implies --port-scan
    #[argh(switch)]
    tls: bool,
    /// tell more; twice: tell everything
    #[argh(switch, short = 'v')]
    verbose: u8,
    /// tell everything
    #[argh(switch)]
    debug: bool,
    /// tell errors only
    #[argh(switch)]
    quiet: bool,
}

impl Applet for Args {
    const NAME: &'static str = "connvitals";
    const SUMMARY: &'static str = "ping, trace and port checks of hosts";

    fn verbosity(&self) -> Verbosity {
        Verbosity {
            verbose: self.verbose,
            debug: self.debug,
            quiet: self.quiet,
        }
    }

    fn run(self, _: outputs::Options) -> Result<(), Failure> {
        let plan = Plan::new(self)?;
        run::run(plan)
    }
}

/// What to do, checked.
struct Plan {
    hosts: Vec<String>,
    family: Option<Family>,
    /// `None`: no pings.
    burst: Option<Burst>,
    trace: Option<Trace>,
    scan: Option<ScanPlan>,
    timeout: Duration,
    rate: u32,
    json: bool,
}

/// The version of IP that is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

/// How to trace.
#[derive(Clone, Copy)]
struct Trace {
    hops_max: u8,
    kind: Kind,
}

/// What ports to check, beyond those of http, https and mysql.
struct ScanPlan {
    ports: Vec<u16>,
    /// What certificates are worth is asked for.
    judging: bool,
}

impl Plan {
    fn new(args: Args) -> Result<Self, Failure> {
        if args.hosts.is_empty() {
            let text = "no host is named; see 'netvitals connvitals --help'";
            return Err(Failure::usage(text));
        }
        if args.hosts.len() > PROBE_HOSTS_MAX {
            return Err(Failure::usage(format_args!(
                "{} hosts are more than {PROBE_HOSTS_MAX}; test them in parts",
                args.hosts.len()
            )));
        }
        let family = match (args.ipv4, args.ipv6) {
            (true, true) => return Err(Failure::usage("-4 excludes -6")),
            (true, false) => Some(Family::V4),
            (false, true) => Some(Family::V6),
            (false, false) => None,
        };
        let minute = Duration::from_secs(60);
        let timeout = config::duration_or(
            "--timeout",
            &args.timeout,
            Duration::from_secs(1),
            Duration::from_millis(10)..=minute,
            "10ms to 1m",
        )?;
        let rate = config::integer_or("--rate", &args.rate, 10_000, 1..=100_000)?;
        let scan = args.port_scan || args.ports.is_some() || args.tls;
        Ok(Self {
            family,
            burst: burst(&args, timeout)?,
            trace: trace(&args)?,
            scan: match scan {
                true => Some(ScanPlan {
                    ports: args.ports.as_deref().map_or(Ok(Vec::new()), ports)?,
                    judging: args.tls,
                }),
                false => None,
            },
            timeout,
            rate: rate as u32,
            json: args.json,
            hosts: args.hosts,
        })
    }
}

fn burst(args: &Args, timeout: Duration) -> Result<Option<Burst>, Failure> {
    let count = config::integer_or("--pings", &args.pings, 10, 0..=1_000)?;
    let payload = match &args.payload_size {
        None => Payload::Text,
        Some(text) => {
            let len = config::integer("--payload-size", text, 0..=PAYLOAD_BYTES_MAX.into())?;
            Payload::Zeros(len as u16)
        }
    };
    let spacing = config::duration_or(
        "--spacing",
        &args.spacing,
        Duration::from_millis(10),
        Duration::ZERO..=Duration::from_secs(60),
        "0 to 1m",
    )?;
    Ok((count > 0 && !args.no_ping).then_some(Burst {
        count: count as u32,
        payload,
        spacing,
        timeout,
    }))
}

fn trace(args: &Args) -> Result<Option<Trace>, Failure> {
    let hops_max = config::integer_or("--hops", &args.hops, 30, 0..=HOPS_MAX.into())? as u8;
    let kind = match args.trace_mode.as_deref() {
        None | Some("udp") => Kind::Udp,
        Some("icmp") => Kind::Icmp,
        Some(other) => {
            let option = "option '--trace-mode'";
            return Err(config::refused(option, other, "a mode", "udp, icmp"));
        }
    };
    Ok((hops_max > 0 && args.trace).then_some(Trace { hops_max, kind }))
}

/// The ports of a list, in its order, each once.
fn ports(list: &str) -> Result<Vec<u16>, Failure> {
    let mut ports = Vec::new();
    for word in list.split(',') {
        let number = units::unsigned(word.trim().as_bytes()).filter(|number| *number > 0);
        let Some(port) = number.and_then(|number| u16::try_from(number).ok()) else {
            let option = "option '--ports'";
            return Err(config::refused(
                option,
                word,
                "a port",
                "1 to 65535, as 22,8080",
            ));
        };
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    Ok(ports)
}
