// SPDX-License-Identifier: MIT OR Apache-2.0
//! The JSON of connvitals and connmonitor: six decimals of milliseconds, blanks in a trace only,
//! `"None"` for what is not there.

use embedded_io::{SliceWriteError, Write};

use super::json::{Json, Style};
use crate::limits::BANNER_TEXT_BYTES_MAX;
use crate::model::probe::{Finding, Hop, Ping, Route};
use crate::model::vitals::{Scan, Vitals};

/// What stands for milliseconds where all was lost.
const LOST: &[u8] = b"-1.000000";

/// Bytes of a document at worst: keys and numbers, and four texts of which each byte is escaped;
/// of each hop an address and a number; of each port two numbers.
pub fn bytes_max(vitals: &Vitals<'_>) -> usize {
    let hops = vitals.trace.map_or(0, Route::len);
    let ports = vitals.scan.map_or(0, |scan| scan.ports.len());
    1_024 + 6 * (vitals.name.len() + 4 * BANNER_TEXT_BYTES_MAX) + 80 * hops + 48 * ports
}

/// Writes one host into `buffer`, and gives the part of it that the line takes.
///
/// # Errors
/// When the buffer is smaller than [`bytes_max`].
pub fn line<'a>(vitals: &Vitals<'_>, buffer: &'a mut [u8]) -> Result<&'a [u8], SliceWriteError> {
    let len = buffer.len();
    let mut json = Json::new(&mut *buffer, Style::Compact);
    json.open_object()?;
    json.literal_key("\"addr\":")?;
    json.display(vitals.address)?;
    json.literal_key("\"name\":")?;
    json.string(vitals.name)?;
    if let Some(found) = vitals.ping {
        json.literal_key("\"ping\":")?;
        ping(&mut json, found)?;
    }
    if let Some(found) = vitals.trace {
        json.literal_key("\"trace\":")?;
        trace(&mut json, found)?;
    }
    if let Some(found) = &vitals.scan {
        json.literal_key("\"scan\":")?;
        scan(&mut json, found)?;
    }
    json.close_object()?;
    let left = json.finish()?.len();
    Ok(&buffer[..len - left])
}

fn ping<W: Write>(json: &mut Json<W>, ping: &Ping) -> Result<(), W::Error> {
    let rtt = ping.rtt();
    json.open_object()?;
    for (key, ns) in [
        ("\"min\":", rtt.map(|rtt| rtt.min_ns)),
        ("\"avg\":", rtt.map(|rtt| rtt.avg_ns)),
        ("\"max\":", rtt.map(|rtt| rtt.max_ns)),
        ("\"std\":", rtt.map(|rtt| rtt.std_ns)),
    ] {
        json.literal_key(key)?;
        match ns {
            Some(ns) => millionths(json, ns)?,
            None => json.raw(LOST)?,
        }
    }
    json.literal_key("\"loss\":")?;
    millionths(json, ping.loss_ppm_percent())?;
    json.close_object()
}

fn trace<W: Write>(json: &mut Json<W>, route: &Route) -> Result<(), W::Error> {
    json.open_array()?;
    for (i, hop) in route.iter().enumerate() {
        // Nowhere else a blank follows a comma. The longest address has 39 bytes.
        let (mut text, blank) = ([0; 80], if i > 0 { " " } else { "" });
        let mut room = &mut text[..];
        let written = match hop {
            Some(Hop { address, rtt_ns }) => {
                let (ms, ns) = (rtt_ns / 1_000_000, rtt_ns % 1_000_000);
                write!(room, "{blank}[\"{address}\", {ms}.{ns:06}]")
            }
            None => write!(room, "{blank}[\"*\"]"),
        };
        debug_assert!(written.is_ok());
        let len = 80 - room.len();
        json.raw(&text[..len])?;
    }
    json.close_array()
}

fn scan<W: Write>(json: &mut Json<W>, scan: &Scan<'_>) -> Result<(), W::Error> {
    json.open_object()?;
    for (key, found) in [("\"http\":", scan.http), ("\"https\":", scan.https)] {
        json.literal_key(key)?;
        finding(json, found, |json, found| {
            json.literal_key("\"response code\":")?;
            json.display(found.status)?;
            json.literal_key("\"server\":")?;
            json.string(&found.text)?;
            certificate(json, found)
        })?;
    }
    json.literal_key("\"mysql\":")?;
    finding(json, scan.mysql, |json, found| {
        json.literal_key("\"version\":")?;
        json.string(&found.text)
    })?;
    if !scan.ports.is_empty() {
        json.literal_key("\"ports\":")?;
        json.open_object()?;
        for (port, found) in scan.ports {
            json.key(itoa::Buffer::new().format(*port))?;
            finding(json, *found, |_, _| Ok(()))?;
        }
        json.close_object()?;
    }
    json.close_object()
}

fn finding<W: Write>(
    json: &mut Json<W>,
    found: Option<&Finding>,
    more: impl FnOnce(&mut Json<W>, &Finding) -> Result<(), W::Error>,
) -> Result<(), W::Error> {
    let Some(found) = found else {
        return json.string("None");
    };
    json.open_object()?;
    json.literal_key("\"rtt\":")?;
    millionths(json, found.rtt_ns)?;
    more(json, found)?;
    json.close_object()
}

fn certificate<W: Write>(json: &mut Json<W>, found: &Finding) -> Result<(), W::Error> {
    let Some(certificate) = &found.certificate else {
        return Ok(());
    };
    json.literal_key("\"tls\":")?;
    json.open_object()?;
    json.literal_key("\"valid\":")?;
    json.boolean(certificate.error.is_empty())?;
    if let Some(days) = certificate.days {
        json.literal_key("\"days\":")?;
        json.raw(itoa::Buffer::new().format(days).as_bytes())?;
    }
    if !certificate.error.is_empty() {
        json.literal_key("\"error\":")?;
        json.string(&certificate.error)?;
    }
    json.close_object()
}

/// `number` / 10^6 with six decimals: nanoseconds as milliseconds.
fn millionths<W: Write>(json: &mut Json<W>, number: u64) -> Result<(), W::Error> {
    let mut text = [b'0'; 21];
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(number).as_bytes();
    // At least seven digits, and a point before the last six.
    let start = (20 - digits.len()).min(13);
    text[20 - digits.len()..20].copy_from_slice(digits);
    text.copy_within(14..20, 15);
    text[14] = b'.';
    json.raw(&text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::probe::Certificate;
    use core::net::Ipv4Addr;
    use core::time::Duration;

    #[track_caller]
    fn check(vitals: &Vitals<'_>, expected: &str) {
        let mut buffer = vec![0; bytes_max(vitals)];
        let line = line(vitals, &mut buffer).unwrap();
        assert_eq!(str::from_utf8(line).unwrap(), format!("{expected}\n"));
    }

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 3, 0, 2);

    fn nothing() -> Vitals<'static> {
        Vitals {
            name: "server.test",
            address: ADDRESS.into(),
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

    /// The sample of the design, and case 03 of the recorded runs.
    #[test]
    fn the_document_is_the_recorded_one_to_the_byte() {
        let mut ping = Ping::default();
        for rtt_ns in [5_960, 327_349, 5_960, 5_960] {
            ping.on_sent();
            ping.on_reply(Duration::from_nanos(rtt_ns));
        }
        let hop = Hop {
            address: Ipv4Addr::new(10, 1, 0, 1).into(),
            rtt_ns: 94_891,
        };
        let (http, mysql) = (found(933_170, "nginx"), found(33_379, "5.7.2-log"));
        check(
            &Vitals {
                ping: Some(&ping),
                trace: Some(&[Some(hop), None]),
                scan: Some(Scan {
                    http: Some(&http),
                    https: None,
                    mysql: Some(&mysql),
                    ports: &[],
                }),
                ..nothing()
            },
            concat!(
                r#"{"addr":"10.3.0.2","name":"server.test","ping":{"min":0.005960,"avg":0.086307,"#,
                r#""max":0.327349,"std":0.160694,"loss":0.000000},"#,
                r#""trace":[["10.1.0.1", 0.094891], ["*"]],"#,
                r#""scan":{"http":{"rtt":0.933170,"response code":"200","server":"nginx"},"#,
                r#""https":"None","mysql":{"rtt":0.033379,"version":"5.7.2-log"}}}"#
            ),
        );
    }

    #[test]
    fn what_is_switched_off_is_left_out() {
        check(&nothing(), r#"{"addr":"10.3.0.2","name":"server.test"}"#);
        check(
            &Vitals {
                trace: Some(&[]),
                ..nothing()
            },
            r#"{"addr":"10.3.0.2","name":"server.test","trace":[]}"#,
        );
    }

    #[test]
    fn all_lost_is_minus_one_and_a_hundred() {
        let mut ping = Ping::default();
        ping.on_sent();
        check(
            &Vitals {
                ping: Some(&ping),
                ..nothing()
            },
            concat!(
                r#"{"addr":"10.3.0.2","name":"server.test","ping":{"min":-1.000000,"#,
                r#""avg":-1.000000,"max":-1.000000,"std":-1.000000,"loss":100.000000}}"#
            ),
        );
    }

    #[test]
    fn hostile_text_stays_a_string_and_extras_are_added() {
        let mut https = found(1_000_000, "\"\u{1b}[2J\\\n");
        let valid = Certificate {
            error: "".try_into().unwrap(),
            days: Some(57),
        };
        https.certificate = Some(Box::new(valid));
        let mut expired = found(1, "x");
        let error = "expired".try_into().unwrap();
        expired.certificate = Some(Box::new(Certificate {
            error,
            days: Some(-3),
        }));
        let ssh = found(2, "");
        check(
            &Vitals {
                scan: Some(Scan {
                    http: Some(&expired),
                    https: Some(&https),
                    mysql: None,
                    ports: &[(22, Some(&ssh)), (8080, None)],
                }),
                ..nothing()
            },
            concat!(
                r#"{"addr":"10.3.0.2","name":"server.test","scan":{"http":{"rtt":0.000001,"#,
                r#""response code":"200","server":"x","tls":{"valid":false,"days":-3,"#,
                r#""error":"expired"}},"https":{"rtt":1.000000,"response code":"200","#,
                r#""server":"\"\u001b[2J\\\n","tls":{"valid":true,"days":57}},"mysql":"None","#,
                r#""ports":{"22":{"rtt":0.000002},"8080":"None"}}}"#
            ),
        );
    }
}
