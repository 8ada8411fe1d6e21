// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the virtual board lacks: pairs of interfaces, senders and receivers of frames, an ARP peer.

mod arp;
mod bpf;
mod clock;
mod frames;
mod lan;
mod layout;
mod link;
mod offload;
mod outbox;
mod tcp;
mod traffic;

use std::io;
use std::process::{Command, ExitCode};

const USAGE: &str = "\
board veth A B                 makes two interfaces joined by a cable, and brings them up
board up IF…                   brings interfaces up
board send IF COUNT            sends COUNT frames of the tests' own type
board count IF COUNT COMMAND…  counts such frames while COMMAND runs; fails unless there are COUNT
board clock SECONDS            sets the clock to so many seconds since 1970
board arp IF ADDRESS/LEN COMMAND…  while COMMAND runs, answers ARP requests for these addresses
board lan IF FIRST ALIVE LOST COMMAND…  while COMMAND runs, ALIVE devices from the address FIRST on
                               answer, each with its own MAC address; LOST percent get lost
board traffic IF WORD=VALUE…   sends the frames of many devices and prints how many of each, in
                               frames and bytes on the wire: rate= per second (as fast as possible)
                               frames= seconds= bytes=128 kind=udp4, udp6, plain or tcp4/SEGMENT
                               from= to= MAC or MAC/COUNT or random/COUNT (itself, broadcast) vlan=
board tcp-sink ADDRESS:PORT    takes one connection; both ends print the segments that they sent
board tcp-send ADDRESS:PORT BYTES [BYTES_PER_SECOND]
board tcp-connect ADDRESS:PORT COUNT  connects so often, one after the other, and says nothing
board offload IF on|off        segmentation and merging by the interface: TSO, GSO, GRO
board bpf                      lists the BPF programs and maps that the kernel holds

A command that waits has opened its socket before it starts COMMAND, and hands on its exit status.
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["veth", a, b] => link::make_pair(a, b).map(|()| 0),
        ["up", names @ ..] if !names.is_empty() => {
            names.iter().try_for_each(|name| link::up(name)).map(|()| 0)
        }
        ["clock", seconds] => number(seconds).and_then(clock::set).map(|()| 0),
        ["send", name, count] => number(count).and_then(|count| frames::send(name, count)),
        ["count", name, count, command @ ..] if !command.is_empty() => {
            number(count).and_then(|count| frames::count(name, count, spawned(command)))
        }
        ["arp", name, prefix, command @ ..] if !command.is_empty() => {
            arp::Prefix::parse(prefix).and_then(|prefix| arp::serve(name, prefix, spawned(command)))
        }
        ["lan", name, first, alive, lost, command @ ..] if !command.is_empty() => {
            lan(first, alive, lost).and_then(|lan| lan::serve(name, lan, spawned(command)))
        }
        ["traffic", name, words @ ..] => {
            traffic::Plan::parse(words).and_then(|plan| traffic::account(name, &plan))
        }
        ["tcp-sink", address] => tcp::sink(address),
        ["tcp-send", address, bytes] => {
            number(bytes).and_then(|bytes| tcp::send(address, bytes.into(), u32::MAX))
        }
        ["tcp-send", address, bytes, rate] => number(rate).and_then(|rate| {
            number(bytes).and_then(|bytes| tcp::send(address, bytes.into(), rate))
        }),
        ["tcp-connect", address, count] => {
            number(count).and_then(|count| tcp::connect(address, count))
        }
        ["offload", name, word @ ("on" | "off")] => offload::set(name, *word == "on").map(|()| 0),
        ["bpf"] => bpf::list(),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, USAGE)),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("board {}: {error}", words.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn lan(first: &str, alive: &str, lost: &str) -> io::Result<lan::Lan> {
    Ok(lan::Lan {
        first: first.parse().map_err(io::Error::other)?,
        alive: number(alive)?,
        lost_percent: number(lost)?.into(),
    })
}

fn number(text: &str) -> io::Result<u32> {
    text.parse().map_err(io::Error::other)
}

fn spawned(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}
