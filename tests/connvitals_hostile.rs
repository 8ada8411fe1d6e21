// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals connvitals` against those who lie: forged replies, services without end.

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

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use lan::{Running, Said};
use path::{at_a_path, enter, serve, sh, told};
use support::EXE;

const SERVER: [u8; 4] = [10, 3, 0, 2];
const OTHER: [u8; 4] = [10, 3, 0, 101];
const CLIENT: [u8; 4] = [10, 1, 0, 2];

/// A raw ICMP socket of the server's, from `source`.
struct Forger(OwnedFd);

fn address(ip: [u8; 4]) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as _,
        sin_port: 0,
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(ip),
        },
        sin_zero: [0; 8],
    }
}

impl Forger {
    fn open(source: [u8; 4]) -> Self {
        // SAFETY: socket(2) takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP) };
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        // SAFETY: socket(2) just returned this descriptor.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let (address, len) = (address(source), size_of::<libc::sockaddr_in>() as u32);
        // SAFETY: the address is as long as said.
        let result = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), len) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        Self(fd)
    }

    fn send(&self, mut message: Vec<u8>) {
        message[2..4].fill(0);
        let pairs = message
            .chunks(2)
            .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from));
        let mut sum: u32 = pairs.sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        message[2..4].copy_from_slice(&(!(sum as u16)).to_be_bytes());
        let (to, len) = (address(CLIENT), size_of::<libc::sockaddr_in>() as u32);
        // SAFETY: message and address are as long as said.
        unsafe {
            let (bytes, to) = (message.as_ptr().cast(), (&raw const to).cast());
            libc::sendto(
                self.0.as_raw_fd(),
                bytes,
                message.len(),
                libc::MSG_DONTWAIT,
                to,
                len,
            );
        }
    }

    /// The next echo request, without its IP header.
    fn hear(&self) -> Option<Vec<u8>> {
        let mut packet = [0_u8; 2_048];
        let (fd, flags) = (self.0.as_raw_fd(), libc::MSG_DONTWAIT);
        // SAFETY: the buffer is as long as said.
        let len = unsafe { libc::recv(fd, packet.as_mut_ptr().cast(), packet.len(), flags) };
        let message = packet.get(20..usize::try_from(len).ok()?)?;
        (message[0] == 8).then(|| message.to_vec())
    }
}

/// What is like the answer to a request, and is not.
fn forged(request: &[u8]) -> Vec<(bool, Vec<u8>)> {
    let mut good = request.to_vec();
    good[0] = 0;
    let changed = |at: usize| {
        let mut message = good.clone();
        message[at] ^= 1;
        message
    };
    let longer = [&good[..], &[0]].concat();
    let shorter = good[..good.len() - 1].to_vec();
    // Another id, another sequence number, another payload; and all right, but from another.
    let all = [changed(5), changed(6), changed(9), longer, shorter];
    all.into_iter()
        .map(|message| (true, message))
        .chain([(false, good.clone())])
        .collect()
}

#[test]
fn forged_replies_are_no_answers() {
    at_a_path("forged_replies_are_no_answers", |_| {
        // Only forged ones come.
        sh("ip netns exec server sh -c 'echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all'");
        let (stop, count) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU32::new(0)),
        );
        let (stopped, counted) = (stop.clone(), count.clone());
        let forger = std::thread::spawn(move || {
            enter("server");
            let (server, other) = (Forger::open(SERVER), Forger::open(OTHER));
            while !stopped.load(Ordering::Relaxed) {
                let Some(request) = server.hear() else {
                    std::thread::sleep(Duration::from_micros(200));
                    continue;
                };
                for (own, message) in forged(&request) {
                    if own { &server } else { &other }.send(message);
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let text = told("-p50 10.3.0.2");
        stop.store(true, Ordering::Relaxed);
        forger.join().unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 6 * 50);
        assert_eq!(text, "10.3.0.2\n-1.000\t-1.000\t-1.000\t-1.000\t100.000\n");
    });
}

fn start(words: &str) -> Running {
    let mut command = Command::new(EXE);
    command.arg("connvitals").args(words.split(' '));
    Running::start_command(command)
}

/// Sends replies, and errors about datagrams, that look like ours, 10 000 a second; how many, in
/// what time.
fn flood(stop: &AtomicBool) -> (u32, Duration) {
    enter("server");
    let server = Forger::open(SERVER);
    let (start, mut count) = (Instant::now(), 0_u32);
    while !stop.load(Ordering::Relaxed) {
        let due = (start.elapsed().as_secs_f64() * 10_000.0) as u32;
        for number in count..due {
            let [a, b, c, d] = number.wrapping_mul(0x9e37_79b9).to_be_bytes();
            let reply = [&[0, 0, 0, 0, a, b, c, d], &[0; 41][..]].concat();
            let mut error = vec![11, 0, 0, 0, 0, 0, 0, 0];
            error.extend([0x45, 0, 0, 31, 0, 0, 0, 0, 1, 17, 0, 0]);
            error.extend([CLIENT, SERVER].as_flattened());
            error.extend([a, b, 0x82, 0xa0, 0, 10, 0, 0]);
            server.send(if number % 2 == 0 { reply } else { error });
        }
        count = count.max(due);
        std::thread::sleep(Duration::from_millis(1));
    }
    (count, start.elapsed())
}

#[test]
fn a_flood_of_ten_thousand_forged_replies_a_second_changes_nothing() {
    let name = "a_flood_of_ten_thousand_forged_replies_a_second_changes_nothing";
    at_a_path(name, |_| {
        let calm = start("-p200 -t 10.3.0.2 10.8.0.1").finish();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let flood = std::thread::spawn(move || flood(&stopped));
        let said = start("-p200 -t 10.3.0.2 10.8.0.1").finish();
        stop.store(true, Ordering::Relaxed);
        let (count, lasted) = flood.join().unwrap();
        assert!(
            f64::from(count) > 9_000.0 * lasted.as_secs_f64(),
            "{count} in {lasted:?}"
        );
        let lines: Vec<&str> = said.stdout.lines().collect();
        assert_eq!(lines[0], "10.3.0.2", "{said:?}");
        assert!(
            lines[1].ends_with("\t0.000") && !lines[1].starts_with('-'),
            "{said:?}"
        );
        assert_eq!(
            lines[5..7],
            ["10.8.0.1", "-1.000\t-1.000\t-1.000\t-1.000\t100.000"]
        );
        let hops = |said: &Said| {
            let hop = |line: &str| line.split('\t').next().unwrap().to_owned();
            said.stdout
                .lines()
                .skip(2)
                .take(3)
                .map(hop)
                .collect::<Vec<_>>()
        };
        assert_eq!(hops(&said), hops(&calm));
        assert!(
            said.peak_kib < calm.peak_kib + 1_024,
            "{} {}",
            said.peak_kib,
            calm.peak_kib
        );
    });
}

#[test]
fn services_without_end_are_bounded() {
    at_a_path("services_without_end_are_bounded", |_| {
        let endless = |head: &'static [u8]| {
            move |mut stream: std::net::TcpStream| {
                let _ = stream.write_all(head);
                while stream.write_all(&[b'x'; 4_096]).is_ok() {}
            }
        };
        serve("10.3.0.2", 80, endless(b"HTTP/1.1 200 OK\r\nServer: "));
        serve("10.3.0.2", 443, endless(b""));
        serve("10.3.0.2", 3_306, endless(&[0xff, 0xff, 0xff, 0, 10]));
        // One byte a second, and nothing at all.
        serve("10.3.0.101", 80, |mut stream| {
            for byte in b"HTTP/1.1 200 OK\r\n\r\n" {
                let _ = stream.write_all(&[*byte]);
                std::thread::sleep(Duration::from_secs(1));
            }
        });
        serve("10.3.0.101", 3_306, |mut stream| {
            drop(stream.read(&mut [0; 9]))
        });
        // Binary, quotes and escape sequences; ends without a word.
        let binary: &[u8] = b"HTTP/1.1 \x00\xff\x1b[2J\"\\\r\nServer: \"\x1b]0;x\x07\r\n\r\n";
        serve("10.3.0.102", 80, move |mut stream| {
            let _ = stream.write_all(binary);
        });
        serve("10.3.0.102", 443, drop);
        serve("10.3.0.102", 3_306, drop);
        let said = start("-jsP 10.3.0.2 10.3.0.101 10.3.0.102").finish();
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.lasted < Duration::from_millis(2_500), "{said:?}");
        assert!(said.peak_kib < 16 * 1_024, "{} KiB", said.peak_kib);
        let lines: Vec<&str> = said.stdout.lines().collect();
        let nothing = r#""scan":{"http":"None","https":"None","mysql":"None"}}"#;
        let server = "x".repeat(255);
        assert!(
            lines[0].contains(&format!(r#""server":"{server}""#)),
            "{said:?}"
        );
        assert!(
            lines[0].ends_with(r#""https":"None","mysql":"None"}}"#),
            "{said:?}"
        );
        assert!(
            lines[1].ends_with(nothing) && lines[2].ends_with(nothing),
            "{said:?}"
        );
    });
}
