// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals devices`: names from everywhere, and what passes by.

#[path = "support/dns.rs"]
mod dns;
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

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dns::{Server, Trick};
use lan::{OURS, Peer, Running, devices, inside, replace_file};
use living::{answer, asked, mac};
use support::tempdir::TempDir;

const ARP: u16 = 0x0806;
const ALL: u16 = 3;

fn peer(alive: u8) -> Peer {
    Peer::start(ARP, move |frame| {
        let target = asked(frame).filter(|ip| (2..=alive + 1).contains(&ip.octets()[3]));
        target
            .map(|ip| answer(frame, mac(ip), ip))
            .into_iter()
            .collect()
    })
}

#[test]
fn the_name_server_is_asked_and_believed_only_when_it_is_right() {
    inside(
        "the_name_server_is_asked_and_believed_only_when_it_is_right",
        || {
            lan::address();
            let directory = TempDir::new();
            replace_file(
                &directory,
                "/etc/resolv.conf",
                "search lan\nnameserver 127.0.0.1\n",
            );
            let _peer = peer(9);
            let none = devices(&["-i", OURS, "--json"]);
            assert_eq!(
                none.lines_with("\"deviceName\":\"\"").len(),
                9,
                "nobody listens: {none:?}"
            );
            let _server = Server::start(|last| match last {
                2 => Trick::Name("two.lan"),
                3 => Trick::Silence,
                4 => Trick::ForgedId,
                5 => Trick::Truncated,
                6 => Trick::CnameLoop,
                7 => Trick::PointerLoop,
                8 => Trick::Name("e\u{1b}[2J\u{202e}\""),
                9 => Trick::OtherQuestion,
                _ => Trick::Late(Duration::from_secs(2)),
            });
            let said = devices(&["-i", OURS, "--json", "-v"]);
            assert_eq!(said.stdout.lines().count(), 9, "{said:?}");
            let named = said.lines_with("\"nameSource\":\"ptr\"");
            assert_eq!(named.len(), 2, "{said:?}");
            assert!(named[0].contains("\"ip\":\"10.9.0.2\"") && named[0].contains("\"two.lan\""));
            let hostile = "\"deviceName\":\"e\\u001b[2J\u{202e}\\\"\"";
            assert!(named[1].contains(hostile), "{}", named[1]);
            // All that answer have done so; the others are not waited for.
            assert!(
                said.lasted < none.lasted + Duration::from_secs(1),
                "{:?}",
                said.lasted
            );
            let table = devices(&["-i", OURS, "10.9.0.2", "10.9.0.8"]);
            assert!(table.stdout.contains("e\\u{1b}[2J\\u{202e}\""), "{table:?}");
            assert!(!table.stdout.contains(['\u{1b}', '\u{202e}']), "{table:?}");
            let off = devices(&["-i", OURS, "10.9.0.2", "--json", "--no-ptr"]);
            assert!(off.stdout.contains("\"deviceName\":\"\""), "{off:?}");
        },
    );
}

#[test]
fn the_users_own_names_come_first() {
    inside("the_users_own_names_come_first", || {
        lan::address();
        let directory = TempDir::new();
        let hosts = "10.9.0.2 two\n10.9.0.3 three\n10.9.0.4 four\n10.9.0.5 five\n";
        replace_file(&directory, "/etc/hosts", hosts);
        let names = "02:01:0a:09:00:02 the printer\n02:01:0a:09:00:03 the tv\n";
        let names = lan::file(&directory, "names", names);
        let config =
            "config device\n\toption mac '02:01:0a:09:00:02'\n\toption name 'my printer'\n";
        let config = lan::file(&directory, "config", config);
        let _peer = peer(3);
        let paths = [names.to_str().unwrap(), config.to_str().unwrap()];
        let said = devices(&[
            "-i", OURS, "--json", "--names", paths[0], "--config", paths[1],
        ]);
        let expected = [
            "\"deviceName\":\"my printer\",",
            "\"deviceName\":\"the tv\",",
            "\"deviceName\":\"four\",",
        ];
        for (line, (expected, source)) in said
            .stdout
            .lines()
            .zip(expected.iter().zip(["config", "file", "hosts"]))
        {
            assert!(line.contains(expected), "{line}");
            assert!(
                line.contains(&format!("\"nameSource\":\"{source}\"")),
                "{line}"
            );
        }
        assert_eq!(said.stdout.lines().count(), 3);
        devices(&["-i", OURS, "--names", "/nowhere"]).refused(1, &["/nowhere", "--names"]);
        devices(&["-i", OURS, "--oui", "/nowhere"]).refused(1, &["'/nowhere'", "--oui"]);
    });
}

/// A DHCP request (RFC 2131) for an address, with a name in option 12.
fn dhcp(mac: [u8; 6], name: &[u8]) -> Vec<u8> {
    let mut bootp = vec![1, 1, 6, 0];
    bootp.resize(28, 0);
    bootp.extend(mac);
    bootp.resize(236, 0);
    bootp.extend([99, 130, 83, 99, 53, 1, 3, 12, name.len() as u8]);
    bootp.extend(name);
    bootp.push(255);
    let mut frame = vec![0xff; 6];
    frame.extend(mac);
    frame.extend([8, 0, 0x45, 0]);
    let len = (28 + bootp.len()) as u16;
    frame.extend(len.to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]);
    let sum = frame[14..34]
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let sum = sum.sum::<u32>();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame.extend([0, 68, 0, 67]);
    frame.extend((len - 20).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(bootp);
    frame
}

/// A neighbour advertisement (RFC 4861) of `fe80::9`.
fn advertisement(mac: [u8; 6]) -> Vec<u8> {
    let mut address = vec![0xfe, 0x80];
    address.resize(15, 0);
    address.push(9);
    let mut all = vec![0xff, 2];
    all.resize(15, 0);
    all.push(1);
    let mut message = vec![136, 0, 0, 0, 0x20, 0, 0, 0];
    message.extend(&address);
    message.extend([2, 1]);
    message.extend(mac);
    let pseudo = [&address[..], &all, &[0, 0, 0, 32, 0, 0, 0, 58], &message].concat();
    let sum = pseudo
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let sum = sum.sum::<u32>();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut frame = vec![0x33, 0x33, 0, 0, 0, 1];
    frame.extend(mac);
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, 58, 255]);
    frame.extend(address);
    frame.extend(all);
    frame.extend(message);
    frame
}

#[test]
fn who_passes_by_is_learnt_without_a_word() {
    inside("who_passes_by_is_learnt_without_a_word", || {
        // So that the kernel has nothing to say either.
        std::fs::write("/proc/sys/net/ipv6/conf/lan0/disable_ipv6", "1").unwrap();
        let ours = std::fs::read_to_string("/sys/class/net/lan0/address").unwrap_or_default();
        let from_us = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&from_us);
        let socket = frames::Socket::open(OURS, 0x88b5).unwrap();
        let mac_of_ours = socket.mac;
        drop((socket, ours));
        let peer = Peer::start(ALL, move |frame| {
            if frame.get(6..12) == Some(&mac_of_ours) {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            Vec::new()
        });
        let (a, b) = ([2, 3, 0, 0, 0, 1], [2, 3, 0, 0, 0, 2]);
        let mut request = vec![0; 42];
        request[22..28].copy_from_slice(&[0xff; 6]);
        let heard = answer(&request, a, [10, 9, 0, 77].into());
        let words = [
            advertisement(a),
            dhcp(b, b"lap\x1b[1mtop\xff"),
            heard,
            vec![0; 40],
        ];
        let running = Running::start(&["-i", OURS, "--passive", "900ms", "--json"]);
        std::thread::sleep(Duration::from_millis(300));
        lan::send(&words).unwrap();
        let said = running.finish();
        drop(peer);
        assert_eq!(from_us.load(Ordering::Relaxed), 0, "nothing was sent");
        assert_eq!(said.code, Some(0), "{said:?}");
        let lines: Vec<&str> = said.stdout.lines().collect();
        assert_eq!(lines.len(), 2, "{said:?}");
        assert!(lines[0].starts_with("{\"ip\":\"10.9.0.77\",\"mac\":\"02:03:00:00:00:01\""));
        assert!(lines[0].contains("\"ips\":[\"10.9.0.77\",\"fe80::9\"],\"ipv6\":[\"fe80::9\"]"));
        assert!(!lines[0].contains("rttUs"), "{}", lines[0]);
        assert!(
            lines[1].starts_with("{\"ip\":\"\",\"mac\":\"02:03:00:00:00:02\""),
            "{}",
            lines[1]
        );
        let name = "\"deviceName\":\"lap\\u001b[1mtop\u{fffd}\",";
        assert!(lines[1].contains(name), "{}", lines[1]);
        assert!(
            lines[1].contains("\"nameSource\":\"announced\""),
            "{}",
            lines[1]
        );
    });
}

#[test]
fn a_watch_tells_who_comes_and_who_goes() {
    inside("a_watch_tells_who_comes_and_who_goes", || {
        lan::address();
        let mut running = Running::start(&["-i", OURS, "--watch", "--json", "10.9.0.2-10.9.0.9"]);
        let first = peer(1);
        let said = running.wait_for("\n", Duration::from_secs(10));
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.contains("10.9.0.2") && said.contains("\"status\":\"active\""),
            "{said}"
        );
        drop(first);
        // It asks by itself: somebody else's request is as good as an answer.
        let mut request = vec![0xff; 6];
        request.extend([
            2, 1, 10, 9, 0, 8, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 1, 10, 9, 0, 8,
        ]);
        request.extend([10, 9, 0, 8, 0, 0, 0, 0, 0, 0, 10, 9, 0, 1]);
        lan::send(&[request]).unwrap();
        running.wait_for("10.9.0.8", Duration::from_secs(10));
        let said = running.wait_for("\"status\":\"inactive\"", Duration::from_secs(40));
        let gone = said.lines().find(|line| line.contains("inactive")).unwrap();
        assert!(
            gone.contains("10.9.0.2") || gone.contains("10.9.0.8"),
            "{gone}"
        );
        running.terminate();
        let said = running.finish();
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(
            said.lines_with("\"ip\":\"10.9.0.2\"").len() == 2,
            "nothing is said twice: {said:?}"
        );
    });
}
