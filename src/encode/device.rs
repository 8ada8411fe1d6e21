// SPDX-License-Identifier: MIT OR Apache-2.0
//! The device object, the same in every document that has devices.

use core::net::Ipv4Addr;
use core::time::Duration;

use embedded_io::{SliceWriteError, Write};

use super::json::{Json, Style};
use crate::limits::{
    CONFLICT_MACS_MAX, DEVICE_ADDRESSES_MAX, DEVICE_DOCUMENT_BYTES_MAX, DEVICE_NAME_BYTES_MAX,
    VENDOR_NAME_BYTES_MAX,
};
use crate::model::addr::Mac;
use crate::model::device::Device;
use crate::model::known_names::NameSource;
use crate::time::{Mono, Wall, in_us};

/// The moment of a document on both clocks: every other time in it is counted back from there.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// As the document says.
    pub wall: Wall,
    /// The same moment.
    pub mono: Mono,
}

impl Stamp {
    /// An earlier moment as the document says it.
    pub fn at(self, moment: Mono) -> Wall {
        let ago_us = in_us(self.mono.since(moment));
        Wall::from_us(self.wall.us().saturating_sub(ago_us))
    }
}

/// A device, or one of its addresses, and what is known of it elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The device.
    pub device: &'a Device,
    /// The IPv4 address that this is about; `None` when it is known without any.
    pub address: Option<Ipv4Addr>,
    /// Whether it was heard lately.
    pub active: bool,
    /// What it is called, and who says so.
    pub name: Option<(&'a str, NameSource)>,
    /// Who made it.
    pub vendor: Option<&'a str>,
    /// Others that claim the address.
    pub conflict_macs: &'a [Mac],
    /// When it was heard first.
    pub first_seen: Mono,
    /// When it was heard last.
    pub last_seen: Mono,
    /// How fast it answered.
    pub rtt: Option<Duration>,
}

const _: () = {
    let addresses = DEVICE_ADDRESSES_MAX * (18 + 42) + DEVICE_ADDRESSES_MAX * 42;
    let names = 6 * (DEVICE_NAME_BYTES_MAX + VENDOR_NAME_BYTES_MAX);
    let rest = CONFLICT_MACS_MAX * 20 + 3 * 26 + 500;
    assert!(addresses + names + rest <= DEVICE_DOCUMENT_BYTES_MAX);
};

/// Writes the object as a line to the start of `buffer` and gives it.
///
/// # Errors
/// When the buffer is shorter than [`DEVICE_DOCUMENT_BYTES_MAX`] and too short.
pub fn line<'b>(
    entry: &Entry<'_>,
    stamp: Stamp,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], SliceWriteError> {
    let len = buffer.len();
    let mut json = Json::new(&mut *buffer, Style::Compact);
    json.open_object()?;
    members(&mut json, entry, stamp)?;
    json.close_object()?;
    let written = len - json.finish()?.len();
    Ok(&buffer[..written])
}

/// Writes the object's members.
///
/// # Errors
/// What `out` says.
pub fn members<W: Write>(
    json: &mut Json<W>,
    entry: &Entry<'_>,
    stamp: Stamp,
) -> Result<(), W::Error> {
    let device = entry.device;
    json.literal_key("\"ip\":")?;
    match entry.address {
        Some(address) => json.display(address)?,
        None => json.string("")?,
    }
    json.literal_key("\"mac\":")?;
    json.display(device.mac)?;
    json.literal_key("\"deviceName\":")?;
    json.string(entry.name.map_or("", |(name, _)| name))?;
    json.literal_key("\"status\":")?;
    json.string(if entry.active { "active" } else { "inactive" })?;
    json.literal_key("\"timeChecked\":")?;
    json.time(stamp.wall)?;
    addresses(json, device)?;
    if !entry.conflict_macs.is_empty() {
        json.literal_key("\"conflictMacs\":")?;
        json.open_array()?;
        for mac in entry.conflict_macs.iter().take(CONFLICT_MACS_MAX) {
            json.display(mac)?;
        }
        json.close_array()?;
    }
    if let Some((_, source)) = entry.name {
        json.literal_key("\"nameSource\":")?;
        json.string(source.as_str())?;
    }
    if let Some(vendor) = entry.vendor {
        json.literal_key("\"vendor\":")?;
        json.string(vendor)?;
    }
    if device.mac.is_local() {
        json.literal_key("\"randomMac\":")?;
        json.boolean(true)?;
    }
    json.literal_key("\"firstSeen\":")?;
    json.time(stamp.at(entry.first_seen))?;
    json.literal_key("\"lastSeen\":")?;
    json.time(stamp.at(entry.last_seen))?;
    if let Some(rtt) = entry.rtt {
        json.literal_key("\"rttUs\":")?;
        json.unsigned(in_us(rtt))?;
    }
    if let Some((_, NameSource::Router)) = entry.name {
        json.literal_key("\"self\":")?;
        json.boolean(true)?;
    }
    Ok(())
}

fn addresses<W: Write>(json: &mut Json<W>, device: &Device) -> Result<(), W::Error> {
    json.literal_key("\"ips\":")?;
    json.open_array()?;
    for address in &device.ipv4 {
        json.display(address)?;
    }
    for address in &device.ipv6 {
        json.display(address)?;
    }
    json.close_array()?;
    if device.claims_count > 1 {
        json.literal_key("\"ipCount\":")?;
        json.unsigned(device.claims_count.into())?;
    }
    if !device.ipv6.is_empty() {
        json.literal_key("\"ipv6\":")?;
        json.open_array()?;
        for address in &device.ipv6 {
            json.display(address)?;
        }
        json.close_array()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::device::{Devices, Evidence};

    const MAC: Mac = Mac([2, 0, 0, 0, 1, 1]);
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 101);

    fn at(ms: u64) -> Mono {
        Mono::from_ns(ms * 1_000_000)
    }

    const STAMP: Stamp = Stamp {
        wall: Wall::from_us(1_795_221_564_972_123),
        mono: Mono::from_ns(10_000_000_000),
    };

    fn devices() -> Devices {
        let mut devices = Devices::new(4, 1);
        let evidence = Evidence {
            mac: MAC,
            address: ADDRESS,
            frame_source: MAC,
            rtt: Some(Duration::from_micros(412)),
        };
        devices.learn(evidence, 0, at(9_000));
        devices
    }

    fn entry(devices: &Devices) -> Entry<'_> {
        let claim = devices.claims()[0];
        Entry {
            device: devices.device(claim.device),
            address: Some(claim.address),
            active: true,
            name: None,
            vendor: None,
            conflict_macs: &[],
            first_seen: at(9_000),
            last_seen: at(9_988),
            rtt: claim.rtt,
        }
    }

    #[track_caller]
    fn check(entry: &Entry<'_>, expected: &str) {
        let mut buffer = [0; DEVICE_DOCUMENT_BYTES_MAX];
        let written = line(entry, STAMP, &mut buffer).unwrap();
        assert_eq!(core::str::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn what_is_not_known_is_absent() {
        let devices = devices();
        check(
            &entry(&devices),
            "{\"ip\":\"192.168.1.101\",\"mac\":\"02:00:00:00:01:01\",\"deviceName\":\"\",\
             \"status\":\"active\",\"timeChecked\":\"2026-11-21T00:39:24.972Z\",\
             \"ips\":[\"192.168.1.101\"],\"randomMac\":true,\
             \"firstSeen\":\"2026-11-21T00:39:23.972Z\",\
             \"lastSeen\":\"2026-11-21T00:39:24.960Z\",\"rttUs\":412}\n",
        );
    }

    #[test]
    fn what_is_known_stands_in_its_order() {
        let mut devices = devices();
        devices.learn_ipv6(MAC, "fe80::1:101".parse().unwrap(), at(9_500));
        let second = Ipv4Addr::new(192, 168, 1, 102);
        let evidence = Evidence {
            mac: MAC,
            address: second,
            frame_source: MAC,
            rtt: None,
        };
        devices.learn(evidence, 0, at(9_600));
        let entry = Entry {
            active: false,
            name: Some(("a\"\u{1b}", NameSource::Announced)),
            vendor: Some("Example Ltd"),
            conflict_macs: &[Mac([0, 1, 2, 3, 4, 5])],
            rtt: None,
            ..entry(&devices)
        };
        check(
            &entry,
            "{\"ip\":\"192.168.1.101\",\"mac\":\"02:00:00:00:01:01\",\
             \"deviceName\":\"a\\\"\\u001b\",\"status\":\"inactive\",\
             \"timeChecked\":\"2026-11-21T00:39:24.972Z\",\
             \"ips\":[\"192.168.1.102\",\"192.168.1.101\",\"fe80::1:101\"],\"ipCount\":2,\
             \"ipv6\":[\"fe80::1:101\"],\"conflictMacs\":[\"00:01:02:03:04:05\"],\
             \"nameSource\":\"announced\",\"vendor\":\"Example Ltd\",\"randomMac\":true,\
             \"firstSeen\":\"2026-11-21T00:39:23.972Z\",\
             \"lastSeen\":\"2026-11-21T00:39:24.960Z\"}\n",
        );
    }

    #[test]
    fn the_longest_object_fits() {
        let mut devices = devices();
        for i in 0..9 {
            let tail = 0xffff_ffff_ffff_fff0_u64 | i;
            let address = (0xfe80_ffff_ffff_ffff_u128 << 64) | u128::from(tail);
            devices.learn_ipv6(MAC, address.into(), at(1));
        }
        let (name, vendor) = ("\u{1}".repeat(255), "\u{1}".repeat(63));
        let entry = Entry {
            name: Some((&name, NameSource::Announced)),
            vendor: Some(&vendor),
            conflict_macs: &[MAC; 99],
            ..entry(&devices)
        };
        let mut buffer = [0; DEVICE_DOCUMENT_BYTES_MAX];
        assert!(line(&entry, STAMP, &mut buffer).is_ok());
        assert!(line(&entry, STAMP, &mut buffer[..100]).is_err());
    }
}
