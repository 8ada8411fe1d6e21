// SPDX-License-Identifier: MIT OR Apache-2.0
//! What probing a host told: echoes, the route, its services.

use core::net::IpAddr;
use core::time::Duration;

use crate::limits::BANNER_TEXT_BYTES_MAX;
use crate::time::in_ns;

/// What a service says of itself: hostile text, valid UTF-8, not yet escaped.
pub type BannerText = heapless::String<BANNER_TEXT_BYTES_MAX, u8>;

/// What a burst of echoes told. All in integers: a router may have no floating point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ping {
    sent: u32,
    received: u32,
    min_ns: u64,
    max_ns: u64,
    sum_ns: u64,
    squares_sum: u128,
}

/// Round trips of those that were answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtt {
    /// The fastest.
    pub min_ns: u64,
    /// The mean.
    pub avg_ns: u64,
    /// The slowest.
    pub max_ns: u64,
    /// The sample deviation; 0 when only one was answered.
    pub std_ns: u64,
}

impl Ping {
    /// So many requests, none of which was answered.
    pub fn lost(sent: u32) -> Self {
        Self {
            sent,
            ..Self::default()
        }
    }

    /// Counts a request.
    pub fn on_sent(&mut self) {
        self.sent += 1;
    }

    /// Takes back a request that nobody will wait for; one that was answered is not taken back.
    pub fn on_withdrawn(&mut self) {
        self.sent = self.sent.saturating_sub(1).max(self.received);
    }

    /// Counts the answer to a request that was counted.
    pub fn on_reply(&mut self, rtt: Duration) {
        let rtt_ns = in_ns(rtt);
        self.min_ns = if self.received == 0 {
            rtt_ns
        } else {
            self.min_ns.min(rtt_ns)
        };
        self.max_ns = self.max_ns.max(rtt_ns);
        self.received += 1;
        self.sum_ns = self.sum_ns.saturating_add(rtt_ns);
        let square = u128::from(rtt_ns) * u128::from(rtt_ns);
        self.squares_sum = self.squares_sum.saturating_add(square);
    }

    /// Requests.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    /// Requests that were answered in time.
    pub fn received(&self) -> u32 {
        self.received
    }

    /// Whether every request was answered.
    pub fn is_complete(&self) -> bool {
        self.received >= self.sent
    }

    /// Round trips; `None` when nothing was answered.
    pub fn rtt(&self) -> Option<Rtt> {
        let count = u64::from(self.received);
        if count == 0 {
            return None;
        }
        let sum = u128::from(self.sum_ns);
        let spread = (self.squares_sum.saturating_mul(count.into())).saturating_sub(sum * sum);
        let freedom = u128::from(count) * u128::from(count.saturating_sub(1).max(1));
        let variance = (spread + freedom / 2) / freedom;
        Some(Rtt {
            min_ns: self.min_ns,
            avg_ns: (self.sum_ns + count / 2) / count,
            max_ns: self.max_ns,
            std_ns: square_root(variance),
        })
    }

    /// Requests that were not answered in time, in millionths of a percent; nothing sent is nothing
    /// lost.
    pub fn loss_ppm_percent(&self) -> u64 {
        let (sent, lost) = (u64::from(self.sent), u64::from(self.sent - self.received));
        (lost * 100_000_000 + sent / 2)
            .checked_div(sent)
            .unwrap_or(0)
    }
}

/// The whole part of the square root, bit by bit; that of the core library takes a kilobyte.
fn square_root(number: u128) -> u64 {
    let mut root = 0_u64;
    for bit in (0..64).rev() {
        let more = root | 1 << bit;
        if u128::from(more) * u128::from(more) <= number {
            root = more;
        }
    }
    root
}

/// Who answered at a distance, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The router, or the target itself.
    pub address: IpAddr,
    /// From the probe to its answer.
    pub rtt_ns: u64,
}

/// The way to a host: the hop at each distance from 1 on, `None` for a silent one.
pub type Route = [Option<Hop>];

/// Whether the way is another one: two hops answered at the same distance, or somebody where the
/// target was, or beyond. A hop that is silent in one of them says nothing, nor does a target: what
/// it did not answer at its distance it may answer at a later one, which reaches it as well.
pub fn is_other_route(earlier: &Route, later: &Route, target: IpAddr) -> bool {
    let differ = earlier.iter().zip(later).any(|hops| match hops {
        (Some(a), Some(b)) => a.address != b.address,
        _ => false,
    });
    let distance = |route: &Route| {
        let is_target = |hop: &Option<Hop>| hop.is_some_and(|hop| hop.address == target);
        route.iter().position(is_target)
    };
    let farther = match (distance(earlier), distance(later)) {
        (Some(a), Some(b)) => {
            let (farther, between) = if a < b {
                (later, a..b)
            } else {
                (earlier, b..a)
            };
            farther[between].iter().any(Option::is_some)
        }
        // Somebody else answered beyond, or at, the distance where the target was.
        (Some(a), None) => later.iter().skip(a).any(Option::is_some),
        (None, Some(b)) => earlier.iter().skip(b).any(Option::is_some),
        (None, None) => false,
    };
    differ || farther
}

/// What listens at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// HTTP, usually at port 80.
    Http,
    /// HTTP over TLS, usually at port 443.
    Https,
    /// MySQL or MariaDB, usually at port 3306.
    Mysql,
    /// Anything: whether connections are taken is all that is asked.
    Any,
}

/// What was found at a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Connection, request and answer; of MySQL and of anything the connection alone.
    pub rtt_ns: u64,
    /// The status code of HTTP, else 0.
    pub status: u16,
    /// The server of HTTP or the version of MySQL; empty when it does not say.
    pub text: BannerText,
    /// The certificate, when it was asked for.
    pub certificate: Option<Box<Certificate>>,
}

/// A port, what should listen there, and what was found; without that nobody does, or it is not
/// that service.
pub type Checked = (u16, Service, Option<Finding>);

/// What a certificate is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Why it is not valid for this host now; empty when it is.
    pub error: BannerText,
    /// Days until it expires, negative when that is over; `None` when it does not say.
    pub days: Option<i32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;
    use proptest::prelude::*;

    /// Min, avg, max, deviation and loss of these round trips, of so many requests.
    #[track_caller]
    fn check(sent: u32, rtts_ns: &[u64], expected: Option<[u64; 4]>, loss: u64) {
        let mut ping = Ping::default();
        (0..sent).for_each(|_| ping.on_sent());
        let rtts = rtts_ns.iter().copied().map(Duration::from_nanos);
        rtts.for_each(|rtt| ping.on_reply(rtt));
        let rtt = ping
            .rtt()
            .map(|rtt| [rtt.min_ns, rtt.avg_ns, rtt.max_ns, rtt.std_ns]);
        assert_eq!((rtt, ping.loss_ppm_percent()), (expected, loss));
    }

    #[test]
    fn deviation_is_that_of_a_sample() {
        check(
            4,
            &[2_000, 4_000, 4_000, 6_000],
            Some([2_000, 4_000, 6_000, 1_632]),
            0,
        );
        check(1, &[114_000], Some([114_000, 114_000, 114_000, 0]), 0);
        check(
            3,
            &[1_000_000_000; 3],
            Some([1_000_000_000, 1_000_000_000, 1_000_000_000, 0]),
            0,
        );
    }

    #[test]
    fn all_lost_has_no_round_trip() {
        check(3, &[], None, 100_000_000);
        check(0, &[], None, 0);
        check(3, &[5], Some([5, 5, 5, 0]), 66_666_667);
        check(20, &[1; 18], Some([1, 1, 1, 0]), 10_000_000);
    }

    proptest! {
        #[test]
        fn statistics_agree_with_those_of_floats(
            rtts_ns in prop::collection::vec(0_u64..60_000_000_000, 1..50),
        ) {
            let mut ping = Ping::default();
            for &rtt_ns in &rtts_ns {
                ping.on_sent();
                ping.on_reply(Duration::from_nanos(rtt_ns));
            }
            let rtt = ping.rtt().unwrap();
            let count = rtts_ns.len() as f64;
            let mean = rtts_ns.iter().sum::<u64>() as f64 / count;
            let squares = rtts_ns.iter().map(|&x| (x as f64 - mean).powi(2)).sum::<f64>();
            let deviation = (squares / (count - 1.0).max(1.0)).sqrt();
            prop_assert!((rtt.avg_ns as f64 - mean).abs() <= 1.0);
            prop_assert!((rtt.std_ns as f64 - deviation).abs() <= 2.0 + deviation * 1e-9);
            prop_assert!(rtt.min_ns <= rtt.avg_ns && rtt.avg_ns <= rtt.max_ns);
        }
    }

    #[test]
    fn square_roots_are_those_of_the_core_library() {
        for number in [
            0,
            1,
            3,
            4,
            99,
            1 << 64,
            u128::MAX,
            u128::from(u64::MAX).pow(2),
        ] {
            assert_eq!(u128::from(square_root(number)), number.isqrt(), "{number}");
        }
    }

    const TARGET: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9));

    /// A route of hops named by a digit; `*` is silent, `9` the target.
    fn route(hops: &str) -> Vec<Option<Hop>> {
        let hop = |name: u8| Hop {
            address: Ipv4Addr::new(10, 0, 0, name - b'0').into(),
            rtt_ns: 1,
        };
        hops.bytes()
            .map(|name| (name != b'*').then(|| hop(name)))
            .collect()
    }

    #[test]
    fn a_star_is_not_a_route_change() {
        for (earlier, later) in [
            ("129", "129"),
            ("129", "*29"),
            ("1*9", "*29"),
            ("**9", "129"),
            ("129", "***"),
            ("****", "129"),
            ("12*", "129"),
            ("129", "1**********"),
            ("9", "**9"),
            ("129", "12*9"),
            ("12***9", "1**9"),
            ("", "129"),
        ] {
            assert!(
                !is_other_route(&route(earlier), &route(later), TARGET),
                "{earlier} {later}"
            );
        }
    }

    #[test]
    fn another_hop_or_another_distance_is_a_route_change() {
        for (earlier, later) in [
            ("129", "139"),
            ("129", "19"),
            ("19", "*29"),
            ("9", "12"),
            ("129", "1234"),
            ("129", "12*49"),
        ] {
            assert!(
                is_other_route(&route(earlier), &route(later), TARGET),
                "{earlier} {later}"
            );
            assert!(
                is_other_route(&route(later), &route(earlier), TARGET),
                "{later} {earlier}"
            );
        }
    }
}
