// SPDX-License-Identifier: MIT OR Apache-2.0
//! The array `interfaces`: counters since boot, rates of the window, speed and how much is used.

use embedded_io::Write;

use crate::encode::json::Json;
use crate::model::interface::{Window, bits_per_second, growth, utilization_hundredths};

/// Where received and transmitted bytes stand in the counters.
const BYTES: [usize; 2] = [0, 8];

/// Writes the member `interfaces`: all that are there at the end of the window, in the kernel's
/// order; `speed_mbps` knows the speed of a link, 0 when it is unknown. One that was not there at
/// the start has no rates: 0.
///
/// # Errors
/// What `out` says.
pub fn member<W: Write>(
    json: &mut Json<W>,
    window: Window<'_>,
    speed_mbps: impl Fn(&str) -> u32,
) -> Result<(), W::Error> {
    json.literal_key("\"interfaces\":")?;
    json.open_array()?;
    for (name, later) in window.later.iter() {
        let earlier = window.earlier.get(name).unwrap_or(later);
        let rates = BYTES.map(|i| {
            let grown = growth(earlier.0[i], later.0[i]);
            bits_per_second(grown, window.elapsed_us)
        });
        let totals = BYTES.map(|i| later.0[i]);
        interface(json, name, speed_mbps(name), totals, rates)?;
    }
    json.close_array()
}

fn interface<W: Write>(
    json: &mut Json<W>,
    name: &str,
    speed_mbps: u32,
    totals: [u64; 2],
    rates: [u64; 2],
) -> Result<(), W::Error> {
    json.open_object()?;
    json.literal_key("\"interfaceName\":")?;
    json.string(name)?;
    json.literal_key("\"linkSpeedMbps\":")?;
    json.unsigned(speed_mbps.into())?;
    json.literal_key("\"rxBytesTotal\":")?;
    json.unsigned(totals[0])?;
    json.literal_key("\"txBytesTotal\":")?;
    json.unsigned(totals[1])?;
    json.literal_key("\"rxRateBps\":")?;
    json.unsigned(rates[0])?;
    json.literal_key("\"txRateBps\":")?;
    json.unsigned(rates[1])?;
    json.literal_key("\"utilizationPercent\":")?;
    let busier = rates[0].max(rates[1]);
    json.decimal(utilization_hundredths(busier, speed_mbps), 2)?;
    json.close_object()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::json::Style;
    use crate::limits::SNAPSHOT_INTERFACE_BYTES_MAX;
    use crate::model::interface::{COUNTERS, Counters, InterfaceName, Sample};
    use core::num::NonZeroU64;

    fn sample(interfaces: &[(&str, u64, u64)]) -> Box<Sample> {
        let mut sample = Box::new(Sample::new());
        for &(name, rx, tx) in interfaces {
            let mut counters = Counters([7; COUNTERS]);
            [counters.0[0], counters.0[8]] = [rx, tx];
            sample.insert(InterfaceName::try_from(name).unwrap(), counters);
        }
        sample
    }

    fn text(earlier: &Sample, later: &Sample, elapsed_us: u64, speed_mbps: u32) -> String {
        let window = Window {
            earlier,
            later,
            elapsed_us: NonZeroU64::new(elapsed_us).unwrap(),
        };
        let mut buffer = vec![0; 2_048];
        let mut json = Json::new(&mut buffer[..], Style::Compact);
        json.open_object().unwrap();
        let speed = |name: &str| if name == "lo" { 0 } else { speed_mbps };
        member(&mut json, window, speed).unwrap();
        json.close_object().unwrap();
        let left = json.finish().unwrap().len();
        String::from_utf8(buffer[..2_048 - left].to_vec()).unwrap()
    }

    #[test]
    fn the_array_is_as_documented() {
        let earlier = sample(&[("gone", 1, 1), ("br-lan", 468_453_733, 419_225)]);
        let later = sample(&[("br-lan", 479_863_564, 419_225), ("lo", u64::MAX, 0)]);
        let expected = "{\"interfaces\":[{\"interfaceName\":\"br-lan\",\"linkSpeedMbps\":1000,\
            \"rxBytesTotal\":479863564,\"txBytesTotal\":419225,\"rxRateBps\":18255729,\
            \"txRateBps\":0,\"utilizationPercent\":1.83},\
            {\"interfaceName\":\"lo\",\"linkSpeedMbps\":0,\"rxBytesTotal\":18446744073709551615,\
            \"txBytesTotal\":0,\"rxRateBps\":0,\"txRateBps\":0,\"utilizationPercent\":0.0}]}\n";
        assert_eq!(text(&earlier, &later, 5_000_000, 1_000), expected);
        assert_eq!(text(&later, &sample(&[]), 1, 1), "{\"interfaces\":[]}\n");
    }

    #[test]
    fn a_counter_that_wraps_or_begins_anew_is_no_rate_of_its_own() {
        let earlier = sample(&[("a", (1 << 32) - 100, 1 << 40)]);
        let later = sample(&[("a", 25, 3)]);
        let found = text(&earlier, &later, 1_000_000, 1);
        assert!(
            found.contains("\"rxRateBps\":1000,\"txRateBps\":0"),
            "{found}"
        );
    }

    #[test]
    fn the_longest_object_fits() {
        let name = "\u{1}".repeat(47);
        let later = sample(&[(&name, u64::MAX, u64::MAX)]);
        let found = text(&sample(&[(&name, 0, 0)]), &later, 1, 1);
        assert!(
            found.len() <= SNAPSHOT_INTERFACE_BYTES_MAX,
            "{}",
            found.len()
        );
        assert!(found.contains("\"rxRateBps\":18446744073709551615"));
    }
}
