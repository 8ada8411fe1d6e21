// SPDX-License-Identifier: MIT OR Apache-2.0
//! The text of connvitals and connmonitor: one host in a few lines of columns, three decimals.

use core::fmt::{self, Display, Write};

use super::escape::Escaped;
use crate::model::probe::{Finding, Ping, Route};
use crate::model::vitals::{Change, Grammar, Scan, Vitals};
use crate::sys::clock;

/// Writes one host: who it is, when that is wanted, then a line for each test that is on; a trace
/// has one for each hop.
///
/// # Errors
/// What `out` says.
pub fn lines(vitals: &Vitals<'_>, grammar: Grammar, out: &mut impl Write) -> fmt::Result {
    head(vitals, grammar, out)?;
    if let Grammar::Single(Some(when)) = grammar {
        writeln!(out, "{}", clock::local(when))?;
    }
    if let Some(found) = vitals.ping {
        ping(found, out)?;
    }
    if let Some(found) = vitals.trace {
        trace(found, out)?;
    }
    if let Some(found) = &vitals.scan {
        scan(found, out)?;
    }
    Ok(())
}

/// Writes a change of one host, with the route of `vitals` if it has one.
///
/// # Errors
/// What `out` says.
pub fn change(
    vitals: &Vitals<'_>,
    grammar: Grammar,
    change: &Change<'_>,
    out: &mut impl Write,
) -> fmt::Result {
    head(vitals, grammar, out)?;
    write!(out, "{}\n{}", clock::local(change.when), change.event)?;
    if let Some(loss) = change.loss_ppm_percent {
        write!(out, "\t{}", Thousandths(loss))?;
    }
    out.write_char('\n')?;
    vitals.trace.map_or(Ok(()), |found| trace(found, out))
}

fn head(vitals: &Vitals<'_>, grammar: Grammar, out: &mut impl Write) -> fmt::Result {
    let name = Escaped(vitals.name);
    match vitals.address {
        None => writeln!(out, "{name}"),
        Some(address) if vitals.name.parse() == Ok(address) => writeln!(out, "{address}"),
        Some(address) if grammar == Grammar::Round => writeln!(out, "{name} ({address})"),
        Some(address) => writeln!(out, "{name} {address}"),
    }
}

fn ping(ping: &Ping, out: &mut impl Write) -> fmt::Result {
    match ping.rtt() {
        Some(rtt) => {
            for ns in [rtt.min_ns, rtt.avg_ns, rtt.max_ns, rtt.std_ns] {
                write!(out, "{}\t", Thousandths(ns))?;
            }
        }
        None => out.write_str("-1.000\t-1.000\t-1.000\t-1.000\t")?,
    }
    writeln!(out, "{}", Thousandths(ping.loss_ppm_percent()))
}

fn trace(route: &Route, out: &mut impl Write) -> fmt::Result {
    for hop in route {
        match hop {
            Some(hop) => writeln!(out, "{}\t{}", hop.address, Thousandths(hop.rtt_ns))?,
            None => writeln!(out, "*")?,
        }
    }
    Ok(())
}

fn scan(scan: &Scan<'_>, out: &mut impl Write) -> fmt::Result {
    for found in [scan.http, scan.https] {
        one(found, out, |found, out| {
            write!(out, ", {}, {}", found.status, Escaped(&found.text))
        })?;
        out.write_char('\t')?;
    }
    one(scan.mysql, out, |found, out| {
        write!(out, ", {}", Escaped(&found.text))
    })?;
    for (port, found) in scan.ports {
        write!(out, "\t{port}: ")?;
        one(*found, out, |_, _| Ok(()))?;
    }
    out.write_char('\n')
}

fn one<W: Write>(
    found: Option<&Finding>,
    out: &mut W,
    more: impl FnOnce(&Finding, &mut W) -> fmt::Result,
) -> fmt::Result {
    let Some(found) = found else {
        return out.write_str("None");
    };
    write!(out, "{}", Thousandths(found.rtt_ns))?;
    more(found, out)
}

/// A number / 10^6 with three decimals, rounded: nanoseconds as milliseconds.
struct Thousandths(u64);

impl Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = self.0 / 1_000 + u64::from(self.0 % 1_000 >= 500);
        write!(f, "{}.{:03}", rounded / 1_000, rounded % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::probe::Hop;
    use crate::time::Wall;
    use core::net::{IpAddr, Ipv4Addr};
    use core::time::Duration;

    #[track_caller]
    fn check(vitals: &Vitals<'_>, expected: &str) {
        let mut out = String::new();
        lines(vitals, Grammar::Round, &mut out).unwrap();
        assert_eq!(out, expected);
    }

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 3, 0, 2));

    fn nothing(name: &str) -> Vitals<'_> {
        Vitals {
            name,
            address: Some(ADDRESS),
            ping: None,
            trace: None,
            scan: None,
        }
    }

    fn found(rtt_ns: u64, text: &str) -> Finding {
        Finding {
            rtt_ns,
            status: 200,
            text: text.try_into().unwrap(),
            certificate: None,
        }
    }

    #[test]
    fn a_host_is_a_head_and_a_line_for_each_test() {
        let mut ping = Ping::default();
        for rtt_ns in [6_000, 32_000, 209_000] {
            ping.on_sent();
            ping.on_reply(Duration::from_nanos(rtt_ns));
        }
        let hop = Hop {
            address: ADDRESS,
            rtt_ns: 22_499,
        };
        let (http, mysql) = (
            found(1_188_000, "nginx/1.18.0 (Ubuntu)"),
            found(156_500, "5.7.2-log"),
        );
        let ssh = found(31_000, "");
        check(
            &Vitals {
                ping: Some(&ping),
                trace: Some(&[None, Some(hop)]),
                scan: Some(Scan {
                    http: Some(&http),
                    https: None,
                    mysql: Some(&mysql),
                    ports: &[(22, Some(&ssh)), (8080, None)],
                }),
                ..nothing("server.test")
            },
            "server.test (10.3.0.2)\n0.006\t0.082\t0.209\t0.110\t0.000\n*\n10.3.0.2\t0.022\n\
             1.188, 200, nginx/1.18.0 (Ubuntu)\tNone\t0.157, 5.7.2-log\t22: 0.031\t8080: None\n",
        );
    }

    #[test]
    fn a_name_that_is_the_address_stands_alone() {
        check(&nothing("10.3.0.2"), "10.3.0.2\n");
        check(&nothing("a\u{1b}\n"), "a\\u{1b}\\u{a} (10.3.0.2)\n");
    }

    #[test]
    fn a_dead_host_looks_dead() {
        let mut ping = Ping::default();
        ping.on_sent();
        let scan = Scan {
            http: None,
            https: None,
            mysql: None,
            ports: &[],
        };
        check(
            &Vitals {
                ping: Some(&ping),
                scan: Some(scan),
                ..nothing("10.3.0.2")
            },
            "10.3.0.2\n-1.000\t-1.000\t-1.000\t-1.000\t100.000\nNone\tNone\tNone\n",
        );
    }

    #[test]
    fn a_banner_cannot_forge_a_line_or_steer_the_terminal() {
        let hostile = found(0, "x\n10.9.9.9\n0.001\u{1b}[2J\t\u{202e}");
        let scan = Scan {
            http: Some(&hostile),
            https: None,
            mysql: Some(&hostile),
            ports: &[],
        };
        let mut out = String::new();
        lines(
            &Vitals {
                scan: Some(scan),
                ..nothing("10.3.0.2")
            },
            Grammar::Round,
            &mut out,
        )
        .unwrap();
        assert_eq!(out.lines().count(), 2);
        assert_eq!(out.matches('\t').count(), 2);
        assert!(!out.contains(['\u{1b}', '\u{202e}']));
    }

    /// Cases 02, 04 and 10 of the recorded runs of 4.1.3.
    #[test]
    fn a_single_test_says_when_if_that_is_wanted() {
        let hop = Hop {
            address: ADDRESS,
            rtt_ns: 77_000,
        };
        let trace = Some(&[Some(hop), None][..]);
        let when = Wall::from_us(0);
        let ctime = clock::local(when);
        for (name, wanted, expected) in [
            (
                "server.test",
                None,
                "server.test 10.3.0.2\n10.3.0.2\t0.077\n*\n".to_owned(),
            ),
            (
                "10.3.0.2",
                Some(when),
                format!("10.3.0.2\n{ctime}\n10.3.0.2\t0.077\n*\n"),
            ),
        ] {
            let mut out = String::new();
            let vitals = Vitals {
                trace,
                ..nothing(name)
            };
            lines(&vitals, Grammar::Single(wanted), &mut out).unwrap();
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn a_change_is_a_head_a_time_and_an_event() {
        let when = Wall::from_us(0);
        let ctime = clock::local(when);
        let mut out = String::new();
        let mut event = Change {
            event: "down",
            when,
            loss_ppm_percent: Some(100_000_000),
        };
        let mut host = nothing("a.test");
        change(&host, Grammar::Round, &event, &mut out).unwrap();
        (event.event, event.loss_ppm_percent) = ("route", None);
        (host.address, host.trace) = (None, Some(&[None][..]));
        change(&host, Grammar::Single(None), &event, &mut out).unwrap();
        assert_eq!(
            out,
            format!("a.test (10.3.0.2)\n{ctime}\ndown\t100.000\na.test\n{ctime}\nroute\n*\n")
        );
    }
}
