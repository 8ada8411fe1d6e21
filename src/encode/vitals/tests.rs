// SPDX-License-Identifier: MIT OR Apache-2.0
//! Documents beside those that were recorded.

use super::*;
use crate::model::probe::Certificate;
use core::net::Ipv4Addr;
use core::time::Duration;

#[track_caller]
fn check(vitals: &Vitals<'_>, expected: &str) {
    let mut buffer = vec![0; bytes_max(vitals)];
    let line = line(vitals, Grammar::Round, &mut buffer).unwrap();
    assert_eq!(str::from_utf8(line).unwrap(), format!("{expected}\n"));
}

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 3, 0, 2);

fn nothing() -> Vitals<'static> {
    Vitals {
        name: "server.test",
        address: Some(ADDRESS.into()),
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

/// Cases 03, 05 and 12 of the recorded runs of 4.1.3.
#[test]
fn a_single_test_is_the_recorded_one_to_the_byte() {
    let hop = |last, rtt_ns| {
        Some(Hop {
            address: Ipv4Addr::new(10, last, 0, last).into(),
            rtt_ns,
        })
    };
    let trace = Vitals {
        trace: Some(&[hop(1, 45_776), None, hop(3, 10_729)]),
        ..nothing()
    };
    let mut lost = Ping::default();
    lost.on_sent();
    let ping = Vitals {
        ping: Some(&lost),
        ..nothing()
    };
    let stamp = Some(Wall::from_us(1_795_221_286_852_084));
    let lost = concat!(
        r#""ping":{"min":-1.000000,"avg":-1.000000,"max":-1.000000,"std":-1.000000,"#,
        r#""loss":100.000000}}"#
    );
    let hops = r#""trace":[["10.1.0.1", 0.045776],["*"],["10.3.0.3", 0.010729]]}"#;
    let stamped = r#"{"addr":"10.3.0.2","name":"server.test","timestamp":1795221286852.084000,"#;
    let blank = r#"{"addr":"10.3.0.2", "name":"server.test", "#;
    for (vitals, grammar, expected) in [
        (&trace, stamp, [stamped, hops]),
        (&trace, None, [blank, hops]),
        (&ping, stamp, [stamped, lost]),
        (&ping, None, [blank, lost]),
    ] {
        let mut buffer = vec![0; bytes_max(vitals)];
        let line = line(vitals, Grammar::Single(grammar), &mut buffer).unwrap();
        assert_eq!(str::from_utf8(line).unwrap(), expected.concat() + "\n");
    }
}

#[test]
fn a_change_says_what_and_when() {
    let mut event = Change {
        event: "loss",
        when: Wall::from_us(1_000_001),
        loss_ppm_percent: Some(33_333_333),
    };
    let written = |vitals: &Vitals<'_>, event: &Change<'_>| {
        let mut buffer = vec![0; bytes_max(vitals)];
        let line = change(vitals, event, &mut buffer).unwrap();
        String::from_utf8(line.to_vec()).unwrap()
    };
    assert_eq!(
        written(&nothing(), &event),
        concat!(
            r#"{"addr":"10.3.0.2","name":"server.test","timestamp":1000.001000,"#,
            r#""event":"loss","loss":33.333333}"#,
            "\n"
        )
    );
    (event.event, event.loss_ppm_percent) = ("route", None);
    let vitals = Vitals {
        address: None,
        trace: Some(&[None]),
        ..nothing()
    };
    assert_eq!(
        written(&vitals, &event),
        concat!(
            r#"{"addr":"","name":"server.test","timestamp":1000.001000,"#,
            r#""event":"route","trace":[["*"]]}"#,
            "\n"
        )
    );
}
