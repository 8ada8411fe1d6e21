// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals devices` in a LAN of its own: who is found, what is ignored, what is refused.

#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "board/src/lan.rs"]
#[allow(dead_code)]
mod living;
mod support;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use lan::{OURS, Peer, Said, devices, inside, ip};
use living::{answer, asked, mac};

const ARP: u16 = 0x0806;

/// The devices from 10.9.0.2 on, one for each address.
fn living(alive: u8) -> impl FnMut(&[u8]) -> Vec<Vec<u8>> {
    move |frame| {
        let target = asked(frame).filter(|ip| ip.octets()[..3] == [10, 9, 0]);
        let target = target.filter(|ip| (2..=alive + 1).contains(&ip.octets()[3]));
        target
            .map(|ip| answer(frame, mac(ip), ip))
            .into_iter()
            .collect()
    }
}

fn host(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 9, 0, last)
}

#[track_caller]
fn found(said: &Said, expected: impl IntoIterator<Item = u8>) {
    assert_eq!(said.code, Some(0), "{said:?}");
    let expected: Vec<String> = expected
        .into_iter()
        .map(|last| format!("\"ip\":\"10.9.0.{last}\",\"mac\":\"02:01:0a:09:00:{last:02x}\""))
        .collect();
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{said:?}");
    for (line, expected) in lines.iter().zip(&expected) {
        assert!(line.starts_with(&format!("{{{expected},")), "{line}");
        assert!(
            line.contains("\"status\":\"active\"") && line.contains("\"rttUs\":"),
            "{line}"
        );
    }
}

#[test]
fn everybody_alive_is_found_in_the_order_of_addresses() {
    inside("everybody_alive_is_found_in_the_order_of_addresses", || {
        lan::address();
        let _peer = Peer::start(ARP, living(250));
        let said = devices(&["-i", OURS, "--json", "--no-ptr"]);
        found(&said, 2..=251);
        assert!(said.stderr.is_empty(), "{said:?}");
        let table = devices(&["-i", OURS, "10.9.0.2-10.9.0.4", "10.9.0.9"]);
        let rows: Vec<Vec<&str>> = table
            .stdout
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        assert_eq!(
            rows[0],
            ["ADDRESS", "MAC", "NAME", "FROM", "VENDOR", "ROUND", "TRIP"]
        );
        assert_eq!(rows[1][..3], ["10.9.0.2", "02:01:0a:09:00:02", "(random)"]);
        assert_eq!((rows.len(), rows[4][0]), (5, "10.9.0.9"));
    });
}

#[test]
fn the_silent_are_asked_again_and_nobody_else() {
    inside("the_silent_are_asked_again_and_nobody_else", || {
        lan::address();
        let asks: Arc<Vec<AtomicU32>> = Arc::new((0..=255).map(|_| AtomicU32::new(0)).collect());
        let counted = Arc::clone(&asks);
        let mut everybody = living(30);
        let _peer = Peer::start(ARP, move |frame| {
            let Some(target) = asked(frame) else {
                return Vec::new();
            };
            let last = target.octets()[3];
            let before = counted[usize::from(last)].fetch_add(1, Ordering::Relaxed);
            // Every third request is lost the first time.
            if last % 3 == 0 && before == 0 {
                Vec::new()
            } else {
                everybody(frame)
            }
        });
        found(&devices(&["-i", OURS, "--json", "--retry", "1"]), 2..=31);
        let asks: Vec<u32> = asks
            .iter()
            .map(|asks| asks.load(Ordering::Relaxed))
            .collect();
        assert_eq!(
            (asks[0], asks[1], asks[255]),
            (0, 0, 0),
            "nobody's and our own addresses"
        );
        for (last, &asks) in asks.iter().enumerate().take(255).skip(2) {
            let expected = if last > 31 || last % 3 == 0 { 2 } else { 1 };
            assert_eq!(asks, expected, "10.9.0.{last}");
        }
    });
}

#[test]
fn answers_count_in_every_framing() {
    inside("answers_count_in_every_framing", || {
        lan::address();
        let _peer = Peer::start(ARP, |frame| {
            let Some(target) = asked(frame).filter(|ip| (2..=7).contains(&ip.octets()[3])) else {
                return Vec::new();
            };
            let plain = answer(frame, mac(target), target);
            let (head, body) = (&plain[..12], &plain[14..]);
            let llc = [&[0, 36, 0xaa, 0xaa, 3, 0, 0, 0, 8, 6], body].concat();
            let tagged = [&[0x81, 0, 0, 7, 8, 6], body].concat();
            let tagged_llc = [&[0x81, 0, 0, 7], llc.as_slice()].concat();
            let framed = match target.octets()[3] {
                2 => plain.clone(),
                3 => [head, &llc].concat(),
                4 => [head, &tagged].concat(),
                5 => [head, &tagged_llc].concat(),
                6 => [plain.as_slice(), &[0; 18], b"trailer"].concat(),
                _ => {
                    let mut other = plain.clone();
                    other[6..12].copy_from_slice(&[2, 9, 9, 9, 9, 9]);
                    other
                }
            };
            vec![framed]
        });
        let said = devices(&["-i", OURS, "--json"]);
        found(&said, 2..=7);
        assert_eq!(said.stderr.lines().count(), 1, "{said:?}");
        assert!(
            said.stderr.contains(
                "10.9.0.7: 02:01:0a:09:00:07 is in frames that come from 02:09:09:09:09:09"
            )
        );
    });
}

#[test]
fn what_nobody_asked_for_is_ignored_and_counted() {
    inside("what_nobody_asked_for_is_ignored_and_counted", || {
        lan::address();
        let mut everybody = living(3);
        let mut once = true;
        let _peer = Peer::start(ARP, move |frame| {
            let mut answers = everybody(frame);
            let Some(target) = asked(frame).filter(|_| std::mem::take(&mut once)) else {
                return answers;
            };
            let outside = Ipv4Addr::new(10, 8, 0, 1);
            let not_asked = answer(frame, mac(outside), outside);
            let mut gratuitous = answer(frame, mac(outside), outside);
            gratuitous[38..42].copy_from_slice(&outside.octets());
            let plain = answer(frame, [2, 6, 6, 6, 6, 6], target);
            let mut lengths = plain.clone();
            lengths[18] = 8;
            let mut hardware = plain.clone();
            hardware[15] = 32;
            let group = answer(frame, [1, 0, 0x5e, 0, 0, 1], target);
            let null = answer(frame, [0; 6], target);
            let cut: Vec<_> = (14..42).map(|len| plain[..len].to_vec()).collect();
            answers.extend([not_asked, gratuitous, lengths, hardware, group, null]);
            answers.extend(cut);
            answers
        });
        let said = devices(&["-i", OURS, "--json", "-v"]);
        found(&said, 2..=4);
        let counts = "ignored: 30 malformed, 1 not asked for, 1 gratuitous, 2 impossible;";
        assert!(said.stderr.contains(counts), "{said:?}");
    });
}

#[test]
fn a_flood_of_forged_answers_changes_nothing() {
    inside("a_flood_of_forged_answers_changes_nothing", || {
        lan::address();
        let _peer = Peer::start(ARP, living(250));
        let quiet = devices(&["-i", OURS, "--json"]);
        let stop = Arc::new(AtomicBool::new(false));
        let flood = {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let socket = frames::Socket::open(lan::THEIRS, 0x88b5).unwrap();
                let start = std::time::Instant::now();
                let mut sent = 0_u32;
                let mut request = vec![0; 42];
                request[22..28].copy_from_slice(&[0xff; 6]);
                while !stop.load(Ordering::Relaxed) {
                    // 50 000 in a second, each for another address, from another device.
                    if start.elapsed().as_secs_f64() * 50_000.0 > f64::from(sent) {
                        sent += 1;
                        let [a, b, c, d] = sent.to_be_bytes();
                        let address = match sent % 4 {
                            0 => host(2),
                            1 => host(252 + d % 3),
                            _ => Ipv4Addr::new(10, 77, c, d),
                        };
                        let _ = socket.send(&answer(&request, [2, 7, a, b, c, d], address));
                    }
                }
                sent
            })
        };
        let flooded = devices(&["-i", OURS, "--json", "-v"]);
        stop.store(true, Ordering::Relaxed);
        let sent = flood.join().unwrap();
        assert_eq!(flooded.code, Some(0));
        assert!(sent > 5_000, "{sent}");
        // The one who is impersonated 12 500 times a second may drown, the others must not.
        for last in 3..=251 {
            let device = format!("\"ip\":\"10.9.0.{last}\",\"mac\":\"02:01:0a:09:00:{last:02x}\"");
            assert_eq!(flooded.lines_with(&device).len(), 1, "{device}");
        }
        assert!(flooded.lines_with("10.77.").is_empty());
        assert!(
            flooded.stderr.contains("not asked for"),
            "{}",
            flooded.stderr
        );
        assert!(
            flooded.lasted < quiet.lasted + Duration::from_secs(2),
            "{:?}",
            flooded.lasted
        );
        // The table was there before: 1 274 rows, 400 B of each of them are used at most.
        assert!(
            flooded.peak_kib < quiet.peak_kib + 1_024,
            "{} {}",
            flooded.peak_kib,
            quiet.peak_kib
        );
    });
}

#[test]
fn addresses_and_devices_that_do_not_match_are_named() {
    inside("addresses_and_devices_that_do_not_match_are_named", || {
        ip(&format!("address add 10.9.0.1/23 dev {OURS}"));
        let greedy = [2, 5, 5, 5, 5, 5];
        let _peer = Peer::start(ARP, move |frame| match asked(frame) {
            Some(target) if target == host(9) => {
                vec![
                    answer(frame, mac(target), target),
                    answer(frame, [2, 4, 4, 4, 4, 4], target),
                ]
            }
            Some(target) if (200..500).contains(&(target.to_bits() & 0x1ff)) => {
                vec![answer(frame, greedy, target)]
            }
            _ => Vec::new(),
        });
        let said = devices(&["-i", OURS, "--json"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let many = said.lines_with("\"mac\":\"02:05:05:05:05:05\"");
        assert_eq!(many.len(), 300);
        assert!(
            many.iter().all(|line| line.contains("\"ipCount\":300")),
            "{}",
            many[0]
        );
        let two = said.lines_with("\"ip\":\"10.9.0.9\"");
        assert_eq!(two.len(), 2, "{two:?}");
        assert!(two[0].contains("\"mac\":\"02:01:0a:09:00:09\""), "{two:?}");
        assert!(
            two[0].contains("\"conflictMacs\":[\"02:04:04:04:04:04\"]"),
            "{two:?}"
        );
        assert!(
            two[1].contains("\"conflictMacs\":[\"02:01:0a:09:00:09\"]"),
            "{two:?}"
        );
        let expected = "devices: warning: 10.9.0.9 is claimed by 02:01:0a:09:00:09 and by \
                        02:04:04:04:04:04\n\
                        devices: warning: 02:05:05:05:05:05 answers for 300 addresses\n";
        assert_eq!(said.stderr, expected);
    });
}

#[test]
fn a_signal_ends_a_long_sweep_with_what_was_found() {
    inside("a_signal_ends_a_long_sweep_with_what_was_found", || {
        ip(&format!("address add 10.9.0.1/16 dev {OURS}"));
        let _peer = Peer::start(ARP, living(20));
        let running = lan::Running::start(&["-i", OURS, "--json"]);
        std::thread::sleep(Duration::from_millis(600));
        running.terminate();
        let said = running.finish();
        assert!(said.lasted < Duration::from_secs(5), "{:?}", said.lasted);
        found(&said, 2..=21);
    });
}

/// Not a unit test: qemu-user, in which those of big-endian CPUs run, does not turn all of what the
/// kernel says here into their order of bytes.
#[test]
fn every_machine_has_a_loopback_interface() {
    let network = netvitals::collect::network::Tables::open()
        .unwrap()
        .network()
        .unwrap();
    let lo = network.by_name("lo").unwrap();
    assert!(lo.loopback && !lo.ethernet);
}
