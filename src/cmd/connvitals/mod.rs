// SPDX-License-Identifier: MIT OR Apache-2.0
//! `connvitals`: one round of ping, trace and port checks of all hosts at once.

mod hosts;
mod run;

use core::time::Duration;

use argh::{ArgsInfo, FromArgs};

use super::config::{Section, none_wrong};
use super::{Applet, config, outputs};
use crate::codec::units;
use crate::collect::route::Kind;
use crate::engine::echo::{Burst, Payload};
use crate::failure::Failure;
use crate::limits::PROBE_HOSTS_MAX;
use crate::sys::time_zone;

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
}

/// The options as they are given.
const FLAGS: &str = "\
--hops||hops|1H|most hops of a trace, 0 to 255 (30)
--pings||pings|1p|pings for each host, 0 to 1000 (10)
--no-ping||ping|-P|no pings
--trace||trace|-t|trace the route
--port-scan||scan|-s|check the ports of http, https and mysql
--payload-size||payload|1|bytes of zeros in a ping, 0 to 65507 (a text of 41)
--json||json|-j|write a JSON object for each host, one in a line
--ipv4||ipv4|-4|IPv4 only
--ipv6||ipv6|-6|IPv6 only
--timeout||timeout|1|longest wait for an answer, 10ms to 1m (1s)
--spacing||spacing|1|from one ping of a host to the next, 0 to 1m (10ms)
--rate||rate|1|packets per second over all hosts, 1 to 100000 (10000)
--trace-mode||mode|1|what traces are made of, udp or icmp (udp)
--ports||ports|1|further ports to check, as 22,8080; implies --port-scan
--tls||tls||tell in JSON what certificates are worth; implies --port-scan";

/// What they may be.
const TABLE: &str = "\
hops|integer|30|0 to 255
pings|integer|10|0 to 1000
ping|boolean|1
trace|boolean|0
scan|boolean|0
payload|integer||0 to 65507
json|boolean|0
ipv4|boolean|0
ipv6|boolean|0
timeout|duration|1s|10ms to 1m
spacing|duration|10ms|0 to 1m
rate|integer|10000|1 to 100000
mode|choice|udp|udp, icmp
ports|any
tls|boolean|0";

impl Applet for Args {
    const NAME: &'static str = "connvitals";
    const SUMMARY: &'static str = "ping, trace and port checks of hosts";
    const FLAGS: &'static str = FLAGS;
    const MARKS: bool = true;

    fn run(self, given: outputs::Options) -> Result<(), Failure> {
        // Before any thread is started.
        time_zone::adopt();
        let mut options = Section::of_table(TABLE);
        let mut wrong = Vec::new();
        given.lay("", &mut options, &mut wrong);
        none_wrong(wrong)?;
        run::run(Plan::new(self.hosts, &options)?)
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
    fn new(hosts: Vec<String>, options: &Section) -> Result<Self, Failure> {
        if hosts.is_empty() || hosts.len() > PROBE_HOSTS_MAX {
            let count = hosts.len();
            return Err(Failure::usage(format_args!(
                "{count} hosts are named, and it takes 1 to {PROBE_HOSTS_MAX}; \
                 see 'netvitals connvitals --help'"
            )));
        }
        let family = match (options.boolean("ipv4"), options.boolean("ipv6")) {
            (true, true) => return Err(Failure::usage("-4 excludes -6")),
            (true, false) => Some(Family::V4),
            (false, true) => Some(Family::V6),
            (false, false) => None,
        };
        let timeout = options.duration("timeout");
        let count = options.integer("pings") as u32;
        let hops_max = options.integer("hops") as u8;
        let burst = Burst {
            count,
            payload: match options.has("payload") {
                true => Payload::Zeros(options.integer("payload") as u16),
                false => Payload::Text,
            },
            spacing: options.duration("spacing"),
            timeout,
        };
        let kind = match options.text("mode") {
            "icmp" => Kind::Icmp,
            _ => Kind::Udp,
        };
        let scan = ["ports", "tls"].iter().any(|option| options.has(option));
        let scan = options.boolean("scan") || scan;
        Ok(Self {
            hosts,
            family,
            burst: (count > 0 && options.boolean("ping")).then_some(burst),
            trace: (hops_max > 0 && options.boolean("trace")).then_some(Trace { hops_max, kind }),
            scan: match scan {
                true => Some(ScanPlan {
                    ports: options.given("ports").map_or(Ok(Vec::new()), ports)?,
                    judging: options.boolean("tls"),
                }),
                false => None,
            },
            timeout,
            rate: options.integer("rate") as u32,
            json: options.boolean("json"),
        })
    }
}

/// The ports of a list, in its order, each once.
fn ports(list: &str) -> Result<Vec<u16>, Failure> {
    let mut ports = Vec::new();
    for word in list.split(',') {
        let number = units::unsigned(word.as_bytes()).filter(|number| *number > 0);
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
