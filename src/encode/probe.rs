// SPDX-License-Identifier: MIT OR Apache-2.0
//! What probes found as an object that a search server can map: in the agent's document, and by
//! itself as connmonitor sends it.

use core::net::IpAddr;

use embedded_io::Write;

use super::bandwidth::SCHEMA_VERSION;
use super::json::Json;
use super::vitals::certificate;
use crate::limits::BANNER_TEXT_BYTES_MAX;
use crate::model::probe::{Finding, Ping, Route, Service};
use crate::time::Wall;

/// What is known of a host. A part that was not run is `None`.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// What the user calls it.
    pub name: &'a str,
    /// `None`: its name has none.
    pub address: Option<IpAddr>,
    /// When the last of it was found.
    pub checked: Wall,
    /// Whether it answers; `None` when nothing asked that.
    pub up: Option<bool>,
    /// Echoes.
    pub ping: Option<&'a Ping>,
    /// The way, when it is another one.
    pub route: Option<&'a Route>,
    /// Each port, what should listen there, and what does.
    pub ports: Option<&'a [(u16, Service, Option<Finding>)]>,
}

/// Who sends a probe, and why.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Tells this run apart from others.
    pub start_id: u64,
    /// Number of the document in this run, from 1.
    pub sequence: u64,
    /// What changed, when changes alone are sent.
    pub event: Option<&'a str>,
}

/// Bytes of a probe at worst: keys and numbers, and texts of which each byte is escaped.
pub fn bytes_max(probe: &Probe<'_>) -> usize {
    let ports = probe.ports.map_or(0, <[_]>::len);
    let hops = probe.route.map_or(0, Route::len);
    640 + 6 * probe.name.len() + 112 * hops + ports * (224 + 12 * BANNER_TEXT_BYTES_MAX)
}

/// Writes a probe as a document of its own.
///
/// # Errors
/// What `out` says.
pub fn document<W: Write>(
    json: &mut Json<W>,
    head: &Head<'_>,
    probe: &Probe<'_>,
) -> Result<(), W::Error> {
    json.open_object()?;
    json.literal_key("\"messageType\":")?;
    json.string("probe")?;
    json.literal_key("\"schemaVersion\":")?;
    json.unsigned(SCHEMA_VERSION)?;
    json.literal_key("\"startId\":")?;
    json.display(format_args!("{:016x}", head.start_id))?;
    json.literal_key("\"sequence\":")?;
    json.unsigned(head.sequence)?;
    if let Some(event) = head.event {
        json.literal_key("\"event\":")?;
        json.string(event)?;
    }
    members(json, probe)?;
    json.close_object()
}

/// Writes the members of a probe, into an object that is open.
///
/// # Errors
/// What `out` says.
pub fn members<W: Write>(json: &mut Json<W>, probe: &Probe<'_>) -> Result<(), W::Error> {
    json.literal_key("\"name\":")?;
    json.string(probe.name)?;
    json.literal_key("\"addr\":")?;
    match probe.address {
        Some(address) => json.display(address)?,
        None => json.string("")?,
    }
    json.literal_key("\"checkedTime\":")?;
    json.time(probe.checked)?;
    json.literal_key("\"state\":")?;
    json.string(match probe.up {
        Some(true) => "up",
        Some(false) => "down",
        None => "unknown",
    })?;
    if let Some(found) = probe.ping {
        json.literal_key("\"ping\":")?;
        ping(json, found)?;
    }
    if let Some(found) = probe.route {
        json.literal_key("\"route\":")?;
        route(json, found)?;
    }
    if let Some(found) = probe.ports {
        json.literal_key("\"ports\":")?;
        json.open_array()?;
        for (number, service, finding) in found {
            port(json, *number, *service, finding.as_ref())?;
        }
        json.close_array()?;
    }
    Ok(())
}

fn ping<W: Write>(json: &mut Json<W>, ping: &Ping) -> Result<(), W::Error> {
    json.open_object()?;
    json.literal_key("\"sent\":")?;
    json.unsigned(ping.sent().into())?;
    json.literal_key("\"received\":")?;
    json.unsigned(ping.received().into())?;
    json.literal_key("\"lossPercent\":")?;
    json.decimal((ping.loss_ppm_percent() + 5_000) / 10_000, 2)?;
    if let Some(rtt) = ping.rtt() {
        for (key, ns) in [
            ("\"minMs\":", rtt.min_ns),
            ("\"avgMs\":", rtt.avg_ns),
            ("\"maxMs\":", rtt.max_ns),
            ("\"stdMs\":", rtt.std_ns),
        ] {
            milliseconds(json, key, ns)?;
        }
    }
    json.close_object()
}

fn route<W: Write>(json: &mut Json<W>, route: &Route) -> Result<(), W::Error> {
    json.open_array()?;
    for (ttl, hop) in (1..).zip(route) {
        json.open_object()?;
        json.literal_key("\"ttl\":")?;
        json.unsigned(ttl)?;
        if let Some(hop) = hop {
            json.literal_key("\"ip\":")?;
            json.display(hop.address)?;
            milliseconds(json, "\"rttMs\":", hop.rtt_ns)?;
        }
        json.close_object()?;
    }
    json.close_array()
}

fn port<W: Write>(
    json: &mut Json<W>,
    number: u16,
    service: Service,
    finding: Option<&Finding>,
) -> Result<(), W::Error> {
    json.open_object()?;
    json.literal_key("\"port\":")?;
    json.unsigned(number.into())?;
    let (name, says) = match service {
        Service::Http => ("http", "\"server\":"),
        Service::Https => ("https", "\"server\":"),
        Service::Mysql => ("mysql", "\"version\":"),
        Service::Any => ("", ""),
    };
    if !name.is_empty() {
        json.literal_key("\"service\":")?;
        json.string(name)?;
    }
    json.literal_key("\"open\":")?;
    json.boolean(finding.is_some())?;
    if let Some(finding) = finding {
        milliseconds(json, "\"rttMs\":", finding.rtt_ns)?;
        if finding.status > 0 {
            json.literal_key("\"status\":")?;
            json.unsigned(finding.status.into())?;
        }
        if !says.is_empty() && !finding.text.is_empty() {
            json.literal_key(says)?;
            json.string(&finding.text)?;
        }
        certificate(json, "\"daysLeft\":", finding)?;
    }
    json.close_object()
}

/// Nanoseconds as milliseconds, to the microsecond.
fn milliseconds<W: Write>(json: &mut Json<W>, key: &'static str, ns: u64) -> Result<(), W::Error> {
    json.literal_key(key)?;
    json.decimal(ns.saturating_add(500) / 1_000, 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::json::Style;
    use crate::model::probe::{Certificate, Hop};
    use core::net::Ipv4Addr;
    use core::time::Duration;

    #[track_caller]
    fn check(head: &Head<'_>, probe: &Probe<'_>, expected: &str) {
        let mut buffer = vec![0; bytes_max(probe)];
        let len = buffer.len();
        let mut json = Json::new(&mut buffer[..], Style::Compact);
        document(&mut json, head, probe).unwrap();
        let left = json.finish().unwrap().len();
        assert_eq!(
            str::from_utf8(&buffer[..len - left]).unwrap(),
            format!("{expected}\n")
        );
    }

    const HEAD: Head<'_> = Head {
        start_id: 0x9c1f_0a7b_e2d3_4c55,
        sequence: 3,
        event: None,
    };

    fn nothing() -> Probe<'static> {
        Probe {
            name: "server.test",
            address: Some(Ipv4Addr::new(10, 3, 0, 2).into()),
            checked: Wall::from_us(1_795_221_560_001_000),
            up: Some(true),
            ping: None,
            route: None,
            ports: None,
        }
    }

    fn found(rtt_ns: u64, status: u16, text: &str) -> Finding {
        Finding {
            rtt_ns,
            status,
            text: text.try_into().unwrap(),
            certificate: None,
        }
    }

    /// The sample of the design.
    #[test]
    fn a_probe_is_a_document_to_the_byte() {
        let hop = Hop {
            address: Ipv4Addr::new(10, 1, 0, 1).into(),
            rtt_ns: 94_891,
        };
        let mut https = found(5_599_960, 200, "nginx");
        https.certificate = Some(Box::new(Certificate {
            error: "".try_into().unwrap(),
            days: Some(57),
        }));
        check(
            &HEAD,
            &Probe {
                route: Some(&[Some(hop), None]),
                ports: Some(&[(443, Service::Https, Some(https))]),
                ..nothing()
            },
            concat!(
                r#"{"messageType":"probe","schemaVersion":1,"startId":"9c1f0a7be2d34c55","#,
                r#""sequence":3,"name":"server.test","addr":"10.3.0.2","#,
                r#""checkedTime":"2026-11-21T00:39:20.001Z","state":"up","#,
                r#""route":[{"ttl":1,"ip":"10.1.0.1","rttMs":0.095},{"ttl":2}],"#,
                r#""ports":[{"port":443,"service":"https","open":true,"rttMs":5.6,"status":200,"#,
                r#""server":"nginx","tls":{"valid":true,"daysLeft":57}}]}"#
            ),
        );
    }

    #[test]
    fn pings_that_nobody_answered_have_no_round_trip() {
        let (mut lost, mut one) = (Ping::default(), Ping::default());
        (0..3).for_each(|_| lost.on_sent());
        (0..3).for_each(|_| one.on_sent());
        one.on_reply(Duration::from_nanos(8_010_499));
        let head = r#"{"messageType":"probe","schemaVersion":1,"startId":"9c1f0a7be2d34c55","#;
        for (ping, event, up, address, expected) in [
            (
                &lost,
                Some("down"),
                Some(false),
                None,
                concat!(
                    r#""sequence":3,"event":"down","name":"server.test","addr":"","#,
                    r#""checkedTime":"2026-11-21T00:39:20.001Z","state":"down","#,
                    r#""ping":{"sent":3,"received":0,"lossPercent":100.0}}"#
                ),
            ),
            (
                &one,
                None,
                None,
                nothing().address,
                concat!(
                    r#""sequence":3,"name":"server.test","addr":"10.3.0.2","#,
                    r#""checkedTime":"2026-11-21T00:39:20.001Z","state":"unknown","#,
                    r#""ping":{"sent":3,"received":1,"lossPercent":66.67,"minMs":8.01,"#,
                    r#""avgMs":8.01,"maxMs":8.01,"stdMs":0.0}}"#
                ),
            ),
        ] {
            let probe = Probe {
                ping: Some(ping),
                up,
                address,
                ..nothing()
            };
            check(&Head { event, ..HEAD }, &probe, &[head, expected].concat());
        }
    }

    #[test]
    fn the_worst_probe_fits() {
        let worst = "\u{1}".repeat(BANNER_TEXT_BYTES_MAX);
        let mut finding = found(u64::MAX, 999, &worst);
        finding.certificate = Some(Box::new(Certificate {
            error: worst.as_str().try_into().unwrap(),
            days: Some(i32::MIN),
        }));
        let ports: Vec<_> = (0..40)
            .map(|i| (u16::MAX - i, Service::Https, Some(finding.clone())))
            .collect();
        let hop = Hop {
            address: "1234:1234:1234:1234:1234:1234:1234:1234".parse().unwrap(),
            rtt_ns: u64::MAX,
        };
        let mut ping = Ping::default();
        ping.on_sent();
        ping.on_reply(Duration::MAX);
        let probe = Probe {
            name: &"\u{1}".repeat(300),
            ping: Some(&ping),
            route: Some(&[Some(hop); 255]),
            ports: Some(&ports),
            ..nothing()
        };
        let head = Head {
            sequence: u64::MAX,
            event: Some("unresolved"),
            ..HEAD
        };
        let mut buffer = vec![0; bytes_max(&probe)];
        let mut json = Json::new(&mut buffer[..], Style::Compact);
        document(&mut json, &head, &probe).unwrap();
        json.finish().unwrap();
    }
}
