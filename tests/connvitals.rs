// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals connvitals` on a path of its own: the recorded shapes, true values, and the faults of
//! the original that it must not have.

#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "support/path.rs"]
mod path;
mod support;

use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use path::{at_a_path, connvitals, has, serve, serve_http, serve_mysql, sh, told};
use support::skip::skip;

const NGINX: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.18.0 (Ubuntu)\r\n\r\n";

/// `text` with `#` in the place of every number of three or six decimals.
fn shape(text: &str) -> String {
    let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    let mut shape = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_number) {
        let end = rest[start..]
            .find(|c| !is_number(c))
            .map_or(rest.len(), |len| start + len);
        let (word, before) = (&rest[start..end], &rest[..start]);
        let decimals = word
            .split_once('.')
            .map_or(0, |(_, decimals)| decimals.len());
        let number = word.matches('.').count() == 1 && [3, 6].contains(&decimals);
        shape += before;
        shape += if number { "#" } else { word };
        rest = &rest[end..];
    }
    shape + rest
}

/// A recorded sample, with what is replaced on purpose.
fn recorded(name: &str) -> String {
    let path = format!(
        "{}/tests/conformance/connvitals/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    let text = text
        .replace("Unkown", "Unknown")
        .replace("5.7.2", "5.7.2-log");
    let mut text = text
        .replace("10.11\"", "10.11.6-MariaDB\"")
        .replace("10.11\n", "10.11.6-MariaDB\n");
    if !cfg!(feature = "tls") || !has("openssl") {
        // Where there is no https, both forms say None.
        let start = "\"https\":{";
        while let Some(at) = text.find(start) {
            let end = at + text[at..].find('}').unwrap() + 1;
            text.replace_range(at..end, "\"https\":\"None\"");
        }
    }
    text
}

fn services() {
    serve_http("10.3.0.2", NGINX);
    serve_http(
        "10.3.0.102",
        b"HTTP/1.0 404 File not found\r\nConnection: close\r\n\r\n",
    );
    serve_mysql("10.3.0.2", "5.7.2-log");
    serve_mysql("10.3.0.102", "10.11.6-MariaDB");
    #[cfg(feature = "tls")]
    if has("openssl") {
        secure::serve_https("10.3.0.2", NGINX);
        secure::serve_https("10.3.0.102", b"HTTP/1.0 404 File not found\r\n\r\n");
    }
}

#[cfg(feature = "tls")]
#[path = "support/secure.rs"]
mod secure;

#[test]
fn the_recorded_shapes_are_kept() {
    at_a_path("the_recorded_shapes_are_kept", |_| {
        services();
        for (words, sample) in [
            ("-jts server.test 10.3.0.102", "all.json"),
            ("-jtP server.test", "trace.json"),
            ("-jts -H6 -p3 10.8.0.1", "black-hole.json"),
            ("-jsP 10.3.0.104", "closed-ports.json"),
            ("-p1 server.test", "one-ping.txt"),
            ("-p3 10.8.0.1", "all-lost.txt"),
        ] {
            assert_eq!(shape(&told(words)), shape(&recorded(sample)), "{words}");
        }
    });
}

#[test]
fn a_router_that_says_unreachable_is_every_hop_behind_it() {
    at_a_path(
        "a_router_that_says_unreachable_is_every_hop_behind_it",
        |_| {
            // It says so five times, and then once a second.
            let trace = told("-tP -H6 10.9.0.1");
            let scan = told("-sP 10.9.0.1");
            let text = trace + scan.strip_prefix("10.9.0.1\n").unwrap();
            assert_eq!(shape(&text), shape(&recorded("unreachable.txt")));
            let ping = "10.9.0.1\n-1.000\t-1.000\t-1.000\t-1.000\t100.000\n";
            assert_eq!(told("-p3 10.9.0.1"), ping);
        },
    );
}

#[test]
fn this_machine_is_one_hop_away() {
    at_a_path("this_machine_is_one_hop_away", |_| {
        let words = "-ts -p3 -H2 localhost 127.0.0.1";
        assert_eq!(shape(&told(words)), shape(&recorded("localhost.txt")));
    });
}

#[test]
fn a_lossy_line_is_no_dead_one() {
    at_a_path("a_lossy_line_is_no_dead_one", |_| {
        if !has("nft") {
            return skip("nft is not installed");
        }
        sh("ip netns exec server nft -f - <<END
table inet t { chain i { type filter hook input priority 0; \
ip daddr 10.3.0.101 icmp type echo-request numgen inc mod 10 < 3 drop; }; }
END");
        let json = told("-jt -p20 -H5 lossy.test");
        // The original gave up after 8 s, and showed a dead host.
        let sample = recorded("lossy.json").replace("-1.000000", "1.000000");
        assert_eq!(shape(&json), shape(&sample));
        assert!(json.contains(r#","loss":30.000000},"#), "{json}");
    });
}

#[test]
fn text_is_one_block_for_each_host_in_the_order_of_the_words() {
    at_a_path(
        "text_is_one_block_for_each_host_in_the_order_of_the_words",
        |_| {
            services();
            let https = if cfg!(feature = "tls") && has("openssl") {
                ["#, 404, Unknown", "#, 200, nginx/1.18.0 (Ubuntu)"]
            } else {
                ["None", "None"]
            };
            let expected = format!(
                "10.3.0.102\n#\t#\t#\t#\t#\n10.1.0.1\t#\n10.2.0.2\t#\n10.3.0.102\t#\n\
             #, 404, Unknown\t{}\t#, 10.11.6-MariaDB\n\
             server.test (10.3.0.2)\n#\t#\t#\t#\t#\n10.1.0.1\t#\n10.2.0.2\t#\n10.3.0.2\t#\n\
             #, 200, nginx/1.18.0 (Ubuntu)\t{}\t#, 5.7.2-log\n",
                https[0], https[1]
            );
            assert_eq!(shape(&told("-st 10.3.0.102 server.test")), expected);
        },
    );
}

#[test]
fn ipv6_is_asked_like_ipv4() {
    at_a_path("ipv6_is_asked_like_ipv4", |_| {
        // Neighbours have to find each other first.
        let start = Instant::now();
        while !told("-tp1 --timeout 100ms fd03::2").contains("fd02::2") {
            assert!(start.elapsed() < Duration::from_secs(10), "no way by IPv6");
        }
        for mode in ["udp", "icmp"] {
            let text = told(&format!("-t -p3 --trace-mode {mode} fd03::2 six.test"));
            let expected = "#\t#\t#\t#\t#\nfd01::1\t#\nfd02::2\t#\nfd03::2\t#\n";
            assert_eq!(
                shape(&text),
                format!("fd03::2\n{expected}six.test (fd03::2)\n{expected}")
            );
            assert!(
                !text.contains("-1.000") && text.contains("\t0.000\n"),
                "{text}"
            );
        }
        let output = connvitals("-4 six.test");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    });
}

#[test]
fn tests_that_are_off_are_left_out() {
    at_a_path("tests_that_are_off_are_left_out", |_| {
        assert_eq!(told("-P 10.3.0.2"), "10.3.0.2\n");
        assert_eq!(told("-p0 -tH0 10.3.0.2"), "10.3.0.2\n");
        assert_eq!(
            told("-jP 10.3.0.2"),
            "{\"addr\":\"10.3.0.2\",\"name\":\"10.3.0.2\"}\n"
        );
    });
}

#[test]
fn a_dead_host_looks_dead_and_costs_one_timeout() {
    at_a_path("a_dead_host_looks_dead_and_costs_one_timeout", |_| {
        let start = Instant::now();
        let text = told("-p20 10.8.0.1 10.9.0.1 10.3.0.2");
        assert!(
            start.elapsed() < Duration::from_secs(4),
            "{:?}",
            start.elapsed()
        );
        let dead = "-1.000\t-1.000\t-1.000\t-1.000\t100.000\n";
        let (head, live) = text.split_once("10.3.0.2\n").unwrap();
        assert_eq!(head, format!("10.8.0.1\n{dead}10.9.0.1\n{dead}"));
        assert!(live.ends_with("\t0.000\n"), "{text}");
    });
}

#[test]
fn twenty_pings_with_loss_are_no_total_failure() {
    at_a_path("twenty_pings_with_loss_are_no_total_failure", |_| {
        if !has("nft") {
            return skip("nft is not installed");
        }
        // Exactly every fourth one is lost.
        sh("ip netns exec server nft -f - <<END
table inet t { chain i { type filter hook input priority 0; \
ip daddr 10.3.0.101 icmp type echo-request numgen inc mod 4 0 drop; }; }
END");
        let text = told("-p20 lossy.test");
        let loss = text.trim_end().rsplit('\t').next().unwrap();
        assert_eq!(loss, "25.000", "{text}");
        assert!(!text.contains("-1.000"), "{text}");
    });
}

#[test]
fn payloads_of_any_size_come_back() {
    at_a_path("payloads_of_any_size_come_back", |_| {
        for size in [0, 1, 41, 1_472, 1_473, 65_507] {
            let text = told(&format!("-p3 --payload-size {size} 10.3.0.2 127.0.0.1"));
            assert_eq!(text.matches("\t0.000\n").count(), 2, "{size}: {text}");
        }
    });
}

#[test]
fn the_same_host_twice_has_two_results() {
    at_a_path("the_same_host_twice_has_two_results", |_| {
        let text = told("-tp3 10.3.0.2 10.3.0.2 server.test");
        let block = "#\t#\t#\t#\t#\n10.1.0.1\t#\n10.2.0.2\t#\n10.3.0.2\t#\n";
        let expected = format!("10.3.0.2\n{block}10.3.0.2\n{block}server.test (10.3.0.2)\n{block}");
        assert_eq!(shape(&text), expected);
    });
}

#[test]
fn a_request_names_the_host_and_a_banner_is_escaped() {
    at_a_path("a_request_names_the_host_and_a_banner_is_escaped", |_| {
        let heard = Arc::new(Mutex::new(String::new()));
        let shared = heard.clone();
        serve("10.3.0.2", 80, move |mut stream| {
            let mut request = [0; 1_000];
            let len = stream.read(&mut request).unwrap();
            *shared.lock().unwrap() = String::from_utf8(request[..len].to_vec()).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nServer: \"\x1b[2J\\\xff\r\n\r\n";
            let _ = std::io::Write::write_all(&mut stream, answer);
        });
        let json = told("-jsP server.test");
        assert!(json.contains(r#""server":"\"\u001b[2J\\�""#), "{json}");
        assert!(miniserde::json::from_str::<miniserde::json::Value>(&json).is_ok());
        assert!(told("-sP server.test").contains(", 200, \"\\u{1b}[2J\\�\t"));
        let heard = heard.lock().unwrap();
        assert!(
            heard.starts_with("HEAD / HTTP/1.1\r\nHost: server.test\r\n"),
            "{heard}"
        );
    });
}

#[test]
fn hosts_that_cannot_be_resolved_are_said_and_the_others_tested() {
    at_a_path(
        "hosts_that_cannot_be_resolved_are_said_and_the_others_tested",
        |_| {
            let output = connvitals("-p1 nosuch.host.invalid 10.3.0.2 224.0.0.1 255.255.255.255");
            assert!(output.status.success(), "{output:?}");
            let text = String::from_utf8(output.stdout).unwrap();
            assert_eq!(shape(&text), "10.3.0.2\n#\t#\t#\t#\t#\n");
            let errors = String::from_utf8(output.stderr).unwrap();
            for host in ["nosuch.host.invalid", "224.0.0.1", "255.255.255.255"] {
                let lines = errors.lines().filter(|line| line.contains(host));
                assert_eq!(lines.count(), 1, "{host}: {errors}");
                let begin = format!("EE: Exception: Unable to resolve host ( {host} ): ");
                let line = errors.lines().find_map(|line| line.strip_prefix(&begin));
                let (_, when) = line.unwrap().split_once(" -\t ").unwrap();
                // As ctime(3) has it.
                assert!(when.len() == 24 && when.as_bytes()[13] == b':', "{when}");
            }
            let output = connvitals("-p1 nosuch.host.invalid");
            assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
            let errors = String::from_utf8(output.stderr).unwrap();
            let marked = errors
                .lines()
                .filter(|line| line.starts_with("EE: Exception: "));
            assert_eq!((marked.count(), errors.lines().count()), (2, 2), "{errors}");
        },
    );
}
