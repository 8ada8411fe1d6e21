// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that know names: leases of dnsmasq, hosts of odhcpd, ethers(5), hosts(5), `MAC name`.
//!
//! Each function reads one line, given without its line end.

use core::net::{IpAddr, Ipv4Addr};

use super::units;
use crate::model::addr::Mac;

/// A name, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The device's MAC address; `None` in files that know addresses only.
    pub mac: Option<Mac>,
    /// The device's address; `None` in files that know MAC addresses only.
    pub address: Option<IpAddr>,
    /// Never empty; any bytes: see [`lossy`](crate::model::name::lossy).
    pub name: &'a [u8],
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Somebody's name.
    Entry(Entry<'a>),
    /// Blank, a comment, or somebody without a name.
    Nothing,
    /// Not in the form of the file.
    Malformed,
}

/// A line of dnsmasq's leases: `expiry mac address name|* clientid|*`, for DHCPv6
/// `expiry iaid address name|* duid`, and `duid …`.
pub fn dnsmasq(line: &[u8]) -> Line<'_> {
    let mut words = words(line);
    let Some(expiry) = words.next() else {
        return Line::Nothing;
    };
    if expiry == b"duid" {
        return Line::Nothing;
    }
    let (Some(mac), Some(address), Some(name)) = (words.next(), words.next(), words.next()) else {
        return Line::Malformed;
    };
    let (Some(_), Some(address)) = (units::unsigned(expiry), ip(address)) else {
        return Line::Malformed;
    };
    match name {
        b"*" => Line::Nothing,
        // A MAC address of other hardware has the type before it: no Ethernet device.
        _ => entry(Mac::parse(mac), Some(address), name),
    }
}

/// A line of odhcpd's hosts file: `address name.domain name`, of which the last one counts, or a
/// lease as a comment: `# interface mac ipv4 name expiry address-hex 32 address/32`. For DHCPv6 it
/// has a DUID there, and the lines with addresses say the same.
pub fn odhcpd(line: &[u8]) -> Line<'_> {
    let mut words = words(line);
    let Some(first) = words.next() else {
        return Line::Nothing;
    };
    if first != b"#" {
        let Some(name) = words.last() else {
            return Line::Malformed;
        };
        return ip(first).map_or(Line::Malformed, |address| entry(None, Some(address), name));
    }
    let (Some(_), Some(mac), Some(b"ipv4")) = (words.next(), words.next(), words.next()) else {
        return Line::Nothing;
    };
    let (Some(mac), Some(name), Some(_)) = (plain_mac(mac), words.next(), words.next()) else {
        return Line::Malformed;
    };
    let Some(address) = words.next().and_then(hex_address) else {
        return Line::Malformed;
    };
    // A name with characters that it refuses is written behind `broken\x20`.
    if name == b"-" || name.starts_with(b"broken\\x20") {
        return Line::Nothing;
    }
    entry(Some(mac), Some(address.into()), name)
}

/// A line of ethers(5): `MAC name`; with an address instead of the name it says nothing.
pub fn ethers(line: &[u8]) -> Line<'_> {
    let mut words = words(without_comment(line));
    let Some(first) = words.next() else {
        return Line::Nothing;
    };
    match (Mac::parse(first), words.next()) {
        (Some(_), Some(name)) if ip(name).is_some() => Line::Nothing,
        (Some(mac), Some(name)) => entry(Some(mac), None, name),
        _ => Line::Malformed,
    }
}

/// A line of hosts(5): `address name alias…`; the first name counts. Addresses of the machine
/// itself and of groups are left out.
pub fn hosts(line: &[u8]) -> Line<'_> {
    let mut words = words(without_comment(line));
    let Some(first) = words.next() else {
        return Line::Nothing;
    };
    match (ip(first), words.next()) {
        (Some(address), Some(name)) => entry(None, Some(address), name),
        _ => Line::Malformed,
    }
}

/// A line of the user's own file: `MAC name`, the name to the end of the line, blanks and all.
pub fn names(line: &[u8]) -> Line<'_> {
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return Line::Nothing;
    }
    let end = line.iter().position(u8::is_ascii_whitespace);
    let (mac, name) = line.split_at(end.unwrap_or(line.len()));
    match (Mac::parse(mac), name.trim_ascii()) {
        (Some(mac), name) if !name.is_empty() => entry(Some(mac), None, name),
        _ => Line::Malformed,
    }
}

fn entry(mac: Option<Mac>, address: Option<IpAddr>, name: &[u8]) -> Line<'_> {
    let nobody = |address: IpAddr| {
        let unspecified = address.is_unspecified() || address == Ipv4Addr::BROADCAST;
        unspecified || address.is_loopback() || address.is_multicast()
    };
    if address.is_some_and(nobody) || mac.is_some_and(|mac| !mac.is_device()) {
        return Line::Nothing;
    }
    Line::Entry(Entry { mac, address, name })
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let words = line.split(u8::is_ascii_whitespace);
    words.filter(|word| !word.is_empty())
}

fn without_comment(line: &[u8]) -> &[u8] {
    line.split(|&byte| byte == b'#').next().unwrap_or_default()
}

/// An address; of a zone (`%eth0`) nothing is kept.
fn ip(word: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(word).ok()?;
    text.split('%').next()?.parse().ok()
}

/// Twelve hexadecimal digits.
fn plain_mac(word: &[u8]) -> Option<Mac> {
    let number = hexadecimal(word).filter(|_| word.len() == 12)?;
    let [_, _, mac @ ..] = number.to_be_bytes();
    Some(Mac(mac))
}

/// At most eight hexadecimal digits, the highest byte first.
fn hex_address(word: &[u8]) -> Option<Ipv4Addr> {
    let number = hexadecimal(word)?;
    u32::try_from(number).ok().map(Ipv4Addr::from_bits)
}

fn hexadecimal(word: &[u8]) -> Option<u64> {
    let digits = word.iter().all(u8::is_ascii_hexdigit);
    let text = str::from_utf8(word).ok().filter(|_| digits)?;
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAC: Option<Mac> = Some(Mac([2, 0, 0, 0, 0, 9]));

    type Read = fn(&[u8]) -> Line<'_>;

    #[track_caller]
    fn check(read: Read, line: &str, mac: Option<Mac>, address: &str, name: &str) {
        let address = (!address.is_empty()).then(|| address.parse().unwrap());
        let name = name.as_bytes();
        assert_eq!(
            read(line.as_bytes()),
            Line::Entry(Entry { mac, address, name }),
            "{line:?}"
        );
    }

    #[track_caller]
    fn check_all(read: Read, lines: &[&str], expected: Line) {
        for line in lines {
            assert_eq!(read(line.as_bytes()), expected, "{line:?}");
        }
    }

    #[test]
    fn dnsmasq_writes_a_lease_per_line() {
        let line = "1700000000 02:00:00:00:00:09 192.168.1.9 tv 01:02:00:00:00:00:09";
        check(dnsmasq, line, MAC, "192.168.1.9", "tv");
        check(
            dnsmasq,
            "0 02:00:00:00:00:09 192.168.1.9 tv *",
            MAC,
            "192.168.1.9",
            "tv",
        );
        check(
            dnsmasq,
            "1700000000 123456 fd00::9 tv 00:01",
            None,
            "fd00::9",
            "tv",
        );
        check(
            dnsmasq,
            "1 06-02:00:00:00:00:09 10.0.0.9 tv *",
            None,
            "10.0.0.9",
            "tv",
        );
        let unnamed = "1700000000 02:00:00:00:00:09 192.168.1.9 * *";
        check_all(
            dnsmasq,
            &["", " ", "duid 00:01:00:01", unnamed],
            Line::Nothing,
        );
        let wrong = [
            "x 02:00:00:00:00:09 10.0.0.9 tv *",
            "1 02:00:00:00:00:09 10.0.0 tv *",
            "1 02:00:00:00:00:09 10.0.0.9",
            "# 1",
        ];
        check_all(dnsmasq, &wrong, Line::Malformed);
    }

    #[test]
    fn odhcpd_writes_hosts_and_leases() {
        let line = "# br-lan 020000000009 ipv4 tv 1700000000 c0a80109 32 192.168.1.9/32";
        check(odhcpd, line, MAC, "192.168.1.9", "tv");
        let short = "# br-lan 020000000009 ipv4 tv -1 a000009 32 10.0.0.9/32";
        check(odhcpd, short, MAC, "10.0.0.9", "tv");
        check(odhcpd, "fd00::9\ttv.lan\ttv", None, "fd00::9", "tv");
        check(odhcpd, "192.168.1.9\ttv", None, "192.168.1.9", "tv");
        let nothing = [
            "",
            "#",
            "# br-lan 000300010200000009 1 tv -1 9 128 fd00::9/128",
            "# br-lan 020000000009 ipv4 - -1 a000009 32 10.0.0.9/32",
            "# br-lan 020000000009 ipv4 broken\\x20a -1 a000009 32 10.0.0.9/32",
        ];
        check_all(odhcpd, &nothing, Line::Nothing);
        let wrong = [
            "fd00::9",
            "tv fd00::9",
            "# br-lan 0200 ipv4 tv -1 a000009 32",
            "# br-lan 020000000009 ipv4 tv",
            "# br-lan 020000000009 ipv4 tv -1 +0a 32",
            "# br-lan 020000000009 ipv4 tv -1 1a0000009 32",
        ];
        check_all(odhcpd, &wrong, Line::Malformed);
    }

    #[test]
    fn ethers_has_names_or_addresses() {
        check(ethers, "02:00:00:00:00:09 tv # living room", MAC, "", "tv");
        check(ethers, " 2:0:0:0:0:9\ttv more", MAC, "", "tv");
        let nothing = [
            "",
            "# tv",
            "02:00:00:00:00:09 10.0.0.9",
            "ff:ff:ff:ff:ff:ff all",
        ];
        check_all(ethers, &nothing, Line::Nothing);
        check_all(
            ethers,
            &["tv", "02:00:00:00:00:09", "tv 02:00:00:00:00:09"],
            Line::Malformed,
        );
    }

    #[test]
    fn hosts_has_a_name_and_aliases() {
        check(
            hosts,
            "192.168.1.9\ttv.lan tv",
            None,
            "192.168.1.9",
            "tv.lan",
        );
        check(hosts, "fe80::9%br-lan tv", None, "fe80::9", "tv");
        let own = [
            "127.0.0.1 localhost",
            "::1 ip6-localhost",
            "ff02::1 ip6-allnodes",
            "255.255.255.255 broadcasthost",
            "0.0.0.0 ads.example",
            "",
            "  # x",
        ];
        check_all(hosts, &own, Line::Nothing);
        check_all(
            hosts,
            &["10.0.0.9", "10.0.0.9 # tv", "tv 10.0.0.9"],
            Line::Malformed,
        );
    }

    #[test]
    fn a_users_name_may_have_blanks() {
        check(
            names,
            "02:00:00:00:00:09  Living room #1 ",
            MAC,
            "",
            "Living room #1",
        );
        check(names, "02-00-00-00-00-09\t\u{1F4FA}", MAC, "", "\u{1F4FA}");
        check_all(names, &["", " # x", "#"], Line::Nothing);
        check_all(
            names,
            &["02:00:00:00:00:09", "02:00:00:00:00:09 ", "tv x"],
            Line::Malformed,
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(noise: Vec<u8>, text in "[0-9a-f:. #-]{0,60}") {
            for read in [dnsmasq, odhcpd, ethers, hosts, names] as [Read; 5] {
                for line in [&noise[..], text.as_bytes()] {
                    if let Line::Entry(entry) = read(line) {
                        prop_assert!(!entry.name.is_empty());
                    }
                }
            }
        }
    }
}
