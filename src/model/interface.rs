// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interfaces: their counters, and what two samples say of the time between.
//!
//! A kernel counter may wrap at 32 bits (old drivers) and starts again from zero when its interface
//! is made anew; neither may show as a rate.

use core::num::NonZeroU64;

use heapless::index_map::FnvIndexMap;

use super::system::rounded;
use crate::limits::{INTERFACE_NAME_BYTES_MAX, INTERFACES_MAX};

/// Name of an interface, valid UTF-8 whatever the kernel holds.
pub type InterfaceName = heapless::String<INTERFACE_NAME_BYTES_MAX, u8>;

/// Counters per interface in /proc/net/dev.
pub const COUNTERS: usize = 16;

/// The counters of one interface in the order of /proc/net/dev (proc_net(5)): received bytes,
/// packets, errs, drop, fifo, frame, compressed, multicast, then transmitted bytes, packets, errs,
/// drop, fifo, colls, carrier, compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters(pub [u64; COUNTERS]);

/// How far a counter moved; 0 when it was reset.
///
/// A counter that went backwards wrapped at 32 bits when both readings are below 2^32 and the step
/// over the edge is below 2^31; otherwise it was reset.
pub fn growth(earlier: u64, later: u64) -> u64 {
    const WRAP: u64 = 1 << 32;
    if later >= earlier {
        later - earlier
    } else if earlier < WRAP && WRAP - earlier + later < WRAP / 2 {
        WRAP - earlier + later
    } else {
        0
    }
}

/// `growth` per second, truncated; exact, and at most `u64::MAX`.
pub fn per_second(growth: u64, elapsed_us: NonZeroU64) -> u64 {
    const US_PER_S: u64 = 1_000_000;
    match growth.checked_mul(US_PER_S) {
        Some(product) => product / elapsed_us,
        None => {
            let wide = u128::from(growth) * u128::from(US_PER_S) / u128::from(elapsed_us.get());
            u64::try_from(wide).unwrap_or(u64::MAX)
        }
    }
}

/// `growth` bytes as bits per second, truncated; exact, and at most `u64::MAX`.
pub fn bits_per_second(growth: u64, elapsed_us: NonZeroU64) -> u64 {
    let wide = u128::from(growth) * 8_000_000 / u128::from(elapsed_us.get());
    u64::try_from(wide).unwrap_or(u64::MAX)
}

/// How much of a link's speed is used, in hundredths of a percent, rounded; 0 of an unknown speed,
/// which is 0.
pub fn utilization_hundredths(rate_bps: u64, speed_mbps: u32) -> u64 {
    let speed_bps = u128::from(speed_mbps) * 1_000_000;
    rounded(u128::from(rate_bps) * 10_000, speed_bps).unwrap_or(0)
}

/// Lines that did not make it into a [`Sample`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Without 16 counters, or with a name that is empty or too long.
    pub malformed: u32,
    /// A second line for the same name; the first one counts.
    pub repeated: u32,
    /// Bears the name of one of the document's own keys.
    pub reserved: u32,
    /// Beyond [`INTERFACES_MAX`].
    pub beyond: u32,
}

/// All interfaces at one moment, in the kernel's order. Full: further ones are counted as
/// [`LeftOut::beyond`].
#[derive(Debug)]
pub struct Sample {
    interfaces: FnvIndexMap<InterfaceName, Counters, INTERFACES_MAX>,
    /// What is missing.
    pub left_out: LeftOut,
}

impl Default for Sample {
    fn default() -> Self {
        Self::new()
    }
}

impl Sample {
    /// No interfaces.
    pub const fn new() -> Self {
        let left_out = LeftOut {
            malformed: 0,
            repeated: 0,
            reserved: 0,
            beyond: 0,
        };
        Self {
            interfaces: FnvIndexMap::new(),
            left_out,
        }
    }

    /// Forgets everything, to be filled again.
    pub fn clear(&mut self) {
        self.interfaces.clear();
        self.left_out = LeftOut::default();
    }

    /// Adds an interface, or counts why it cannot be.
    pub fn insert(&mut self, name: InterfaceName, counters: Counters) {
        if self.interfaces.contains_key(&name) {
            self.left_out.repeated += 1;
        } else if self.interfaces.insert(name, counters).is_err() {
            self.left_out.beyond += 1;
        }
    }

    /// How many interfaces there are.
    pub fn len(&self) -> usize {
        self.interfaces.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.interfaces.is_empty()
    }

    /// The counters of an interface.
    pub fn get(&self, name: &str) -> Option<&Counters> {
        // The key of the table is the name itself, so that looking it up copies it.
        self.interfaces.get(&InterfaceName::try_from(name).ok()?)
    }

    /// The interfaces in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&InterfaceName, &Counters)> {
        self.interfaces.iter()
    }
}

/// The time between two samples.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Its start.
    pub earlier: &'a Sample,
    /// Its end.
    pub later: &'a Sample,
    /// Its length in microseconds.
    pub elapsed_us: NonZeroU64,
}

impl<'a> Window<'a> {
    /// The interfaces that both samples have, in the order of the later one.
    pub fn changes(self) -> impl Iterator<Item = Change<'a>> {
        self.later.iter().filter_map(move |(name, later)| {
            let earlier = self.earlier.interfaces.get(name)?;
            Some(Change {
                name,
                earlier,
                later,
                elapsed_us: self.elapsed_us,
            })
        })
    }
}

/// One interface at both ends of a window.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Its name.
    pub name: &'a str,
    earlier: &'a Counters,
    later: &'a Counters,
    elapsed_us: NonZeroU64,
}

impl Change<'_> {
    /// Each counter's growth per second, truncated.
    pub fn rates(self) -> [u64; COUNTERS] {
        let Self {
            earlier,
            later,
            elapsed_us,
            ..
        } = self;
        core::array::from_fn(|i| per_second(growth(earlier.0[i], later.0[i]), elapsed_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: NonZeroU64 = NonZeroU64::new(1_000_000).unwrap();
    const WRAP: u64 = 1 << 32;

    fn name(text: &str) -> InterfaceName {
        InterfaceName::try_from(text).unwrap()
    }

    #[track_caller]
    fn check(earlier: u64, later: u64, expected: u64) {
        assert_eq!(
            growth(earlier, later),
            expected,
            "from {earlier} to {later}"
        );
    }

    #[test]
    fn a_small_step_over_32_bits_is_a_wrap() {
        check(WRAP - 1, 0, 1);
        check(WRAP - 1, WRAP / 2 - 2, WRAP / 2 - 1);
        check(WRAP / 2 + 2, 0, WRAP / 2 - 2);
    }

    #[test]
    fn any_other_step_back_is_a_reset() {
        check(WRAP - 1, WRAP / 2 - 1, 0);
        check(WRAP / 2, 0, 0);
        check(WRAP, 0, 0);
        check(u64::MAX, u64::MAX - 1, 0);
    }

    #[test]
    fn a_step_forward_is_the_difference() {
        check(7, 7, 0);
        check(0, u64::MAX, u64::MAX);
    }

    #[test]
    fn rates_are_exact_where_64_bits_do_not_hold_the_product() {
        let half = NonZeroU64::new(500_000).unwrap();
        assert_eq!(per_second(u64::MAX, SECOND), u64::MAX);
        assert_eq!(per_second(u64::MAX / 2, half), u64::MAX - 1);
        assert_eq!(
            per_second(u64::MAX, half),
            u64::MAX,
            "the largest number there is"
        );
        assert_eq!(per_second(u64::MAX, NonZeroU64::MAX), 1_000_000);
    }

    #[test]
    fn a_full_sample_counts_what_finds_no_room() {
        let mut sample = Sample::new();
        for i in 0..INTERFACES_MAX + 3 {
            sample.insert(name(&format!("eth{i}")), Counters([i as u64; COUNTERS]));
            assert_eq!(
                sample.left_out.beyond as usize,
                (i + 1).saturating_sub(INTERFACES_MAX)
            );
        }
        sample.insert(name("eth0"), Counters([0; COUNTERS]));
        assert_eq!(
            sample.left_out.repeated, 1,
            "a known name is a repetition in a full table too"
        );
        assert_eq!(sample.len(), INTERFACES_MAX);
        sample.clear();
        assert!(sample.is_empty() && sample.left_out == LeftOut::default());
    }

    #[test]
    fn only_interfaces_of_both_samples_have_rates() {
        let (mut earlier, mut later) = (Sample::new(), Sample::new());
        earlier.insert(name("gone"), Counters([1; COUNTERS]));
        earlier.insert(name("eth0"), Counters([1; COUNTERS]));
        later.insert(name("new"), Counters([9; COUNTERS]));
        later.insert(name("eth0"), Counters([4; COUNTERS]));
        later.insert(name("eth0"), Counters([5; COUNTERS]));
        let window = Window {
            earlier: &earlier,
            later: &later,
            elapsed_us: SECOND,
        };
        let rates = window.changes().map(|change| (change.name, change.rates()));
        assert_eq!(rates.collect::<Vec<_>>(), [("eth0", [3; COUNTERS])]);
        assert_eq!(later.left_out.repeated, 1);
    }

    /// Counters around the edges where rules change, and anywhere.
    fn counter() -> impl Strategy<Value = u64> {
        prop_oneof![
            any::<u64>(),
            0..WRAP,
            WRAP - 1_000..WRAP + 1_000,
            WRAP / 2 - 9..WRAP / 2 + 9,
            0_u64..9
        ]
    }

    fn sample(interfaces: &[(String, [u64; COUNTERS])]) -> Box<Sample> {
        let mut sample = Box::new(Sample::new());
        for (text, counters) in interfaces {
            sample.insert(name(text), Counters(*counters));
        }
        sample
    }

    fn interfaces() -> impl Strategy<Value = Vec<(String, [u64; COUNTERS])>> {
        let counters = prop::array::uniform16(counter());
        prop::collection::vec(("[a-d][0-3]?", counters), 0..20)
    }

    /// The rules in the words of the specification, on wide signed numbers.
    fn expected_rate(earlier: u64, later: u64, elapsed_us: u64) -> u64 {
        let wrap = i128::from(WRAP);
        let (earlier, later) = (i128::from(earlier), i128::from(later));
        let delta = match later - earlier {
            step if step >= 0 => step,
            step if earlier < wrap && later < wrap && step + wrap < wrap / 2 => step + wrap,
            _ => 0,
        };
        let rate = delta * 1_000_000 / i128::from(elapsed_us);
        u64::try_from(rate).unwrap_or(u64::MAX)
    }

    proptest! {
        #[test]
        fn wraps_resets_and_changing_interfaces_follow_the_rules(
            before in interfaces(),
            after in interfaces(),
            elapsed_us in 1_u64..100_000_000,
        ) {
            let (earlier, later) = (sample(&before), sample(&after));
            let elapsed = NonZeroU64::new(elapsed_us).unwrap();
            let window = Window { earlier: &earlier, later: &later, elapsed_us: elapsed };
            let mut seen: Vec<&String> = Vec::new();
            let mut changes = window.changes();
            for (text, counters) in &after {
                let first = before.iter().find(|(other, _)| other == text);
                if seen.contains(&text) {
                    continue;
                }
                seen.push(text);
                let Some((_, then)) = first else { continue };
                let change = changes.next().unwrap();
                prop_assert_eq!(change.name, text.as_str());
                for (i, rate) in change.rates().into_iter().enumerate() {
                    prop_assert_eq!(rate, expected_rate(then[i], counters[i], elapsed_us));
                }
            }
            prop_assert!(changes.next().is_none());
        }
    }
}
