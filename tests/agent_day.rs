// SPDX-License-Identifier: MIT OR Apache-2.0
//! A day of windows with invented time: the cadence does not drift, no table grows, nothing
//! allocates, and no byte is missing. Run with one set of features only.
#![cfg(feature = "full")]

#[path = "support/counting.rs"]
mod counting;

use std::net::Ipv4Addr;
use std::time::Duration;

use counting::allocations;
use netvitals::encode::bandwidth::{self, Window};
use netvitals::encode::device::{Entry, Stamp};
use netvitals::encode::json::{Json, Style};
use netvitals::encode::traffic::Moved;
use netvitals::engine::schedule::Cadence;
use netvitals::model::addr::Mac;
use netvitals::model::device::{Devices, Evidence};
use netvitals::model::traffic::{Heard, Traffic, Witness};
use netvitals::model::usage::{Flow, Lane};
use netvitals::time::{Mono, Wall};

const INTERVAL: Duration = Duration::from_secs(5);
const WINDOWS: u64 = 24 * 60 * 60 / 5;
const START: Mono = Mono::from_ns(777_000_000_000);

/// Chance that is the same each time (xorshift, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

#[test]
fn a_day_of_late_windows_stays_on_the_grid() {
    let mut chance = Chance(7);
    let mut cadence = Cadence::new(START, INTERVAL);
    let (mut begun, mut sum) = (START, Duration::ZERO);
    for number in 1..=WINDOWS {
        let due = cadence.next_due();
        assert_eq!(
            due.since(START),
            INTERVAL * number as u32,
            "window {number}"
        );
        // Most are a little late, some very much, yet less than half a window.
        let late_us = match chance.next(20) {
            0 => chance.next(2_499_999),
            _ => chance.next(20_000),
        };
        let now = due.after(Duration::from_micros(late_us));
        sum += now.since(begun);
        begun = now;
        cadence.ran(now);
    }
    assert_eq!(sum, begun.since(START));
    let day = Duration::from_secs(24 * 60 * 60);
    assert!((day..day + INTERVAL / 2).contains(&sum), "{sum:?}");
}

fn number(i: u64) -> (Mac, Ipv4Addr) {
    let [.., c, d] = i.to_be_bytes();
    (Mac([2, 1, 0, 0, c, d]), Ipv4Addr::new(10, 9, c, d))
}

/// The router's tables, and what was put into them.
struct Router {
    devices: Devices,
    traffic: Traffic,
    chance: Chance,
    buffer: Vec<u8>,
    /// Sent by all devices, in all windows, and as the windows say.
    sent: u64,
    counted: u64,
    most: usize,
}

impl Router {
    fn new() -> Self {
        Self {
            devices: Devices::new(1_024, 7),
            traffic: Traffic::new(1_024, 7),
            chance: Chance(9),
            buffer: vec![0; 300 * 2_048],
            sent: 0,
            counted: 0,
            most: 0,
        }
    }

    /// Every two minutes a guest comes; sixty are there, who answer and send now and then.
    fn window(&mut self, window: u64, now: Mono) {
        let newest = window / 24;
        for _ in 0..20 {
            let guest = newest + self.chance.next(60);
            let (mac, address) = number(guest);
            if self.chance.next(4) == 0 {
                self.devices.learn(Evidence::of(mac, address), 0, now);
            }
            let bytes = self.chance.next(3_000_000);
            self.sent += bytes;
            let heard = Heard {
                lane: Lane { mac, interface: 1 },
                flow: Flow::from_words([bytes, bytes.div_ceil(1_514), 0, 0, 0, 0]),
                wan: false,
                witness: Witness::Ebpf,
            };
            self.traffic.add(&heard, now);
        }
    }

    /// Writes the devices of a window; its start and end as they are written.
    fn document(&mut self, window: &Window) -> ([u8; 24], [u8; 24]) {
        let mut json = Json::new(&mut self.buffer[..], Style::Compact);
        json.open_object().unwrap();
        window.members(&mut json).unwrap();
        json.literal_key("\"connectedDevices\":").unwrap();
        json.open_array().unwrap();
        let mut count = 0;
        // All of them take their time, so some windows do without.
        let some = if self.chance.next(50) == 0 {
            usize::MAX
        } else {
            1
        };
        for row in self.traffic.rows().take(some) {
            let Some(device) = self.devices.find(row.mac()) else {
                continue;
            };
            let entry = Entry {
                device,
                address: device.ipv4.first().copied(),
                active: true,
                name: None,
                vendor: None,
                conflict_macs: &[],
                first_seen: device.first_seen,
                last_seen: device.last_seen,
                rtt: None,
            };
            let moved = Moved {
                window: row.window(),
                since_start: *row.since_start(),
                elapsed_us: window.elapsed_us(),
                link_mbps: 1_000,
                witness: Witness::Ebpf,
                divided: true,
            };
            bandwidth::device(&mut json, &entry, Some(&moved), window.end).unwrap();
            count += 1;
        }
        json.close_array().unwrap();
        json.close_object().unwrap();
        json.finish().unwrap();
        self.most = self.most.max(count);
        let rows = self.traffic.rows();
        self.counted += rows.map(|row| row.window().tx_bytes).sum::<u64>();
        let other = self.traffic.window_sums().other_tx_bytes;
        self.counted += other;
        let time = |from: usize| *self.buffer[from..].first_chunk::<24>().unwrap();
        // {"collectionStartTime":"…","collectionEndTime":"…"
        (time(24), time(24 + 24 + 3 + 20))
    }
}

#[test]
fn a_day_of_guests_leaves_nothing_behind() {
    let mut router = Router::new();
    let mut cadence = Cadence::new(START, INTERVAL);
    let (mut begun, mut end_before) = (START, None);
    let mut day = |router: &mut Router, windows: std::ops::Range<u64>, clock_us: u64| {
        for window in windows {
            let late = Duration::from_micros(router.chance.next(20_000));
            let now = cadence.next_due().after(late);
            router.window(window, now);
            let wall = Wall::from_us(clock_us + now.since(START).as_micros() as u64);
            let (mono, duration) = (now, now.since(begun));
            let end = Stamp { wall, mono };
            let (start, end) = router.document(&Window { end, duration });
            // The window begins where the one before ended.
            assert_eq!(end_before.unwrap_or(start), start, "{window}");
            end_before = Some(end);
            router.traffic.begin_window();
            router.traffic.forget(Duration::from_secs(3_600), now);
            let traffic = &router.traffic;
            let moving = |mac| traffic.find(mac).is_some();
            router
                .devices
                .forget(Duration::from_secs(3_600), now, &moving);
            begun = now;
            cadence.ran(now);
        }
        end_before = None;
    };
    // A router without a clock of its own begins in 1976, and is told the time at noon.
    day(&mut router, 0..2, 217_558_800_000_000);
    let allocated = allocations(|| {
        day(&mut router, 2..WINDOWS / 2, 217_558_800_000_000);
        day(&mut router, WINDOWS / 2..WINDOWS, 1_795_221_564_972_123);
    });
    assert_eq!(allocated, 0);
    assert_eq!(router.counted, router.sent);
    // Those of the last hour, who came every two minutes, and who is there.
    assert!((60..=95).contains(&router.most), "{}", router.most);
    assert!(router.devices.devices().len() <= 95);
    assert!(router.devices.claims().len() <= 95);
    assert!(router.traffic.rows().count() <= 95);
    assert_eq!(router.devices.refused_count(), 0);
}
