// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files of both forms, good and bad.

use super::*;
use proptest::prelude::*;

type Read<'a> = Result<(Form, Vec<(&'a str, Tests)>), String>;

fn hosts(text: &[u8]) -> Read<'_> {
    let mut hosts = Vec::new();
    let form = read(text, |name, tests| hosts.push((name, tests.clone())));
    form.map(|form| (form, hosts))
        .map_err(|error| error.to_string())
}

/// The only host of `text`, of options.
#[track_caller]
fn one(text: &str) -> Tests {
    let (form, mut hosts) = hosts(text.as_bytes()).unwrap();
    assert_eq!((form, hosts.len()), (Form::Options, 1));
    hosts.remove(0).1
}

/// Eight numbers and a host.
#[track_caller]
fn eight(numbers: &str) -> Tests {
    let text = format!("{numbers}\nhost\n");
    let (form, mut hosts) = hosts(text.as_bytes()).unwrap();
    assert_eq!((form, hosts.len(), hosts[0].0), (Form::Numbers, 1, "host"));
    hosts.remove(0).1
}

#[track_caller]
fn wrong(text: &str, expected: &str) {
    assert_eq!(hosts(text.as_bytes()).unwrap_err(), expected);
}

const fn ms(ms: u64) -> Option<Duration> {
    Some(Duration::from_millis(ms))
}

#[test]
fn eight_numbers_are_for_all_hosts() {
    let (form, hosts) = hosts(b"\n1 0 -7 20 1337 100 0 500\r\ngoogle.com\n\n ::1 \nx y\n").unwrap();
    let names: Vec<&str> = hosts.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        (form, names),
        (Form::Numbers, vec!["google.com", "::1", "x y"])
    );
    let expected = Tests {
        ping: ms(500),
        scan: ms(500),
        pings_count: 20,
        payload_bytes: 1_337,
        timestamp: false,
        ..Tests::default()
    };
    assert!(hosts.iter().all(|(_, tests)| *tests == expected));
    assert_eq!(eight("0 1 0 10 41 40 1 0 9 9").trace, ms(0));
    assert!(eight("0 1 0 10 41 40 +1 0").json);
}

#[test]
fn no_pings_and_no_hops_are_no_test() {
    let tests = eight("1 1 0 0 41 0 1 500");
    assert_eq!((tests.ping, tests.trace), (None, None));
    let tests = one("h numpings=0 trace=500 hops=0");
    assert_eq!((tests.ping, tests.trace), (None, None));
}

#[test]
fn numbers_of_a_test_that_is_off_may_be_any() {
    let tests = eight("0 0 1 99999 99999999999999999999 -5 1 500");
    assert_eq!((tests.ping, tests.trace, tests.scan), (None, None, ms(500)));
}

#[test]
fn a_line_of_options_has_defaults() {
    assert_eq!(one("server.test"), Tests::default());
    let (_, hosts) = hosts(b"\na PiNg=250 NUMPINGS=2 Json=TRUE\n\nb timestamp=False\n").unwrap();
    assert_eq!((hosts[0].0, hosts[1].0), ("a", "b"));
    assert_eq!((hosts[0].1.ping, hosts[0].1.pings_count), (ms(250), 2));
    assert!(hosts[0].1.json && hosts[0].1.timestamp && !hosts[1].1.timestamp);
}

#[test]
fn options_are_taken_in_any_case_and_with_units() {
    let text = "h ping=0 trace=1.5S SCAN=250.5 payload=0 hops=255 json=7 timestamp=off \
                timeout=10ms spacing=0 ports=22,8080,22 tls=Yes numpings=1000";
    let expected = Tests {
        ping: None,
        trace: ms(1_500),
        scan: Some(Duration::from_micros(250_500)),
        pings_count: 1_000,
        payload_bytes: 0,
        hops_max: 255,
        timeout: Duration::from_millis(10),
        spacing: Duration::ZERO,
        ports: Ports::from_slice(&[22, 8_080]).unwrap(),
        tls: true,
        json: true,
        timestamp: false,
    };
    assert_eq!(one(text), expected);
    assert_eq!(
        one("h ping=100 ping=300").ping,
        ms(300),
        "the last one counts"
    );
}

#[test]
fn recorded_complaints_keep_their_words() {
    let all = "DOPINGS DOTRACE DOPSCAN NUMPINGS PAYLOAD HOPS JSON SLEEP";
    let bad = "Bad configuration file format, caused error: (";
    let int = "invalid literal for int() with base 10: ";
    wrong(
        "1 1 1 10 41 40 1\nserver.test\n",
        &format!("{bad}list index out of range); line 1: 7 numbers, and it takes 8: {all}"),
    );
    for text in ["1 1 x 10 41 40 1 500\nh\n", "x 1 1 10 41 40 1 500\nh\n"] {
        let expected = format!("{bad}{int}'x'); line 1: it takes 8 whole numbers: {all}");
        wrong(text, &expected);
    }
    wrong("\n \n", &format!("{bad}{int}''); it is empty"));
    wrong(
        "h\nserver.test foo=1\n",
        "Error in config file - unknown option 'FOO'; line 2: allowed: ping trace scan numpings \
         payload hops json timestamp timeout spacing ports tls",
    );
    wrong(
        "server.test ping=abc\n",
        "Error parsing value for PING: could not convert string to float: 'ABC'; line 1: allowed: \
         milliseconds or a duration, 0 = off, 10ms to 30d",
    );
    wrong(
        "server.test ping\n",
        "Error in config file - no '=' in 'ping'; line 1: a host and KEY=VALUE words are needed",
    );
}

#[test]
fn what_is_out_of_range_is_refused() {
    for (text, expected) in [
        (
            "1 0 0 1001 41 1 1 1\nh",
            "NUMPINGS is out of range: '1001'); line 1: allowed: 0 to 1000",
        ),
        (
            "1 0 0 -1 41 1 1 1\nh",
            "NUMPINGS is out of range: '-1'); line 1: allowed: 0 to 1000",
        ),
        (
            "1 0 0 1 65508 1 1 1\nh",
            "PAYLOAD is out of range: '65508'); line 1: allowed: 0 to 65507",
        ),
        (
            "0 1 0 1 1 256 1 1\nh",
            "HOPS is out of range: '256'); line 1: allowed: 0 to 255",
        ),
        (
            "0 1 0 1 1 1 1 -1\nh",
            "SLEEP is out of range: '-1'); line 1: allowed: 0 to 2592000000",
        ),
        ("h ping=9", "PING: out of range: '9'; line 1: allowed: "),
        ("h ping=31d", "PING: out of range: '31D'; line 1: allowed: "),
        (
            "h hops=256",
            "HOPS: out of range: '256'; line 1: allowed: 0 to 255",
        ),
        (
            "h timeout=9",
            "TIMEOUT: out of range: '9'; line 1: allowed: ",
        ),
        (
            "h spacing=61s",
            "SPACING: out of range: '61S'; line 1: allowed: ",
        ),
        (
            "h ports=0",
            "PORTS: out of range: '0'; line 1: allowed: up to 32 of 1 to 65535",
        ),
        (
            "h ports=22,",
            "PORTS: could not convert string to float: '22,'; line 1: ",
        ),
        (
            "h json=",
            "JSON: could not convert string to float: ''; line 1: allowed: 0, 1, true",
        ),
    ] {
        let found = hosts(text.as_bytes()).unwrap_err();
        assert!(found.contains(expected), "{found}");
    }
    let bad = hosts(b"h\nx\xff\n").unwrap_err();
    assert!(bad.ends_with("(not UTF-8); line 2"), "{bad}");
}

#[test]
fn more_ports_than_there_is_room_for_are_refused() {
    let list = |count: usize| {
        let ports: Vec<String> = (1..=count).map(|port| port.to_string()).collect();
        format!("h ports={}", ports.join(","))
    };
    assert_eq!(one(&list(PROBE_PORTS_MAX)).ports.len(), PROBE_PORTS_MAX);
    assert!(hosts(list(PROBE_PORTS_MAX + 1).as_bytes()).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = hosts(&text);
    }

    #[test]
    fn what_was_written_is_read(
        spans in prop::array::uniform3(prop_oneof![Just(0_u64), 10_u64..1_000_000]),
        pings in 0_u32..=1_000, payload in 0_u16..=65_507, hops in 0_u8..=255,
        json: bool, timestamp: bool,
    ) {
        let [ping, trace, scan] = spans;
        let text = format!(
            "host ping={ping} trace={trace} scan={scan}ms numpings={pings} payload={payload} \
             hops={hops} json={json} timestamp={timestamp}"
        );
        let on = |span| (span > 0).then(|| Duration::from_millis(span));
        let expected = Tests {
            ping: on(ping).filter(|_| pings > 0),
            trace: on(trace).filter(|_| hops > 0),
            scan: on(scan),
            pings_count: pings,
            payload_bytes: payload,
            hops_max: hops,
            json,
            timestamp,
            ..Tests::default()
        };
        prop_assert_eq!(one(&text), expected);
        let (on, off) = (i32::from(ping > 0), i32::from(scan > 0));
        let numbers = format!("{on} 1 {off} {pings} {payload} {hops} {} {trace}", u8::from(json));
        let tests = eight(&numbers);
        prop_assert_eq!(tests.scan, (off > 0).then(|| Duration::from_millis(trace)));
        prop_assert_eq!(tests.trace.is_some(), hops > 0);
        prop_assert_eq!((tests.json, tests.timestamp), (json, false));
    }
}
