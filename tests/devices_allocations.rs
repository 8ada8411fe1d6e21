// SPDX-License-Identifier: MIT OR Apache-2.0
//! No frame, no request and no name makes the collector of devices allocate.

#[path = "support/counting.rs"]
mod counting;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use counting::allocations;
use netvitals::codec::arp;
use netvitals::collect::devices::{Ears, Listener};
use netvitals::collect::segment::Segment;
use netvitals::encode::device::{Entry, Stamp, line};
use netvitals::engine::arp_scan::{Action, ArpScan, Pace};
use netvitals::engine::reverse::Reverse;
use netvitals::limits::DEVICE_DOCUMENT_BYTES_MAX;
use netvitals::model::addr::Mac;
use netvitals::model::device::Devices;
use netvitals::model::ranges::Ranges;
use netvitals::time::{Mono, Wall};

const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);

fn own() -> Segment {
    Segment {
        index: 1,
        name: "lan0".try_into().unwrap(),
        mac: OWN,
        prefixes: Vec::new(),
        ipv6: Vec::new(),
    }
}

/// A reply from `mac` for `address`.
fn reply(mac: Mac, address: Ipv4Addr) -> [u8; arp::REQUEST_BYTES] {
    let mut frame = arp::request(mac, address, Ipv4Addr::new(10, 0, 0, 1));
    frame[21] = 2;
    frame
}

fn number(i: u32) -> (Mac, Ipv4Addr) {
    let [a, b, c, d] = i.to_be_bytes();
    (
        Mac([2, 1, a, b, c, d]),
        Ipv4Addr::from_bits(0x0a00_0000 + i),
    )
}

#[test]
fn a_sweep_does_not_allocate() {
    let pace = Pace {
        rate: 10_000,
        retry: 1,
        timeout: None,
    };
    let mut ranges = Ranges::new();
    ranges.add("10.0.0.0/20").unwrap();
    let now = |ms: u64| Mono::from_ns(ms * 1_000_000);
    let mut scan = ArpScan::new(ranges, &[Ipv4Addr::new(10, 0, 0, 1)], pace, now(0));
    for ears in [Ears::Answers, Ears::All] {
        let mut listener = Listener::new(Devices::new(6_000, 7), ears, &[own()]);
        let (mut ms, mut asked) = (0, 0);
        let count = allocations(|| {
            loop {
                match scan.poll(now(ms)) {
                    Action::Ask(address) => {
                        asked += 1;
                        let _ = arp::request(OWN, Ipv4Addr::new(10, 0, 0, 1), address);
                        // Three answers, one of them of somebody else, and one to nobody.
                        let i = address.to_bits() & 0xffff;
                        let (mac, _) = number(i);
                        for mac in [mac, mac, number(i + 70_000).0] {
                            listener.on_frame(&reply(mac, address), Some(&mut scan), now(ms));
                        }
                        let (mac, address) = number(i + 140_000);
                        listener.on_frame(&reply(mac, address), Some(&mut scan), now(ms));
                        listener.on_frame(&[0; 30], Some(&mut scan), now(ms));
                    }
                    Action::WaitUntil(_) => ms += 1,
                    Action::Done => break,
                }
            }
        });
        assert_eq!(count, 0, "{ears:?}");
        assert!(asked > 4_000 && listener.devices.claims().len() > 4_000);
        assert!(
            listener.devices.refused_count() > 0,
            "a full table took part"
        );
        assert_eq!(
            allocations(|| listener.forget(Duration::ZERO, now(ms + 9_000), &|_| false)),
            0
        );
        scan.restart(now(0));
    }
}

#[test]
fn a_name_and_a_document_do_not_allocate() {
    let now = Mono::from_ns(1);
    let mut reverse = Reverse::new(2, 7);
    let mut devices = Devices::new(8, 7);
    let mut buffer = vec![0; DEVICE_DOCUMENT_BYTES_MAX];
    let count = allocations(|| {
        for i in 0..1_000 {
            reverse.want(IpAddr::V4(number(i).1), now);
            while let Some(query) = reverse.poll(now, i.into()) {
                reverse.on_message(query.server, &[0; 12], now);
                reverse.on_unreachable(query.server, now);
            }
        }
        let (mac, address) = number(7);
        devices.learn_ipv6(mac, address.to_ipv6_mapped(), now);
        let entry = Entry {
            device: &devices.devices()[0],
            address: Some(address),
            active: true,
            name: None,
            vendor: Some("Example"),
            conflict_macs: &[OWN],
            first_seen: now,
            last_seen: now,
            rtt: Some(Duration::from_micros(7)),
        };
        let stamp = Stamp {
            wall: Wall::from_us(7),
            mono: now,
        };
        line(&entry, stamp, &mut buffer).unwrap();
    });
    assert_eq!(count, 0);
}
