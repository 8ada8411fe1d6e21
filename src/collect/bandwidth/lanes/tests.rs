// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the readings: on counters that behave like those of the kernel, in invented time.

use super::*;
use crate::model::addr::Mac;
use proptest::prelude::*;
use std::collections::HashMap;

/// What the program in the kernel does.
#[derive(Default)]
struct Kernel {
    lanes: HashMap<Lane, Flow>,
    totals: Totals,
    evicted_count: usize,
}

impl Kernel {
    fn count(&mut self, lane: Lane, flow: Flow) {
        if self.lanes.len() < LANES_MAX || self.lanes.contains_key(&lane) {
            return self.lanes.entry(lane).or_default().add(flow);
        }
        self.totals.other_tx_bytes += flow.tx_bytes;
        self.totals.other_rx_bytes += flow.rx_bytes;
        self.totals.other_frames += flow.tx_frames + flow.rx_frames;
    }
}

impl Counters for Kernel {
    fn each(&mut self, on_lane: &mut dyn FnMut(Lane, Flow)) -> io::Result<()> {
        let all = self.lanes.iter();
        all.for_each(|(&lane, &flow)| on_lane(lane, flow));
        Ok(())
    }

    fn totals(&mut self) -> io::Result<Totals> {
        Ok(self.totals)
    }

    fn evict(&mut self, lane: Lane) -> io::Result<Option<Flow>> {
        self.evicted_count += 1;
        Ok(self.lanes.remove(&lane))
    }
}

fn at(ms: u64) -> Mono {
    Mono::from_ns(ms * 1_000_000)
}

fn lane(i: u32, interface: u16) -> Lane {
    let [a, b, c, d] = i.to_be_bytes();
    let mac = Mac([2, 1, a, b, c, d]);
    Lane { mac, interface }
}

fn sent(bytes: u64) -> Flow {
    Flow::from_words([bytes, 1, 0, 0, 0, 0])
}

fn received(bytes: u64) -> Flow {
    Flow::from_words([0, 0, bytes, 1, 0, 0])
}

struct Bench {
    kernel: Kernel,
    lanes: Lanes,
    traffic: Traffic,
}

impl Bench {
    fn new() -> Self {
        Self {
            kernel: Kernel::default(),
            lanes: Lanes::new(7),
            traffic: Traffic::new(4_096, 7),
        }
    }

    fn read(&mut self, ms: u64) {
        self.read_where(ms, |_| Some(false));
    }

    fn read_where(&mut self, ms: u64, is_wan: impl Fn(u16) -> Option<bool>) {
        let (kernel, traffic) = (&mut self.kernel, &mut self.traffic);
        self.lanes.read(kernel, traffic, is_wan, at(ms)).unwrap();
        assert_eq!(self.lanes.lanes.len(), self.kernel.lanes.len());
    }

    /// Bytes received and sent, and frames, of all rows and beside them.
    fn all(&self) -> [u64; 3] {
        let sums = self.traffic.sums();
        let mut all = sums.own;
        self.traffic
            .rows()
            .for_each(|row| all.add(row.since_start()));
        [
            all.rx_bytes + sums.other_rx_bytes + sums.flooded_bytes,
            all.tx_bytes + sums.other_tx_bytes,
            all.frames() + sums.other_frames + sums.flooded_frames,
        ]
    }

    fn tx_bytes(&self, lane: Lane) -> u64 {
        let row = self.traffic.find(lane.mac);
        row.map_or(0, |row| row.since_start().tx_bytes)
    }
}

#[test]
fn each_reading_tells_what_is_new() {
    let mut bench = Bench::new();
    for (ms, bytes) in [(0, 100), (1_000, 7), (2_000, 0), (3_000, 1)] {
        if bytes > 0 {
            bench.kernel.count(lane(1, 3), sent(bytes));
            bench.kernel.totals.frames += 1;
        }
        bench.read(ms);
        bench.read(ms);
    }
    assert_eq!(bench.tx_bytes(lane(1, 3)), 108);
    assert_eq!(bench.traffic.sums().frames, 3);
    assert_eq!(bench.lanes.next_due(), Some(at(13_000)));
}

#[test]
fn values_that_went_backwards_are_no_reading() {
    let mut bench = Bench::new();
    bench.kernel.count(lane(1, 3), sent(1 << 33));
    bench.read(0);
    let right = bench.kernel.lanes[&lane(1, 3)];
    bench.kernel.lanes.insert(lane(1, 3), sent(5));
    bench.read(1);
    assert_eq!(bench.tx_bytes(lane(1, 3)), 1 << 33);
    bench.kernel.lanes.insert(lane(1, 3), right);
    bench.kernel.count(lane(1, 3), sent(5));
    bench.read(2);
    assert_eq!(bench.tx_bytes(lane(1, 3)), (1 << 33) + 5);
}

#[test]
fn a_copy_that_is_read_before_the_sender_is_still_a_copy() {
    let mut bench = Bench::new();
    for interface in 1..40 {
        bench.kernel.count(lane(1, interface), received(100));
    }
    bench.kernel.count(lane(1, 20), sent(1));
    bench.read(0);
    let row = bench.traffic.find(lane(1, 0).mac).unwrap();
    assert_eq!(
        (row.since_start().rx_bytes, row.interface()),
        (100, Some(20))
    );
    assert_eq!(bench.traffic.sums().flooded_frames, 38);
}

#[test]
fn lanes_of_an_interface_that_is_gone_leave_with_their_last_values() {
    let mut bench = Bench::new();
    for i in 0..20 {
        bench.kernel.count(lane(i, 3), sent(10));
        bench.kernel.count(lane(i, 4), sent(1));
    }
    bench.read(0);
    bench.kernel.count(lane(1, 3), sent(5));
    bench.read_where(1, |interface| (interface == 4).then_some(true));
    assert_eq!(bench.kernel.lanes.len(), 20);
    assert_eq!(bench.all(), [0, 225, 41]);
    // It comes back under the same number.
    bench.kernel.count(lane(1, 3), sent(100));
    bench.read(2);
    assert_eq!(bench.tx_bytes(lane(1, 3)), 116);
}

#[test]
fn up_to_three_quarters_nobody_leaves() {
    for (count, left) in [
        (LANES_TO_KEEP, LANES_TO_KEEP),
        (LANES_TO_KEEP + 1, LANES_MAX / 2),
    ] {
        let mut bench = Bench::new();
        for i in 0..count as u32 {
            bench.kernel.count(lane(i, 3), sent(10));
        }
        bench.read(0);
        assert_eq!(bench.kernel.lanes.len(), count, "all of them are new");
        assert_eq!(bench.lanes.next_due(), Some(at(1_000)));
        bench.read(1_000);
        assert_eq!(bench.kernel.lanes.len(), left);
        assert_eq!(bench.all()[1], 10 * count as u64);
    }
}

#[test]
fn a_flood_leaves_room_for_guests_and_harms_nobody_known() {
    let mut bench = Bench::new();
    let device = |i| lane(0xff00_0000 + i, 3);
    let mut told = [0; 3];
    let mut count = |bench: &mut Bench, lane, flow: Flow| {
        bench.kernel.count(lane, flow);
        let more = [
            flow.rx_bytes,
            flow.tx_bytes,
            flow.tx_frames + flow.rx_frames,
        ];
        told.iter_mut()
            .zip(more)
            .for_each(|(told, more)| *told += more);
        told
    };
    for i in 0..100 {
        count(&mut bench, device(i), received(60));
        count(&mut bench, device(i), sent(60));
    }
    bench.read(0);
    // More invented addresses in each second than there is room for.
    let mut due = 0;
    for ms in 1..60_000_u32 {
        for i in 0..3 {
            count(&mut bench, lane(3 * ms + i, 3), sent(60));
        }
        if ms % 10 == 0 {
            count(&mut bench, device(ms / 10 % 100), received(1_500));
        }
        let now = at(ms.into());
        if bench.lanes.next_due().is_some_and(|due| due <= now) {
            bench.read(ms.into());
            due += 1;
        }
        if ms == 30_500 {
            bench.read(30_500);
            let guest = lane(0xee00_0000, 4);
            count(&mut bench, guest, sent(1));
            assert!(bench.kernel.lanes.contains_key(&guest), "there is room");
        }
    }
    bench.read(60_000);
    assert_eq!(bench.all(), count(&mut bench, lane(7, 4), Flow::default()));
    for i in 0..100 {
        let row = bench.traffic.find(device(i).mac).unwrap();
        assert_eq!(row.since_start().tx_bytes, 60);
        assert!(row.since_start().rx_bytes >= 60 + 59 * 1_500, "{row:?}");
    }
    assert!((50..70).contains(&due), "{due} readings");
    assert!(bench.traffic.sums().other_tx_bytes > 0);
}

#[test]
fn what_cannot_be_read_is_told_later() {
    struct Broken<'a>(&'a mut Kernel);
    impl Counters for Broken<'_> {
        fn each(&mut self, on_lane: &mut dyn FnMut(Lane, Flow)) -> io::Result<()> {
            let half = self.0.lanes.len() / 2;
            let some = self.0.lanes.iter().take(half);
            some.for_each(|(&lane, &flow)| on_lane(lane, flow));
            Err(io::ErrorKind::PermissionDenied.into())
        }
        fn totals(&mut self) -> io::Result<Totals> {
            Err(io::ErrorKind::PermissionDenied.into())
        }
        fn evict(&mut self, _: Lane) -> io::Result<Option<Flow>> {
            panic!("nobody leaves then")
        }
    }
    let mut bench = Bench::new();
    for i in 0..LANES_MAX as u32 {
        bench.kernel.count(lane(i, 3), sent(10));
    }
    let mut broken = Broken(&mut bench.kernel);
    let (lanes, traffic) = (&mut bench.lanes, &mut bench.traffic);
    let result = lanes.read(&mut broken, traffic, |_| Some(false), at(0));
    assert!(result.is_err());
    assert_eq!(bench.all()[1], 10 * LANES_MAX as u64 / 2);
    bench.read(1);
    assert_eq!(bench.all()[1], 10 * LANES_MAX as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn nothing_is_lost_or_told_twice(
        rounds in prop::collection::vec(
            (0_u32..4_000, 0_u32..2_500, 1_u64..90_000, prop::array::uniform6(0_u64..9), 0_u16..4),
            1..12,
        ),
    ) {
        let mut bench = Bench::new();
        let (mut told, mut now) = ([0; 3], 0);
        for (first, count, wait, words, gone) in rounds {
            let flow = Flow::from_words(words);
            for i in first..first + count {
                bench.kernel.count(lane(i, (i % 3 + 1) as u16), flow);
                told[0] += flow.rx_bytes;
                told[1] += flow.tx_bytes;
                told[2] += flow.tx_frames + flow.rx_frames;
            }
            now += wait;
            bench.read_where(now, |interface| (interface != gone).then_some(true));
            prop_assert_eq!(bench.all(), told);
            prop_assert!(bench.lanes.lanes.iter().all(|reading| reading.lane.interface != gone));
        }
    }
}
